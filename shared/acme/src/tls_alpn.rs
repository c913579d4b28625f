//! The certificate that answers a tls-alpn-01 challenge (RFC 8737 section 3, RFC 8738 section 6).

use std::net::IpAddr;

use openssl::asn1::{Asn1Integer, Asn1Object, Asn1OctetString, Asn1Time};
use openssl::bn::{BigNum, MsbOption};
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::x509::extension::SubjectAlternativeName;
use openssl::x509::{X509, X509Extension, X509NameBuilder};
use zeroize::Zeroizing;

use crate::{AccountKey, AcmeError};

/// id-pe-acmeIdentifier
const ACME_IDENTIFIER: &str = "1.3.6.1.5.5.7.1.31";
/// DER of an OCTET STRING of 32 octets, up to its content.
const OCTET_STRING_32: [u8; 2] = [0x04, 0x20];

/// Makes a self-signed certificate about `name`, a DNS name or an IP address, that holds `digest`; answers it in DER and its
/// key in PKCS#8 DER.
///
/// # Errors
/// [`AcmeError::Material`] when OpenSSL fails.
pub fn tls_alpn_certificate(
    name: &str,
    digest: &[u8; 32],
) -> Result<(Vec<u8>, Zeroizing<Vec<u8>>), AcmeError> {
    let key = AccountKey::generate()?;
    let certificate = certificate(name, digest, &key).map_err(AcmeError::crypto)?;
    Ok((certificate, key.to_pkcs8_der()?))
}

fn certificate(name: &str, digest: &[u8; 32], key: &AccountKey) -> Result<Vec<u8>, ErrorStack> {
    let mut subject = X509NameBuilder::new()?;
    subject.append_entry_by_text("CN", "ACME challenge")?;
    let subject = subject.build();
    let mut serial = BigNum::new()?;
    serial.rand(127, MsbOption::ONE, false)?;
    let mut builder = X509::builder()?;
    builder.set_version(2)?;
    builder.set_serial_number(&*Asn1Integer::from_bn(&serial)?)?;
    builder.set_subject_name(&subject)?;
    builder.set_issuer_name(&subject)?;
    builder.set_pubkey(key.key())?;
    builder.set_not_before(&*Asn1Time::days_from_now(0)?)?;
    builder.set_not_after(&*Asn1Time::days_from_now(1)?)?;
    let mut names = SubjectAlternativeName::new();
    match name.parse::<IpAddr>() {
        Ok(address) => names.ip(&address.to_string()),
        Err(_) => names.dns(name),
    };
    let names = names.build(&builder.x509v3_context(None, None))?;
    builder.append_extension(names)?;
    let content = [&OCTET_STRING_32[..], digest].concat();
    let identifier = Asn1Object::from_str(ACME_IDENTIFIER)?;
    let content = Asn1OctetString::new_from_bytes(&content)?;
    builder.append_extension(X509Extension::new_from_der(&identifier, true, &content)?)?;
    builder.sign(key.key(), MessageDigest::sha256())?;
    builder.build().to_der()
}
