//! How large a request's body may be.

/// Limits of a request's body, with the defaults of ingress-nginx.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct RequestBody {
    /// The most bytes (`proxy-body-size`, 1 MiB); a larger body is answered 413. `None` means no limit.
    pub max_size: Option<u64>,
}

impl Default for RequestBody {
    fn default() -> Self {
        Self { max_size: Some(1024 * 1024) }
    }
}
