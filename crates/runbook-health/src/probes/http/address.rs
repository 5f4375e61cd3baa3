//! The address of a request: read from a URL, joined with a path or a redirect's target, shown without its secrets.

use std::fmt;

use hyper::{Uri, http::uri::PathAndQuery};
use runbook_core::Secret;

use crate::transport::Host;

/// Plain or over TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scheme {
    Http,
    Https,
}

impl Scheme {
    fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// How long a value of a query must be to be taken for a secret, in bytes: shorter ones (`?verbose=true`) hide nothing and
/// would tear words apart.
const MIN_SECRET: usize = 8;

/// An absolute `http` or `https` URL. It is shown, also by `Debug`, without user, password and values of its query.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) scheme: Scheme,
    pub(super) host: Host,
    pub(super) port: u16,
    /// `user:password`, unescaped.
    pub(super) login: Option<Secret>,
    target: PathAndQuery,
}

impl Address {
    /// Reads a URL; a fragment is left out.
    pub(super) fn parse(url: &str) -> Result<Self, String> {
        let (scheme, rest) = url.split_once("://").ok_or("a URL begins with `http://` or `https://`")?;
        let scheme = match scheme.to_ascii_lowercase().as_str() {
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            _ => return Err("only `http://` and `https://` can be asked".to_owned()),
        };
        let (authority, target) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        let (login, authority) = match authority.rsplit_once('@') {
            Some((login, authority)) => (Some(Secret::new(unescape(login))), authority),
            None => (None, authority),
        };
        let (host, port) = Host::with_port(authority)?;
        let port = port.unwrap_or(scheme.default_port());
        Ok(Self { scheme, host, port, login, target: path_and_query(target)? })
    }

    /// The address with `path` behind its own path.
    pub(super) fn append(&self, path: &str) -> Result<Self, String> {
        if self.target.query().is_some() {
            return Err("the service's URL has a query, so nothing can be appended; write the whole `url`".to_owned());
        }
        let base = self.target.path().trim_end_matches('/');
        let slash = if path.starts_with(['/', '?']) { "" } else { "/" };
        Ok(Self { target: path_and_query(&format!("{base}{slash}{path}"))?, ..self.clone() })
    }

    /// Where a reference of this address leads (RFC 3986, section 5.2).
    pub(super) fn resolve(&self, reference: &str) -> Result<Self, String> {
        let reference = reference.trim();
        let before_path = &reference[..reference.find(['/', '?', '#']).unwrap_or(reference.len())];
        if before_path.contains(':') {
            return Self::parse(reference);
        }
        if reference.starts_with("//") {
            return Self::parse(&format!("{}:{reference}", self.scheme.as_str()));
        }
        let (path, query) = match reference.split_once('#').map_or(reference, |(kept, _)| kept).split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (reference.split_once('#').map_or(reference, |(kept, _)| kept), None),
        };
        let own = self.target.path();
        let folder = &own[..=own.rfind('/').unwrap_or(0)];
        let (path, query) = match path {
            "" => (own.to_owned(), query.or(self.target.query())),
            path if path.starts_with('/') => (without_dots(path), query),
            path => (without_dots(&format!("{folder}{path}")), query),
        };
        let target = query.map_or(path.clone(), |query| format!("{path}?{query}"));
        Ok(Self { target: path_and_query(&target)?, login: None, ..self.clone() })
    }

    /// Whether both are the same server to a browser: scheme, host and port.
    pub(super) fn same_origin(&self, other: &Self) -> bool {
        (self.scheme, self.port, &self.host) == (other.scheme, other.port, &other.host)
    }

    /// The values of its query, in the forms in which a service may echo them: each may hold a token. What stands in the
    /// shown part of the address too is no secret.
    pub(super) fn secrets(&self) -> Vec<Secret> {
        let shown = self.to_string();
        let pairs = self.target.query().unwrap_or_default().split('&');
        let values = pairs.map(|pair| pair.split_once('=').map_or(pair, |(_, value)| value));
        values
            .flat_map(|value| [value.to_owned(), unescape(value), unescape(&value.replace('+', " "))])
            .filter(|value| value.len() >= MIN_SECRET && !shown.contains(value.as_str()))
            .map(Secret::new)
            .collect()
    }

    /// The request's target in origin form.
    pub(super) fn target(&self) -> Uri {
        Uri::from(self.target.clone())
    }

    /// The value of the `Host` header.
    pub(super) fn authority(&self) -> String {
        if self.port == self.scheme.default_port() {
            self.host.to_string()
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let login = if self.login.is_some() { "***@" } else { "" };
        write!(f, "{}://{login}{}{}", self.scheme.as_str(), self.authority(), self.target.path())?;
        let Some(query) = self.target.query() else { return Ok(()) };
        for (at, pair) in query.split('&').enumerate() {
            f.write_str(if at == 0 { "?" } else { "&" })?;
            match pair.split_once('=') {
                Some((name, _)) => write!(f, "{name}=***")?,
                None => f.write_str("***")?,
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A path with its query: begins with `/`, without fragment, what is not ASCII escaped.
fn path_and_query(text: &str) -> Result<PathAndQuery, String> {
    let text = text.split_once('#').map_or(text, |(kept, _)| kept);
    let mut escaped = String::with_capacity(text.len() + 1);
    if !text.starts_with('/') {
        escaped.push('/');
    }
    for byte in text.bytes() {
        if byte.is_ascii() {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    PathAndQuery::try_from(escaped)
        .map_err(|_| "the path holds a character that must be percent-encoded, such as a space".to_owned())
}

/// Without `.` and `..` (RFC 3986, section 5.2.4).
fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let parts: Vec<&str> = path.split('/').skip(1).collect();
    for (at, part) in parts.iter().enumerate() {
        let is_last = at + 1 == parts.len();
        match *part {
            "." | ".." => {
                if *part == ".." {
                    kept.pop();
                }
                if is_last {
                    kept.push("");
                }
            }
            part => kept.push(part),
        }
    }
    format!("/{}", kept.join("/"))
}

/// Percent-decodes; what is not escaped correctly stays.
fn unescape(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let escaped = match rest {
            [b'%', high, low, ..] => hex(*high).zip(hex(*low)).map(|(high, low)| high * 16 + low),
            _ => None,
        };
        bytes.push(escaped.unwrap_or(*first));
        rest = if escaped.is_some() { &rest[3..] } else { tail };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests may panic")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn address(url: &str) -> Address {
        Address::parse(url).unwrap()
    }

    #[test]
    fn urls_are_shown_without_their_secrets() {
        let shown = address("https://user:p%40ss@API.example:8443/a?token=abc&flag&x=#frag").to_string();
        assert_eq!(shown, "https://***@api.example:8443/a?token=***&***&x=***");
        assert_eq!(address("https://user:p%40ss@h/").login.unwrap().reveal(), "user:p@ss");
        assert_eq!(format!("{:?}", address("http://u:secret@[::1]:80")), "http://***@[::1]/");
    }

    #[test]
    fn values_of_a_query_are_secrets_in_every_form() {
        let address = address("http://payments.example/a?token=s%65cret%2Bvalue&long+token+alone&on=true&of=payments");
        let hidden: Vec<String> = address.secrets().iter().map(|secret| secret.reveal().to_owned()).collect();
        for value in ["s%65cret%2Bvalue", "secret+value", "long+token+alone", "long token alone"] {
            assert!(hidden.iter().any(|hidden| hidden == value), "{value} is not in {hidden:?}");
        }
        for shown in ["true", "payments"] {
            assert!(hidden.iter().all(|hidden| hidden != shown), "{shown} is in {hidden:?}");
        }
    }

    #[test]
    fn a_path_stands_behind_the_services_own() {
        let joined = |base: &str, path: &str| address(base).append(path).unwrap().target().to_string();
        assert_eq!(joined("http://h", "/health"), "/health");
        assert_eq!(joined("http://h/", "health?full"), "/health?full");
        assert_eq!(joined("http://h/api/", "/health"), "/api/health");
        assert_eq!(joined("http://h/api", "/"), "/api/");
        assert_eq!(joined("http://h/api", "/größe"), "/api/gr%C3%B6%C3%9Fe");
        assert!(address("http://h/?a=b").append("/x").is_err());
        assert!(address("http://h/").append("/a b").is_err());
    }

    /// The examples of RFC 3986, section 5.4, that concern HTTP.
    #[test]
    fn references_lead_where_the_rfc_says() {
        for (reference, expected) in [
            ("g", "/b/c/g"),
            ("./g", "/b/c/g"),
            ("g/", "/b/c/g/"),
            ("/g", "/g"),
            ("?y", "/b/c/d;p?y"),
            ("g?y", "/b/c/g?y"),
            ("#s", "/b/c/d;p?q"),
            ("g#s", "/b/c/g"),
            ("", "/b/c/d;p?q"),
            (".", "/b/c/"),
            ("..", "/b/"),
            ("../../g", "/g"),
            ("../../../g", "/g"),
            ("/./g", "/g"),
            ("g;x=1/../y", "/b/c/y"),
        ] {
            let resolved = address("http://a/b/c/d;p?q").resolve(reference).unwrap();
            assert_eq!(resolved.target().to_string(), expected, "{reference:?}");
        }
        assert_eq!(address("https://a/b").resolve("//g:444/x").unwrap().to_string(), "https://g:444/x");
        assert_eq!(address("https://a/b").resolve("HTTP://g").unwrap().to_string(), "http://g/");
        assert!(address("https://a/b").resolve("javascript:alert(1)").is_err());
    }

    #[test]
    fn what_is_no_url_is_refused() {
        for wrong in [
            "",
            "localhost:8000",
            "ftp://h/",
            "http://",
            "http:///x",
            "http://h:0/",
            "http://h:70000/",
            "http://h:+1/",
            "http://a b/",
            "http://bücher.example/",
            "http://h/a b",
            "http://[::1/",
            "http://h\r\nX: y/",
        ] {
            assert!(Address::parse(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        let base = address("http://h/");
        assert!(base.same_origin(&address("HTTP://H:80/x")));
        for other in ["https://h/", "http://h:81/", "http://g/"] {
            assert!(!base.same_origin(&address(other)), "{other}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_an_address_or_refused(base in "\\PC*", reference in ".*") {
            let _ = Address::parse(&base);
            let _ = address("http://a/b/c?d").resolve(&reference);
            let _ = address("http://a/b").append(&reference);
        }
    }
}
