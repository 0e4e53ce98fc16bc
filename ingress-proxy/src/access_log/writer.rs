//! From the buffers of the workers to the sink.

use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long lines may wait for others to be written with them.
const PAUSE: Duration = Duration::from_millis(50);
/// From so many bytes in one buffer on, the pause is cut short.
const MUCH: usize = 64 * 1024;
/// So many bytes in one buffer, and further lines are dropped.
const FULL: usize = 1024 * 1024;

/// The lines of one worker that are not written yet.
#[derive(Debug, Default)]
pub(super) struct Buffer {
    lines: Mutex<Vec<u8>>,
}

/// What the workers and the writing thread share. A worker touches more of it than its own buffer only when that becomes non-empty or
/// large.
#[derive(Debug, Default)]
pub(super) struct Writer {
    buffers: Mutex<Vec<Arc<Buffer>>>,
    bell: Mutex<Bell>,
    rung: Condvar,
    dropped: AtomicU64,
}

/// What the writing thread is asked for.
#[derive(Debug, Default)]
struct Bell {
    /// There are lines.
    some: bool,
    /// There are many.
    much: bool,
    /// Write what is there, and end.
    ended: bool,
    /// How many flushes were asked for, and how many of them are done.
    flushes: u64,
    flushed: u64,
}

impl Bell {
    fn hurries(&self) -> bool {
        self.much || self.ended || self.flushes > self.flushed
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Writer {
    /// Starts the thread that writes to `sink`.
    pub(super) fn start(sink: impl Write + Send + 'static) -> io::Result<Arc<Self>> {
        let writer = Arc::new(Self::default());
        let running = writer.clone();
        std::thread::Builder::new().name("access-log".into()).spawn(move || running.run(sink))?;
        Ok(writer)
    }

    /// A buffer for one worker.
    pub(super) fn buffer(&self) -> Arc<Buffer> {
        let buffer = Arc::new(Buffer::default());
        lock(&self.buffers).push(buffer.clone());
        buffer
    }

    pub(super) fn dropped(&self) -> u64 {
        self.dropped.load(Relaxed)
    }

    /// Adds the line that `write` appends, if there is room.
    pub(super) fn add(&self, buffer: &Buffer, write: impl FnOnce(&mut Vec<u8>)) {
        let mut lines = lock(&buffer.lines);
        let before = lines.len();
        if before >= FULL {
            self.dropped.fetch_add(1, Relaxed);
            return;
        }
        write(&mut lines);
        let after = lines.len();
        drop(lines);
        if before == 0 || (before < MUCH && after >= MUCH) {
            let mut bell = lock(&self.bell);
            bell.some = true;
            bell.much |= after >= MUCH;
            drop(bell);
            self.rung.notify_all();
        }
    }

    /// Has everything written that was added before; false if that takes longer.
    pub(super) fn flush(&self, patience: Duration) -> bool {
        let mut bell = lock(&self.bell);
        bell.flushes += 1;
        let flush = bell.flushes;
        self.rung.notify_all();
        let waited = self.rung.wait_timeout_while(bell, patience, |bell| bell.flushed < flush);
        let (bell, _) = waited.unwrap_or_else(PoisonError::into_inner);
        bell.flushed >= flush
    }

    /// Has everything written and the thread end, but waits no longer than this.
    pub(super) fn end(&self, patience: Duration) {
        lock(&self.bell).ended = true;
        self.flush(patience);
    }

    fn run(&self, mut sink: impl Write) {
        let mut spare = Vec::new();
        let mut works = true;
        let mut bell = lock(&self.bell);
        loop {
            let rung = self.rung.wait_while(bell, |bell| !bell.some && !bell.hurries());
            bell = rung.unwrap_or_else(PoisonError::into_inner);
            (bell.some, bell.much) = (false, false);
            let (ended, flushes) = (bell.ended, bell.flushes);
            drop(bell);
            works = self.write_all(&mut sink, &mut spare, works);
            bell = lock(&self.bell);
            bell.flushed = flushes;
            self.rung.notify_all();
            if ended {
                return;
            }
            let paused = self.rung.wait_timeout_while(bell, PAUSE, |bell| !bell.hurries());
            (bell, _) = paused.unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Writes what is in the buffers, and forgets those of workers that have ended. True if the sink took everything; `worked` says
    /// whether it did so the last time.
    fn write_all(&self, sink: &mut impl Write, spare: &mut Vec<u8>, worked: bool) -> bool {
        let buffers = lock(&self.buffers).clone();
        let mut works = worked;
        for buffer in &buffers {
            std::mem::swap(spare, &mut *lock(&buffer.lines));
            if spare.is_empty() {
                continue;
            }
            let written = sink.write_all(spare).and_then(|()| sink.flush());
            if let Err(error) = &written {
                let lines = memchr::memchr_iter(b'\n', spare).count();
                self.dropped.fetch_add(lines as u64, Relaxed);
                if works {
                    tracing::warn!(%error, "the access log cannot be written: lines are lost");
                }
            }
            works = written.is_ok();
            spare.clear();
        }
        drop(buffers);
        lock(&self.buffers).retain(|buffer| Arc::strong_count(buffer) > 1 || !lock(&buffer.lines).is_empty());
        works
    }
}
