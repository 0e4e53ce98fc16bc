//! `proxy-body-size`.

use super::{Invalid, Values, value};
use crate::policy::RequestBody;
use crate::value::size;

/// What is accepted.
pub(crate) const EXPECTED: &str =
    "bytes, with k, m or g behind the number if wanted, such as \"8m\", or 0 for no limit";

/// Reads how large a body may be. What cannot be read is as if it were not there: then `default` holds.
#[must_use]
pub fn request_body(values: &Values, default: RequestBody) -> (RequestBody, Vec<Invalid>) {
    const NAME: &str = "proxy-body-size";
    match value(values, NAME).map(|text| max_size(text).ok_or(text)) {
        None => (default, Vec::new()),
        Some(Ok(max_size)) => (RequestBody { max_size }, Vec::new()),
        Some(Err(text)) => (default, vec![Invalid::new(NAME, EXPECTED, text)]),
    }
}

/// The limit; `Some(None)` means that there is none.
pub(crate) fn max_size(text: &str) -> Option<Option<u64>> {
    size(text).map(|bytes| (bytes != 0).then_some(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::annotation::PREFIX;

    #[test]
    fn zero_is_no_limit_and_nonsense_the_default() {
        let default = RequestBody { max_size: Some(7) };
        let read = |text: &str| {
            let values = [(format!("{PREFIX}proxy-body-size"), text.to_owned())].into();
            let (body, invalid) = request_body(&values, default);
            (body.max_size, invalid.len())
        };
        assert_eq!(request_body(&Values::new(), default), (default, vec![]));
        assert_eq!(read("8m"), (Some(8 << 20), 0));
        assert_eq!(read("0"), (None, 0));
        assert_eq!(read("8 MB"), (Some(7), 1));
        assert_eq!(read(""), (Some(7), 1));
    }
}
