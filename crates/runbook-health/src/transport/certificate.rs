//! What a server's certificate says, read after rustls has verified it. Nothing here decides whether to trust it.

use jiff::Timestamp;
use tokio_rustls::rustls::{
    self, CertificateError,
    client::verify_server_name,
    pki_types::{CertificateDer, ServerName},
    server::ParsedCertificate,
};
use x509_parser::{certificate::X509CertificateParser, nom::Parser, prelude::X509Certificate};

const SECONDS_OF_A_DAY: i64 = 24 * 60 * 60;

/// A certificate that can be read.
#[derive(Debug)]
pub(crate) struct Certificate<'a> {
    der: &'a CertificateDer<'a>,
    read: X509Certificate<'a>,
}

impl<'a> Certificate<'a> {
    /// `None`: it cannot be read.
    pub(crate) fn read(der: &'a CertificateDer<'a>) -> Option<Self> {
        // Extensions stay bytes: nothing here looks into them.
        let (_, read) = X509CertificateParser::new().with_deep_parse_extensions(false).parse(der).ok()?;
        Some(Self { der, read })
    }

    /// When it ends to be valid.
    pub(crate) fn not_after(&self) -> Timestamp {
        // Year 9999 means "without end" (RFC 5280, section 4.1.2.5) and may lie hours behind the last timestamp.
        Timestamp::from_second(self.read.validity.not_after.timestamp()).unwrap_or(Timestamp::MAX)
    }

    /// Who issued it: `C=US, O=Let's Encrypt, CN=R11`.
    pub(crate) fn issuer(&self) -> String {
        self.read.issuer.to_string()
    }

    /// Whether it covers the name.
    ///
    /// # Errors
    /// With the names that it covers instead.
    pub(crate) fn covers(&self, name: &ServerName<'_>) -> Result<(), Vec<String>> {
        let parsed = ParsedCertificate::try_from(self.der).map_err(|_| Vec::new())?;
        verify_server_name(&parsed, name).map_err(|error| match error {
            rustls::Error::InvalidCertificate(CertificateError::NotValidForNameContext { presented, .. }) => presented,
            _ => Vec::new(),
        })
    }
}

/// When the certificate ends to be valid; `None` when it cannot be read.
pub(crate) fn not_after(certificate: &CertificateDer<'_>) -> Option<Timestamp> {
    Certificate::read(certificate).map(|certificate| certificate.not_after())
}

/// Whole days from `now` until `not_after`; negative once it is over.
pub(crate) fn days_left(not_after: Timestamp, now: Timestamp) -> i64 {
    (not_after.as_second() - now.as_second()).div_euclid(SECONDS_OF_A_DAY)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests may panic")]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, DnType, KeyPair, date_time_ymd};

    fn certificate(names: &[&str], year: i32) -> CertificateDer<'static> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.distinguished_name.push(DnType::CommonName, "the test");
        params.not_after = date_time_ymd(year, 12, 31);
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().clone()
    }

    #[test]
    fn a_certificate_says_until_when_by_whom_and_for_which_names() {
        let der = certificate(&["a.example", "*.b.example"], 2050);
        let certificate = Certificate::read(&der).unwrap();
        assert_eq!(certificate.not_after().to_string(), "2050-12-31T00:00:00Z");
        assert!(certificate.issuer().contains("CN=the test"), "{}", certificate.issuer());
        let covers = |name: &str| certificate.covers(&ServerName::try_from(name.to_owned()).unwrap());
        assert_eq!(covers("a.example"), Ok(()));
        assert_eq!(covers("x.b.example"), Ok(()));
        let others = covers("c.example").unwrap_err();
        assert_eq!(others.len(), 2, "{others:?}");
    }

    #[test]
    fn a_certificate_without_end_has_the_last_timestamp() {
        assert_eq!(not_after(&certificate(&["a.example"], 9999)), Some(Timestamp::MAX));
        assert_eq!(not_after(&CertificateDer::from(vec![1, 2, 3])), None);
    }

    #[test]
    fn days_are_whole() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let now = at("2030-01-01T12:00:00Z");
        assert_eq!(days_left(at("2030-01-15T12:00:00Z"), now), 14);
        assert_eq!(days_left(at("2030-01-15T11:59:59Z"), now), 13);
        assert_eq!(days_left(at("2030-01-01T11:59:59Z"), now), -1);
    }
}
