//! The head of one HTTP/1 request, judged line by line: whole and sound, or not at all. Why, says [`framing`](super::framing).

use http::StatusCode;

/// Longest request line or header line in bytes (nginx `large_client_header_buffers`, 8 KiB).
const MAX_LINE: usize = 8 * 1024;
/// Longest head in bytes (nginx: 4 buffers of 8 KiB).
pub(super) const MAX_HEAD: usize = 32 * 1024;

/// A head that is being read, line by line.
#[derive(Debug, Default)]
pub(super) struct Head {
    /// Where the line begins that is not complete yet.
    line_start: usize,
    /// Up to where that line has been searched for its end.
    searched: usize,
    has_request_line: bool,
    is_http_10: bool,
    fields: usize,
    length: Option<u64>,
    chunked: bool,
    upgrade: bool,
}

/// What [`Head::scan`] says of some bytes.
pub(super) enum Scan {
    /// The head is not complete.
    Wait,
    /// It is refused with this status.
    Refuse(StatusCode),
    /// It is complete and sound.
    Done {
        /// How many bytes it has.
        length: usize,
        /// What comes behind it.
        behind: Behind,
    },
}

/// What comes behind a head.
pub(super) enum Behind {
    /// The next head.
    Head,
    /// A body of so many bytes.
    Body(u64),
    /// A chunked body.
    Chunked,
    /// What an upgrade makes of it.
    Upgrade,
}

impl Head {
    /// Looks at `bytes`, which begin where the head begins; what has been seen before is not read twice.
    pub(super) fn scan(&mut self, bytes: &[u8]) -> Scan {
        loop {
            let open = bytes.get(self.searched..).unwrap_or_default();
            let Some(offset) = memchr::memchr2(b'\r', b'\n', open) else {
                self.searched = bytes.len();
                return self.wait(bytes.len());
            };
            let end = self.searched + offset;
            match (bytes.get(end), bytes.get(end + 1)) {
                (Some(b'\r'), Some(b'\n')) => {}
                (Some(b'\r'), None) => {
                    self.searched = end;
                    return self.wait(bytes.len());
                }
                _ => return Scan::Refuse(StatusCode::BAD_REQUEST),
            }
            let line = bytes.get(self.line_start..end).unwrap_or_default();
            (self.line_start, self.searched) = (end + 2, end + 2);
            if self.searched > MAX_HEAD {
                return Scan::Refuse(StatusCode::BAD_REQUEST);
            }
            match self.line(line) {
                Err(status) => return Scan::Refuse(status),
                Ok(false) => {}
                Ok(true) => return self.end(),
            }
        }
    }

    /// True while nothing of it has come.
    pub(super) fn is_untouched(&self) -> bool {
        self.line_start == 0 && self.searched == 0
    }

    /// How many fields it has so far.
    pub(super) fn fields(&self) -> usize {
        self.fields
    }

    /// The head is not complete; refuses it if it is too long already.
    fn wait(&self, seen: usize) -> Scan {
        if seen - self.line_start > MAX_LINE || seen > MAX_HEAD {
            Scan::Refuse(self.too_long())
        } else {
            Scan::Wait
        }
    }

    fn too_long(&self) -> StatusCode {
        if self.has_request_line { StatusCode::BAD_REQUEST } else { StatusCode::URI_TOO_LONG }
    }

    /// Takes one line without its end; true if it ends the head.
    fn line(&mut self, line: &[u8]) -> Result<bool, StatusCode> {
        if line.len() > MAX_LINE {
            return Err(self.too_long());
        }
        if !self.has_request_line {
            // One empty line before a request is a known mistake of old clients (RFC 9112, section 2.2).
            if line.is_empty() && self.line_start == 2 {
                return Ok(false);
            }
            self.is_http_10 = request_line(line)?;
            self.has_request_line = true;
            return Ok(false);
        }
        if line.is_empty() {
            return Ok(true);
        }
        let colon = memchr::memchr(b':', line).ok_or(StatusCode::BAD_REQUEST)?;
        let (name, value) = line.split_at_checked(colon).ok_or(StatusCode::BAD_REQUEST)?;
        // A name is not empty, and no blank begins it (a folded line), stands in it or ends it.
        if name.is_empty() || name.iter().any(|byte| !byte.is_ascii_graphic()) || value.contains(&0) {
            return Err(StatusCode::BAD_REQUEST);
        }
        self.field(name, value.get(1..).unwrap_or_default().trim_ascii())?;
        Ok(false)
    }

    /// Counts the fields, and notes those that decide the framing.
    fn field(&mut self, name: &[u8], value: &[u8]) -> Result<(), StatusCode> {
        self.fields += 1;
        match name.len() {
            7 if name.eq_ignore_ascii_case(b"upgrade") => self.upgrade = true,
            14 if name.eq_ignore_ascii_case(b"content-length") => {
                if self.length.is_some() {
                    return Err(StatusCode::BAD_REQUEST);
                }
                self.length = Some(decimal(value).ok_or(StatusCode::BAD_REQUEST)?);
            }
            17 if name.eq_ignore_ascii_case(b"transfer-encoding") => {
                if self.chunked || self.is_http_10 {
                    return Err(StatusCode::BAD_REQUEST);
                }
                if !value.eq_ignore_ascii_case(b"chunked") {
                    return Err(StatusCode::NOT_IMPLEMENTED);
                }
                self.chunked = true;
            }
            _ => {}
        }
        Ok(())
    }

    fn end(&self) -> Scan {
        let behind = match (self.length, self.chunked) {
            (Some(_), true) => return Scan::Refuse(StatusCode::BAD_REQUEST),
            (None, true) => Behind::Chunked,
            (Some(length), false) if length > 0 => Behind::Body(length),
            _ if self.upgrade && !self.is_http_10 => Behind::Upgrade,
            _ => Behind::Head,
        };
        Scan::Done { length: self.line_start, behind }
    }
}

/// Judges a request line; true for HTTP/1.0.
fn request_line(line: &[u8]) -> Result<bool, StatusCode> {
    let mut parts = line.split(|&byte| byte == b' ');
    let (Some(method), Some(target), Some(version), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(StatusCode::BAD_REQUEST);
    };
    let is_method = |byte: &u8| byte.is_ascii_uppercase() || *byte == b'-' || *byte == b'_';
    let is_target = |byte: &u8| !byte.is_ascii_control();
    if method.is_empty() || !method.iter().all(is_method) || method == b"CONNECT" {
        return Err(StatusCode::BAD_REQUEST);
    }
    if target.is_empty() || !target.iter().all(is_target) {
        return Err(StatusCode::BAD_REQUEST);
    }
    match version {
        b"HTTP/1.1" => Ok(false),
        b"HTTP/1.0" => Ok(true),
        [b'H', b'T', b'T', b'P', b'/', major, b'.', minor]
            if major.is_ascii_digit() && minor.is_ascii_digit() =>
        {
            Err(StatusCode::HTTP_VERSION_NOT_SUPPORTED)
        }
        _ => Err(StatusCode::BAD_REQUEST),
    }
}

/// Digits only: no sign, no blank, nothing that does not fit.
fn decimal(value: &[u8]) -> Option<u64> {
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(value).ok()?.parse().ok()
}
