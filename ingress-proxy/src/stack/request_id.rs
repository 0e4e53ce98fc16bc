//! Ids for requests that have none.

use std::sync::{Mutex, PoisonError};

use bytes::BytesMut;
use http::HeaderValue;

/// The length of an id: that of 128 bits as hexadecimal digits.
const LENGTH: usize = 32;
/// How many are made at once.
const STOCK: usize = 64;

/// Makes ids, of random numbers that nobody can guess.
///
/// They are made in stock, and lie in one block of memory: so an id costs no block of its own, also where the access log holds one too.
#[derive(Debug, Default)]
pub(crate) struct RequestIds {
    /// Ids one behind the other.
    stock: Mutex<BytesMut>,
}

impl RequestIds {
    /// A fresh id: 32 hexadecimal digits.
    pub(super) fn next(&self) -> Option<HeaderValue> {
        let mut stock = self.stock.lock().unwrap_or_else(PoisonError::into_inner);
        if stock.len() < LENGTH {
            let random: [u8; STOCK * LENGTH / 2] = rand::random();
            stock.extend_from_slice(&hexadecimal(random));
        }
        HeaderValue::from_maybe_shared(stock.split_to(LENGTH).freeze()).ok()
    }
}

fn hexadecimal(random: [u8; STOCK * LENGTH / 2]) -> [u8; STOCK * LENGTH] {
    let mut text = [0; STOCK * LENGTH];
    for (pair, byte) in text.chunks_exact_mut(2).zip(&random) {
        pair.copy_from_slice(&[digit(byte >> 4), digit(byte & 15)]);
    }
    text
}

/// Without a branch, so that many are made at once.
fn digit(value: u8) -> u8 {
    b'0' + value + u8::from(value > 9) * (b'a' - b'9' - 1)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn digits_are_lower_case() {
        let digits: Vec<_> = (0..16).map(digit).collect();
        assert_eq!(digits, b"0123456789abcdef");
    }

    #[test]
    fn no_two_ids_are_the_same() {
        let ids = RequestIds::default();
        let ids: HashSet<_> = (0..3 * STOCK).filter_map(|_| ids.next()).collect();
        assert_eq!(ids.len(), 3 * STOCK);
        let is_digit = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        assert!(ids.iter().all(|id| id.len() == LENGTH && id.as_bytes().iter().all(is_digit)));
        // Every digit is somewhere, in every place.
        for place in 0..LENGTH {
            let digits: HashSet<_> = ids.iter().filter_map(|id| id.as_bytes().get(place)).collect();
            assert!(digits.len() > 8, "{place}: {digits:?}");
        }
    }
}
