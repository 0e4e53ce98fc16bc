//! `cargo run --release --example quickstart` – from Ingress YAML to traffic: the classic case of one host with three paths, and one over HTTPS.
//!
//! Starts backends on loopback, runs the controller on the objects in `manifests/`, sends a few requests itself, prints which service and
//! endpoint answered each, and keeps serving so that you can edit the YAML and see it take effect. With `--once` it ends after the table,
//! with exit code 0 only if every row is as expected.
#![allow(clippy::print_stdout)] // an example talks to whoever started it

mod backends;
mod certificate;
mod requests;

use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use ingress_controller::args::LogFormat;
use ingress_controller::{Controller, Error as StartError, RunConfig, RunningController, telemetry};
use ingress_proxy::core::ObjectName;

const PORT: u16 = 8080;
const TLS_PORT: u16 = 8443;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let once = std::env::args().skip(1).any(|argument| argument == "--once");
    let manifests = Path::new(env!("CARGO_MANIFEST_DIR")).join("quickstart/manifests");

    // What the cluster would do: run the Pods behind each Service, and list their addresses in EndpointSlices.
    let folder = tempfile::tempdir()?;
    let backends = backends::start(folder.path()).await?;
    let public = tempfile::tempdir()?;
    let authority = certificate::make(public.path(), folder.path())?;

    let controller = start(vec![manifests.clone(), folder.path().to_owned()]).await?;
    let published = controller.published().borrow().clone();
    for problem in &published.problems {
        println!("{problem}");
    }
    for finding in &published.report.findings {
        println!("{finding}");
    }
    let address = *controller.http_addresses().first().ok_or("no address is listened on")?;
    let secure = *controller.https_addresses().first().ok_or("no address is listened on for HTTPS")?;
    let all_as_expected = requests::table(address, (secure, &authority.connector), &backends).await?;
    if once {
        controller.drain(Duration::from_secs(5)).await;
        return Ok(if all_as_expected { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }

    println!("\nServing on http://{address} and https://{secure} until Ctrl-C. Try:");
    for path in ["/api", "/web", "/docs", "/nothing"] {
        println!("  curl -H 'Host: mywebsite.com' http://{address}{path}");
    }
    let (host, file) = (certificate::HOST, authority.file.display());
    println!("  curl --cacert {file} --connect-to ::{secure} https://{host}/");
    println!(
        "  curl -k -H 'Host: mywebsite.com' https://{secure}/api   (a host without certificate: -k takes the default one)"
    );
    println!("Then edit {}", manifests.join("ingress.yaml").display());
    println!("(say, /docs into /help) and try again; each change is logged here:");
    telemetry::init(LogFormat::Text, 2);
    tokio::signal::ctrl_c().await?;
    controller.drain(Duration::from_secs(5)).await;
    Ok(ExitCode::SUCCESS)
}

/// On the ports 8080 and 8443, or on free ones if one of them is taken.
async fn start(manifests: Vec<PathBuf>) -> Result<RunningController, StartError> {
    let at = |port: u16, tls_port: u16| {
        let mut config = RunConfig::new(manifests.clone(), SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
        config.https = vec![SocketAddr::from((Ipv4Addr::LOCALHOST, tls_port))];
        let default = ObjectName { namespace: "default".into(), name: "default-http-backend".into() };
        config.options.default_backend_service = Some(default);
        config
    };
    match Controller::start(at(PORT, TLS_PORT)).await {
        Err(StartError::Listen { address, .. }) if address.port() != 0 => {
            let controller = Controller::start(at(0, 0)).await?;
            println!("Port {} is taken, so others are used.", address.port());
            Ok(controller)
        }
        other => other,
    }
}
