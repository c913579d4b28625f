//! Certificate signing requests (PKCS #10, RFC 2986): read strictly for signing at once, read
//! tolerantly for a person to look at, and made.

mod inspection;
mod signature;
mod template;
mod warning;

pub use inspection::{CsrInspection, RequestedExtension, RequestedExtensions};
pub use template::{CaWish, CsrTemplate};
pub use warning::CsrWarning;

use crate::{
    DistinguishedName, PublicKey, SubjectAltNames, X509Error,
    certificate::oid,
    name::parse_name_der,
    pem,
    reader::{Reader, extensions},
    writer::tag,
};

/// The second is what Netscape and Java call it (RFC 7468 §7).
const PEM_LABELS: [&str; 2] = [pem::CERTIFICATE_REQUEST, "NEW CERTIFICATE REQUEST"];
/// `extensionRequest` (RFC 2985 §5.4.2).
const EXTENSION_REQUEST: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x0e";
/// What Microsoft called it before (`szOID_CERT_EXTENSIONS`, 1.3.6.1.4.1.311.2.1.14).
const MICROSOFT_EXTENSION_REQUEST: &[u8] = b"\x2b\x06\x01\x04\x01\x82\x37\x02\x01\x0e";

/// A request that was parsed completely and whose self-signature is good: its maker has the
/// private key.
#[derive(Clone, Debug)]
pub struct CertificateSigningRequest {
    der: Vec<u8>,
    subject: DistinguishedName,
    public_key: PublicKey,
    requested: Requested,
}

/// What the request asks for in `extensionRequest`; other extensions are ignored.
#[derive(Clone, Debug, Default)]
struct Requested {
    subject_alt_names: SubjectAltNames,
    /// Names of kinds that certificates here cannot have.
    left_out: Vec<String>,
    ca: bool,
}

impl CertificateSigningRequest {
    /// Reads the one `CERTIFICATE REQUEST` (or `NEW CERTIFICATE REQUEST`) of a PEM text; see
    /// [`Self::from_der`].
    ///
    /// # Errors
    /// [`X509Error::Pem`] and those of [`Self::from_der`].
    pub fn from_pem(text: &str) -> Result<Self, X509Error> {
        Self::from_der(&decode(text)?)
    }

    /// Reads a request and checks its structure, key, requested names and signature.
    ///
    /// # Errors
    /// [`X509Error::InvalidCsr`] when it is malformed, its signature is wrong or stands on a broken
    /// hash; [`X509Error::InvalidName`] when it asks for a name that cannot be used;
    /// [`X509Error::UnsupportedKey`] and [`X509Error::WeakKey`] for its key.
    pub fn from_der(der: &[u8]) -> Result<Self, X509Error> {
        Self::parse(der).map_err(as_csr_error)
    }

    /// The subject; attributes that a [`DistinguishedName`] does not hold are left out.
    pub fn subject(&self) -> &DistinguishedName {
        &self.subject
    }

    /// The key to be certified.
    pub fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    /// The requested names.
    pub fn subject_alt_names(&self) -> &SubjectAltNames {
        &self.requested.subject_alt_names
    }

    /// Names of kinds that certificates here cannot have (`directoryName`, `registeredID`, an `otherName` without a
    /// UTF8String …), for people.
    pub fn names_left_out(&self) -> &[String] {
        &self.requested.left_out
    }

    /// Whether it asks to be a CA (`basicConstraints` with `CA:TRUE`).
    pub fn asks_for_ca(&self) -> bool {
        self.requested.ca
    }

    /// The request as it was given.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    fn parse(der: &[u8]) -> Result<Self, X509Error> {
        let request = RawRequest::parse(der)?;
        let subject = parse_name_der(request.subject_der)?;
        let public_key = PublicKey::from_spki_der(request.spki_der)?;
        let verified = public_key
            .verify(request.algorithm_der, request.info_der, request.signature)
            .map_err(|error| match error {
                X509Error::UnsupportedKey(reason) => X509Error::InvalidCsr(reason),
                other => other,
            })?;
        if !verified {
            return Err(not_its_own_key());
        }
        let requested = match extension_request(&request.attributes)? {
            Some(values) => {
                let mut values = Reader::new(values)?;
                let extensions_der = values.raw()?;
                values.finish()?;
                requested_extensions(extensions_der)?
            }
            None => Requested::default(),
        };
        Ok(Self { der: der.to_vec(), subject, public_key, requested })
    }
}

/// The DER of a request in PEM, or in base64 alone.
fn decode(text: &str) -> Result<Vec<u8>, X509Error> {
    if !text.contains("-----") {
        let compact: String = text.chars().filter(|letter| !letter.is_ascii_whitespace()).collect();
        if let Ok(der) = openssl::base64::decode_block(&compact)
            && der.first() == Some(&tag::SEQUENCE)
        {
            return Ok(der);
        }
    }
    pem::decode_one(&PEM_LABELS, text)
}

fn as_csr_error(error: X509Error) -> X509Error {
    match error {
        X509Error::Der(cause) => {
            X509Error::InvalidCsr(format!("it is not a PKCS #10 request in DER: {cause}"))
        }
        X509Error::InvalidCertificate(reason) => X509Error::InvalidCsr(reason),
        other => other,
    }
}

fn not_its_own_key() -> X509Error {
    X509Error::InvalidCsr("its signature was not made with its own key".into())
}

/// A `CertificationRequest` as it stands (RFC 2986 §4.2).
struct RawRequest<'a> {
    /// What is signed.
    info_der: &'a [u8],
    algorithm_der: &'a [u8],
    signature: &'a [u8],
    subject_der: &'a [u8],
    spki_der: &'a [u8],
    attributes: Vec<RawAttribute<'a>>,
}

/// An `Attribute`: its encoded OID, and what its SET holds.
struct RawAttribute<'a> {
    oid: &'a [u8],
    values: &'a [u8],
}

impl<'a> RawRequest<'a> {
    fn parse(der: &'a [u8]) -> Result<Self, X509Error> {
        let mut request = Reader::of_sequence(der)?;
        let info_der = request.raw()?;
        let algorithm_der = request.raw()?;
        let signature = request.bit_string()?;
        request.finish()?;

        let mut info = Reader::of_sequence(info_der)?;
        if info.unsigned_integer()? != [0] {
            return Err(X509Error::InvalidCsr("its version is not 1 (RFC 2986 section 4.1)".into()));
        }
        let subject_der = info.raw()?;
        let spki_der = info.raw()?;
        // Many programs leave the attributes out when there are none, against RFC 2986.
        let list = info.optional(tag::context_constructed(0))?.unwrap_or_default();
        info.finish()?;

        let mut attributes = Vec::new();
        let mut list = Reader::new(list)?;
        while !list.is_at_end() {
            let mut attribute = list.sequence()?;
            let oid = attribute.value(tag::OBJECT_IDENTIFIER)?;
            let values = attribute.value(tag::SET)?;
            attribute.finish()?;
            attributes.push(RawAttribute { oid, values });
        }
        Ok(Self { info_der, algorithm_der, signature, subject_der, spki_der, attributes })
    }
}

/// The values of the one `extensionRequest`, if there is one, under either of its OIDs.
fn extension_request<'a>(attributes: &[RawAttribute<'a>]) -> Result<Option<&'a [u8]>, X509Error> {
    let mut requests = attributes
        .iter()
        .filter(|attribute| [EXTENSION_REQUEST, MICROSOFT_EXTENSION_REQUEST].contains(&attribute.oid));
    let first = requests.next().map(|attribute| attribute.values);
    if requests.next().is_some() {
        return Err(X509Error::InvalidCsr("it has more than one extensionRequest".into()));
    }
    Ok(first)
}

fn requested_extensions(extensions_der: &[u8]) -> Result<Requested, X509Error> {
    let mut requested = Requested::default();
    for extension in extensions(extensions_der)? {
        match extension.oid {
            oid::SUBJECT_ALT_NAME => {
                let mut entries = Reader::of_sequence(extension.value)?;
                while let Some((kind, contents)) = entries.next_value()? {
                    let taken = requested.subject_alt_names.push_general_name(kind, contents, str::parse);
                    match (taken, inspection::foreign_name(kind, contents)) {
                        (Ok(()), _) => {}
                        (Err(_), Some(name)) => requested.left_out.push(name),
                        (Err(error), None) => return Err(error),
                    }
                }
                requested.subject_alt_names.dedup();
            }
            oid::BASIC_CONSTRAINTS => {
                requested.ca = parse_basic_constraints(extension.value)?.0;
            }
            _ => {}
        }
    }
    Ok(requested)
}

/// Reads `BasicConstraints`: whether it is a CA, and the path length.
pub(crate) fn parse_basic_constraints(der: &[u8]) -> Result<(bool, Option<u8>), X509Error> {
    let mut constraints = Reader::of_sequence(der)?;
    // DER forbids to write the default FALSE, but some programs do.
    let ca = constraints.optional(tag::BOOLEAN)?.is_some_and(|value| value != [0]);
    let path_length = if constraints.is_at_end() {
        None
    } else {
        // A limit above 255 is as good as 255: paths that long are not followed.
        match constraints.unsigned_integer()? {
            [length] => Some(*length),
            _ => Some(u8::MAX),
        }
    };
    constraints.finish()?;
    Ok((ca, path_length))
}
