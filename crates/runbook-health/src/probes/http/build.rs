//! From settings to a probe: checks what types cannot say, and names the key that is wrong.

use std::{str::FromStr, sync::Arc};

use hyper::{
    HeaderMap, Method,
    body::Bytes,
    header::{self, HeaderName, HeaderValue},
};
use runbook_core::registry::{BuildError, ProbeDefinition, Scope};

use super::{
    ExpectSettings, HttpProbe, HttpSettings, HttpVersion, StatusSettings,
    address::{Address, Scheme},
    expect::{Expect, Rules},
    login::Login,
    request::{Request, plain_headers},
};
use crate::{
    evidence::Scrubber,
    reach::Reach,
    transport::{ClientCertificate, Family, Tls, Version},
};

/// No body that is larger is ever read.
const MAX_BODY: u64 = 16 * 1024 * 1024;

/// The framing of the message is the probe's own.
const OWN_HEADERS: [HeaderName; 7] = [
    header::CONNECTION,
    header::CONTENT_LENGTH,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::TE,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

impl ProbeDefinition for HttpProbe {
    const KIND: &'static str = "http";
    type Settings = HttpSettings;

    fn build(settings: HttpSettings, scope: &Scope) -> Result<Self, BuildError> {
        let address = address(&settings, scope)?;
        let timeout = settings.timeout.0;
        if timeout.is_zero() {
            return Err(BuildError::key("timeout", "a timeout of 0 would end every measurement before it begins"));
        }
        if settings.max_body == 0 || settings.max_body > MAX_BODY {
            return Err(BuildError::key(
                "max_body",
                format!("expected a number of bytes from 1 to {MAX_BODY} (16 MiB)"),
            ));
        }
        check_certificates(&settings, &address)?;
        let method = method(&settings.method)?;
        let login = Login::read(&settings, &address, scope)?;
        let scrubber = Scrubber::new(scope.redactor.clone(), &login.hidden);
        let client = ClientCertificate::build(settings.client_cert_file, settings.client_key_file, scope)?;
        Ok(Self {
            reach: Reach::of(scope, &address.host, settings.url.is_some()),
            tls: Tls::new(settings.ca_file.map(|file| scope.root.join(file))).known_as(client),
            asked: scrubber.line(&format!("{method} {address}")),
            expect: Arc::new(Expect {
                expect: rules("expect", settings.expect, Some(StatusSettings::default()), &method)?,
                degrade: rules("degrade", settings.degrade, None, &method)?,
            }),
            request: Request {
                headers: headers(settings.headers, login.headers, &address)?,
                body: settings.body.map(Bytes::from).unwrap_or_default(),
                missing: login.missing,
                method,
                address,
            },
            scrubber,
            version: settings.version.map(|version| match version {
                HttpVersion::One => Version::One,
                HttpVersion::Two => Version::Two,
            }),
            family: Family::default(),
            timeout,
            redirects: settings.redirects,
            max_body: settings.max_body,
        })
    }
}

/// Keys about certificates where no certificate will ever be seen.
fn check_certificates(settings: &HttpSettings, address: &Address) -> Result<(), BuildError> {
    if address.scheme == Scheme::Https {
        return Ok(());
    }
    // A client certificate is for the configured origin alone, whose address has no TLS.
    for (key, is_set) in [
        ("client_cert_file", settings.client_cert_file.is_some()),
        ("client_key_file", settings.client_key_file.is_some()),
    ] {
        if is_set {
            return Err(BuildError::key(key, "certificates are for `https` addresses, and this one is `http`"));
        }
    }
    for (key, is_set) in [
        ("ca_file", settings.ca_file.is_some()),
        ("expect.certificate_days", settings.expect.certificate_days.is_some()),
        ("degrade.certificate_days", settings.degrade.certificate_days.is_some()),
    ] {
        if is_set && settings.redirects == 0 {
            return Err(BuildError::key(key, "certificates are for `https` addresses, and this one is `http`"));
        }
    }
    Ok(())
}

fn address(settings: &HttpSettings, scope: &Scope) -> Result<Address, BuildError> {
    match (&settings.url, &settings.path) {
        (Some(_), Some(_)) => {
            Err(BuildError::key("path", "`url` is a whole address, so `path` has no place beside it"))
        }
        (Some(url), None) => Address::parse(url).map_err(|problem| BuildError::key("url", problem)),
        (None, path) => {
            let url = scope.service.as_ref().and_then(|service| service.url.as_deref());
            let url = url.ok_or_else(|| BuildError::table("the service has no `url`, so the probe needs one"))?;
            let base = Address::parse(url)
                .map_err(|problem| BuildError::table(format!("the service's `url` cannot be asked: {problem}")))?;
            match path {
                None => Ok(base),
                Some(path) => base.append(path).map_err(|problem| BuildError::key("path", problem)),
            }
        }
    }
}

fn method(name: &str) -> Result<Method, BuildError> {
    let method = Method::from_str(&name.to_ascii_uppercase())
        .map_err(|_| BuildError::key("method", format!("{name:?} is not an HTTP method")))?;
    if method == Method::CONNECT {
        return Err(BuildError::key("method", "`CONNECT` asks for a tunnel, which is nothing to judge"));
    }
    Ok(method)
}

/// Reads the name of a header that may be sent.
pub(super) fn header_name(table: &str, written: &str) -> Result<HeaderName, BuildError> {
    let name = any_header_name(table, written)?;
    if OWN_HEADERS.contains(&name) {
        let key = format!("{table}.{written}");
        return Err(BuildError::key(key, "this header is the probe's own and cannot be set"));
    }
    Ok(name)
}

fn any_header_name(table: &str, name: &str) -> Result<HeaderName, BuildError> {
    HeaderName::from_str(name)
        .map_err(|_| BuildError::key(format!("{table}.{name}"), format!("{name:?} is not the name of a header")))
}

/// All headers as they are sent to the configured origin.
fn headers(
    configured: impl IntoIterator<Item = (String, String)>,
    secret: HeaderMap,
    address: &Address,
) -> Result<HeaderMap, BuildError> {
    let mut headers = plain_headers(address).map_err(BuildError::table)?;
    for (written, value) in configured {
        let name = header_name("headers", &written)?;
        let wrong = |problem: &str| BuildError::key(format!("headers.{written}"), problem);
        if secret.contains_key(&name) {
            return Err(wrong(if name == header::AUTHORIZATION {
                "`basic_env`, `bearer_env`, `headers_env` or the URL already says who asks"
            } else {
                "`headers_env` already sends this header"
            }));
        }
        let mut value =
            HeaderValue::from_str(&value).map_err(|_| wrong("the value has a character that no header may hold"))?;
        // It may hold a token: `Debug` hides it.
        value.set_sensitive(true);
        headers.insert(name, value);
    }
    headers.extend(secret);
    Ok(headers)
}

/// The rules of one table, `expect` or `degrade`.
fn rules(
    table: &str,
    settings: ExpectSettings,
    status: Option<StatusSettings>,
    method: &Method,
) -> Result<Rules, BuildError> {
    if settings.max_latency.is_some_and(|limit| limit.0.is_zero()) {
        return Err(BuildError::key(format!("{table}.max_latency"), "no answer comes within 0"));
    }
    if *method == Method::HEAD {
        for (key, is_set) in [("json", !settings.json.is_empty()), ("body", settings.body.is_some())] {
            if is_set {
                let key = format!("{table}.{key}");
                return Err(BuildError::key(key, "an answer to `HEAD` has no body; ask with `GET`"));
            }
        }
    }
    let named = format!("{table}.header");
    let header = settings.header.into_iter().map(|(name, condition)| Ok((any_header_name(&named, &name)?, condition)));
    Ok(Rules {
        header: header.collect::<Result<_, BuildError>>()?,
        status: settings.status.or(status),
        json: settings.json.into_iter().collect(),
        body: settings.body,
        latency: settings.latency,
        certificate_days: settings.certificate_days,
        max_latency: settings.max_latency.map(|limit| limit.0),
    })
}
