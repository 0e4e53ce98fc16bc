//! How many instructions a request takes, by valgrind's count: figures that do not depend on what else the machine does.
//!
//! Each case runs in a process of its own under `valgrind --tool=callgrind`, once for few and once for many requests; the difference is
//! what the requests took, without the start. The client and the endpoint are in this process, which is not counted. What the kernel does
//! is not counted either.
//!
//! `cargo bench -p ingress-proxy --bench instructions` runs all cases, `-- NAME` those whose name begins so, and `-- --keep FOLDER`
//! leaves the profiles of the longer runs there, for `callgrind_annotate`.

// A benchmark may give up, and has to say what it found.
#![allow(clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod cases;
mod peer;

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use cases::{CASES, Case};

fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["run", name, number, endpoint] => {
            let number = number.parse().expect("a number of requests");
            cases::run(name, number, endpoint.parse().expect("an address"));
        }
        ["--keep", folder, names @ ..] => table(names, Some(Path::new(folder))),
        names => table(names, None),
    }
}

fn table(names: &[&str], keep: Option<&Path>) {
    println!("| case | instructions |\n|---|---|");
    for case in CASES {
        if names.is_empty() || names.iter().any(|name| case.name.starts_with(name)) {
            let [few, many] = [case.few, case.many].map(|number| count(case, number, keep));
            println!("| {} | {} |", case.name, (many - few) / (case.many - case.few));
        }
    }
}

/// The instructions of a case with so many requests, its start included.
fn count(case: &Case, number: u64, keep: Option<&Path>) -> u64 {
    let folder = keep.map_or_else(std::env::temp_dir, Path::to_owned);
    let profile = folder.join(format!("instructions.{}", case.name));
    let endpoint = peer::endpoint();
    let mut command = Command::new("valgrind");
    command
        .args(["--tool=callgrind", "--error-limit=no"])
        .arg(format!("--callgrind-out-file={}", profile.display()));
    command.arg(std::env::current_exe().expect("this program"));
    command.args(["run", case.name, &number.to_string(), &endpoint.to_string()]);
    let spawned = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
    let mut child = spawned.unwrap_or_else(|error| panic!("this benchmark needs valgrind: {error}"));
    if case.served {
        ask(&mut child, number);
    }
    // A server ends when there is nobody to tell it anything.
    drop(child.stdin.take());
    assert!(child.wait().is_ok_and(|status| status.success()), "{} came to an end", case.name);
    let total = total(&profile);
    if keep.is_none() {
        std::fs::remove_file(profile).expect("a profile");
    }
    total
}

/// Reads the address of a server from its output, and sends it requests.
fn ask(child: &mut Child, number: u64) {
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().expect("a pipe")).read_line(&mut line).expect("a line");
    peer::ask(line.trim().parse().expect("an address"), number);
}

fn total(profile: &PathBuf) -> u64 {
    let text = std::fs::read_to_string(profile).expect("a profile");
    let mut totals = text.lines().filter_map(|line| line.strip_prefix("totals: "));
    totals.next_back().and_then(|total| total.trim().parse().ok()).expect("the total of a profile")
}
