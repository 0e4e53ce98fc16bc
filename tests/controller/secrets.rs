//! The content of Secrets: kept of those that are referred to, and said of none.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};

use harness::Manifests;
use harness::world::{Program, World};
use serde_json::{Value, json};

use crate::PROGRAM;

const SECRETS: usize = 100;

/// What nobody else has in memory: `MARKER-…` with digits that are made by chance.
struct Markers {
    run: u64,
}

impl Markers {
    fn text(&self, number: usize) -> String {
        format!("MARKER-{:016x}-{number:04}-END", self.run)
    }

    /// The numbers of the markers that a text holds.
    fn find(&self, text: &[u8], found: &mut std::collections::BTreeMap<usize, usize>) {
        let start = format!("MARKER-{:016x}-", self.run);
        for at in memchr::memmem::find_iter(text, &start) {
            let digits = text.get(at + start.len()..at + start.len() + 4).unwrap_or_default();
            if let Some(number) = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok()) {
                *found.entry(number).or_default() += 1;
            }
        }
    }
}

fn secret(name: &str, value: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": { "name": name },
        "type": "kubernetes.io/tls",
        "data": { "tls.crt": base64(value.as_bytes()), "tls.key": base64(value.as_bytes()) },
    })
}

fn base64(bytes: &[u8]) -> String {
    let text = serde_json::to_string(&k8s_openapi::ByteString(bytes.to_vec())).unwrap();
    text.trim_matches('"').to_owned()
}

/// The memory of a process, area by area; `None` if this system lets nobody read it.
fn search_memory(id: u32, markers: &Markers) -> Option<std::collections::BTreeMap<usize, usize>> {
    let maps = std::fs::read_to_string(format!("/proc/{id}/maps")).ok()?;
    let mut memory = File::open(format!("/proc/{id}/mem")).ok()?;
    let mut found = std::collections::BTreeMap::new();
    for line in maps.lines() {
        let mut words = line.split_whitespace();
        let (Some(range), Some(rights)) = (words.next(), words.next()) else { continue };
        if !rights.starts_with("rw") {
            continue;
        }
        let (start, end) = range.split_once('-')?;
        let (start, end) = (u64::from_str_radix(start, 16).ok()?, u64::from_str_radix(end, 16).ok()?);
        let mut area = vec![0; usize::try_from(end - start).ok()?];
        memory.seek(SeekFrom::Start(start)).ok()?;
        if memory.read_exact(&mut area).is_ok() {
            markers.find(&area, &mut found);
        }
    }
    Some(found)
}

async fn start(world: &World) -> Program {
    let kubeconfig = format!("--kubeconfig={}", world.kubeconfig().display());
    // At this verbosity everything is logged that is logged at all.
    let program = Program::start(PROGRAM, world.flags().into_iter().chain([kubeconfig, "--v=5".into()]), &[]);
    program.serving().await;
    program
}

fn ingress(host: &str, secret: &str) -> Value {
    let manifests = Manifests::new().ingress("web").host(host).prefix("/", "web", 80);
    let mut ingress = manifests.documents()[0].clone();
    ingress["spec"]["tls"] = json!([{ "hosts": [host], "secretName": secret }]);
    ingress
}

#[tokio::test]
async fn only_what_is_referred_to_is_kept() {
    let world = World::in_memory().await;
    let markers = Markers { run: rand::random() };
    for number in 0..SECRETS {
        world.put(&secret(&format!("secret-{number}"), &markers.text(number))).await;
    }
    world.put(&ingress("a.test", "secret-7")).await;
    let program = start(&world).await;
    let Some(found) = search_memory(program.id(), &markers) else {
        return println!("not tested: this system lets nobody read the memory of a process");
    };
    // What was given back to the allocator has lost its first bytes, with which a marker begins.
    assert_eq!(found.keys().collect::<Vec<_>>(), [&7], "{found:?}");

    // One that changes, one that is new, and another that is referred to.
    world.put(&secret("secret-8", &markers.text(1008))).await;
    world.put(&secret("secret-new", &markers.text(1000))).await;
    world.put(&ingress("b.test", "secret-9")).await;
    let kept = || {
        let found = search_memory(program.id(), &markers).unwrap();
        found.into_keys().collect::<Vec<_>>()
    };
    world.until("another secret to be kept", async || (kept() == [9]).then_some(())).await;
    let lines = program.log.all();
    assert!(lines.len() > 10, "it is verbose: {lines:#?}");
    assert_eq!(program.log.find(&["MARKER"]), None);
    assert_eq!(program.out.all(), Vec::<String>::new());
}

/// An answer that cannot be read is not shown either: what it holds is anybody's guess.
#[tokio::test]
async fn a_secret_that_cannot_be_read_is_not_logged() {
    let world = World::in_memory().await;
    let markers = Markers { run: rand::random() };
    let mut broken = secret("broken", "");
    broken["data"] = json!(markers.text(1));
    world.put(&secret("sound", &markers.text(2))).await;
    world.put(&broken).await;
    let kubeconfig = format!("--kubeconfig={}", world.kubeconfig().display());
    let program = Program::start(PROGRAM, world.flags().into_iter().chain([kubeconfig, "--v=5".into()]), &[]);
    program
        .log
        .line("waiting for the API server: cannot read secrets: the answer makes no sense at line ")
        .await;
    world.server().until("another try", |server| server.requests("list", "secrets") > 2).await;
    assert_eq!(program.log.find(&["MARKER"]), None);
}
