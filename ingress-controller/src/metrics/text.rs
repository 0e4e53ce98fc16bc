//! The text format of Prometheus, version 0.0.4, written.

use std::fmt::Write as _;

use super::buckets::Buckets;

/// Before the names that are not common to all programs.
const PREFIX: &str = "nginx_ingress_controller_";

/// What kind of number a family has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Counter,
    Gauge,
    Histogram,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// A text that grows by families, each written once and in one piece.
#[derive(Debug)]
pub(super) struct Text {
    out: String,
    constant: Labels,
}

impl Text {
    /// An empty text; `constant` labels stand at each sample of our own families. `size` is a guess at its length in bytes.
    pub(super) fn new(constant: Labels, size: usize) -> Self {
        Self { out: String::with_capacity(size), constant }
    }

    pub(super) fn finish(self) -> String {
        self.out
    }

    /// Begins a family of ours. `name` lacks the prefix.
    pub(super) fn family(&mut self, name: &str, kind: Kind, help: &'static str) -> Family<'_> {
        let name = format!("{PREFIX}{name}");
        Family { out: &mut self.out, constant: self.constant.as_str(), name, kind, help, began: false }
    }

    /// Begins a family of ours without the constant labels. `name` lacks the prefix.
    pub(super) fn plain(&mut self, name: &str, kind: Kind, help: &'static str) -> Family<'_> {
        let name = format!("{PREFIX}{name}");
        Family { out: &mut self.out, constant: "", name, kind, help, began: false }
    }

    /// Begins a family that all programs have, without prefix and constant labels.
    pub(super) fn common(&mut self, name: &str, kind: Kind, help: &'static str) -> Family<'_> {
        let name = name.to_owned();
        Family { out: &mut self.out, constant: "", name, kind, help, began: false }
    }
}

/// A family that is being written. One without samples leaves nothing.
#[derive(Debug)]
pub(super) struct Family<'t> {
    out: &'t mut String,
    constant: &'t str,
    name: String,
    kind: Kind,
    help: &'static str,
    began: bool,
}

impl Family<'_> {
    fn begin(&mut self) {
        if !self.began {
            self.began = true;
            let Self { out, name, help, kind, .. } = self;
            // Writing to a text cannot fail.
            let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {}", kind.name());
        }
    }

    /// `name_suffix{constant,labels`, with room for one more label.
    fn series(&self, head: &mut String, suffix: &str, labels: &str) {
        head.clear();
        head.push_str(&self.name);
        head.push_str(suffix);
        let separator = if self.constant.is_empty() || labels.is_empty() { "" } else { "," };
        if !self.constant.is_empty() || !labels.is_empty() {
            head.push('{');
        }
        for part in [self.constant, separator, labels] {
            head.push_str(part);
        }
    }

    fn head(&mut self, labels: &str) {
        self.begin();
        let mut head = String::new();
        self.series(&mut head, "", labels);
        self.out.push_str(&head);
        self.out.push_str(if head.contains('{') { "} " } else { " " });
    }

    /// One sample.
    pub(super) fn count(&mut self, labels: &str, value: u64) {
        self.head(labels);
        integer(self.out, value);
        self.out.push('\n');
    }

    /// One sample.
    pub(super) fn value(&mut self, labels: &str, value: f64) {
        self.head(labels);
        number(self.out, value);
        self.out.push('\n');
    }

    /// The samples of one histogram. `counts` has one number for each bucket, the last one for all that is above them; not cumulative.
    pub(super) fn histogram(&mut self, labels: &str, buckets: &Buckets, counts: &[u64], sum: f64) {
        self.begin();
        let mut head = String::with_capacity(512);
        self.series(&mut head, "_bucket", labels);
        let before = if head.contains('{') { "," } else { "{" };
        let mut total = 0;
        for (bound, count) in buckets.texts().iter().zip(counts) {
            total += count;
            for part in [&head, before, "le=\"", bound, "\"} "] {
                self.out.push_str(part);
            }
            integer(self.out, total);
            self.out.push('\n');
        }
        let end = if head.contains('{') { "} " } else { " " };
        self.series(&mut head, "_sum", labels);
        self.out.push_str(&head);
        self.out.push_str(end);
        number(self.out, sum);
        self.out.push('\n');
        self.series(&mut head, "_count", labels);
        self.out.push_str(&head);
        self.out.push_str(end);
        integer(self.out, total);
        self.out.push('\n');
    }
}

/// Most of a scrape is small integers; this is several times as fast as the formatting machinery.
fn integer(out: &mut String, mut value: u64) {
    let mut digits = [0u8; 20];
    let mut start = digits.len();
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (value % 10) as u8;
        value /= 10;
        start -= 1;
        if value == 0 {
            break;
        }
    }
    let digits = digits.get(start..).unwrap_or_default();
    out.push_str(std::str::from_utf8(digits).unwrap_or_default());
}

fn number(out: &mut String, value: f64) {
    if value.is_finite() {
        let _ = write!(out, "{value}");
    } else if value.is_nan() {
        out.push_str("NaN");
    } else {
        out.push_str(if value > 0.0 { "+Inf" } else { "-Inf" });
    }
}

/// Labels as they stand between the braces.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Labels(String);

impl Labels {
    /// Adds a label; no two may have one name.
    #[must_use]
    pub(super) fn with(mut self, name: &str, value: &str) -> Self {
        self.add(name, value);
        self
    }

    /// As [`with`](Self::with).
    pub(super) fn add(&mut self, name: &str, value: &str) {
        if !self.0.is_empty() {
            self.0.push(',');
        }
        self.0.push_str(name);
        self.0.push_str("=\"");
        for letter in value.chars() {
            match letter {
                '\\' => self.0.push_str("\\\\"),
                '"' => self.0.push_str("\\\""),
                '\n' => self.0.push_str("\\n"),
                other => self.0.push(other),
            }
        }
        self.0.push('"');
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_and_labels_have_their_form() {
        let mut text = Text::new(Labels::default().with("pod", "a\"b\\c\nd"), 0);
        text.family("none", Kind::Gauge, "is not written");
        let mut family = text.family("some", Kind::Counter, "counts");
        family.count("", u64::MAX);
        family.count("a=\"b\"", 0);
        text.common("up", Kind::Gauge, "is up").value("", 1.5);
        let pod = "pod=\"a\\\"b\\\\c\\nd\"";
        let expected = format!(
            "# HELP nginx_ingress_controller_some counts\n# TYPE nginx_ingress_controller_some counter\n\
             nginx_ingress_controller_some{{{pod}}} 18446744073709551615\n\
             nginx_ingress_controller_some{{{pod},a=\"b\"}} 0\n\
             # HELP up is up\n# TYPE up gauge\nup 1.5\n"
        );
        assert_eq!(text.finish(), expected);
    }

    #[test]
    fn a_histogram_is_cumulative_and_ends_with_its_count() {
        let mut text = Text::new(Labels::default(), 0);
        let buckets = Buckets::new(&[0.5, 1e6]);
        text.common("h", Kind::Histogram, "x").histogram("", &buckets, &[1, 2, 3], 2.5);
        let expected = "# HELP h x\n# TYPE h histogram\nh_bucket{le=\"0.5\"} 1\nh_bucket{le=\"1e+06\"} 3\n\
                        h_bucket{le=\"+Inf\"} 6\nh_sum 2.5\nh_count 6\n";
        assert_eq!(text.finish(), expected);
    }

    #[test]
    fn numbers_are_those_that_prometheus_reads() {
        let mut out = String::new();
        for value in [0, 9, 10, 1234567890] {
            integer(&mut out, value);
            out.push(' ');
        }
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1.0, 0.25] {
            number(&mut out, value);
            out.push(' ');
        }
        assert_eq!(out, "0 9 10 1234567890 NaN +Inf -Inf 1 0.25 ");
    }
}
