//! The TLS handshake with one server, and what its failures mean in words.

use std::{io, sync::Arc};

use jiff::{Timestamp, tz::TimeZone};
use runbook_core::ports::ProbeError;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{
        self, AlertDescription, CertificateError, ClientConfig,
        pki_types::{ServerName, UnixTime},
    },
};

use super::{Fault, Host};

/// How many of a wrong certificate's names are shown.
const MAX_NAMES: usize = 3;

/// The handshake with a server that must prove to be `name` and is offered these protocols (ALPN), whatever those of the
/// configuration are.
///
/// # Errors
/// See [`Fault`].
pub(crate) async fn handshake_as<S: AsyncRead + AsyncWrite + Unpin>(
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
    protocols: &[&[u8]],
    stream: S,
) -> Result<TlsStream<S>, Fault> {
    let protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    TlsConnector::from(config).with_alpn(protocols).connect(name, stream).await.map_err(fault)
}

/// The name that a server must prove to have.
///
/// # Errors
/// When no certificate can hold the host's name.
pub(crate) fn server_name(host: &Host) -> Result<ServerName<'static>, ProbeError> {
    match host {
        Host::Address(address) => Ok(ServerName::from(*address)),
        Host::Localhost(name) | Host::Name(name) => {
            // A name's final dot is for resolvers only (RFC 6066, section 3).
            let bare = name.strip_suffix('.').unwrap_or(name).to_owned();
            ServerName::try_from(bare).map_err(|error| ProbeError {
                message: format!("`{name}` is no name for TLS"),
                source: Some(Box::new(error)),
            })
        }
    }
}

fn fault(error: io::Error) -> Fault {
    match words_of(&error) {
        Some(words) => Fault::Target(words),
        None if error.kind() == io::ErrorKind::UnexpectedEof => {
            Fault::target("TLS failed: the connection was closed during the handshake")
        }
        None => Fault::of_io(error, "finish the TLS handshake"),
    }
}

/// What went wrong with TLS, when the error is about TLS at all.
pub(crate) fn words_of(error: &io::Error) -> Option<String> {
    let error = error.get_ref()?.downcast_ref::<rustls::Error>()?;
    Some(match error {
        rustls::Error::InvalidCertificate(problem) => format!("TLS failed: {}", certificate_words(problem)),
        rustls::Error::AlertReceived(alert) => format!("TLS failed: {}", alert_words(*alert)),
        rustls::Error::InvalidMessage(_) | rustls::Error::InappropriateMessage { .. } => {
            "TLS failed: the server does not speak TLS on this port".to_owned()
        }
        rustls::Error::PeerIncompatible(problem) => {
            format!("TLS failed: the server offers nothing that is still allowed ({problem:?})")
        }
        other => format!("TLS failed: {other}"),
    })
}

fn alert_words(alert: AlertDescription) -> String {
    use AlertDescription as Alert;

    match alert {
        Alert::CertificateRequired => "the server asks for a client certificate".to_owned(),
        // A server has no other certificate to complain about.
        Alert::BadCertificate
        | Alert::UnsupportedCertificate
        | Alert::CertificateRevoked
        | Alert::CertificateExpired
        | Alert::CertificateUnknown
        | Alert::UnknownCA => format!("the server refused the client certificate (alert {alert:?})"),
        Alert::ProtocolVersion => "the server speaks no TLS version that is still allowed (1.2 or 1.3)".to_owned(),
        Alert::NoApplicationProtocol => "the server speaks none of the protocols that were offered".to_owned(),
        Alert::UnrecognisedName => "the server does not know this name".to_owned(),
        other => format!("the server refused with the alert {other:?}"),
    }
}

fn certificate_words(problem: &CertificateError) -> String {
    match problem {
        CertificateError::ExpiredContext { not_after, .. } => {
            format!("the certificate has expired{}", day(" on ", *not_after))
        }
        CertificateError::Expired => "the certificate has expired".to_owned(),
        CertificateError::NotValidYetContext { not_before, .. } => {
            format!("the certificate is not valid yet{}", day(", but from ", *not_before))
        }
        CertificateError::NotValidYet => "the certificate is not valid yet".to_owned(),
        CertificateError::NotValidForNameContext { presented, .. } => {
            format!("the certificate is for another name ({})", names(presented))
        }
        CertificateError::NotValidForName => "the certificate is for another name".to_owned(),
        // A bad signature is an issuer of a trusted name with another key, such as an authority that was made anew.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            "the certificate's issuer is not trusted".to_owned()
        }
        CertificateError::Revoked => "the certificate was revoked".to_owned(),
        // What `openssl req -x509` makes; webpki has no name of its own for it.
        CertificateError::Other(other) if format!("{other:?}").contains("CaUsedAsEndEntity") => {
            "the certificate is an authority's own, which no server may show (CA:TRUE)".to_owned()
        }
        other => format!("the certificate is not valid ({other:?})"),
    }
}

/// The first of a certificate's names.
pub(crate) fn names(presented: &[String]) -> String {
    match presented {
        [] => "it has none".to_owned(),
        few if few.len() <= MAX_NAMES => few.join(", "),
        many => format!("{} and {} more", many[..MAX_NAMES].join(", "), many.len() - MAX_NAMES),
    }
}

/// The day in UTC, with a word before it; nothing for a time that no calendar has.
fn day(before: &str, time: UnixTime) -> String {
    let at = i64::try_from(time.as_secs()).ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    at.map(|at| format!("{before}{}", at.to_zoned(TimeZone::UTC).date())).unwrap_or_default()
}
