//! `forge-service`: one small program that stands in for any of the forge's three Python services where Python is not
//! wanted. It starts in milliseconds and answers real HTTP; how it answers is decided by the release's checkout, never
//! by an option. What the checkout says lives in `service::release`, the routes in `service::answer`.

use std::{env, future::IntoFuture, io::Write, path::PathBuf, process::ExitCode, time::Duration};

use anyhow::{Context, Result};
use clap::Parser;
use tokio::{
    net::TcpListener,
    signal::unix::{Signal, SignalKind, signal},
    sync::oneshot,
    time::timeout,
};

#[path = "../service/mod.rs"]
mod service;

use service::{
    answer,
    release::{Release, Service},
};

/// How long open requests may finish after the signal; with it, the process is gone within a second.
const DRAIN: Duration = Duration::from_millis(750);

/// Stands in for one service of the Quantum Pi Forge.
///
/// Reads VERSION and services/SERVICE_app/service.toml from the checkout: what the release contains decides how the
/// service behaves. Stops on SIGTERM or SIGINT within a second.
///
/// Exit codes: 0 stopped by a signal; 1 a fault of its own; 2 usage; 69 the address could not be had; 78 the checkout
/// or a variable could not be understood.
#[derive(Debug, Parser)]
#[command(name = "forge-service", version)]
struct Arguments {
    /// Which service to stand in for
    service: Service,
    /// Port to listen on; 0 takes a free one [default: SERVICE_PORT, then PORT, then the service's own]
    #[arg(long)]
    port: Option<u16>,
    /// Address to listen on [default: HOST, then 127.0.0.1]
    #[arg(long)]
    host: Option<String>,
    /// Root of the release's checkout
    #[arg(long, value_name = "DIR", default_value = ".")]
    root: PathBuf,
}

/// What ended the process too early, with the exit code that tells programs (numbers from sysexits.h).
#[derive(Debug)]
struct Fault {
    code: u8,
    error: anyhow::Error,
}

impl Fault {
    const OWN: u8 = 1;
    const UNAVAILABLE: u8 = 69;
    const CONFIG: u8 = 78;

    /// For `map_err`: gives an error its exit code.
    fn with(code: u8) -> impl Fn(anyhow::Error) -> Self {
        move |error| Self { code, error }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(&Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(Fault { code, error }) => {
            // Nobody is left to tell when stderr is closed, too.
            let _ = writeln!(std::io::stderr(), "forge-service: {error:#}");
            ExitCode::from(code)
        }
    }
}

async fn run(arguments: &Arguments) -> Result<(), Fault> {
    // First of all, so that a signal during the start is an orderly stop as well.
    let stop = Stop::new().map_err(Fault::with(Fault::OWN))?;
    let service = arguments.service;
    let release = Release::read(service, &arguments.root).map_err(Fault::with(Fault::CONFIG))?;
    let host = host(arguments).map_err(Fault::with(Fault::CONFIG))?;
    let port = port(arguments).map_err(Fault::with(Fault::CONFIG))?;

    let listener = TcpListener::bind((host.as_str(), port))
        .await
        .with_context(|| {
            let variable = service.port_variable();
            format!("failed to listen on {host}:{port}; stop what listens there or set --port or {variable}")
        })
        .map_err(Fault::with(Fault::UNAVAILABLE))?;
    announce(&release, &listener).map_err(Fault::with(Fault::OWN))?;
    serve(listener, release, stop).await.map_err(Fault::with(Fault::OWN))
}

/// One line on stdout, written when a connection would be accepted.
fn announce(release: &Release, listener: &TcpListener) -> Result<()> {
    let address = listener.local_addr().context("failed to read the address that was bound")?;
    let (service, version, pid) = (release.service.id(), &release.version, std::process::id());
    // A reader that closed the pipe does not end the service.
    let _ = writeln!(std::io::stdout(), "{service} {version} listening on http://{address} (pid {pid})");
    Ok(())
}

/// Serves until the signal, then lets open requests finish for at most `DRAIN`; what is still open then is cut off.
async fn serve(listener: TcpListener, release: Release, mut stop: Stop) -> Result<()> {
    let (drain, draining) = oneshot::channel::<()>();
    let server = axum::serve(listener, answer::router(release)).with_graceful_shutdown(async move {
        // An error means that the sender is gone, which is a reason to stop as well.
        let _ = draining.await;
    });
    let mut server = std::pin::pin!(server.into_future());
    tokio::select! {
        ended = &mut server => return ended.context("failed to serve"),
        () = stop.received() => {}
    }
    let _ = drain.send(());
    match timeout(DRAIN, server).await {
        Ok(ended) => ended.context("failed to serve"),
        Err(_still_open) => Ok(()),
    }
}

/// The signals that end the service.
#[derive(Debug)]
struct Stop {
    terminate: Signal,
    interrupt: Signal,
}

impl Stop {
    fn new() -> Result<Self> {
        let listen = |kind| signal(kind).context("failed to listen for signals");
        Ok(Self { terminate: listen(SignalKind::terminate())?, interrupt: listen(SignalKind::interrupt())? })
    }

    async fn received(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

fn port(arguments: &Arguments) -> Result<u16> {
    if let Some(port) = arguments.port {
        return Ok(port);
    }
    for name in [arguments.service.port_variable(), "PORT"] {
        if let Some(text) = variable(name)? {
            return text.parse().with_context(|| format!("{name} must be a port from 0 to 65535, got {text:?}"));
        }
    }
    Ok(arguments.service.default_port())
}

fn host(arguments: &Arguments) -> Result<String> {
    match &arguments.host {
        Some(host) => Ok(host.clone()),
        None => Ok(variable("HOST")?.unwrap_or_else(|| "127.0.0.1".to_owned())),
    }
}

/// Looks up an environment variable; an empty one counts as unset.
fn variable(name: &str) -> Result<Option<String>> {
    match env::var(name) {
        Ok(value) => Ok(Some(value).filter(|value| !value.is_empty())),
        Err(env::VarError::NotPresent) => Ok(None),
        Err(error) => Err(error).with_context(|| format!("failed to read {name}")),
    }
}
