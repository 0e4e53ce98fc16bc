//! Whether a request that failed may be tried again.

use http::Method;
use ingress_core::policy::Retry;
use tokio::time::Instant;

use crate::error::Kind;

/// What a request has been through.
#[derive(Debug)]
pub(crate) struct Tries {
    policy: Retry,
    idempotent: bool,
    count: u32,
    /// Until when tries may begin; `None` for any time.
    until: Option<Instant>,
}

/// How far a failed try had come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sent {
    /// No byte of the request left.
    Nothing,
    /// The endpoint may have acted on it.
    Perhaps,
}

impl Tries {
    pub(crate) fn new(policy: Retry, method: &Method) -> Self {
        // nginx's list of what is not idempotent (`proxy_next_upstream`).
        let idempotent = !matches!(method.as_str(), "POST" | "LOCK" | "PATCH");
        let until = (!policy.timeout.is_zero()).then(|| Instant::now() + policy.timeout);
        Self { policy, idempotent, count: 1, until }
    }

    /// True if a request that was sent may be sent once more.
    pub(crate) fn may_resend(&self) -> bool {
        self.idempotent || self.policy.non_idempotent
    }

    /// Decides whether to try another endpoint, and counts the try. Where the policy has no limit, the number of endpoints is one: tries of a
    /// dead upstream would not end otherwise.
    pub(crate) fn again(&mut self, kind: Kind, sent: Sent, endpoints: usize) -> bool {
        let asked = match kind {
            Kind::Connect | Kind::Broken => self.policy.on_error,
            Kind::ConnectTimeout | Kind::SendTimeout | Kind::ReadTimeout => self.policy.on_timeout,
            _ => false,
        };
        let tries_left = match self.policy.tries {
            0 => usize::try_from(self.count).is_ok_and(|count| count < endpoints),
            most => self.count < most,
        };
        let time_left = self.until.is_none_or(|until| Instant::now() < until);
        let safe = sent == Sent::Nothing || self.may_resend();
        let again = asked && tries_left && time_left && safe;
        self.count += u32::from(again);
        again
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tries(method: &Method) -> Tries {
        Tries::new(Retry::default(), method)
    }

    #[test]
    fn three_tries_in_all() {
        let mut get = tries(&Method::GET);
        assert!(get.again(Kind::Connect, Sent::Nothing, 1));
        assert!(get.again(Kind::ReadTimeout, Sent::Perhaps, 1));
        assert!(!get.again(Kind::Connect, Sent::Nothing, 1));
    }

    #[test]
    fn without_a_limit_each_endpoint_has_its_turn() {
        let mut policy = Retry::default();
        policy.tries = 0;
        let mut get = Tries::new(policy, &Method::GET);
        let tries = (0..100).take_while(|_| get.again(Kind::Connect, Sent::Nothing, 5)).count();
        assert_eq!(tries, 4);
    }

    #[test]
    fn what_may_have_been_acted_on_is_not_repeated() {
        assert!(!tries(&Method::POST).again(Kind::Broken, Sent::Perhaps, 1));
        assert!(tries(&Method::POST).again(Kind::Connect, Sent::Nothing, 1));
        assert!(tries(&Method::DELETE).again(Kind::Broken, Sent::Perhaps, 1));
    }

    #[test]
    fn a_malformed_answer_is_final() {
        assert!(!tries(&Method::GET).again(Kind::BadResponse, Sent::Perhaps, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn time_can_run_out() {
        let mut policy = Retry::default();
        policy.timeout = std::time::Duration::from_secs(2);
        let mut get = Tries::new(policy, &Method::GET);
        assert!(get.again(Kind::Connect, Sent::Nothing, 1));
        tokio::time::advance(std::time::Duration::from_secs(3)).await;
        assert!(!get.again(Kind::Connect, Sent::Nothing, 1));
    }
}
