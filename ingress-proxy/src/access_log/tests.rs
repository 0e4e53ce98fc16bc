//! The log over sinks that are slow, stuck or broken.

use std::sync::{Condvar, Mutex};

use http::{Method, Uri, Version};

use super::*;

/// A sink that keeps what is written, and can be stuck.
#[derive(Debug, Clone, Default)]
struct Sink(Arc<(Mutex<State>, Condvar)>);

#[derive(Debug, Default)]
struct State {
    written: Vec<u8>,
    stuck: bool,
    fails: bool,
    waiting: bool,
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let (state, changed) = &*self.0;
        let mut state = state.lock().unwrap();
        state.waiting = true;
        changed.notify_all();
        let mut state = changed.wait_while(state, |state| state.stuck).unwrap();
        state.waiting = false;
        if state.fails {
            return Err(io::ErrorKind::StorageFull.into());
        }
        state.written.extend_from_slice(bytes);
        changed.notify_all();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Sink {
    fn set(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.0.0.lock().unwrap());
        self.0.1.notify_all();
    }

    fn wait_for_writer(&self) {
        let state = self.0.0.lock().unwrap();
        drop(self.0.1.wait_while(state, |state| !state.waiting).unwrap());
    }

    fn wait_for_lines(&self) {
        let state = self.0.0.lock().unwrap();
        drop(self.0.1.wait_while(state, |state| state.written.is_empty()).unwrap());
    }

    fn lines(&self) -> usize {
        memchr::memchr_iter(b'\n', &self.0.0.lock().unwrap().written).count()
    }
}

fn finished<'r>(method: &'r Method, target: &'r Uri) -> Finished<'r> {
    Finished {
        connection: None,
        client: None,
        method: Some(method),
        target: Some(target),
        refused_line: None,
        version: Version::HTTP_11,
        host: "a.test",
        referer: None,
        user_agent: None,
        request_id: None,
        status: 200,
        request_length: 1,
        bytes_sent: 1,
        body_bytes_sent: 1,
        duration: Duration::ZERO,
        route: None,
        default_backend: false,
        known_host: true,
        health_check: false,
        log: true,
        tries: &[],
    }
}

#[test]
fn every_line_is_written_at_the_end() {
    let sink = Sink::default();
    let log = AccessLog::new(sink.clone()).unwrap();
    let (method, target) = (Method::GET, Uri::from_static("/"));
    let mut workers = [log.observer(), log.observer()];
    for _ in 0..1000 {
        workers.iter_mut().for_each(|worker| worker.finished(&finished(&method, &target)));
    }
    workers[0].finished(&Finished { log: false, ..finished(&method, &target) });
    let dropped = log.clone();
    drop((log, workers));
    assert_eq!(dropped.dropped(), 0);
    drop(dropped);
    assert_eq!(sink.lines(), 2000);
}

#[test]
fn lines_are_written_without_being_asked_for() {
    let sink = Sink::default();
    let log = AccessLog::new(sink.clone()).unwrap();
    log.observer().finished(&finished(&Method::GET, &Uri::from_static("/")));
    sink.wait_for_lines();
    assert_eq!(sink.lines(), 1);
}

#[test]
fn a_stuck_sink_costs_lines_and_no_time() {
    let sink = Sink::default();
    sink.set(|state| state.stuck = true);
    let log = AccessLog::new(sink.clone()).unwrap();
    let mut worker = log.observer();
    let (method, target) = (Method::GET, Uri::from_static("/"));
    worker.finished(&finished(&method, &target));
    sink.wait_for_writer();
    let mut sent = 1;
    while log.dropped() < 10 {
        worker.finished(&finished(&method, &target));
        sent += 1;
    }
    assert!(!log.flush(Duration::from_millis(1)));
    sink.set(|state| state.stuck = false);
    assert!(log.flush(Duration::from_secs(20)));
    assert_eq!((sink.lines(), log.dropped()), (sent - 10, 10));
    let size = sink.0.0.lock().unwrap().written.len();
    assert!((1 << 20..(1 << 20) + 1000).contains(&size), "{size} bytes were kept");
}

#[test]
fn what_a_sink_refuses_is_counted() {
    let sink = Sink::default();
    sink.set(|state| state.fails = true);
    let log = AccessLog::new(sink.clone()).unwrap();
    let mut worker = log.observer();
    let (method, target) = (Method::GET, Uri::from_static("/"));
    worker.finished(&finished(&method, &target));
    assert!(log.flush(Duration::from_secs(20)));
    assert_eq!(log.dropped(), 1);
    sink.set(|state| state.fails = false);
    worker.finished(&finished(&method, &target));
    assert!(log.flush(Duration::from_secs(20)));
    assert_eq!((sink.lines(), log.dropped()), (1, 1));
}
