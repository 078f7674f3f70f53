//! The certificates that sign webhooks: where they may come from, and whether they are PayPal's.

use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::Url;
use rustls_pki_types::{CertificateDer, ServerName, TrustAnchor, UnixTime, pem::PemObject};
use webpki::{EndEntityCert, KeyUsage, aws_lc_rs::RSA_PKCS1_2048_8192_SHA256};

/// Where PayPal keeps its certificates.
const HOSTS: [&str; 4] = [
    "api.paypal.com",
    "api-m.paypal.com",
    "api.sandbox.paypal.com",
    "api-m.sandbox.paypal.com",
];
/// The folder of the certificates.
const FOLDER: &str = "/v1/notifications/certs/";
/// Whose certificate signs.
const SIGNER: &str = "messageverificationcerts.paypal.com";
/// Who signs in the sandbox, where the other does not.
const SANDBOX_SIGNER: &str = "messageverificationcerts.sandbox.paypal.com";

/// The address of a certificate, if one may be fetched from there: https at PayPal, or where the
/// API itself is.
pub(super) fn address(text: &str, api_base: &Url) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let is_bare = url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    let is_paypals = url.scheme() == "https"
        && url.port().is_none()
        && url.host_str().is_some_and(|host| HOSTS.contains(&host));
    let is_the_apis = url.origin() == api_base.origin();
    let is_certificate = url.path().starts_with(FOLDER);
    (is_bare && is_certificate && (is_paypals || is_the_apis)).then_some(url)
}

/// Reads trust roots.
///
/// # Errors
/// The first root that is no certificate.
pub(super) fn anchors(
    roots: &[CertificateDer<'_>],
) -> Result<Vec<TrustAnchor<'static>>, webpki::Error> {
    let anchor = |root| webpki::anchor_from_trusted_cert(root).map(|anchor| anchor.to_owned());
    roots.iter().map(anchor).collect()
}

/// A certificate and those between it and a root.
#[derive(Debug, Clone)]
pub(super) struct Chain {
    leaf: CertificateDer<'static>,
    between: Vec<CertificateDer<'static>>,
}

/// Whether a signature is a certificate's.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Checked {
    /// It is.
    Genuine,
    /// The certificate is PayPal's and did not sign this.
    Forged,
    /// The certificate is not known to be PayPal's, for this reason.
    Untrusted(String),
}

impl Chain {
    /// Reads PEM, the signer's certificate first; `None` for what has no certificate.
    pub(super) fn read(pem: &[u8]) -> Option<Self> {
        let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
        let mut all = all.ok()?.into_iter();
        Some(Self {
            leaf: all.next()?,
            between: all.collect(),
        })
    }

    /// Checks the chain at a time, whose certificate it is, and a signature by it.
    pub(super) fn check(
        &self,
        anchors: &[TrustAnchor<'_>],
        now: DateTime<Utc>,
        is_live: bool,
        message: &[u8],
        signature: &[u8],
    ) -> Checked {
        let untrusted = |error: webpki::Error| Checked::Untrusted(error.to_string());
        let certificate = match EndEntityCert::try_from(&self.leaf) {
            Ok(certificate) => certificate,
            Err(error) => return untrusted(error),
        };
        if let Err(error) = self.trust(&certificate, anchors, now) {
            return untrusted(error);
        }
        if let Err(error) = is_the_signers(&certificate, is_live) {
            return untrusted(error);
        }
        match certificate.verify_signature(RSA_PKCS1_2048_8192_SHA256, message, signature) {
            Ok(()) => Checked::Genuine,
            Err(_) => Checked::Forged,
        }
    }

    fn trust(
        &self,
        certificate: &EndEntityCert<'_>,
        anchors: &[TrustAnchor<'_>],
        now: DateTime<Utc>,
    ) -> Result<(), webpki::Error> {
        let seconds = u64::try_from(now.timestamp()).unwrap_or_default();
        certificate.verify_for_usage(
            webpki::ALL_VERIFICATION_ALGS,
            anchors,
            &self.between,
            UnixTime::since_unix_epoch(Duration::from_secs(seconds)),
            KeyUsage::server_auth(),
            None,
            None,
        )?;
        Ok(())
    }
}

/// Whether a certificate is of the host that signs.
fn is_the_signers(certificate: &EndEntityCert<'_>, is_live: bool) -> Result<(), webpki::Error> {
    let is_of = |name: &'static str| {
        let name = ServerName::try_from(name).map_err(|_| webpki::Error::MalformedDnsIdentifier)?;
        certificate.verify_is_valid_for_subject_name(&name)
    };
    match is_of(SIGNER) {
        Err(_) if !is_live => is_of(SANDBOX_SIGNER),
        result => result,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("https://api.paypal.com/v1/notifications/certs/CERT-1", true)]
    #[case("https://api-m.paypal.com/v1/notifications/certs/CERT-1", true)]
    #[case("https://api.sandbox.paypal.com/v1/notifications/certs/CERT-1", true)]
    #[case("https://api-m.sandbox.paypal.com/v1/notifications/certs/CERT-1", true)]
    #[case("http://127.0.0.1:9/v1/notifications/certs/CERT-1", true)]
    #[case("http://127.0.0.1:8/v1/notifications/certs/CERT-1", false)]
    #[case("http://api.paypal.com/v1/notifications/certs/CERT-1", false)]
    #[case("https://api.paypal.com:444/v1/notifications/certs/CERT-1", false)]
    #[case(
        "https://api.paypal.com.evil.example/v1/notifications/certs/CERT-1",
        false
    )]
    #[case("https://evil.example/v1/notifications/certs/CERT-1", false)]
    #[case(
        "https://api.paypal.com@evil.example/v1/notifications/certs/CERT-1",
        false
    )]
    #[case("https://user@api.paypal.com/v1/notifications/certs/CERT-1", false)]
    #[case("https://api.paypal.com/v1/notifications/certs/../../x", false)]
    #[case("https://api.paypal.com/v1/notifications/certs/CERT-1?x=y", false)]
    #[case("file:///v1/notifications/certs/CERT-1", false)]
    #[case("CERT-1", false)]
    fn a_certificate_is_fetched_only_from_paypal(#[case] url: &str, #[case] is_fetched: bool) {
        let base = Url::parse("http://127.0.0.1:9").unwrap();
        assert_eq!(address(url, &base).is_some(), is_fetched);
    }

    #[test]
    fn what_has_no_certificate_is_no_chain() {
        assert!(Chain::read(b"").is_none());
        assert!(
            Chain::read(b"-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----").is_none()
        );
    }
}
