//! Names in certificates as text, as nginx writes them: RFC 2253 as OpenSSL understands it (`XN_FLAG_RFC2253`).
//!
//! The last part comes first; what is not printable ASCII is escaped byte by byte. So whatever a certificate holds, the text is a valid
//! value of a header.

use std::fmt::Write;

use x509_parser::asn1_rs::{Any, Tag, ToDer};
use x509_parser::prelude::{AttributeTypeAndValue, X509Name};

/// The short names that OpenSSL gives to the attributes of names.
const NAMES: [(&str, &str); 29] = [
    ("2.5.4.3", "CN"),
    ("2.5.4.4", "SN"),
    ("2.5.4.5", "serialNumber"),
    ("2.5.4.6", "C"),
    ("2.5.4.7", "L"),
    ("2.5.4.8", "ST"),
    ("2.5.4.9", "street"),
    ("2.5.4.10", "O"),
    ("2.5.4.11", "OU"),
    ("2.5.4.12", "title"),
    ("2.5.4.13", "description"),
    ("2.5.4.15", "businessCategory"),
    ("2.5.4.17", "postalCode"),
    ("2.5.4.20", "telephoneNumber"),
    ("2.5.4.41", "name"),
    ("2.5.4.42", "GN"),
    ("2.5.4.43", "initials"),
    ("2.5.4.44", "generationQualifier"),
    ("2.5.4.45", "x500UniqueIdentifier"),
    ("2.5.4.46", "dnQualifier"),
    ("2.5.4.65", "pseudonym"),
    ("2.5.4.97", "organizationIdentifier"),
    ("0.9.2342.19200300.100.1.1", "UID"),
    ("0.9.2342.19200300.100.1.25", "DC"),
    ("1.2.840.113549.1.9.1", "emailAddress"),
    ("1.2.840.113549.1.9.2", "unstructuredName"),
    ("1.3.6.1.4.1.311.60.2.1.1", "jurisdictionL"),
    ("1.3.6.1.4.1.311.60.2.1.2", "jurisdictionST"),
    ("1.3.6.1.4.1.311.60.2.1.3", "jurisdictionC"),
];

/// A name as text.
pub(super) fn rfc2253(name: &X509Name<'_>) -> String {
    let mut text = String::new();
    for part in name.iter().collect::<Vec<_>>().into_iter().rev() {
        for (place, attribute) in part.iter().collect::<Vec<_>>().into_iter().rev().enumerate() {
            if !text.is_empty() {
                text.push(if place == 0 { ',' } else { '+' });
            }
            write_attribute(&mut text, attribute);
        }
    }
    text
}

fn write_attribute(text: &mut String, attribute: &AttributeTypeAndValue<'_>) {
    let id = attribute.attr_type().to_id_string();
    let known = NAMES.iter().find(|(known, _)| *known == id);
    text.push_str(known.map_or(&id, |(_, short)| short));
    text.push('=');
    match known.and_then(|_| characters(attribute.attr_value())) {
        Some(bytes) => write_escaped(text, &bytes),
        None => write_der(text, attribute.attr_value()),
    }
}

/// A string of ASN.1 as UTF-8, if it is one. Bytes that are none stay: they will be escaped.
fn characters(value: &Any<'_>) -> Option<Vec<u8>> {
    let wide = |unit: u32| char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER);
    let data = value.data;
    let text: String = match value.tag() {
        Tag::Utf8String | Tag::PrintableString | Tag::Ia5String | Tag::NumericString | Tag::VisibleString => {
            return Some(data.to_vec());
        }
        // In theory the character sets of the telegraph; in practice Latin-1.
        Tag::T61String => data.iter().copied().map(char::from).collect(),
        Tag::BmpString => {
            data.as_chunks().0.iter().map(|unit| wide(u16::from_be_bytes(*unit).into())).collect()
        }
        Tag::UniversalString => {
            data.as_chunks().0.iter().map(|unit| wide(u32::from_be_bytes(*unit))).collect()
        }
        _ => return None,
    };
    Some(text.into_bytes())
}

fn write_escaped(text: &mut String, bytes: &[u8]) {
    for (place, byte) in bytes.iter().copied().enumerate() {
        let edge = match byte {
            b'#' => place == 0,
            b' ' => place == 0 || place + 1 == bytes.len(),
            _ => false,
        };
        match byte {
            b',' | b'+' | b'"' | b'\\' | b'<' | b'>' | b';' => text.extend(['\\', char::from(byte)]),
            _ if edge => text.extend(['\\', char::from(byte)]),
            b' '..=b'~' => text.push(char::from(byte)),
            _ => {
                text.push('\\');
                push_hex(text, &[byte]);
            }
        }
    }
}

/// What is no string, or what nobody knows the name of, is shown as it is encoded.
fn write_der(text: &mut String, value: &Any<'_>) {
    text.push('#');
    push_hex(text, &value.to_der_vec().unwrap_or_default());
}

fn push_hex(text: &mut String, bytes: &[u8]) {
    for byte in bytes {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02X}");
    }
}
