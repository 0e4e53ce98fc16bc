//! Where the access log goes.

use std::fs::OpenOptions;
use std::path::PathBuf;

use ingress_proxy::access_log::AccessLog;

use crate::error::Error;

/// Where the access log goes. Whether there is one is decided by the ConfigMap too (`disable-access-log`).
#[derive(Debug, Default, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum AccessLogSink {
    /// Nowhere: what an embedder gets who asks for nothing.
    #[default]
    None,
    /// Standard output, as the program writes it.
    Stdout,
    /// A file, to whose end it is added.
    File(PathBuf),
}

impl AccessLogSink {
    pub(crate) fn open(&self) -> Result<Option<AccessLog>, Error> {
        let log = match self {
            Self::None => return Ok(None),
            Self::Stdout => AccessLog::new(std::io::stdout()),
            Self::File(path) => {
                OpenOptions::new().append(true).create(true).open(path).and_then(AccessLog::new)
            }
        };
        log.map(Some).map_err(|source| Error::System { part: "access log", source })
    }
}
