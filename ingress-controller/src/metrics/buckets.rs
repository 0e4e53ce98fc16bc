//! The upper bounds of a histogram's buckets.

/// Upper bounds in ascending order, and the texts that stand for them.
#[derive(Debug, Clone)]
pub(super) struct Buckets {
    bounds: Vec<f64>,
    texts: Vec<String>,
}

impl Buckets {
    /// Order and repetitions do not matter; what is above the largest has a bucket of its own.
    pub(super) fn new(bounds: &[f64]) -> Self {
        let mut bounds: Vec<f64> = bounds.iter().copied().filter(|bound| bound.is_finite()).collect();
        bounds.sort_by(f64::total_cmp);
        bounds.dedup();
        let mut texts: Vec<_> = bounds.iter().copied().map(text).collect();
        texts.push("+Inf".to_owned());
        Self { bounds, texts }
    }

    /// The index of the bucket that a value falls into: that of the first bound that is not below it.
    pub(super) fn index(&self, value: f64) -> usize {
        self.bounds.partition_point(|bound| *bound < value)
    }

    /// The values of `le`, with `+Inf` at the end.
    pub(super) fn texts(&self) -> &[String] {
        &self.texts
    }
}

/// A bound as the Go client of Prometheus writes it, since it is part of a series' name: with an exponent of at least two digits from a
/// million on and below a ten thousandth.
fn text(bound: f64) -> String {
    let size = bound.abs();
    if size == 0.0 || (1e-4..1e6).contains(&size) {
        return bound.to_string();
    }
    let text = format!("{bound:e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, exponent) = match exponent.strip_prefix('-') {
        Some(exponent) => ('-', exponent),
        None => ('+', exponent),
    };
    format!("{digits}e{sign}{exponent:0>2}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_written_as_go_does() {
        let buckets =
            Buckets::new(&[1e7, 10.0, 0.005, 1e6, 10.0, f64::NAN, 999_999.0, 2.5, 1e-5, 1.5e100, 0.0]);
        let expected = ["0", "1e-05", "0.005", "2.5", "10", "999999", "1e+06", "1e+07", "1.5e+100", "+Inf"];
        assert_eq!(buckets.texts(), expected);
    }

    #[test]
    fn a_bound_belongs_to_its_bucket() {
        let buckets = Buckets::new(&[1.0, 2.0]);
        let indexes = [0.0, 1.0, 1.1, 2.0, 2.1, f64::INFINITY].map(|value| buckets.index(value));
        assert_eq!(indexes, [0, 0, 1, 1, 2, 2]);
    }
}
