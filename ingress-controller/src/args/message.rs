//! What is said about a wrong command line: the flag, the value, what is wrong, what to do.

use std::error::Error as _;

use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::NoArgs;
use super::unsupported::advice;

pub(super) fn of(error: &clap::Error) -> NoArgs {
    let flag = text(error, ContextKind::InvalidArg);
    let flag = flag.split([' ', '=', '[']).next().unwrap_or_default();
    let value = text(error, ContextKind::InvalidValue);
    NoArgs::Wrong(match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => return NoArgs::Print(error.to_string()),
        ErrorKind::UnknownArgument => {
            let suggested = text(error, ContextKind::SuggestedArg);
            match (advice(flag), suggested.as_str()) {
                (Some(advice), _) => format!("{flag}: {advice}"),
                (None, "") if flag.starts_with('-') => format!("{flag}: there is no such flag; see --help"),
                (None, "") => format!("{flag:?} is not understood here; see --help"),
                _ => format!("{flag}: there is no such flag; did you mean {suggested}? see --help"),
            }
        }
        // A value is given that may not be there, or none where one must be.
        ErrorKind::InvalidValue if value.is_empty() => format!("{flag}: the value is missing; see --help"),
        ErrorKind::InvalidValue => {
            format!("{flag}: {value:?} is not known; pass {}", text(error, ContextKind::ValidValue))
        }
        ErrorKind::ValueValidation => {
            let reason = error.source().map(ToString::to_string).unwrap_or_default();
            if flag.starts_with("--") {
                format!("{flag}: {value:?} {reason}")
            } else {
                format!("{value:?} {reason}")
            }
        }
        ErrorKind::InvalidUtf8 => "a flag is no UTF-8 text; only --manifests may be any path".into(),
        // clap begins with "error: ", and goes on after the first line with what --help says better.
        _ => error.to_string().lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned(),
    })
}

fn text(error: &clap::Error, kind: ContextKind) -> String {
    match error.get(kind) {
        Some(ContextValue::String(text)) => text.clone(),
        Some(ContextValue::Strings(texts)) => texts.join(" or "),
        Some(other) => other.to_string(),
        None => String::new(),
    }
}
