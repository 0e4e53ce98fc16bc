//! The lines that a process writes.

use std::io::{BufRead as _, BufReader, Read};
use std::sync::{Arc, Mutex};

use tokio::sync::watch;

use crate::within;

/// The lines that a process has written so far. Clones see the same.
#[derive(Debug, Clone)]
pub struct Lines {
    held: Arc<Mutex<Vec<String>>>,
    changed: watch::Sender<()>,
}

impl Lines {
    /// Reads to the end, on a thread of its own.
    pub(super) fn read(from: impl Read + Send + 'static) -> Self {
        let lines = Self { held: Arc::default(), changed: watch::Sender::new(()) };
        let reader = lines.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(from).lines().map_while(Result::ok) {
                reader.held.lock().unwrap().push(line);
                reader.changed.send_replace(());
            }
        });
        lines
    }

    /// All so far.
    pub fn all(&self) -> Vec<String> {
        self.held.lock().unwrap().clone()
    }

    /// The first one with these texts.
    pub fn find(&self, texts: &[&str]) -> Option<String> {
        let held = self.held.lock().unwrap();
        held.iter().find(|line| texts.iter().all(|text| line.contains(text))).cloned()
    }

    /// Waits for a line with a text.
    ///
    /// # Panics
    /// After [`crate::DEADLINE`], with all lines so far.
    pub async fn line(&self, text: &str) -> String {
        self.line_with(&[text]).await
    }

    /// Waits for a line with all these texts.
    ///
    /// # Panics
    /// After [`crate::DEADLINE`], with all lines so far.
    pub async fn line_with(&self, texts: &[&str]) -> String {
        let mut changed = self.changed.subscribe();
        let found = async {
            loop {
                if let Some(line) = self.find(texts) {
                    return line;
                }
                let _ = changed.changed().await;
            }
        };
        match tokio::time::timeout(crate::DEADLINE, found).await {
            Ok(line) => line,
            Err(_) => panic!("no line with {texts:?} in {:#?}", self.all()),
        }
    }

    /// Waits until there are so many.
    pub async fn count(&self, count: usize) -> Vec<String> {
        let mut changed = self.changed.subscribe();
        within(format!("{count} lines"), async {
            while self.held.lock().unwrap().len() < count {
                let _ = changed.changed().await;
            }
        })
        .await;
        self.all()
    }
}
