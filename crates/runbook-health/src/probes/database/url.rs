//! The address of a database: `postgres://user:password@db.example:5432/app?sslmode=require`.

use runbook_core::Secret;

use super::TlsMode;
use crate::transport::Host;

/// A database's URL. It holds a password, so no error repeats any part of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct DatabaseUrl {
    pub(super) host: Host,
    pub(super) port: Option<u16>,
    pub(super) user: Option<String>,
    pub(super) password: Option<Secret>,
    /// The password as it stands in the URL.
    pub(super) written_password: Option<Secret>,
    pub(super) database: Option<String>,
    pub(super) tls: Option<TlsMode>,
}

impl DatabaseUrl {
    /// Whether a URL has one of these schemes.
    pub(super) fn is_one(url: &str, schemes: &[&str]) -> bool {
        url.split_once("://").is_some_and(|(scheme, _)| schemes.iter().any(|own| scheme.eq_ignore_ascii_case(own)))
    }

    /// Reads a URL of one of these schemes. Of its parameters only `sslmode` (or `ssl-mode`) is read; the others are
    /// their clients' own.
    pub(super) fn parse(url: &str, schemes: &[&str]) -> Result<Self, String> {
        if !Self::is_one(url, schemes) {
            return Err(format!("does not begin with `{}://`", schemes.first().unwrap_or(&"")));
        }
        let (scheme, rest) = url.split_once("://").unwrap_or_default();
        let rest = rest.split('#').next().unwrap_or_default();
        let (rest, parameters) = rest.split_once('?').unwrap_or((rest, ""));
        // The last `@` and the first `/` behind it: passwords are often written as they are.
        let (login, place) = match rest.rsplit_once('@') {
            Some((login, place)) => (Some(login), place),
            None => (None, rest),
        };
        let (authority, path) = place.split_once('/').unwrap_or((place, ""));
        let (host, port) = Host::with_port(authority)
            .map_err(|_| "has no host and port that can be read; a password's @ : / ? # are written as %40 …")?;
        let (user, password) = match login.map(|login| login.split_once(':').unwrap_or((login, ""))) {
            Some((user, password)) => (unescape(user)?, Some(password).filter(|password| !password.is_empty())),
            None => (String::new(), None),
        };
        let database = unescape(path)?;
        Ok(Self {
            host,
            port,
            user: Some(user).filter(|user| !user.is_empty()),
            written_password: password.map(Secret::new),
            password: password.map(unescape).transpose()?.map(Secret::new),
            database: Some(database).filter(|database| !database.is_empty()),
            tls: tls(parameters)?.or_else(|| scheme.eq_ignore_ascii_case("rediss").then_some(TlsMode::Verify)),
        })
    }
}

/// The words of libpq and of MySQL's client for the same thing.
fn tls(parameters: &str) -> Result<Option<TlsMode>, String> {
    let parameters = parameters.split('&').filter_map(|parameter| parameter.split_once('='));
    let mut modes = parameters.filter(|(name, _)| matches!(name.to_ascii_lowercase().as_str(), "sslmode" | "ssl-mode"));
    let Some((_, mode)) = modes.next() else { return Ok(None) };
    Ok(Some(match mode.to_ascii_lowercase().replace('_', "-").as_str() {
        "disable" | "disabled" => TlsMode::Off,
        "allow" | "prefer" | "preferred" => TlsMode::Prefer,
        "require" | "required" => TlsMode::Require,
        "verify-ca" | "verify-full" | "verify-identity" => TlsMode::Verify,
        _ => return Err("has an `sslmode` that nobody knows".to_owned()),
    }))
}

/// `%40` is `@` (RFC 3986, section 2.1).
fn unescape(text: &str) -> Result<String, String> {
    let wrong = || "has a % that no two hexadecimal digits follow, or that gives no UTF-8".to_owned();
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || rest.next().and_then(|digit| char::from(digit).to_digit(16)).ok_or_else(wrong);
        let value = digit()? * 16 + digit()?;
        bytes.push(u8::try_from(value).map_err(|_| wrong())?);
    }
    if bytes.contains(&0) {
        return Err("has a %00, which no name and no password can hold".to_owned());
    }
    String::from_utf8(bytes).map_err(|_| wrong())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests may panic")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SCHEMES: [&str; 2] = ["postgres", "postgresql"];

    #[test]
    fn every_part_is_read() {
        let url = "PostgreSQL://us%40er:p%3Aw/x@y@Db.Example:5433/my%20app?a=b&sslmode=verify-full&c#d";
        let url = DatabaseUrl::parse(url, &SCHEMES).unwrap();
        assert_eq!((url.host.to_string().as_str(), url.port), ("db.example", Some(5433)));
        assert_eq!((url.user.as_deref(), url.database.as_deref()), (Some("us@er"), Some("my app")));
        assert_eq!(url.password.as_ref().map(Secret::reveal), Some("p:w/x@y"));
        assert_eq!(url.written_password.as_ref().map(Secret::reveal), Some("p%3Aw/x@y"));
        assert_eq!(url.tls, Some(TlsMode::Verify));
        let bare = DatabaseUrl::parse("postgres://[::1]", &SCHEMES).unwrap();
        assert_eq!((bare.host.to_string().as_str(), bare.port, bare.user, bare.database), ("[::1]", None, None, None));
        assert_eq!(DatabaseUrl::parse("rediss://h", &["redis", "rediss"]).unwrap().tls, Some(TlsMode::Verify));
    }

    #[test]
    fn no_error_repeats_a_part_of_the_url() {
        for wrong in [
            "mysql://user:secret@db/app",
            "postgres://user:secret@:5432/app",
            "postgres://user:secret@db:secret/app",
            "postgres://user:sec/ret@",
            "postgres://user:secret%4@db/app",
            "postgres://user:secret@db/app?sslmode=secret",
            "postgres://user:%ffsecret@db/app",
            "postgres://user:secret%00@db/app",
            "secret",
        ] {
            let words = DatabaseUrl::parse(wrong, &SCHEMES).unwrap_err();
            assert!(!words.contains("secret") && !words.contains("ret"), "{words}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in ".*") {
            let _ = DatabaseUrl::parse(&format!("postgres://{text}"), &SCHEMES);
        }
    }
}
