//! From settings to a probe: checks what types cannot say, and names the key that is wrong.

use std::str::FromStr;

use data_encoding::BASE64;
use hyper::{
    HeaderMap, Method,
    body::Bytes,
    header::{self, HeaderName, HeaderValue},
};
use runbook_core::{
    Secret,
    registry::{BuildError, ProbeDefinition, Scope},
};

use super::{
    ExpectSettings, HttpProbe, HttpSettings,
    address::{Address, Scheme},
    expect::Expect,
    probe::{Login, Request},
};
use crate::{evidence::Scrubber, reach::Reach, transport::Tls};

/// No body that is larger is ever read.
const MAX_BODY: u64 = 16 * 1024 * 1024;

const USER_AGENT: &str = concat!("runbook/", env!("CARGO_PKG_VERSION"));

/// The framing of the message is the probe's own.
const OWN_HEADERS: [HeaderName; 4] =
    [header::CONNECTION, header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::UPGRADE];

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
        if settings.ca_file.is_some() && address.scheme == Scheme::Http && settings.redirects == 0 {
            return Err(BuildError::key("ca_file", "certificates are for `https` addresses, and this one is `http`"));
        }
        let method = method(&settings.method)?;
        let expect = expect(settings.expect, &method)?;
        let (login, secrets) = login(&settings.basic_env, &settings.bearer_env, &address, scope)?;
        Ok(Self {
            reach: Reach::of(scope, &address.host, settings.url.is_some()),
            tls: Tls::new(settings.ca_file.map(|file| scope.root.join(file))),
            scrubber: Scrubber::new(scope.redactor.clone(), &secrets),
            request: Request {
                method,
                headers: headers(settings.headers, !matches!(login, Login::None))?,
                body: settings.body.map(Bytes::from).unwrap_or_default(),
                login,
                address,
            },
            timeout,
            redirects: settings.redirects,
            max_body: settings.max_body,
            expect,
        })
    }
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

fn header_name(table: &str, name: &str) -> Result<HeaderName, BuildError> {
    HeaderName::from_str(name)
        .map_err(|_| BuildError::key(format!("{table}.{name}"), format!("{name:?} is not the name of a header")))
}

fn headers(configured: impl IntoIterator<Item = (String, String)>, has_login: bool) -> Result<HeaderMap, BuildError> {
    let mut headers = HeaderMap::new();
    headers.insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
    headers.insert(header::ACCEPT, HeaderValue::from_static("*/*"));
    for (written, value) in configured {
        let name = header_name("headers", &written)?;
        let wrong = |problem: &str| BuildError::key(format!("headers.{written}"), problem);
        if OWN_HEADERS.contains(&name) {
            return Err(wrong("this header is the probe's own and cannot be set"));
        }
        if has_login && name == header::AUTHORIZATION {
            return Err(wrong("`basic_env`, `bearer_env` or the URL already says who asks"));
        }
        let mut value =
            HeaderValue::from_str(&value).map_err(|_| wrong("the value has a character that no header may hold"))?;
        // It may hold a token: `Debug` hides it.
        value.set_sensitive(true);
        headers.insert(name, value);
    }
    Ok(headers)
}

fn expect(settings: ExpectSettings, method: &Method) -> Result<Expect, BuildError> {
    if settings.max_latency.is_some_and(|limit| limit.0.is_zero()) {
        return Err(BuildError::key("expect.max_latency", "no answer comes within 0"));
    }
    if *method == Method::HEAD {
        let without_body = |key| BuildError::key(key, "an answer to `HEAD` has no body; ask with `GET`");
        if !settings.json.is_empty() {
            return Err(without_body("expect.json"));
        }
        if settings.body.is_some() {
            return Err(without_body("expect.body"));
        }
    }
    let header =
        settings.header.into_iter().map(|(name, condition)| Ok((header_name("expect.header", &name)?, condition)));
    Ok(Expect {
        header: header.collect::<Result<_, BuildError>>()?,
        status: settings.status,
        json: settings.json.into_iter().collect(),
        body: settings.body,
        max_latency: settings.max_latency.map(|limit| limit.0),
    })
}

/// Who asks, and the secrets in the forms in which they are sent. A variable that is not set is no error yet: another
/// command may need the configuration without it.
fn login(
    basic_env: &Option<String>,
    bearer_env: &Option<String>,
    address: &Address,
    scope: &Scope,
) -> Result<(Login, Vec<Secret>), BuildError> {
    let (key, variable) = match (basic_env, bearer_env, &address.login) {
        (Some(_), Some(_), _) => {
            return Err(BuildError::key("bearer_env", "`basic_env` already says who asks; one of the two is enough"));
        }
        (None, None, None) => return Ok((Login::None, Vec::new())),
        (None, None, Some(login)) => return Ok(basic(login, "the URL's user and password")),
        (Some(variable), None, None) => ("basic_env", variable),
        (None, Some(variable), None) => ("bearer_env", variable),
        (_, _, Some(_)) => {
            let key = if basic_env.is_some() { "basic_env" } else { "bearer_env" };
            return Err(BuildError::key(key, "the URL already holds a user; one of the two is enough"));
        }
    };
    if variable.is_empty() {
        return Err(BuildError::key(key, "the name of a variable is missing"));
    }
    let Some(secret) = scope.variables.secret(variable) else {
        return Ok((Login::Missing(format!("{variable} is not set, so the request cannot say who asks")), Vec::new()));
    };
    Ok(if key == "basic_env" {
        basic(&secret, variable)
    } else {
        (Login::of(&format!("Bearer {}", secret.reveal().trim()), variable), vec![secret])
    })
}

fn basic(login: &Secret, source: &str) -> (Login, Vec<Secret>) {
    let plain = login.reveal().trim();
    let encoded = Secret::new(BASE64.encode(plain.as_bytes()));
    let password = plain.split_once(':').map(|(_, password)| Secret::new(password));
    let value = Login::of(&format!("Basic {}", encoded.reveal()), source);
    (value, [login.clone(), encoded].into_iter().chain(password).collect())
}
