//! Where an answer sends the one who asked, and what may be taken along.

use hyper::{Method, StatusCode, header::LOCATION, http::response::Parts};

use super::address::Address;
use crate::transport::Fault;

/// The target of a redirect; `None` when the answer is none.
///
/// # Errors
/// The target's fault, when its `Location` leads nowhere that can be asked.
pub(super) fn target(head: &Parts, from: &Address) -> Result<Option<Address>, Fault> {
    if !matches!(head.status.as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let Some(location) = head.headers.get(LOCATION) else { return Ok(None) };
    let status = head.status.as_u16();
    let location = std::str::from_utf8(location.as_bytes())
        .map_err(|_| Fault::target(format!("{status}, which leads to an address that cannot be read")))?;
    match from.resolve(location) {
        Ok(address) => Ok(Some(address)),
        Err(problem) => Err(Fault::target(format!("{status}, which leads nowhere: {problem}"))),
    }
}

/// Whether the next request keeps method and body (RFC 9110, section 15.4): after 303 it never does, after 301 and 302
/// a `POST` becomes a `GET`, as every client does it.
pub(super) fn keeps_method(status: StatusCode, method: &Method) -> bool {
    match status {
        StatusCode::SEE_OTHER => *method == Method::HEAD,
        StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND => *method != Method::POST,
        _ => true,
    }
}
