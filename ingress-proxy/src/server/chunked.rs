//! The end of a chunked body, found without decoding it.

/// Longest chunk-size line, with extensions, in bytes.
const MAX_SIZE_LINE: usize = 256;
/// Longest line of trailers, and most bytes of them: as in a head.
const MAX_TRAILER_LINE: usize = 8 * 1024;
const MAX_TRAILERS: usize = 32 * 1024;

/// A chunked body (RFC 9112, section 7.1).
#[derive(Debug, Default)]
pub(super) enum Chunked {
    /// Before the line with the size of a chunk.
    #[default]
    Size,
    /// Inside the data of a chunk: bytes left, then a line end.
    Data(u64),
    /// Before a trailer line, or the empty line that ends the body: bytes of trailers so far.
    Trailers(usize),
}

/// A body that no two servers need read alike.
#[derive(Debug, PartialEq)]
pub(super) struct Malformed;

impl Chunked {
    /// How many bytes pass, and whether the body ends with them. 0 bytes: more are needed first.
    pub(super) fn scan(&mut self, bytes: &[u8]) -> Result<(usize, bool), Malformed> {
        match self {
            Self::Data(0) => match bytes {
                [b'\r', b'\n', ..] => {
                    *self = Self::Size;
                    Ok((2, false))
                }
                [b'\r'] => Ok((0, false)),
                _ => Err(Malformed),
            },
            Self::Data(left) => {
                let here = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
                *left -= here as u64;
                Ok((here, false))
            }
            Self::Size => {
                let Some(line) = line(bytes, MAX_SIZE_LINE)? else { return Ok((0, false)) };
                *self = match chunk_size(line).ok_or(Malformed)? {
                    0 => Self::Trailers(0),
                    size => Self::Data(size),
                };
                Ok((line.len() + 2, false))
            }
            Self::Trailers(seen) => {
                let Some(line) = line(bytes, MAX_TRAILER_LINE)? else { return Ok((0, false)) };
                *seen += line.len() + 2;
                if *seen > MAX_TRAILERS || line.starts_with(b" ") || line.starts_with(b"\t") {
                    return Err(Malformed);
                }
                Ok((line.len() + 2, line.is_empty()))
            }
        }
    }
}

/// The line at the front, without its end; `None` if it is not complete.
fn line(bytes: &[u8], longest: usize) -> Result<Option<&[u8]>, Malformed> {
    let Some(end) = memchr::memchr2(b'\r', b'\n', bytes) else {
        return if bytes.len() > longest { Err(Malformed) } else { Ok(None) };
    };
    match (bytes.get(end), bytes.get(end + 1)) {
        (Some(b'\r'), Some(b'\n')) if end <= longest => Ok(bytes.get(..end)),
        (Some(b'\r'), None) => Ok(None),
        _ => Err(Malformed),
    }
}

/// The size in a chunk line; extensions behind `;` are passed over.
fn chunk_size(line: &[u8]) -> Option<u64> {
    let digits = line.split(|&byte| byte == b';').next()?.trim_ascii_end();
    if digits.is_empty() || digits.len() > 16 || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    u64::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Follows a body to its end; `None` if it is malformed or has none.
    fn length(mut bytes: &[u8]) -> Option<usize> {
        let (mut chunked, mut length) = (Chunked::default(), 0);
        loop {
            let (passed, ended) = chunked.scan(bytes).ok()?;
            length += passed;
            if ended {
                return Some(length);
            }
            bytes = bytes.get(passed..).filter(|rest| passed > 0 && !rest.is_empty())?;
        }
    }

    #[test]
    fn bodies_are_followed_to_their_end() {
        for body in [
            "0\r\n\r\n",
            "3;ext=1\r\nabc\r\n0\r\n\r\n",
            "1a\r\nabcdefghijklmnopqrstuvwxyz\r\n0\r\nX: y\r\n\r\n",
        ] {
            assert_eq!(length(format!("{body}GET /").as_bytes()), Some(body.len()), "{body:?}");
        }
    }

    #[test]
    fn what_two_servers_could_read_in_two_ways_is_malformed() {
        let folded = "0\r\nX: y\r\n folded\r\n\r\n";
        for body in [
            "x\r\n",
            "-1\r\n",
            "3\nabc",
            "3\r\nabcd\r\n",
            "11111111111111111\r\n",
            "\r\n",
            " 3\r\nabc",
            folded,
        ] {
            assert_eq!(length(format!("{body}0\r\n\r\n").as_bytes()), None, "{body:?}");
        }
    }
}
