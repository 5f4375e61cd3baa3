//! Which repository at which GitHub: names and addresses are checked here, once, before anything is sent anywhere.

use std::{fmt, net::IpAddr, str::FromStr};

/// A repository, `owner/name`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Repository(String);

/// A repository's name or GitHub's address that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RepositoryError {
    /// It is not `owner/name`.
    #[error("{0:?} is no repository: expected owner/name, such as octo/forge")]
    Name(String),
    /// The API's address cannot be used.
    #[error(
        "the address of GitHub's API {problem}: expected one such as https://api.github.com or https://HOST/api/v3"
    )]
    Api {
        /// What is wrong with it. The address itself is not shown, because it may hold credentials.
        problem: &'static str,
    },
}

impl Repository {
    /// The path that all of its API calls begin with.
    pub(crate) fn path(&self) -> String {
        format!("/repos/{}", self.0)
    }

    /// Its name without its owner.
    pub(crate) fn name(&self) -> &str {
        self.0.split_once('/').map_or(self.0.as_str(), |(_, name)| name)
    }

    /// Whether an address of the API (`repository_url` of an issue) is this repository's.
    pub(crate) fn is_at(&self, api_url: &str) -> bool {
        let mut parts = api_url.rsplit('/');
        let name = parts.next().unwrap_or_default();
        let owner = parts.next().unwrap_or_default();
        self.0.eq_ignore_ascii_case(&format!("{owner}/{name}"))
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for Repository {
    type Err = RepositoryError;

    fn from_str(text: &str) -> Result<Self, RepositoryError> {
        let word = |part: &str, dots: bool| {
            let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_') || (dots && b == b'.');
            (1..=100).contains(&part.len()) && part.bytes().all(allowed) && part != "." && part != ".."
        };
        match text.split_once('/') {
            Some((owner, name)) if word(owner, false) && word(name, true) => Ok(Self(text.to_owned())),
            _ => Err(RepositoryError::Name(text.to_owned())),
        }
    }
}

/// The addresses of one GitHub: its API, and the pages for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Site {
    /// Where the API is, without a slash at its end.
    pub(crate) api: String,
    /// Where the pages are, without a slash at their end.
    pub(crate) pages: String,
}

impl FromStr for Site {
    type Err = RepositoryError;

    fn from_str(text: &str) -> Result<Self, RepositoryError> {
        let wrong = |problem| RepositoryError::Api { problem };
        let api = text.trim().trim_end_matches('/');
        let (scheme, rest) = api.split_once("://").ok_or_else(|| wrong("does not begin with https://"))?;
        let (authority, path) = rest.split_once('/').map_or((rest, ""), |(authority, path)| (authority, path));
        if authority.contains('@') {
            return Err(wrong("holds credentials"));
        }
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-._~:[]/".contains(&b);
        if authority.is_empty() || !rest.bytes().all(allowed) {
            return Err(wrong("is not a plain address"));
        }
        // The token goes there with every call, so nobody in between may read it.
        match scheme {
            "https" => {}
            "http" if is_loopback(authority) => {}
            "http" => return Err(wrong("is not encrypted (http)")),
            _ => return Err(wrong("does not begin with https://")),
        }
        // github.com and GitHub Enterprise Cloud have a host of its own for the API, Enterprise Server has a path.
        let pages = match (authority.strip_prefix("api."), path.strip_suffix("api/v3")) {
            (Some(host), _) if path.is_empty() && (host == "github.com" || host.ends_with(".ghe.com")) => {
                format!("{scheme}://{host}")
            }
            (_, Some(before)) => format!("{scheme}://{authority}/{before}").trim_end_matches('/').to_owned(),
            _ => api.to_owned(),
        };
        Ok(Self { api: api.to_owned(), pages })
    }
}

/// Whether `host` or `host:port` is this machine.
fn is_loopback(authority: &str) -> bool {
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split_once(']').map_or(rest, |(host, _)| host),
        None => authority.split_once(':').map_or(authority, |(host, _)| host),
    };
    host.eq_ignore_ascii_case("localhost") || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on shall panic")]

    use super::*;

    #[test]
    fn names_that_would_leave_the_path_are_refused() {
        for good in ["octo/forge", "o/.github", "an-org_x/a.b-c_d"] {
            assert!(good.parse::<Repository>().is_ok(), "{good:?} was refused");
        }
        for bad in ["", "forge", "octo/", "/forge", "a/b/c", "octo/..", "octo/a b", "octo/a?x", "o.o/x", "öcto/x"] {
            assert_eq!(bad.parse::<Repository>(), Err(RepositoryError::Name(bad.to_owned())));
        }
    }

    #[test]
    fn an_issue_tells_its_repository() {
        let repository: Repository = "octo/forge".parse().unwrap();
        assert!(repository.is_at("https://api.github.com/repos/Octo/Forge"));
        assert!(!repository.is_at("https://api.github.com/repos/octo/other"));
        assert!(!repository.is_at(""));
    }

    #[test]
    fn pages_stand_beside_the_api() {
        for (api, pages) in [
            ("https://api.github.com", "https://github.com"),
            ("https://api.github.com/", "https://github.com"),
            ("https://api.octo.ghe.com", "https://octo.ghe.com"),
            ("https://git.example.com/api/v3", "https://git.example.com"),
            ("https://git.example.com:8443/hub/api/v3/", "https://git.example.com:8443/hub"),
            ("http://127.0.0.1:4100", "http://127.0.0.1:4100"),
        ] {
            assert_eq!(api.parse::<Site>().unwrap().pages, pages);
        }
    }

    #[test]
    fn the_token_is_never_sent_in_the_clear() {
        for local in ["http://127.0.0.1:1", "http://localhost", "http://[::1]:8080"] {
            assert!(local.parse::<Site>().is_ok(), "{local:?} was refused");
        }
        for bad in
            ["http://git.example.com/api/v3", "http://127.0.0.1.example.com", "ftp://x", "api.github.com", "https://"]
        {
            assert!(bad.parse::<Site>().is_err(), "{bad:?} was taken");
        }
        let error = "https://mona:hunter2@git.example.com".parse::<Site>().unwrap_err().to_string();
        assert!(error.contains("holds credentials") && !error.contains("hunter2"), "{error}");
    }
}
