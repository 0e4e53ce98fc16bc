//! Bodies in chunks (RFC 9112, section 7.1), without copying them.

use bytes::Bytes;

use super::error::Malformed;
use super::head::MOST_FIELDS;
use super::input::Input;

/// The most bytes of chunk extensions in one body.
const EXTENSIONS: usize = 16 * 1024;
/// The most bytes of trailers.
const TRAILERS: usize = 16 * 1024;

/// Where in a body the next byte is.
#[derive(Debug, Default)]
pub(super) struct Chunked {
    at: At,
    /// How many bytes of extensions there were.
    extensions: usize,
}

#[derive(Debug, Default, Clone, Copy)]
enum At {
    /// Before the first digit of a size.
    #[default]
    Start,
    Size(u64),
    /// Behind a size and a blank: no further digit may come.
    Blank(u64),
    Extension(u64),
    SizeLf(u64),
    Data(u64),
    DataCr,
    DataLf,
    /// In the trailers, of which so many bytes were searched.
    Trailers(usize),
    End,
    Failed(Malformed),
}

impl Chunked {
    /// The next bytes of the body, as far as they are there; none if more must be read, or it is [over](Self::is_over).
    ///
    /// # Errors
    /// [`Malformed`] if it is not in chunks, or there is too much beside them.
    pub(super) fn take(&mut self, input: &mut Input) -> Result<Bytes, Malformed> {
        self.advance(input)?;
        let At::Data(left) = self.at else { return Ok(Bytes::new()) };
        let data = input.take(usize::try_from(left).unwrap_or(usize::MAX));
        let left = left - data.len() as u64;
        self.at = if left == 0 { At::DataCr } else { At::Data(left) };
        // The end is often there with the last of the data. What is wrong behind them is for the next time to tell.
        let _ = self.advance(input);
        Ok(data)
    }

    /// True if all of it was read, and what stands behind it.
    pub(super) fn is_over(&self) -> bool {
        matches!(self.at, At::End)
    }

    /// Goes on to where data are, or to the end, as far as there is something to read.
    fn advance(&mut self, input: &mut Input) -> Result<(), Malformed> {
        loop {
            let done = match self.at {
                At::Failed(why) => return Err(why),
                At::End | At::Data(_) => return Ok(()),
                _ if input.is_empty() => return Ok(()),
                At::Trailers(searched) => self.trailers(input, searched),
                _ => self.line(input),
            };
            match done {
                Ok(true) => {}
                Ok(false) => return Ok(()),
                Err(why) => self.at = At::Failed(why),
            }
        }
    }

    /// Reads what stands between data: bytes that are few.
    fn line(&mut self, input: &mut Input) -> Result<bool, Malformed> {
        let mut used = 0;
        for &byte in input.as_bytes() {
            used += 1;
            self.at = self.after(byte)?;
            if matches!(self.at, At::Data(_) | At::Trailers(_)) {
                break;
            }
        }
        input.skip(used);
        Ok(true)
    }

    fn after(&mut self, byte: u8) -> Result<At, Malformed> {
        Ok(match (self.at, byte) {
            (At::Start, _) => At::Size(digit(byte).ok_or(Malformed::Chunk)?),
            (At::Size(size) | At::Blank(size), b' ' | b'\t') => At::Blank(size),
            (At::Size(size) | At::Blank(size), b';') => At::Extension(size),
            (At::Size(size) | At::Blank(size) | At::Extension(size), b'\r') => At::SizeLf(size),
            (At::Size(size), _) => {
                let digit = digit(byte).ok_or(Malformed::Chunk)?;
                At::Size(size.checked_mul(16).ok_or(Malformed::Chunk)? + digit)
            }
            // A line feed alone would be the end of the line to some.
            (At::Extension(size), byte) if byte != b'\n' => {
                self.extensions += 1;
                if self.extensions > EXTENSIONS {
                    return Err(Malformed::TooLarge);
                }
                At::Extension(size)
            }
            (At::SizeLf(0), b'\n') => At::Trailers(0),
            (At::SizeLf(size), b'\n') => At::Data(size),
            (At::DataCr, b'\r') => At::DataLf,
            (At::DataLf, b'\n') => At::Start,
            _ => return Err(Malformed::Chunk),
        })
    }

    /// Reads the trailers and the empty line behind them. They are checked, and dropped: to nobody do we say what an endpoint of HTTP/1.1
    /// says in them. False if their end is not there.
    fn trailers(&mut self, input: &mut Input, searched: usize) -> Result<bool, Malformed> {
        let bytes = input.as_bytes();
        let end = if bytes.starts_with(b"\r\n") {
            Some(2)
        } else {
            let from = searched.saturating_sub(3);
            let found = memchr::memmem::find(bytes.get(from..).unwrap_or_default(), b"\r\n\r\n");
            found.map(|at| from + at + 4)
        };
        if end.unwrap_or(bytes.len()) > TRAILERS {
            return Err(Malformed::TooLarge);
        }
        let Some(end) = end else {
            self.at = At::Trailers(bytes.len());
            return Ok(false);
        };
        let section = input.take(end);
        let mut fields = [httparse::EMPTY_HEADER; MOST_FIELDS];
        match httparse::parse_headers(&section, &mut fields) {
            Ok(httparse::Status::Complete((used, _))) if used == section.len() => self.at = At::End,
            _ => return Err(Malformed::Trailers),
        }
        Ok(true)
    }
}

fn digit(byte: u8) -> Option<u64> {
    char::from(byte).to_digit(16).map(u64::from)
}
