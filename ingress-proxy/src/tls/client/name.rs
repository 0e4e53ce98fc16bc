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

#[cfg(test)]
mod tests {
    use x509_parser::prelude::FromDer;

    use super::*;

    /// A name that `openssl req` made of `C=DE ST=Bayern O=… OU=#hash OU=Müller CN=client …`.
    const MADE_BY_OPENSSL: &str = "30820127310b3009060355040613024445310f300d06035504080c0642617965726e31233021060355\
        040a0c1a41636d652c20496e632e2078203c793e3b20612b625c5c633d64310e300c060355040b0c0523686173683110300e060355\
        040b0c074dc3bc6c6c6572310f300d06035504030c06636c69656e743117301506092a864886f70d01090116086140622e74657374\
        310b300906035504051302343231123010060a0992268993f22c6401010c026d6531173015060a0992268993f22c64011916076578\
        616d706c65310b3009060355042a0c024a6f310c300a06035504040c03446f65310b3009060355040c0c024472310f300d06035504\
        090c06526f61642031310a300806035504110c0131310b3009060253040c036f6464310a3008060355040f0c0162";

    fn shown(der: &[u8]) -> String {
        rfc2253(&X509Name::from_der(der).unwrap().1)
    }

    #[test]
    fn a_name_reads_as_openssl_writes_it() {
        let digits = MADE_BY_OPENSSL.as_bytes().chunks(2);
        let der: Vec<u8> =
            digits.map(|byte| u8::from_str_radix(std::str::from_utf8(byte).unwrap(), 16).unwrap()).collect();
        // As `openssl x509 -subject -nameopt RFC2253` does.
        assert_eq!(
            shown(&der),
            r"businessCategory=b,2.3.4=#0C036F6464,postalCode=1,street=Road 1,title=Dr,SN=Doe,GN=Jo,DC=example,UID=me,serialNumber=42,emailAddress=a@b.test,CN=client,OU=M\C3\BCller,OU=\#hash,O=Acme\, Inc. x \<y\>\; a\+b\\\\c=d,ST=Bayern,C=DE"
        );
    }

    /// DER of something of up to 127 bytes.
    fn der(tag: u8, content: &[&[u8]]) -> Vec<u8> {
        let content = content.concat();
        [&[tag, u8::try_from(content.len()).unwrap()], content.as_slice()].concat()
    }

    fn common_name(tag: u8, text: &[u8]) -> Vec<u8> {
        der(0x30, &[&[6, 3, 0x55, 4, 3], &der(tag, &[text])])
    }

    #[test]
    fn every_kind_of_string_becomes_a_value_of_a_header() {
        for (tag, text, expected) in [
            (0x0c, &b"a\r\nX: y\0\x7f"[..], r"a\0D\0AX: y\00\7F"),
            (0x0c, b" a b ", r"\ a b\ "),
            (0x0c, b"#", r"\#"),
            (0x0c, b"\xff\xfe", r"\FF\FE"),
            (0x13, b"a,b", r"a\,b"),
            (0x14, b"Z\xfcrich", r"Z\C3\BCrich"),
            (0x1e, b"\0G\0r\0\xfc", r"Gr\C3\BC"),
            (0x1c, b"\0\x01\xf4\x0a", r"\F0\9F\90\8A"),
            (0x02, b"\x05", "#020105"),
            (0x0c, b"", ""),
        ] {
            let name = der(0x30, &[&der(0x31, &[&common_name(tag, text)])]);
            let shown = shown(&name);
            assert_eq!(shown, format!("CN={expected}"));
            assert!(http::HeaderValue::from_str(&shown).is_ok());
        }
    }

    #[test]
    fn parts_with_several_values_are_joined_by_plus() {
        let several = der(0x31, &[&common_name(0x0c, b"a"), &common_name(0x0c, b"b")]);
        let name = der(0x30, &[&der(0x31, &[&common_name(0x0c, b"first")]), &several]);
        assert_eq!(shown(&name), "CN=b+CN=a,CN=first");
        assert_eq!(shown(&[0x30, 0]), "");
    }
}
