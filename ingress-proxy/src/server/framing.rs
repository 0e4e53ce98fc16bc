//! Where one HTTP/1 request ends and the next begins, decided on the bytes themselves.
//!
//! hyper forgives what RFC 9112 lets a server forgive: bare line feeds, a Content-Length beside a Transfer-Encoding, equal lengths sent
//! twice. Each of these has been read in two ways by two servers, which is what request smuggling is made of, and afterwards nobody can
//! tell that they were there. So a head is judged here before hyper sees a byte of it: only whole, unambiguous heads pass. A refused
//! head never passes; [`Verdict::Refused`] says how to answer it.
//!
//! The same state tells what hyper's own timers cannot: whether a connection is idle, inside a head, or inside a body.

use http::StatusCode;

use super::chunked::{Chunked, Malformed};
use super::head::{Behind, Head, Scan};

/// How many fields of a head hyper finds room for without asking the heap for it, twice at each request.
const USUAL_FIELDS: usize = 100;

/// Follows the framing of the requests of one connection.
#[derive(Debug, Default)]
pub(super) struct Framing {
    state: State,
    width: Width,
}

/// For how many fields there is room.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Width {
    /// [`USUAL_FIELDS`].
    #[default]
    Usual,
    /// So many, but a head that does not pass yet has more.
    TooNarrow,
    Wide,
}

#[derive(Debug)]
enum State {
    /// At the start of a head, or inside one.
    Head(Head),
    /// Inside a body with a length: bytes left.
    Body(u64),
    /// Inside a chunked body.
    Chunked(Chunked),
    /// Behind a head that asked for an upgrade, until somebody says what became of it.
    Upgrade,
    /// Not HTTP any more.
    Tunnel,
    /// Behind a refused head: nothing passes.
    Refused,
}

impl Default for State {
    fn default() -> Self {
        Self::Head(Head::default())
    }
}

impl From<Behind> for State {
    fn from(behind: Behind) -> Self {
        match behind {
            Behind::Head => Self::default(),
            Behind::Body(length) => Self::Body(length),
            Behind::Chunked => Self::Chunked(Chunked::default()),
            Behind::Upgrade => Self::Upgrade,
        }
    }
}

/// What [`Framing::scan`] says of some bytes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// This many bytes from the start may pass, and `heads` request heads end in them. The rest must be shown again, with more behind.
    Pass {
        /// How many bytes.
        bytes: usize,
        /// How many heads end in them.
        heads: u32,
    },
    /// As `Pass`, but the head behind is refused with this status.
    Refused {
        /// How many bytes before the refused head may pass.
        bytes: usize,
        /// How many heads end in them.
        heads: u32,
        /// How the refused head is to be answered.
        status: StatusCode,
    },
    /// The body of a request that has passed already is malformed: nothing more may pass.
    Broken,
}

impl Framing {
    /// Looks at bytes that follow all that passed before. Bytes that did not pass must be shown again at the front of the next call;
    /// they are not read twice.
    pub(super) fn scan(&mut self, bytes: &[u8]) -> Verdict {
        let (mut passed, mut heads) = (0, 0);
        while let Some(rest) = bytes.get(passed..).filter(|rest| !rest.is_empty()) {
            match self.step(rest) {
                Step::Passed(count) => passed += count,
                Step::Head(count) => {
                    passed += count;
                    heads += 1;
                }
                Step::Wait => break,
                Step::Widen => {
                    (self.state, self.width) = (State::default(), Width::TooNarrow);
                    break;
                }
                Step::Refuse(status) => {
                    self.state = State::Refused;
                    return Verdict::Refused { bytes: passed, heads, status };
                }
                Step::Broken => return Verdict::Broken,
            }
        }
        Verdict::Pass { bytes: passed, heads }
    }

    fn step(&mut self, rest: &[u8]) -> Step {
        match &mut self.state {
            State::Head(head) => match head.scan(rest) {
                Scan::Wait => Step::Wait,
                Scan::Refuse(status) => Step::Refuse(status),
                Scan::Done { .. } if head.fields() > USUAL_FIELDS && self.width != Width::Wide => Step::Widen,
                Scan::Done { length, behind } => {
                    self.state = behind.into();
                    Step::Head(length)
                }
            },
            State::Body(left) => {
                let here = usize::try_from(*left).unwrap_or(usize::MAX).min(rest.len());
                *left -= here as u64;
                if *left == 0 {
                    self.state = State::default();
                }
                Step::Passed(here)
            }
            State::Chunked(chunked) => match chunked.scan(rest) {
                Err(Malformed) => Step::Broken,
                Ok((0, false)) => Step::Wait,
                Ok((count, ended)) => {
                    if ended {
                        self.state = State::default();
                    }
                    Step::Passed(count)
                }
            },
            State::Tunnel => Step::Passed(rest.len()),
            State::Upgrade | State::Refused => Step::Wait,
        }
    }

    /// True while nothing of the next head has come.
    pub(super) fn is_between_requests(&self) -> bool {
        matches!(&self.state, State::Head(head) if head.is_untouched())
    }

    /// True if a head has come that has more fields than is usual. It does not pass before [`widen`](Self::widen).
    pub(super) fn is_too_narrow(&self) -> bool {
        self.width == Width::TooNarrow
    }

    /// Lets heads with more fields than is usual pass from now on.
    pub(super) fn widen(&mut self) {
        self.width = Width::Wide;
    }

    /// True if heads with more fields than is usual may pass.
    pub(super) fn is_wide(&self) -> bool {
        self.width == Width::Wide
    }

    /// True while an upgrade that was asked for is not decided.
    pub(super) fn awaits_upgrade(&self) -> bool {
        matches!(self.state, State::Upgrade)
    }

    /// Says what became of the upgrade.
    pub(super) fn decide_upgrade(&mut self, tunnel: bool) {
        if self.awaits_upgrade() {
            self.state = if tunnel { State::Tunnel } else { State::default() };
        }
    }

    /// True if the client may still be sending what nobody will read: the rest of a body, or what follows a refused head.
    pub(super) fn has_unread(&self) -> bool {
        matches!(self.state, State::Body(_) | State::Chunked(_) | State::Refused)
    }
}

enum Step {
    Passed(usize),
    Head(usize),
    Wait,
    Widen,
    Refuse(StatusCode),
    Broken,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pass(bytes: usize, heads: u32) -> Verdict {
        Verdict::Pass { bytes, heads }
    }

    fn refused(request: &str) -> Option<u16> {
        match Framing::default().scan(request.as_bytes()) {
            Verdict::Refused { bytes: 0, status, .. } => Some(status.as_u16()),
            _ => None,
        }
    }

    #[test]
    fn whole_heads_pass_and_parts_are_held() {
        let request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
        assert_eq!(Framing::default().scan(request.as_bytes()), pass(request.len(), 1));
        let mut framing = Framing::default();
        for end in 1..request.len() {
            assert_eq!(framing.scan(&request.as_bytes()[..end]), pass(0, 0), "{end}");
            assert!(!framing.is_between_requests());
        }
        assert_eq!(framing.scan(request.as_bytes()), pass(request.len(), 1));
        assert!(framing.is_between_requests());
    }

    #[test]
    fn pipelined_requests_pass_one_by_one() {
        let two =
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcGET / HTTP/1.1\r\nHost: a\r\n\r\nGET";
        assert_eq!(Framing::default().scan(two.as_bytes()), pass(two.len() - 3, 2));
    }

    #[test]
    fn a_refused_head_does_not_pass_but_what_is_before_it_does() {
        let good = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
        let both = format!("{good}GET / HTTP/1.1\nHost: a\n\n");
        let verdict = Framing::default().scan(both.as_bytes());
        let status = StatusCode::BAD_REQUEST;
        assert_eq!(verdict, Verdict::Refused { bytes: good.len(), heads: 1, status });
    }

    #[test]
    fn ambiguous_heads_are_refused() {
        let head = |fields: &str| format!("POST / HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
        for (fields, status) in [
            ("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n", 400),
            ("Transfer-Encoding: chunked\r\nContent-Length: 1\r\n", 400),
            ("Content-Length: 1\r\nContent-Length: 1\r\n", 400),
            ("Content-Length: +1\r\n", 400),
            ("Content-Length: 1,1\r\n", 400),
            ("Content-Length:\r\n", 400),
            ("Content-Length: 99999999999999999999\r\n", 400),
            ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", 400),
            ("Transfer-Encoding: gzip, chunked\r\n", 501),
            ("Transfer-Encoding: identity\r\n", 501),
            ("Transfer-Encoding : chunked\r\n", 400),
            ("Transfer-Encoding: x\u{b}chunked\r\n", 501),
            ("X: a\r\n folded\r\n", 400),
            ("X: a\nY: b\r\n", 400),
            ("X: a\rY: b\r\n", 400),
            ("X: a\0\r\n", 400),
            ("X Y: a\r\n", 400),
            (": a\r\n", 400),
            ("no colon\r\n", 400),
        ] {
            assert_eq!(refused(&head(fields)), Some(status), "{fields:?}");
        }
        assert_eq!(refused("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), Some(400));
    }

    #[test]
    fn request_lines() {
        for (line, status) in [
            ("GET / HTTP/1.1", None),
            ("M-SEARCH / HTTP/1.0", None),
            ("GET /", Some(400)),
            ("get / HTTP/1.1", Some(400)),
            ("GET  / HTTP/1.1", Some(400)),
            ("GET /a b HTTP/1.1", Some(400)),
            ("CONNECT a:1 HTTP/1.1", Some(400)),
            ("GET / HTTP/3.0", Some(505)),
            ("GET / HTTP/2.0", Some(505)),
            ("GET / HTTP/1.1 ", Some(400)),
            ("GET / http/1.1", Some(400)),
            ("\u{16}\u{3}\u{1}", Some(400)),
        ] {
            assert_eq!(refused(&format!("{line}\r\nHost: a\r\n\r\n")), status, "{line:?}");
        }
        assert_eq!(refused("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"), None);
        assert_eq!(refused("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"), Some(400));
    }

    #[test]
    fn long_heads_are_refused_before_they_are_complete() {
        assert_eq!(refused(&format!("GET /{}", "a".repeat(9000))), Some(414));
        assert_eq!(refused(&format!("GET / HTTP/1.1\r\nX: {}", "a".repeat(9000))), Some(400));
        let line = format!("X: {}\r\n", "a".repeat(1000));
        assert_eq!(refused(&format!("GET / HTTP/1.1\r\n{}", line.repeat(40))), Some(400));
        assert_eq!(refused(&format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", line.repeat(20))), None);
    }

    #[test]
    fn a_head_with_many_fields_waits_until_there_is_room() {
        let head = |fields: usize| format!("GET / HTTP/1.1\r\n{}\r\n", "X: y\r\n".repeat(fields));
        let (usual, long) = (head(USUAL_FIELDS), head(USUAL_FIELDS + 1));
        let mut framing = Framing::default();
        assert_eq!(framing.scan(format!("{usual}{long}").as_bytes()), pass(usual.len(), 1));
        assert_eq!((framing.is_too_narrow(), framing.is_wide()), (true, false));
        framing.widen();
        assert_eq!(framing.scan(format!("{long}{usual}").as_bytes()), pass(long.len() + usual.len(), 2));
        assert_eq!((framing.is_too_narrow(), framing.is_wide()), (false, true));
    }

    #[test]
    fn nothing_passes_behind_an_upgrade_until_it_is_decided() {
        let head = "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n";
        let with_more = format!("{head}\x01\x02");
        for (tunnel, passes) in [(true, 2), (false, 0)] {
            let mut framing = Framing::default();
            assert_eq!(framing.scan(with_more.as_bytes()), pass(head.len(), 1));
            assert_eq!(framing.scan(b"\x01\x02"), pass(0, 0));
            assert!(framing.awaits_upgrade());
            framing.decide_upgrade(tunnel);
            assert_eq!(framing.scan(b"\x01\x02"), pass(passes, 0));
        }
    }

    proptest! {
        /// However the bytes are cut, the same bytes pass with the same verdict.
        #[test]
        fn cuts_make_no_difference(cuts in proptest::collection::vec(1usize..40, 1..20), bad in any::<bool>()) {
            let stream = format!(
                "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello\
                 POST /b HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n\
                 GET /c HTTP/1.1\r\nHost: a{}\n\r\n",
                if bad { "" } else { "\r" },
            );
            let (mut framing, mut held, mut passed, mut heads, mut end) = (Framing::default(), Vec::new(), 0, 0, None);
            let mut rest = stream.as_bytes();
            let mut cuts = cuts.into_iter().cycle();
            while !rest.is_empty() && end.is_none() {
                let (now, later) = rest.split_at(cuts.next().unwrap().min(rest.len()));
                held.extend_from_slice(now);
                rest = later;
                match framing.scan(&held) {
                    Verdict::Pass { bytes, heads: count } => {
                        held.drain(..bytes);
                        (passed, heads) = (passed + bytes, heads + count);
                    }
                    Verdict::Refused { bytes, heads: count, status } => {
                        (passed, heads) = (passed + bytes, heads + count);
                        end = Some(status.as_u16());
                    }
                    Verdict::Broken => panic!("a body was called broken"),
                }
            }
            prop_assert_eq!(end, bad.then_some(400));
            prop_assert_eq!(heads, if bad { 2 } else { 3 });
            prop_assert_eq!(passed, if bad { stream.find("GET /c").unwrap() } else { stream.len() });
        }
    }
}
