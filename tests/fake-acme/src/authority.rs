//! The certificate authority behind the server: an intermediate that each root has signed.

use openssl::{
    asn1::Asn1Time,
    bn::BigNum,
    ec::{EcGroup, EcKey},
    error::ErrorStack,
    hash::MessageDigest,
    nid::Nid,
    pkey::{HasPublic, PKey, PKeyRef, Private},
    x509::{
        X509, X509Builder, X509Name, X509NameBuilder, X509Ref, X509Req,
        extension::{
            AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectAlternativeName,
            SubjectKeyIdentifier,
        },
    },
};

use crate::{
    ambient::{now, random},
    jws::base64url,
    state::Identifier,
};

const DAY: i64 = 86_400;

pub(crate) struct Authority {
    roots: Vec<X509>,
    /// The same name and key, signed by each root.
    intermediates: Vec<X509>,
    /// Has nothing to do with the others.
    stranger: X509,
    key: PKey<Private>,
}

/// What goes into a certificate.
pub(crate) struct Contents<'a> {
    pub(crate) identifiers: &'a [Identifier],
    pub(crate) not_before: i64,
    pub(crate) not_after: i64,
}

impl Authority {
    /// With so many roots beside the default one.
    pub(crate) fn new(alternates: u8) -> Self {
        Self::make(alternates).unwrap_or_else(|error| panic!("OpenSSL cannot make the authority: {error}"))
    }

    fn make(alternates: u8) -> Result<Self, ErrorStack> {
        let key = new_key()?;
        let (mut roots, mut intermediates) = (Vec::new(), Vec::new());
        for n in 0..=alternates {
            let root_key = new_key()?;
            let subject = name(&format!("Fake Root {n}"))?;
            let root = ca_certificate(&subject, &root_key, None, &root_key)?;
            let subject = name("Fake Intermediate")?;
            intermediates.push(ca_certificate(&subject, &key, Some(&root), &root_key)?);
            roots.push(root);
        }
        let stranger_key = new_key()?;
        let stranger = ca_certificate(&name("Fake Stranger")?, &stranger_key, None, &stranger_key)?;
        Ok(Self { roots, intermediates, stranger, key })
    }

    pub(crate) fn alternates(&self) -> usize {
        self.roots.len() - 1
    }

    pub(crate) fn root_pem(&self, n: u8) -> String {
        let root = self.roots.get(usize::from(n)).unwrap_or_else(|| panic!("there is no chain {n}"));
        pem(root)
    }

    /// The certificates that the letters of `parts` stand for (see `Behaviour::chain`) in the chain of root `n`, PEM; none when
    /// there are fewer chains.
    pub(crate) fn chain(&self, leaf: &X509, n: u8, parts: &str) -> Option<String> {
        let at = usize::from(n);
        let (intermediate, root) = (self.intermediates.get(at)?, self.roots.get(at)?);
        let part = |letter| match letter {
            'L' => pem(leaf),
            'I' => pem(intermediate),
            'R' => pem(root),
            'U' => pem(&self.stranger),
            other => panic!("a chain has no part `{other}`"),
        };
        Some(parts.chars().map(part).collect())
    }

    pub(crate) fn issue<K: HasPublic>(
        &self,
        key: &PKeyRef<K>,
        contents: &Contents<'_>,
    ) -> Result<X509, ErrorStack> {
        let mut leaf = builder(contents.not_before, contents.not_after)?;
        leaf.set_pubkey(key)?;
        // Invariant: there is a default chain.
        let issuer = self.intermediates.first().unwrap_or_else(|| panic!("an authority without a chain"));
        leaf.set_issuer_name(issuer.subject_name())?;
        let mut names = SubjectAlternativeName::new();
        // The subject is empty, and then the names are critical (RFC 5280 §4.2.1.6).
        names.critical();
        for identifier in contents.identifiers {
            match identifier.kind.as_str() {
                "ip" => names.ip(&identifier.value),
                "email" => names.email(&identifier.value),
                _ => names.dns(&identifier.value),
            };
        }
        leaf.append_extension(KeyUsage::new().critical().digital_signature().build()?)?;
        leaf.append_extension(ExtendedKeyUsage::new().server_auth().build()?)?;
        leaf.append_extension(BasicConstraints::new().critical().build()?)?;
        let subject_key = SubjectKeyIdentifier::new().build(&leaf.x509v3_context(Some(issuer), None))?;
        leaf.append_extension(subject_key)?;
        let authority_key =
            AuthorityKeyIdentifier::new().keyid(true).build(&leaf.x509v3_context(Some(issuer), None))?;
        leaf.append_extension(authority_key)?;
        let names = names.build(&leaf.x509v3_context(Some(issuer), None))?;
        leaf.append_extension(names)?;
        leaf.sign(&self.key, MessageDigest::sha256())?;
        Ok(leaf.build())
    }
}

/// The DNS names and addresses of a CSR, with the common name, sorted and without doubles.
pub(crate) fn names_of_request(request: &X509Req) -> Result<Vec<String>, ErrorStack> {
    let mut names = Vec::new();
    for entry in request.subject_name().entries_by_nid(Nid::COMMONNAME) {
        names.push(entry.data().to_string()?.to_ascii_lowercase());
    }
    // Only a certificate's extensions can be read, so that they move into one; a CSR need not have any.
    if let Ok(extensions) = request.extensions() {
        let mut carrier = X509Builder::new()?;
        for extension in &extensions {
            carrier.append_extension2(extension)?;
        }
        names.extend(names_of(&carrier.build()));
    }
    names.sort();
    names.dedup();
    Ok(names)
}

/// The DNS names and addresses of a certificate as text.
pub(crate) fn names_of(certificate: &X509Ref) -> Vec<String> {
    let Some(names) = certificate.subject_alt_names() else { return Vec::new() };
    let text = |name: &openssl::x509::GeneralNameRef| {
        let address = name.ipaddress().and_then(|octets| match octets.len() {
            4 => <[u8; 4]>::try_from(octets).ok().map(|octets| std::net::IpAddr::from(octets).to_string()),
            _ => <[u8; 16]>::try_from(octets).ok().map(|octets| std::net::IpAddr::from(octets).to_string()),
        });
        name.dnsname().map(str::to_ascii_lowercase).or(address)
    };
    names.iter().filter_map(text).collect()
}

/// The serial number in hexadecimal, upper case.
pub(crate) fn serial_of(certificate: &X509Ref) -> String {
    let serial = certificate.serial_number().to_bn().and_then(|serial| serial.to_hex_str());
    // Invariant: the authority has made the certificate, with a serial number.
    serial.unwrap_or_else(|error| panic!("a certificate without a serial number: {error}")).to_string()
}

/// The identifier of a certificate in renewal information (RFC 9773 §4.1).
pub(crate) fn renewal_id_of(certificate: &X509Ref) -> String {
    let serial = certificate.serial_number().to_bn();
    // Invariant: the authority has made the certificate, with a serial number.
    let mut serial = serial.unwrap_or_else(|error| panic!("no serial number: {error}")).to_vec();
    // As in DER: a number whose highest bit is set begins with a zero octet.
    if serial.first().is_some_and(|octet| *octet >= 0x80) {
        serial.insert(0, 0);
    }
    let authority =
        certificate.authority_key_id().map(openssl::asn1::Asn1OctetStringRef::as_slice).unwrap_or_default();
    format!("{}.{}", base64url(authority), base64url(&serial))
}

pub(crate) fn new_key() -> Result<PKey<Private>, ErrorStack> {
    let curve = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?;
    PKey::from_ec_key(EcKey::generate(&curve)?)
}

pub(crate) fn pem(certificate: &X509Ref) -> String {
    let pem = certificate.to_pem().unwrap_or_else(|error| panic!("no PEM: {error}"));
    String::from_utf8_lossy(&pem).into_owned()
}

fn name(common_name: &str) -> Result<X509Name, ErrorStack> {
    let mut name = X509NameBuilder::new()?;
    name.append_entry_by_nid(Nid::COMMONNAME, common_name)?;
    Ok(name.build())
}

/// With 16 random octets as its serial number; half of them have the highest bit set, which some clients get wrong.
fn builder(not_before: i64, not_after: i64) -> Result<X509Builder, ErrorStack> {
    let mut certificate = X509::builder()?;
    certificate.set_version(2)?;
    let serial = BigNum::from_slice(&random::<16>())?.to_asn1_integer()?;
    certificate.set_serial_number(&serial)?;
    let (from, to) = (Asn1Time::from_unix(not_before)?, Asn1Time::from_unix(not_after)?);
    certificate.set_not_before(&from)?;
    certificate.set_not_after(&to)?;
    Ok(certificate)
}

/// Signed by its own key when there is no issuer.
fn ca_certificate(
    subject: &X509Name,
    key: &PKey<Private>,
    issuer: Option<&X509>,
    issuer_key: &PKey<Private>,
) -> Result<X509, ErrorStack> {
    let time = now();
    let mut certificate = builder(time - DAY, time + 3_650 * DAY)?;
    certificate.set_subject_name(subject)?;
    certificate.set_issuer_name(issuer.map_or(subject, |issuer| issuer.subject_name()))?;
    certificate.set_pubkey(key)?;
    certificate.append_extension(BasicConstraints::new().critical().ca().build()?)?;
    certificate.append_extension(KeyUsage::new().critical().key_cert_sign().crl_sign().build()?)?;
    let context = certificate.x509v3_context(issuer.map(|issuer| &**issuer), None);
    let subject_key = SubjectKeyIdentifier::new().build(&context)?;
    certificate.append_extension(subject_key)?;
    if let Some(issuer) = issuer {
        let context = certificate.x509v3_context(Some(issuer), None);
        let authority_key = AuthorityKeyIdentifier::new().keyid(true).build(&context)?;
        certificate.append_extension(authority_key)?;
    }
    certificate.sign(issuer_key, MessageDigest::sha256())?;
    Ok(certificate.build())
}
