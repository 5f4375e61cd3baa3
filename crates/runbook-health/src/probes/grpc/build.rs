//! From settings to a probe: checks what types cannot say, and names the key that is wrong.

use runbook_core::{
    Secret,
    registry::{BuildError, ProbeDefinition, Scope},
};
use tonic::{codegen::http::Uri, metadata::MetadataValue};

use super::{GrpcProbe, GrpcSettings, probe::Login};
use crate::{
    evidence::Scrubber,
    probes::target::Target,
    reach::Reach,
    transport::{Host, Tls},
};

/// How long a service's name may be, in bytes. Real ones are a tenth of that.
const MAX_SERVICE: usize = 1024;

impl ProbeDefinition for GrpcProbe {
    const KIND: &'static str = "grpc";
    type Settings = GrpcSettings;

    fn build(settings: GrpcSettings, scope: &Scope) -> Result<Self, BuildError> {
        if settings.timeout.0.is_zero() {
            return Err(BuildError::key("timeout", "a timeout of 0 would end every measurement before it begins"));
        }
        if settings.service.len() > MAX_SERVICE || settings.service.contains(|c: char| c.is_control()) {
            let problem = format!("expected the name of a service, of at most {MAX_SERVICE} bytes");
            return Err(BuildError::key("service", problem));
        }
        let (host, port, scheme) = address(&settings, scope)?;
        let is_secured = match (settings.tls, &settings.ca_file) {
            (Some(false), Some(_)) => {
                return Err(BuildError::key("ca_file", "certificates are for TLS, and `tls` is false"));
            }
            (Some(tls), _) => tls,
            (None, ca_file) => ca_file.is_some() || matches!(scheme.as_str(), "https" | "grpcs"),
        };
        let (login, secrets) = login(&settings.bearer_env, scope)?;
        Ok(Self {
            origin: origin(&host, port, is_secured)?,
            reach: Reach::of(scope, &host, settings.host.is_some()),
            host,
            port,
            service: settings.service,
            tls: is_secured.then(|| Tls::new(settings.ca_file.map(|file| scope.root.join(file)))),
            login,
            timeout: settings.timeout.0,
            scrubber: Scrubber::new(scope.redactor.clone(), &secrets),
        })
    }
}

/// Host, port and the URL's scheme.
fn address(settings: &GrpcSettings, scope: &Scope) -> Result<(Host, u16, String), BuildError> {
    if settings.port == Some(0) {
        return Err(BuildError::key("port", "port 0 cannot be connected to"));
    }
    let host = settings.host.as_deref().map(Host::parse).transpose();
    let host = host.map_err(|problem| BuildError::key("host", problem))?;
    if let (Some(host), Some(port)) = (&host, settings.port) {
        // A URL of another host says nothing of this one.
        return Ok((host.clone(), port, String::new()));
    }
    let target = Target::of_service(scope)?
        .ok_or_else(|| BuildError::table("the service has no `url`, so the probe needs `host` and `port`"))?;
    if !matches!(target.scheme.as_str(), "http" | "https" | "grpc" | "grpcs" | "") && host.is_none() {
        let problem = format!("the service's `url` begins with `{}`, which is not gRPC: write `host`", target.scheme);
        return Err(BuildError::table(problem));
    }
    let usual = match target.scheme.as_str() {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    };
    let port = settings.port.or(target.port).or(usual);
    let port = port.ok_or_else(|| BuildError::key("port", "the service's `url` names no port, so the probe must"))?;
    Ok((host.unwrap_or(target.host), port, target.scheme))
}

fn origin(host: &Host, port: u16, is_secured: bool) -> Result<Uri, BuildError> {
    let scheme = if is_secured { "https" } else { "http" };
    format!("{scheme}://{host}:{port}")
        .parse()
        .map_err(|error| BuildError::key("host", format!("`{host}` cannot be sent as a host: {error}")))
}

/// A variable that is not set is no error yet: another command may need the configuration without it.
fn login(bearer_env: &Option<String>, scope: &Scope) -> Result<(Login, Option<Secret>), BuildError> {
    let Some(variable) = bearer_env else { return Ok((Login::None, None)) };
    if variable.is_empty() {
        return Err(BuildError::key("bearer_env", "the name of a variable is missing"));
    }
    let Some(secret) = scope.variables.secret(variable) else {
        return Ok((Login::Missing(format!("{variable} is not set, so the request cannot say who asks")), None));
    };
    let login = match MetadataValue::try_from(format!("Bearer {}", secret.reveal().trim())) {
        Ok(mut value) => {
            value.set_sensitive(true);
            Login::Value(value)
        }
        Err(_) => Login::Missing(format!("{variable} has a character that no metadata may hold, such as a line break")),
    };
    Ok((login, Some(secret)))
}
