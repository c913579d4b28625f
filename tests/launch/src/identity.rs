//! The TLS certificate of a test server, with an authority of its own that only this server uses.

use openssl::{
    asn1::Asn1Time,
    bn::BigNum,
    ec::{EcGroup, EcKey},
    error::ErrorStack,
    hash::MessageDigest,
    nid::Nid,
    pkey::{PKey, Private},
    x509::{
        X509, X509Builder, X509Name, X509NameBuilder,
        extension::{BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectAlternativeName},
    },
};

/// A fresh certificate for `127.0.0.1`, `::1` and `localhost`, signed by a fresh authority. Valid for ten days.
///
/// Because nobody else has a certificate of this authority, a client that trusts only it talks to this server or to none.
pub struct ServerIdentity {
    /// The authority's certificate, PEM; what a client has to trust.
    pub ca_pem: String,
    /// The server's certificate, PEM.
    pub certificate_pem: String,
    /// The server's key, PEM (PKCS #8).
    pub key_pem: String,
}

impl ServerIdentity {
    /// Makes the keys and both certificates.
    ///
    /// # Panics
    /// When OpenSSL refuses.
    #[expect(clippy::new_without_default, reason = "a fresh one each time is not a default")]
    pub fn new() -> Self {
        Self::make().unwrap_or_else(|error| panic!("OpenSSL cannot make a server certificate: {error}"))
    }

    fn make() -> Result<Self, ErrorStack> {
        let (ca, ca_key) = new_authority()?;
        let key = key()?;
        let mut server = certificate("localhost", 2, &key)?;
        server.set_issuer_name(ca.subject_name())?;
        let names = SubjectAlternativeName::new()
            .dns("localhost")
            .ip("127.0.0.1")
            .ip("::1")
            .build(&server.x509v3_context(Some(&ca), None))?;
        server.append_extension(names)?;
        server.append_extension(BasicConstraints::new().critical().build()?)?;
        server.append_extension(ExtendedKeyUsage::new().server_auth().build()?)?;
        server.sign(&ca_key, MessageDigest::sha256())?;
        Ok(Self {
            ca_pem: text(ca.to_pem()?),
            certificate_pem: text(server.build().to_pem()?),
            key_pem: text(key.private_key_to_pem_pkcs8()?),
        })
    }
}

/// The certificate and the key of a fresh authority, PEM (PKCS #8).
pub(crate) fn authority() -> (String, String) {
    new_authority()
        .and_then(|(ca, key)| Ok((text(ca.to_pem()?), text(key.private_key_to_pem_pkcs8()?))))
        .unwrap_or_else(|error| panic!("OpenSSL cannot make an authority: {error}"))
}

fn new_authority() -> Result<(X509, PKey<Private>), ErrorStack> {
    let key = key()?;
    // A name of its own, so that a client may trust several of these authorities.
    let fingerprint = openssl::sha::sha256(&key.public_key_to_der()?);
    let number = fingerprint.iter().take(8).fold(0_u64, |number, octet| number << 8 | u64::from(*octet));
    let authority = format!("certmill tests {number:016x}");
    let mut ca = certificate(&authority, 1, &key)?;
    ca.append_extension(BasicConstraints::new().critical().ca().build()?)?;
    ca.append_extension(KeyUsage::new().critical().key_cert_sign().build()?)?;
    let issuer = name(&authority)?;
    ca.set_issuer_name(&issuer)?;
    ca.sign(&key, MessageDigest::sha256())?;
    Ok((ca.build(), key))
}

fn key() -> Result<PKey<Private>, ErrorStack> {
    let curve = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?;
    PKey::from_ec_key(EcKey::generate(&curve)?)
}

fn name(common_name: &str) -> Result<X509Name, ErrorStack> {
    let mut name = X509NameBuilder::new()?;
    name.append_entry_by_nid(Nid::COMMONNAME, common_name)?;
    Ok(name.build())
}

fn certificate(common_name: &str, serial: u32, key: &PKey<Private>) -> Result<X509Builder, ErrorStack> {
    let mut certificate = X509::builder()?;
    certificate.set_version(2)?;
    // The authority is new each time, so that its numbers can be fixed.
    let serial = BigNum::from_u32(serial)?.to_asn1_integer()?;
    certificate.set_serial_number(&serial)?;
    let subject = name(common_name)?;
    certificate.set_subject_name(&subject)?;
    certificate.set_pubkey(key)?;
    let (from, to) = (Asn1Time::days_from_now(0)?, Asn1Time::days_from_now(10)?);
    certificate.set_not_before(&from)?;
    certificate.set_not_after(&to)?;
    Ok(certificate)
}

fn text(pem: Vec<u8>) -> String {
    // Invariant: PEM is ASCII (RFC 7468 §2).
    String::from_utf8(pem).unwrap_or_else(|_| panic!("PEM that is not text"))
}
