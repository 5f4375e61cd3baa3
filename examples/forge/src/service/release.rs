//! What a checkout decides: the release's version and how the service behaves in it.
//! Read once, at the start: a running process stays the release that it was started from.

use std::{
    io::ErrorKind,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use axum::http::StatusCode;
use clap::ValueEnum;
use serde::Deserialize;

/// One of the three services of the forge.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum Service {
    /// FastAPI Quantum Conduit, port 8000, answers `/health`
    Fastapi,
    /// Flask Glyph Weaver, port 5000, answers `/health`
    Flask,
    /// Gradio Truth Mirror, port 7860, answers `/` (Gradio has no `/health`)
    Gradio,
}

impl Service {
    /// The id that the configuration, the report and the answers use.
    pub fn id(self) -> &'static str {
        match self {
            Self::Fastapi => "fastapi",
            Self::Flask => "flask",
            Self::Gradio => "gradio",
        }
    }

    /// The service's full name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fastapi => "FastAPI Quantum Conduit",
            Self::Flask => "Flask Glyph Weaver",
            Self::Gradio => "Gradio Truth Mirror",
        }
    }

    /// The port that the service listens on when nobody says otherwise.
    pub fn default_port(self) -> u16 {
        match self {
            Self::Fastapi => 8000,
            Self::Flask => 5000,
            Self::Gradio => 7860,
        }
    }

    /// The environment variable that names another port.
    pub fn port_variable(self) -> &'static str {
        match self {
            Self::Fastapi => "FASTAPI_PORT",
            Self::Flask => "FLASK_PORT",
            Self::Gradio => "GRADIO_PORT",
        }
    }

    /// Where a checkout says how this service behaves: beside the Python application that it stands in for, so that
    /// one `paths` entry of `runbook.toml` covers both.
    fn manifest(self) -> PathBuf {
        Path::new("services").join(format!("{}_app", self.id())).join("service.toml")
    }
}

/// What one checkout holds for one service.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Release {
    /// The service.
    pub service: Service,
    /// The line in `VERSION`, or `unreleased` where the checkout has none.
    pub version: String,
    /// The status that the health path answers with.
    pub status: StatusCode,
    /// How long every answer takes.
    pub latency: Duration,
}

/// `service.toml`, as written. Unknown keys are errors: a misspelt `status` must not pass as healthy.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    status: u16,
    #[serde(default)]
    latency_ms: u64,
}

/// Beyond this, a slow release could not be told from a hung one.
const MAX_LATENCY_MS: u64 = 60_000;

impl Release {
    /// Reads `VERSION` and the service's `service.toml` below `root`.
    ///
    /// # Errors
    ///
    /// When `service.toml` is missing, is no TOML of the expected shape or has a value out of range, or when a file
    /// cannot be read. The message names the file.
    pub fn read(service: Service, root: &Path) -> Result<Self> {
        let version = version(&root.join("VERSION"))?;
        let path = root.join(service.manifest());
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("failed to read {}; --root must be a checkout of the forge", path.display()))?;
        Self::parse(service, version, &text).with_context(|| format!("failed to understand {}", path.display()))
    }

    fn parse(service: Service, version: String, manifest: &str) -> Result<Self> {
        let Manifest { status, latency_ms } = toml::from_str(manifest)?;
        ensure!((200..600).contains(&status), "`status` must be an HTTP status from 200 to 599, got {status}");
        ensure!(latency_ms <= MAX_LATENCY_MS, "`latency_ms` must be at most {MAX_LATENCY_MS}, got {latency_ms}");
        let status = StatusCode::from_u16(status)?;
        Ok(Self { service, version, status, latency: Duration::from_millis(latency_ms) })
    }
}

fn version(path: &Path) -> Result<String> {
    match std::fs::read_to_string(path) {
        Ok(text) if !text.trim().is_empty() => Ok(text.trim().to_owned()),
        Ok(_) => Ok("unreleased".to_owned()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok("unreleased".to_owned()),
        Err(error) => Err(error).with_context(|| format!("failed to read {}", path.display())),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;

    fn parse(manifest: &str) -> Result<Release> {
        Release::parse(Service::Fastapi, "1.0.0".into(), manifest)
    }

    #[test]
    fn the_manifest_decides_status_and_latency() {
        let release = parse("status = 500\nlatency_ms = 40").unwrap();
        assert_eq!(release.status, StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(release.latency, Duration::from_millis(40));
        assert_eq!(parse("status = 204").unwrap().latency, Duration::ZERO);
    }

    #[test]
    fn what_is_missing_misspelt_or_out_of_range_is_refused() {
        for manifest in
            ["", "latency_ms = 1", "status = 200\nlatency = 1", "status = \"200\"", "status = 199", "status = 600"]
        {
            assert!(parse(manifest).is_err(), "{manifest:?}");
        }
        assert!(parse("status = 200\nlatency_ms = 60001").is_err());
    }

    #[test]
    fn the_reference_checkout_is_healthy() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        for service in Service::value_variants() {
            assert_eq!(Release::read(*service, root).unwrap().status, StatusCode::OK, "{service:?}");
        }
    }

    #[test]
    fn a_directory_that_is_no_checkout_is_named() {
        let error = Release::read(Service::Flask, Path::new("/nonexistent")).unwrap_err();
        assert!(error.to_string().contains("/nonexistent/services/flask_app/service.toml"), "{error}");
    }
}
