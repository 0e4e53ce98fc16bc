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

#[tokio::test]
async fn explore() {
    let world = World::in_memory().await;
    let markers = Markers { run: rand::random() };
    for number in 0..SECRETS {
        world.put(&secret(&format!("secret-{number}"), &markers.text(number))).await;
    }
    let mut ingress = Manifests::new().ingress("web").host("a.test").prefix("/", "web", 80).documents()[0].clone();
    ingress["spec"]["tls"] = json!([{ "hosts": ["a.test"], "secretName": "secret-7" }]);
    world.put(&ingress).await;
    let kubeconfig = format!("--kubeconfig={}", world.kubeconfig().display());
    let program = Program::start(PROGRAM, world.flags().into_iter().chain([kubeconfig, "--v=5".into()]), &[]);
    program.serving().await;
    println!("{:?}", search_memory(program.id(), &markers));
    for number in 0..200 {
        world.put_ingress("web", &format!("{number}.test"), "web").await;
    }
    program.log.line("199.test").await;
    println!("{:?}", search_memory(program.id(), &markers));
    println!("{:?}", program.log.find(&["MARKER"]));
}
