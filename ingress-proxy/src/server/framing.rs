//! Where one HTTP/1 request ends and the next begins, decided on the bytes themselves.
//!
//! hyper forgives what RFC 9112 lets a server forgive: bare line feeds, a Content-Length beside a Transfer-Encoding, equal lengths sent
//! twice. Each of these has been read in two ways by two servers, which is what request smuggling is made of, and afterwards nobody can
//! tell that they were there. So a head is judged here before hyper sees a byte of it: only whole, unambiguous heads pass. A refused
//! head never passes; [`Verdict::Refused`] says how to answer it.
//!
//! The same state tells what hyper's own timers cannot: whether a connection is idle, inside a head, or inside a body.

use http::StatusCode;

use super::chunked::{Chunked, Malformed};

/// Longest request line or header line in bytes (nginx `large_client_header_buffers`, 8 KiB).
const MAX_LINE: usize = 8 * 1024;
/// Longest head in bytes (nginx: 4 buffers of 8 KiB).
pub(super) const MAX_HEAD: usize = 32 * 1024;

/// How many fields of a head hyper finds room for without asking the heap for it, twice at each request.
const USUAL_FIELDS: usize = 100;

/// Follows the framing of the requests of one connection.
#[derive(Debug, Default)]
pub(super) struct Framing {
    state: State,
    width: Width,
}

/// For how many fields there is room.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Width {
    /// [`USUAL_FIELDS`].
    #[default]
    Usual,
    /// So many, but a head that does not pass yet has more.
    TooNarrow,
    Wide,
}

#[derive(Debug)]
enum State {
    /// At the start of a head, or inside one.
    Head(Head),
    /// Inside a body with a length: bytes left.
    Body(u64),
    /// Inside a chunked body.
    Chunked(Chunked),
    /// Behind a head that asked for an upgrade, until somebody says what became of it.
    Upgrade,
    /// Not HTTP any more.
    Tunnel,
    /// Behind a refused head: nothing passes.
    Refused,
}

impl Default for State {
    fn default() -> Self {
        Self::Head(Head::default())
    }
}

/// What [`Framing::scan`] says of some bytes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// This many bytes from the start may pass, and `heads` request heads end in them. The rest must be shown again, with more behind.
    Pass {
        /// How many bytes.
        bytes: usize,
        /// How many heads end in them.
        heads: u32,
    },
    /// As `Pass`, but the head behind is refused with this status.
    Refused {
        /// How many bytes before the refused head may pass.
        bytes: usize,
        /// How many heads end in them.
        heads: u32,
        /// How the refused head is to be answered.
        status: StatusCode,
    },
    /// The body of a request that has passed already is malformed: nothing more may pass.
    Broken,
}

impl Framing {
    /// Looks at bytes that follow all that passed before. Bytes that did not pass must be shown again at the front of the next call;
    /// they are not read twice.
    pub(super) fn scan(&mut self, bytes: &[u8]) -> Verdict {
        let (mut passed, mut heads) = (0, 0);
        while let Some(rest) = bytes.get(passed..).filter(|rest| !rest.is_empty()) {
            match self.step(rest) {
                Step::Passed(count) => passed += count,
                Step::Head(count) => {
                    passed += count;
                    heads += 1;
                }
                Step::Wait => break,
                Step::Widen => {
                    (self.state, self.width) = (State::default(), Width::TooNarrow);
                    break;
                }
                Step::Refuse(status) => {
                    self.state = State::Refused;
                    return Verdict::Refused { bytes: passed, heads, status };
                }
                Step::Broken => return Verdict::Broken,
            }
        }
        Verdict::Pass { bytes: passed, heads }
    }

    fn step(&mut self, rest: &[u8]) -> Step {
        match &mut self.state {
            State::Head(head) => match head.scan(rest) {
                HeadScan::Wait => Step::Wait,
                HeadScan::Refuse(status) => Step::Refuse(status),
                HeadScan::Done { .. } if head.fields > USUAL_FIELDS && self.width != Width::Wide => {
                    Step::Widen
                }
                HeadScan::Done { length, next } => {
                    self.state = next;
                    Step::Head(length)
                }
            },
            State::Body(left) => {
                let here = usize::try_from(*left).unwrap_or(usize::MAX).min(rest.len());
                *left -= here as u64;
                if *left == 0 {
                    self.state = State::default();
                }
                Step::Passed(here)
            }
            State::Chunked(chunked) => match chunked.scan(rest) {
                Err(Malformed) => Step::Broken,
                Ok((0, false)) => Step::Wait,
                Ok((count, ended)) => {
                    if ended {
                        self.state = State::default();
                    }
                    Step::Passed(count)
                }
            },
            State::Tunnel => Step::Passed(rest.len()),
            State::Upgrade | State::Refused => Step::Wait,
        }
    }

    /// True while nothing of the next head has come.
    pub(super) fn is_between_requests(&self) -> bool {
        matches!(&self.state, State::Head(head) if head.line_start == 0 && head.searched == 0)
    }

    /// True if a head has come that has more fields than is usual. It does not pass before [`widen`](Self::widen).
    pub(super) fn is_too_narrow(&self) -> bool {
        self.width == Width::TooNarrow
    }

    /// Lets heads with more fields than is usual pass from now on.
    pub(super) fn widen(&mut self) {
        self.width = Width::Wide;
    }

    /// True if heads with more fields than is usual may pass.
    pub(super) fn is_wide(&self) -> bool {
        self.width == Width::Wide
    }

    /// True while an upgrade that was asked for is not decided.
    pub(super) fn awaits_upgrade(&self) -> bool {
        matches!(self.state, State::Upgrade)
    }

    /// Says what became of the upgrade.
    pub(super) fn decide_upgrade(&mut self, tunnel: bool) {
        if self.awaits_upgrade() {
            self.state = if tunnel { State::Tunnel } else { State::default() };
        }
    }

    /// True if the client may still be sending what nobody will read: the rest of a body, or what follows a refused head.
    pub(super) fn has_unread(&self) -> bool {
        matches!(self.state, State::Body(_) | State::Chunked(_) | State::Refused)
    }
}

enum Step {
    Passed(usize),
    Head(usize),
    Wait,
    Widen,
    Refuse(StatusCode),
    Broken,
}

/// A head that is being read, line by line.
#[derive(Debug, Default)]
struct Head {
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

enum HeadScan {
    Wait,
    Refuse(StatusCode),
    Done { length: usize, next: State },
}

impl Head {
    /// `bytes` begins where the head begins.
    fn scan(&mut self, bytes: &[u8]) -> HeadScan {
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
                _ => return HeadScan::Refuse(StatusCode::BAD_REQUEST),
            }
            let line = bytes.get(self.line_start..end).unwrap_or_default();
            (self.line_start, self.searched) = (end + 2, end + 2);
            if self.searched > MAX_HEAD {
                return HeadScan::Refuse(StatusCode::BAD_REQUEST);
            }
            match self.line(line) {
                Err(status) => return HeadScan::Refuse(status),
                Ok(false) => {}
                Ok(true) => return self.end(),
            }
        }
    }

    /// The head is not complete; refuses it if it is too long already.
    fn wait(&self, seen: usize) -> HeadScan {
        if seen - self.line_start > MAX_LINE || seen > MAX_HEAD {
            HeadScan::Refuse(self.too_long())
        } else {
            HeadScan::Wait
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

    fn end(&self) -> HeadScan {
        let next = match (self.length, self.chunked) {
            (Some(_), true) => return HeadScan::Refuse(StatusCode::BAD_REQUEST),
            (None, true) => State::Chunked(Chunked::default()),
            (Some(length), false) if length > 0 => State::Body(length),
            _ if self.upgrade && !self.is_http_10 => State::Upgrade,
            _ => State::default(),
        };
        HeadScan::Done { length: self.line_start, next }
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pass(bytes: usize, heads: u32) -> Verdict {
        Verdict::Pass { bytes, heads }
    }

    fn refused(request: &str) -> Option<u16> {
        match Framing::default().scan(request.as_bytes()) {
            Verdict::Refused { bytes: 0, status, .. } => Some(status.as_u16()),
            _ => None,
        }
    }

    #[test]
    fn whole_heads_pass_and_parts_are_held() {
        let request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
        assert_eq!(Framing::default().scan(request.as_bytes()), pass(request.len(), 1));
        let mut framing = Framing::default();
        for end in 1..request.len() {
            assert_eq!(framing.scan(&request.as_bytes()[..end]), pass(0, 0), "{end}");
            assert!(!framing.is_between_requests());
        }
        assert_eq!(framing.scan(request.as_bytes()), pass(request.len(), 1));
        assert!(framing.is_between_requests());
    }

    #[test]
    fn pipelined_requests_pass_one_by_one() {
        let two =
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcGET / HTTP/1.1\r\nHost: a\r\n\r\nGET";
        assert_eq!(Framing::default().scan(two.as_bytes()), pass(two.len() - 3, 2));
    }

    #[test]
    fn a_refused_head_does_not_pass_but_what_is_before_it_does() {
        let good = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
        let both = format!("{good}GET / HTTP/1.1\nHost: a\n\n");
        let verdict = Framing::default().scan(both.as_bytes());
        let status = StatusCode::BAD_REQUEST;
        assert_eq!(verdict, Verdict::Refused { bytes: good.len(), heads: 1, status });
    }

    #[test]
    fn ambiguous_heads_are_refused() {
        let head = |fields: &str| format!("POST / HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
        for (fields, status) in [
            ("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n", 400),
            ("Transfer-Encoding: chunked\r\nContent-Length: 1\r\n", 400),
            ("Content-Length: 1\r\nContent-Length: 1\r\n", 400),
            ("Content-Length: +1\r\n", 400),
            ("Content-Length: 1,1\r\n", 400),
            ("Content-Length:\r\n", 400),
            ("Content-Length: 99999999999999999999\r\n", 400),
            ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", 400),
            ("Transfer-Encoding: gzip, chunked\r\n", 501),
            ("Transfer-Encoding: identity\r\n", 501),
            ("Transfer-Encoding : chunked\r\n", 400),
            ("Transfer-Encoding: x\u{b}chunked\r\n", 501),
            ("X: a\r\n folded\r\n", 400),
            ("X: a\nY: b\r\n", 400),
            ("X: a\rY: b\r\n", 400),
            ("X: a\0\r\n", 400),
            ("X Y: a\r\n", 400),
            (": a\r\n", 400),
            ("no colon\r\n", 400),
        ] {
            assert_eq!(refused(&head(fields)), Some(status), "{fields:?}");
        }
        assert_eq!(refused("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), Some(400));
    }

    #[test]
    fn request_lines() {
        for (line, status) in [
            ("GET / HTTP/1.1", None),
            ("M-SEARCH / HTTP/1.0", None),
            ("GET /", Some(400)),
            ("get / HTTP/1.1", Some(400)),
            ("GET  / HTTP/1.1", Some(400)),
            ("GET /a b HTTP/1.1", Some(400)),
            ("CONNECT a:1 HTTP/1.1", Some(400)),
            ("GET / HTTP/3.0", Some(505)),
            ("GET / HTTP/2.0", Some(505)),
            ("GET / HTTP/1.1 ", Some(400)),
            ("GET / http/1.1", Some(400)),
            ("\u{16}\u{3}\u{1}", Some(400)),
        ] {
            assert_eq!(refused(&format!("{line}\r\nHost: a\r\n\r\n")), status, "{line:?}");
        }
        assert_eq!(refused("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"), None);
        assert_eq!(refused("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"), Some(400));
    }

    #[test]
    fn long_heads_are_refused_before_they_are_complete() {
        assert_eq!(refused(&format!("GET /{}", "a".repeat(9000))), Some(414));
        assert_eq!(refused(&format!("GET / HTTP/1.1\r\nX: {}", "a".repeat(9000))), Some(400));
        let line = format!("X: {}\r\n", "a".repeat(1000));
        assert_eq!(refused(&format!("GET / HTTP/1.1\r\n{}", line.repeat(40))), Some(400));
        assert_eq!(refused(&format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", line.repeat(20))), None);
    }

    #[test]
    fn a_head_with_many_fields_waits_until_there_is_room() {
        let head = |fields: usize| format!("GET / HTTP/1.1\r\n{}\r\n", "X: y\r\n".repeat(fields));
        let (usual, long) = (head(USUAL_FIELDS), head(USUAL_FIELDS + 1));
        let mut framing = Framing::default();
        assert_eq!(framing.scan(format!("{usual}{long}").as_bytes()), pass(usual.len(), 1));
        assert_eq!((framing.is_too_narrow(), framing.is_wide()), (true, false));
        framing.widen();
        assert_eq!(framing.scan(format!("{long}{usual}").as_bytes()), pass(long.len() + usual.len(), 2));
        assert_eq!((framing.is_too_narrow(), framing.is_wide()), (false, true));
    }

    #[test]
    fn nothing_passes_behind_an_upgrade_until_it_is_decided() {
        let head = "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n";
        let with_more = format!("{head}\x01\x02");
        for (tunnel, passes) in [(true, 2), (false, 0)] {
            let mut framing = Framing::default();
            assert_eq!(framing.scan(with_more.as_bytes()), pass(head.len(), 1));
            assert_eq!(framing.scan(b"\x01\x02"), pass(0, 0));
            assert!(framing.awaits_upgrade());
            framing.decide_upgrade(tunnel);
            assert_eq!(framing.scan(b"\x01\x02"), pass(passes, 0));
        }
    }

    proptest! {
        /// However the bytes are cut, the same bytes pass with the same verdict.
        #[test]
        fn cuts_make_no_difference(cuts in proptest::collection::vec(1usize..40, 1..20), bad in any::<bool>()) {
            let stream = format!(
                "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello\
                 POST /b HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n\
                 GET /c HTTP/1.1\r\nHost: a{}\n\r\n",
                if bad { "" } else { "\r" },
            );
            let (mut framing, mut held, mut passed, mut heads, mut end) = (Framing::default(), Vec::new(), 0, 0, None);
            let mut rest = stream.as_bytes();
            let mut cuts = cuts.into_iter().cycle();
            while !rest.is_empty() && end.is_none() {
                let (now, later) = rest.split_at(cuts.next().unwrap().min(rest.len()));
                held.extend_from_slice(now);
                rest = later;
                match framing.scan(&held) {
                    Verdict::Pass { bytes, heads: count } => {
                        held.drain(..bytes);
                        (passed, heads) = (passed + bytes, heads + count);
                    }
                    Verdict::Refused { bytes, heads: count, status } => {
                        (passed, heads) = (passed + bytes, heads + count);
                        end = Some(status.as_u16());
                    }
                    Verdict::Broken => panic!("a body was called broken"),
                }
            }
            prop_assert_eq!(end, bad.then_some(400));
            prop_assert_eq!(heads, if bad { 2 } else { 3 });
            prop_assert_eq!(passed, if bad { stream.find("GET /c").unwrap() } else { stream.len() });
        }
    }
}
