//! Threads with a runtime of their own.

use std::future::Future;

use tokio::sync::{mpsc, oneshot};

use crate::error::Error;

/// Runs a task on a thread with a runtime of its own. `thread` is dropped when it ends.
pub(super) async fn spawn<F, T>(part: &'static str, thread: mpsc::Sender<()>, task: F) -> Result<(), Error>
where
    F: FnOnce() -> T + Send + 'static,
    T: Future<Output = ()>,
{
    let (built, is_built) = oneshot::channel();
    let body = move || {
        let _thread = thread;
        match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => {
                if built.send(Ok(())).is_ok() {
                    runtime.block_on(task());
                }
            }
            Err(error) => drop(built.send(Err(error))),
        }
    };
    let name = part.trim_end_matches(" thread").replace(' ', "-");
    let result = match std::thread::Builder::new().name(name).spawn(body) {
        Ok(_) => is_built.await.map_err(|_| Error::Ended)?,
        Err(error) => Err(error),
    };
    result.map_err(|source| Error::System { part, source })
}
