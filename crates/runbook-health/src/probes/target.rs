//! What a service's URL says about where it is, whatever its scheme: for probes that do not ask the URL itself.

use runbook_core::registry::{BuildError, Scope};

use crate::transport::Host;

/// Scheme, host and port of a URL; user, path and query are left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    /// In lower case; empty when there is none.
    pub(super) scheme: String,
    pub(super) host: Host,
    pub(super) port: Option<u16>,
}

impl Target {
    /// Of the service's URL; `None` when the service has none.
    ///
    /// # Errors
    /// When the URL names no host.
    pub(super) fn of_service(scope: &Scope) -> Result<Option<Self>, BuildError> {
        let url = scope.service.as_ref().and_then(|service| service.url.as_deref());
        url.map(Self::parse)
            .transpose()
            .map_err(|problem| BuildError::table(format!("the service's `url` names no host: {problem}")))
    }

    fn parse(url: &str) -> Result<Self, String> {
        let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
        let authority = &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())];
        let (host, port) = Host::with_port(authority.rsplit_once('@').map_or(authority, |(_, server)| server))?;
        Ok(Self { scheme: scheme.to_ascii_lowercase(), host, port })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests may panic")]
mod tests {
    use super::*;

    #[test]
    fn scheme_host_and_port_are_read_of_any_url() {
        let read = |url: &str| {
            let target = Target::parse(url).unwrap();
            (target.scheme, target.host.to_string(), target.port)
        };
        assert_eq!(read("GRPCS://user:p@Api.Example:8443/a?b"), ("grpcs".into(), "api.example".into(), Some(8443)));
        assert_eq!(read("[::1]:50051"), (String::new(), "[::1]".into(), Some(50051)));
        assert_eq!(read("http://h?x"), ("http".into(), "h".into(), None));
        for wrong in ["", "http://", "http://h:0", "http://a b"] {
            assert!(Target::parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
