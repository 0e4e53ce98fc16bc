//! From files: what a start takes, and how long it is from a written file to traffic.

use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use harness::Upstream;
use harness::world::Program;
use tokio::time::Instant;

use crate::cost::{Memory, cpu, memory, rest};
use crate::{PROGRAM, host, millis, report, until};

/// How the objects are written.
#[derive(Debug, Clone, Copy)]
enum Layout {
    /// A file for each Ingress and what belongs to it.
    Files,
    /// One file with a document for each object.
    Documents,
    /// One file with a List.
    List,
    /// The same in JSON.
    Json,
}

/// With so many Ingresses, in each layout: the start; and changes of a file among many.
pub(crate) async fn all(size: usize, times: usize) {
    let upstream = Upstream::named("one").await;
    println!("\n{size} Ingresses with 3 paths, a Service and an EndpointSlice each, from files");
    for layout in [Layout::Files, Layout::Documents, Layout::List, Layout::Json] {
        let folder = tempfile::tempdir().unwrap();
        write_all(folder.path(), layout, size, upstream.address());
        let (program, http, ready) = start(folder.path()).await;
        let used = cpu(&program);
        println!(
            "  start to ready, {layout:<20}{}, CPU {}, {}",
            millis(ready),
            millis(used),
            memory(&program)
        );
        until(http, &host(size - 1), |answer| answer.status == 200).await;
        if matches!(layout, Layout::Files) {
            changes(&program, http, folder.path(), times, upstream.address()).await;
        }
    }
}

impl std::fmt::Display for Layout {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Files => "a file each",
            Self::Documents => "one of documents",
            Self::List => "a List",
            Self::Json => "a List in JSON",
        })
    }
}

async fn start(folder: &Path) -> (Program, SocketAddr, std::time::Duration) {
    let start = Instant::now();
    let manifests = format!("--manifests={}", folder.display());
    let flags =
        ["--bind-address=127.0.0.1", "--http-port=0", "--https-port=0", "--healthz-port=0", &manifests];
    let program = Program::start(PROGRAM, flags, &[]);
    let (http, _) = program.serving().await;
    (program, http, start.elapsed())
}

/// New files, and files that are written again.
async fn changes(program: &Program, http: SocketAddr, folder: &Path, times: usize, upstream: SocketAddr) {
    let (mut new, mut edited) = (Vec::new(), Vec::new());
    rest(program, cpu(program)).await;
    let memory = Memory::begin(program);
    for number in 0..times {
        let (before, name) = (cpu(program), format!("new-{number}"));
        fs::write(folder.join(format!("{name}.yaml")), objects(&name, upstream).join("---\n")).unwrap();
        new.push(until(http, &format!("{name}.test"), |answer| answer.status == 200).await);
        rest(program, before).await;
        let (before, other) = (cpu(program), format!("other-{number}"));
        let text =
            objects(&name, upstream).join("---\n").replace(&format!("{name}.test"), &format!("{other}.test"));
        fs::write(folder.join(format!("{name}.yaml")), text).unwrap();
        edited.push(until(http, &format!("{other}.test"), |answer| answer.status == 200).await);
        rest(program, before).await;
    }
    report("new file to its first request", new);
    report("edited file to its first request", edited);
    println!("  memory during the changes           {}", memory.told(program));
}

fn write_all(folder: &Path, layout: Layout, size: usize, upstream: SocketAddr) {
    let names = (0..size).map(|number| format!("web-{number}"));
    let put = |name: &str, text: &str| fs::write(folder.join(name), text).unwrap();
    match layout {
        Layout::Files => {
            names.for_each(|name| put(&format!("{name}.yaml"), &objects(&name, upstream).join("---\n")));
        }
        Layout::Documents => {
            put(
                "all.yaml",
                &names.flat_map(|name| objects(&name, upstream)).collect::<Vec<_>>().join("---\n"),
            );
        }
        Layout::List => {
            let mut text = String::from("apiVersion: v1\nkind: List\nitems:\n");
            for object in names.flat_map(|name| objects(&name, upstream)) {
                for (number, line) in object.lines().enumerate() {
                    let _ = writeln!(text, "{} {line}", if number == 0 { "-" } else { " " });
                }
            }
            put("all.yaml", &text);
        }
        Layout::Json => {
            let read = |object: String| serde_saphyr::from_str::<serde_json::Value>(&object).unwrap();
            let items: Vec<_> = names.flat_map(|name| objects(&name, upstream)).map(read).collect();
            let list = serde_json::json!({"apiVersion": "v1", "kind": "List", "items": items});
            put("all.json", &list.to_string());
        }
    }
}

/// An Ingress for `<name>.test`, its Service and its EndpointSlice, as people write them.
fn objects(name: &str, upstream: SocketAddr) -> [String; 3] {
    let meta = format!(
        "metadata:\n  name: {name}\n  namespace: shop\n  labels:\n    app.kubernetes.io/name: {name}\n    \
         kubernetes.io/service-name: {name}\n"
    );
    let backend = format!(
        "        backend:\n          service:\n            name: {name}\n            port:\n              number: 80\n"
    );
    let path = |path: &str, kind: &str| format!("      - path: {path}\n        pathType: {kind}\n{backend}");
    let paths = [path("/", "Prefix"), path("/api", "Prefix"), path("/login", "Exact")].concat();
    let (ip, port) = (upstream.ip(), upstream.port());
    [
        format!(
            "apiVersion: networking.k8s.io/v1\nkind: Ingress\n{meta}  annotations:\n    \
             nginx.ingress.kubernetes.io/proxy-body-size: 8m\nspec:\n  rules:\n  - host: {name}.test\n    http:\n      \
             paths:\n{paths}"
        ),
        format!("apiVersion: v1\nkind: Service\n{meta}spec:\n  ports:\n  - name: http\n    port: 80\n"),
        format!(
            "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n{meta}addressType: IPv4\nports:\n- name: http\n  \
             port: {port}\nendpoints:\n- addresses:\n  - {ip}\n  conditions:\n    ready: true\n"
        ),
    ]
}
