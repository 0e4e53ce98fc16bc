//! Parts of a line. Written by hand, as the machinery of `fmt` would be half of what a line costs.

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

/// Appends what is rare enough to be formatted.
pub(super) fn put(line: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    // Writing to memory does not fail.
    let _ = line.write_fmt(text);
}

pub(super) fn decimal(line: &mut Vec<u8>, number: impl Into<u64>) {
    let mut digits = [0; 20];
    let (mut rest, mut count) = (number.into(), 0);
    for digit in digits.iter_mut().rev() {
        // A digit fits.
        *digit = b'0' + (rest % 10) as u8;
        (rest, count) = (rest / 10, count + 1);
        if rest == 0 {
            break;
        }
    }
    line.extend_from_slice(digits.get(digits.len() - count..).unwrap_or_default());
}

/// Seconds with three digits behind the point.
pub(super) fn seconds(line: &mut Vec<u8>, time: Duration) {
    decimal(line, time.as_secs());
    let milliseconds = time.subsec_millis();
    let digit = |value: u32| b'0' + (value % 10) as u8;
    line.extend_from_slice(&[b'.', digit(milliseconds / 100), digit(milliseconds / 10), digit(milliseconds)]);
}

pub(super) fn address(line: &mut Vec<u8>, address: IpAddr) {
    match address {
        IpAddr::V4(address) => address_v4(line, address),
        IpAddr::V6(address) => put(line, format_args!("{address}")),
    }
}

pub(super) fn socket_address(line: &mut Vec<u8>, address: SocketAddr) {
    match address {
        SocketAddr::V4(address) => {
            address_v4(line, *address.ip());
            line.push(b':');
            decimal(line, address.port());
        }
        SocketAddr::V6(address) => put(line, format_args!("{address}")),
    }
}

fn address_v4(line: &mut Vec<u8>, address: Ipv4Addr) {
    let [a, b, c, d] = address.octets();
    decimal(line, a);
    for octet in [b, c, d] {
        line.push(b'.');
        decimal(line, octet);
    }
}

/// What is quoted, made harmless: `\xXX` for quotes, backslashes, control characters and all that is not ASCII.
pub(super) fn escape(line: &mut Vec<u8>, text: &[u8]) {
    let harmless = |byte: u8| !matches!(byte, b'"' | b'\\' | 0..0x20 | 0x7f..);
    // Nearly all is harmless. Without an early end, the compiler looks at many bytes at once.
    if text.iter().fold(true, |all, &byte| all & harmless(byte)) {
        return line.extend_from_slice(text);
    }
    for &byte in text {
        match harmless(byte) {
            true => line.push(byte),
            false => put(line, format_args!("\\x{byte:02X}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut line = Vec::new();
        write(&mut line);
        String::from_utf8(line).unwrap()
    }

    #[test]
    fn what_a_client_writes_cannot_end_the_quotes() {
        let text = written(|line| escape(line, "a\"\\\r\n\u{7f}\u{e9}~ b".as_bytes()));
        assert_eq!(text, r"a\x22\x5C\x0D\x0A\x7F\xC3\xA9~ b");
    }

    #[test]
    fn times_are_seconds_with_three_digits() {
        let text = |time| written(|line| seconds(line, time));
        assert_eq!(text(Duration::from_micros(1_999)), "0.001");
        assert_eq!(text(Duration::from_millis(61_020)), "61.020");
    }

    proptest! {
        #[test]
        fn numbers_and_addresses_are_as_elsewhere(number: u64, v4: [u8; 4], v6: [u8; 16], port: u16) {
            prop_assert_eq!(written(|line| decimal(line, number)), number.to_string());
            prop_assert_eq!(written(|line| decimal(line, port)), port.to_string());
            let time = Duration::from_millis(number / 7);
            let seconds_text = format!("{}.{:03}", time.as_secs(), time.subsec_millis());
            prop_assert_eq!(written(|line| seconds(line, time)), seconds_text);
            for ip in [IpAddr::from(v4), IpAddr::from(v6)] {
                prop_assert_eq!(written(|line| address(line, ip)), ip.to_string());
                let both = SocketAddr::new(ip, port);
                prop_assert_eq!(written(|line| socket_address(line, both)), both.to_string());
            }
        }
    }
}
