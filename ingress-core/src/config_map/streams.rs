//! Keys about TCP and UDP services.

use super::reader::Reader;
use crate::annotation::TRIES;
use crate::stream::StreamSettings;
use crate::value::{number, time};

const TIME: &str = "a time such as \"600s\" or \"10m\"";

pub(super) fn streams(reader: &mut Reader<'_>) -> StreamSettings {
    let mut settings = StreamSettings::default();
    let some_time = |text: &str| time(text).filter(|time| !time.is_zero());
    reader.value("proxy-stream-timeout", TIME, some_time, &mut settings.timeout);
    reader.boolean("proxy-stream-next-upstream", &mut settings.next_upstream);
    reader.value("proxy-stream-next-upstream-timeout", TIME, time, &mut settings.next_upstream_timeout);
    reader.number("proxy-stream-next-upstream-tries", TRIES, &mut settings.next_upstream_tries);
    let responses = |text: &str| number(text).map(Some);
    reader.value("proxy-stream-responses", "a whole number", responses, &mut settings.responses);
    settings
}

#[cfg(test)]
mod tests {
    use crate::config_map::read;
    use crate::stream::StreamSettings;
    use std::time::Duration;

    #[test]
    fn values_are_read_and_nonsense_leaves_the_default() {
        let read = |pairs: &[(&str, &str)]| {
            let pairs =
                pairs.iter().map(|(name, value)| (format!("proxy-stream-{name}"), (*value).to_owned()));
            let (global, defects) = read(&pairs.collect());
            (global.settings.streams.clone(), defects.len())
        };
        let expected = StreamSettings {
            timeout: Duration::from_secs(1800),
            next_upstream: false,
            next_upstream_timeout: Duration::ZERO,
            next_upstream_tries: 0,
            responses: Some(0),
        };
        let all = [
            ("timeout", "30m"),
            ("next-upstream", "false"),
            ("next-upstream-timeout", "0"),
            ("next-upstream-tries", "0"),
            ("responses", "0"),
        ];
        assert_eq!(read(&all), (expected, 0));
        let wrong = all.map(|(name, _)| (name, "x"));
        assert_eq!(read(&wrong), (StreamSettings::default(), 5));
        assert_eq!(read(&[("timeout", "0")]), (StreamSettings::default(), 1));
    }
}
