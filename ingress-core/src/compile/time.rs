//! The moment of a compile, and until when its result holds.

/// The time, and what was asked about it.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Time {
    now: Option<i64>,
    /// The latest moment that was asked about and is past.
    since: Option<i64>,
    /// The next moment that was asked about.
    until: Option<i64>,
}

impl Time {
    /// In seconds since 1970.
    pub(super) fn new(now: Option<i64>) -> Self {
        Self { now, since: None, until: None }
    }

    /// False if nobody told the time.
    pub(super) fn is_known(&self) -> bool {
        self.now.is_some()
    }

    /// True if it is later than this moment.
    pub(super) fn is_past(&mut self, moment: i64) -> bool {
        match self.now {
            Some(now) if now > moment => {
                self.since = self.since.max(Some(moment));
                true
            }
            _ => {
                self.until = Some(self.until.map_or(moment, |until| until.min(moment)));
                false
            }
        }
    }

    /// What was asked at both moments, of which the other is this one.
    pub(super) fn and(self, other: Self, now: Option<i64>) -> Self {
        let until = self.until.into_iter().chain(other.until).min();
        Self { now, since: self.since.max(other.since), until }
    }

    /// True if everything that was asked would have the same answer at another time.
    pub(super) fn is_as_at(&self, now: Option<i64>) -> bool {
        match (self.now, now) {
            (Some(_), Some(now)) => {
                self.since.is_none_or(|since| now > since) && self.until.is_none_or(|until| now <= until)
            }
            (None, None) => true,
            _ => false,
        }
    }
}
