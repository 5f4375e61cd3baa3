//! What is sent: prepared once, and for each measurement only copied.

use hyper::{
    HeaderMap, Method,
    body::Bytes,
    header::{ACCEPT, HOST, HeaderValue, USER_AGENT},
};
use runbook_core::ports::ProbeError;

use super::address::Address;

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
    /// gets none of the configured headers and no authorization.
    pub(super) fn to(&self, address: &Address, with_method: bool) -> Result<hyper::Request<Bytes>, ProbeError> {
        let body = if with_method { self.body.clone() } else { Bytes::new() };
        let mut request = hyper::Request::new(body);
        *request.method_mut() = if with_method { self.method.clone() } else { Method::GET };
        *request.uri_mut() = address.target();
        *request.headers_mut() = if self.address.same_origin(address) {
            self.headers.clone()
        } else {
            let mut headers = HeaderMap::new();
            headers.insert(HOST, host(address).map_err(ProbeError::new)?);
            for name in [USER_AGENT, ACCEPT] {
                headers.extend(self.headers.get(&name).map(|value| (name, value.clone())));
            }
            headers
        };
        Ok(request)
    }
}

/// The value of `Host`.
pub(super) fn host(address: &Address) -> Result<HeaderValue, String> {
    HeaderValue::from_str(&address.authority()).map_err(|_| format!("`{}` cannot be sent as a host", address.host))
}
