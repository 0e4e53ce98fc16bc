//! How many connections the system lets the process hold.

/// Where Linux tells a process its limits.
const LIMITS: &str = "/proc/self/limits";
/// Used where the system does not tell.
const UNKNOWN: usize = 16_384;

/// How many clients may be connected to each worker: nine tenths of the descriptors, less those that idle connections to endpoints may
/// hold, but at least half of them.
pub(super) fn clients_per_worker(workers: usize, upstream_keepalive: usize) -> usize {
    let descriptors =
        std::fs::read_to_string(LIMITS).ok().and_then(|text| soft_limit(&text)).unwrap_or(UNKNOWN);
    let clients = (descriptors / 10 * 9).saturating_sub(workers.saturating_mul(upstream_keepalive));
    (clients.max(descriptors / 2) / workers.max(1)).max(1)
}

fn soft_limit(limits: &str) -> Option<usize> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    match line.split_whitespace().next()? {
        "unlimited" => Some(usize::MAX / 16),
        number => number.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_soft_limit_is_read() {
        let limits = "Limit  Soft Limit  Hard Limit  Units\nMax open files            1024                 524288               files\n";
        assert_eq!(soft_limit(limits), Some(1024));
        assert_eq!(soft_limit("Max open files unlimited unlimited files"), Some(usize::MAX / 16));
        assert_eq!(soft_limit(""), None);
    }
}
