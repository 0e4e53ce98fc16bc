//! One line: ingress-nginx's default format.

use http::{HeaderValue, Version};
use ingress_core::Backend;
use ingress_core::stream::StreamProtocol;
use jiff::Timestamp;

use super::text::{address, decimal, escape, put, seconds, socket_address};
use crate::observe::{Finished, FinishedStream, Try};

/// The time of day as text, made once in a second.
#[derive(Debug, Default)]
pub(super) struct Clock {
    second: i64,
    text: String,
}

impl Clock {
    /// Now, in UTC.
    pub(super) fn now(&mut self) -> &str {
        let now = Timestamp::now();
        if self.text.is_empty() || now.as_second() != self.second {
            self.second = now.as_second();
            self.text = now.strftime("%d/%b/%Y:%H:%M:%S +0000").to_string();
        }
        &self.text
    }
}

/// Appends a line:
/// `$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent" $request_length
/// $request_time [$proxy_upstream_name] [$proxy_alternative_upstream_name] $upstream_addr $upstream_response_length
/// $upstream_response_time $upstream_status $req_id`
pub(super) fn write(line: &mut Vec<u8>, time: &str, request: &Finished<'_>) {
    client(line, request);
    line.extend_from_slice(b" - - [");
    line.extend_from_slice(time.as_bytes());
    line.extend_from_slice(b"] \"");
    first_line(line, request);
    line.extend_from_slice(b"\" ");
    decimal(line, request.status);
    line.push(b' ');
    decimal(line, request.body_bytes_sent);
    line.extend_from_slice(b" \"");
    value(line, request.referer);
    line.extend_from_slice(b"\" \"");
    value(line, request.user_agent);
    line.extend_from_slice(b"\" ");
    decimal(line, request.request_length);
    line.push(b' ');
    seconds(line, request.duration);
    line.extend_from_slice(b" [");
    upstream_name(line, request);
    line.extend_from_slice(b"] [] ");
    each(line, request.tries, |line, one| socket_address(line, one.address));
    each(line, request.tries, |line, one| decimal(line, one.response_length));
    each(line, request.tries, |line, one| seconds(line, one.response_time));
    each(line, request.tries, |line, one| match one.status {
        Some(status) => decimal(line, status),
        None => line.push(b'-'),
    });
    value(line, request.request_id);
    line.push(b'\n');
}

/// Appends a line for a stream: `[$remote_addr] [$time_local] $protocol $status $bytes_sent $bytes_received $session_time`
pub(super) fn write_stream(line: &mut Vec<u8>, time: &str, stream: &FinishedStream<'_>) {
    let protocol = match stream.protocol {
        StreamProtocol::Tcp => "TCP",
        StreamProtocol::Udp => "UDP",
    };
    put(line, format_args!("[{}] [{time}] {protocol} {} ", stream.client.ip(), stream.status));
    put(line, format_args!("{} {} ", stream.bytes_sent, stream.bytes_received));
    seconds(line, stream.duration);
    line.push(b'\n');
}

/// The client's address: mostly that of the connection, whose text is at hand.
fn client(line: &mut Vec<u8>, request: &Finished<'_>) {
    match (request.client, request.connection) {
        (None, _) => line.push(b'-'),
        (Some(client), Some(connection)) if connection.client().ip() == client => {
            line.extend_from_slice(connection.client_text());
        }
        (Some(client), _) => address(line, client),
    }
}

fn first_line(line: &mut Vec<u8>, request: &Finished<'_>) {
    let (Some(method), Some(target)) = (request.method, request.target) else {
        return match request.refused_line {
            None | Some([]) => line.push(b'-'),
            Some(refused) => escape(line, refused),
        };
    };
    line.extend_from_slice(method.as_str().as_bytes());
    line.push(b' ');
    // The authority of HTTP/2 is a field of its own.
    if let (true, Some(scheme), Some(authority)) =
        (request.version < Version::HTTP_2, target.scheme_str(), target.authority())
    {
        line.extend_from_slice(scheme.as_bytes());
        line.extend_from_slice(b"://");
        escape(line, authority.as_str().as_bytes());
    }
    escape(line, target.path_and_query().map_or("/", |target| target.as_str()).as_bytes());
    match request.version {
        Version::HTTP_11 => line.extend_from_slice(b" HTTP/1.1"),
        version => put(line, format_args!(" {version:?}")),
    }
}

fn value(line: &mut Vec<u8>, value: Option<&HeaderValue>) {
    match value {
        Some(value) if !value.is_empty() => escape(line, value.as_bytes()),
        _ => line.push(b'-'),
    }
}

/// The upstream in the way ingress-nginx writes it: `namespace/service:port` is `namespace-service-port`.
fn upstream_name(line: &mut Vec<u8>, request: &Finished<'_>) {
    match request.route.map(|route| &route.backend) {
        _ if request.default_backend => line.extend_from_slice(b"upstream-default-backend"),
        Some(Backend::Upstream(name)) => {
            let start = line.len();
            escape(line, name.as_bytes());
            let written = line.iter_mut().skip(start).filter(|byte| matches!(byte, b'/' | b':'));
            written.for_each(|byte| *byte = b'-');
        }
        _ => line.push(b'-'),
    }
}

/// One value for each try, and a blank.
fn each(line: &mut Vec<u8>, tries: &[Try], mut one: impl FnMut(&mut Vec<u8>, &Try)) {
    if tries.is_empty() {
        line.push(b'-');
    }
    for (index, each) in tries.iter().enumerate() {
        if index > 0 {
            line.extend_from_slice(b", ");
        }
        one(line, each);
    }
    line.push(b' ');
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use ingress_core::{HostPattern, PathPattern, Route};

    use super::*;

    /// Files hold what no API server would take.
    #[test]
    fn the_name_of_an_upstream_is_one_word() {
        let (host, path) = (HostPattern::Any, PathPattern::prefix("/").unwrap());
        let route = Arc::new(Route::new(host, path, Backend::Upstream("shop/web:a]\n\"b".into())));
        let (method, target) = (http::Method::GET, http::Uri::from_static("/"));
        let mut line = Vec::new();
        upstream_name(&mut line, &Finished { route: Some(&route), ..Finished::new(&method, &target) });
        assert_eq!(line, br"shop-web-a]\x0A\x22b");
    }

    #[test]
    fn a_stream_has_a_line_of_its_own() {
        let mut stream =
            FinishedStream::new(StreamProtocol::Udp, ([192, 0, 2, 1], 5).into(), ([192, 0, 2, 2], 53).into());
        (stream.bytes_sent, stream.bytes_received, stream.status) = (2, 1, 502);
        stream.duration = Duration::from_millis(1_030);
        let mut line = Vec::new();
        write_stream(&mut line, "now", &stream);
        assert_eq!(line, b"[192.0.2.1] [now] UDP 502 2 1 1.030\n");
    }

    #[test]
    fn the_clock_follows_the_second() {
        let mut clock = Clock { second: 0, text: "stale".into() };
        let text = clock.now().to_owned();
        let parsed = jiff::fmt::strtime::parse("%d/%b/%Y:%H:%M:%S %z", &text).unwrap();
        let seen = parsed.to_timestamp().unwrap();
        assert!((Timestamp::now().as_second() - seen.as_second()).abs() < 60, "{text}");
        assert_eq!(text.len(), "02/Jan/2006:15:04:05 +0000".len());
    }
}
