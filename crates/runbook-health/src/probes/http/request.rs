//! What is sent: prepared once, and for each measurement only copied.

use hyper::{
    HeaderMap, Method,
    body::Bytes,
    header::{ACCEPT, HOST, HeaderValue, USER_AGENT},
};
use runbook_core::ports::ProbeError;

use super::address::Address;

/// How the probe calls itself where nobody configured a name.
const AGENT: &str = concat!("runbook/", env!("CARGO_PKG_VERSION"));

/// What is asked.
pub(super) struct Request {
    pub(super) method: Method,
    pub(super) address: Address,
    /// As they are sent to the configured origin, `Host` and authorization among them.
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    /// Why it cannot be sent, in words.
    pub(super) missing: Option<String>,
}

impl Request {
    /// The request as it is sent to `address`, which is the configured one or where a redirect led. Another origin
    /// gets nothing of what was configured but the method: no headers, no authorization, no body.
    pub(super) fn to(&self, address: &Address, with_method: bool) -> Result<hyper::Request<Bytes>, ProbeError> {
        let is_own = self.address.same_origin(address);
        let body = if with_method && is_own { self.body.clone() } else { Bytes::new() };
        let mut request = hyper::Request::new(body);
        *request.method_mut() = if with_method { self.method.clone() } else { Method::GET };
        *request.uri_mut() = address.target();
        *request.headers_mut() =
            if is_own { self.headers.clone() } else { plain_headers(address).map_err(ProbeError::new)? };
        Ok(request)
    }

    /// Whether all of it may be sent there again. A body is for the configured origin; without it, it would be another
    /// request.
    pub(super) fn may_be_repeated_at(&self, address: &Address) -> bool {
        self.body.is_empty() || self.address.same_origin(address)
    }
}

/// The headers that anybody may see.
pub(super) fn plain_headers(address: &Address) -> Result<HeaderMap, String> {
    let host = HeaderValue::from_str(&address.authority())
        .map_err(|_| format!("`{}` cannot be sent as a host", address.host))?;
    let mut headers = HeaderMap::new();
    headers.insert(HOST, host);
    headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
    headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
    Ok(headers)
}
