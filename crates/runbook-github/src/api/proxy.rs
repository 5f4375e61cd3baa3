//! The way out of a network that lets nobody out but through a proxy.

use reqwest::{NoProxy, Proxy, Url};
use runbook_core::{Secret, registry::Lookup};

use crate::issue::SettingsError;

/// The proxy that calls to GitHub take, and the hosts that are reached without it, as curl and git read them from the
/// environment. Its address may hold a password, so it is never shown.
///
/// The tunnel is made with `CONNECT`: the proxy sees the name of the host, and never a token. Calls to loopback addresses
/// over plain HTTP never take it.
#[derive(Debug, Clone, Default)]
pub struct Proxies {
    address: Option<Secret>,
    except: String,
}

impl Proxies {
    /// Reads `HTTPS_PROXY`, else `ALL_PROXY`, and `NO_PROXY`; the names in lower case count too.
    pub fn from(variables: &Lookup) -> Self {
        let first = |names: [&str; 2]| names.into_iter().find_map(|name| variables.get(name));
        let address = first(["HTTPS_PROXY", "https_proxy"]).or_else(|| first(["ALL_PROXY", "all_proxy"]));
        Self { address: address.map(Secret::new), except: first(["NO_PROXY", "no_proxy"]).unwrap_or_default() }
    }

    /// A proxy of one's own, such as `http://proxy.example.com:3128`, for every host.
    pub fn through(address: Secret) -> Self {
        Self { address: Some(address), except: String::new() }
    }

    /// The password in the proxy's address, where there is one: for a redactor.
    pub fn password(&self) -> Option<Secret> {
        let url = Url::parse(&self.whole_address()?).ok()?;
        url.password().map(Secret::new)
    }

    /// People leave the scheme out: `proxy.example.com:3128`.
    fn whole_address(&self) -> Option<String> {
        let address = self.address.as_ref()?.reveal().trim();
        Some(if address.contains("://") { address.to_owned() } else { format!("http://{address}") })
    }

    /// The proxy, once it is known to be one.
    pub(crate) fn checked(&self) -> Result<Option<Proxy>, SettingsError> {
        let Some(address) = self.whole_address() else { return Ok(None) };
        let url = Url::parse(&address).map_err(|_| SettingsError::Proxy)?;
        if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
            return Err(SettingsError::Proxy);
        }
        let proxy = Proxy::https(url).map_err(|_| SettingsError::Proxy)?;
        Ok(Some(proxy.no_proxy(NoProxy::from_string(&self.except))))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on shall panic")]

    use super::*;

    fn proxies(variables: &[(&str, &str)]) -> Proxies {
        Proxies::from(&Lookup::fixed(variables.iter().copied()))
    }

    #[test]
    fn without_a_variable_there_is_no_proxy() {
        assert!(proxies(&[]).checked().unwrap().is_none());
        assert!(proxies(&[("HTTPS_PROXY", ""), ("HTTP_PROXY", "http://p:1")]).checked().unwrap().is_none());
    }

    #[test]
    fn the_names_of_curl_are_read() {
        for name in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
            assert!(proxies(&[(name, "proxy.example.com:3128")]).checked().unwrap().is_some(), "{name}");
        }
    }

    #[test]
    fn what_is_no_proxy_is_refused_without_being_shown() {
        for bad in ["socks5://mona:hunter2@p:1080", "http://", "http://mona:hunter2@p:many"] {
            let error = proxies(&[("HTTPS_PROXY", bad)]).checked().unwrap_err().to_string();
            assert!(error.contains("HTTPS_PROXY") && !error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn a_password_is_told_to_nobody_but_the_redactor() {
        let proxies = proxies(&[("HTTPS_PROXY", "http://mona:hunter2@p:3128")]);
        assert_eq!(proxies.password().unwrap().reveal(), "hunter2");
        assert!(!format!("{proxies:?}").contains("hunter2"));
    }
}
