//! Who signs webhooks: a certificate under an intermediate one under a root.

use std::sync::OnceLock;

use base64::{Engine, engine::general_purpose::STANDARD};
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, PKCS_RSA_SHA256, RsaKeySize, SigningKey, date_time_ymd,
};

/// The name of the certificate that signs.
const NAME: &str = "messageverificationcerts.paypal.com";

/// A key with its chain.
pub(super) struct Signer {
    key: KeyPair,
    /// The certificate and the intermediate one.
    pub(super) pem: String,
    /// The root, in DER.
    pub(super) root: Vec<u8>,
}

/// The one that PayPal signs with. Making keys takes a while, so all fakes share it.
pub(super) fn paypal() -> &'static Signer {
    static SIGNER: OnceLock<Signer> = OnceLock::new();
    SIGNER.get_or_init(Signer::make)
}

/// One with the same name under a root of its own.
pub(super) fn stranger() -> &'static Signer {
    static SIGNER: OnceLock<Signer> = OnceLock::new();
    SIGNER.get_or_init(Signer::make)
}

fn authority(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(Vec::new()).expect("no names are fine");
    params
        .distinguished_name
        .push(rcgen::DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params.not_before = date_time_ymd(2000, 1, 1);
    params.not_after = date_time_ymd(2100, 1, 1);
    params
}

impl Signer {
    fn make() -> Self {
        let root_key = KeyPair::generate().expect("a key");
        let root_params = authority("Test root");
        let root = root_params.self_signed(&root_key).expect("a root");
        let root_issuer = Issuer::new(root_params, root_key);
        let between_key = KeyPair::generate().expect("a key");
        let between_params = authority("Test intermediate");
        let between: Certificate = between_params
            .signed_by(&between_key, &root_issuer)
            .expect("an intermediate certificate");
        let between_issuer = Issuer::new(between_params, between_key);
        let key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048);
        let key = key.expect("an RSA key");
        let mut params = CertificateParams::new(vec![NAME.to_owned()]).expect("a name");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.not_before = date_time_ymd(2000, 1, 1);
        params.not_after = date_time_ymd(2090, 1, 1);
        let leaf = params
            .signed_by(&key, &between_issuer)
            .expect("a certificate");
        Self {
            key,
            pem: format!("{}{}", leaf.pem(), between.pem()),
            root: root.der().to_vec(),
        }
    }

    /// The signature over what PayPal signs.
    pub(super) fn sign(&self, id: &str, time: &str, webhook_id: &str, body: &[u8]) -> String {
        let message = format!("{id}|{time}|{webhook_id}|{}", crc32fast::hash(body));
        STANDARD.encode(self.key.sign(message.as_bytes()).expect("a signature"))
    }
}
