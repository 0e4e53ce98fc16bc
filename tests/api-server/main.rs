//! The test API server by itself, to play with: `cargo run -p ingress-tests --bin api-server -- --port 8001`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use harness::api_server::ApiServer;

/// A Kubernetes API server in memory, for tests. It forgets everything when it stops.
#[derive(Debug, Parser)]
struct Args {
    /// The port on 127.0.0.1; 0 takes a free one.
    #[arg(long, default_value_t = 8001)]
    port: u16,
    /// Where to write the kubeconfig.
    #[arg(long, default_value = "kubeconfig")]
    kubeconfig: PathBuf,
}

#[tokio::main(flavor = "current_thread")]
#[expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for the terminal")]
async fn main() -> ExitCode {
    let args = Args::parse();
    let server = match ApiServer::start_at(args.port) {
        Ok(server) => server,
        Err(error) => {
            eprintln!("cannot listen on 127.0.0.1:{}: {error}; choose another --port", args.port);
            return ExitCode::FAILURE;
        }
    };
    if let Err(error) = std::fs::write(&args.kubeconfig, server.kubeconfig_text("")) {
        eprintln!("cannot write {}: {error}; choose another --kubeconfig", args.kubeconfig.display());
        return ExitCode::FAILURE;
    }
    println!("serving at {}", server.url());
    println!("kubectl --kubeconfig {} apply --validate=false -f …", args.kubeconfig.display());
    let _ = tokio::signal::ctrl_c().await;
    ExitCode::SUCCESS
}
