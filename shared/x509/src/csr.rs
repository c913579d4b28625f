//! Certificate signing requests (PKCS #10, RFC 2986).

use crate::{
    DistinguishedName, PublicKey, SubjectAltNames, X509Error,
    certificate::oid,
    name::parse_name_der,
    pem,
    reader::{Reader, extensions},
    writer::tag,
};

/// `extensionRequest` (RFC 2985 §5.4.2).
const EXTENSION_REQUEST: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x0e";

/// A request that was parsed completely and whose self-signature is good: whoever made it has the
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
    ca: bool,
}

impl CertificateSigningRequest {
    /// Reads the one `CERTIFICATE REQUEST` (or `NEW CERTIFICATE REQUEST`) of a PEM text; see
    /// [`Self::from_der`].
    ///
    /// # Errors
    /// [`X509Error::Pem`] and those of [`Self::from_der`].
    pub fn from_pem(text: &str) -> Result<Self, X509Error> {
        let der = pem::decode_one(&[pem::CERTIFICATE_REQUEST, "NEW CERTIFICATE REQUEST"], text)?;
        Self::from_der(&der)
    }

    /// Reads a request and checks its structure, key, requested names and signature.
    ///
    /// # Errors
    /// [`X509Error::InvalidCsr`] when it is malformed, its signature is wrong or stands on a broken
    /// hash; [`X509Error::InvalidName`] when it asks for a name that cannot be used;
    /// [`X509Error::UnsupportedKey`] and [`X509Error::WeakKey`] for its key.
    pub fn from_der(der: &[u8]) -> Result<Self, X509Error> {
        Self::parse(der).map_err(|error| match error {
            X509Error::Der(cause) => {
                X509Error::InvalidCsr(format!("it is not a PKCS #10 request in DER: {cause}"))
            }
            X509Error::InvalidCertificate(reason) => X509Error::InvalidCsr(reason),
            other => other,
        })
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

    /// Whether it asks to be a CA (`basicConstraints` with `CA:TRUE`).
    pub fn asks_for_ca(&self) -> bool {
        self.requested.ca
    }

    /// The request as it was given.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    fn parse(der: &[u8]) -> Result<Self, X509Error> {
        let mut request = Reader::of_sequence(der)?;
        let info_der = request.raw()?;
        let algorithm_der = request.raw()?;
        let signature = request.bit_string()?;
        request.finish()?;

        let mut info = Reader::of_sequence(info_der)?;
        if info.unsigned_integer()? != [0] {
            return Err(X509Error::InvalidCsr("its version is not 1 (RFC 2986 section 4.1)".into()));
        }
        let subject = parse_name_der(info.raw()?)?;
        let spki_der = info.raw()?;
        // Many programs leave the attributes out when there are none, against RFC 2986.
        let attributes = info.optional(tag::context_constructed(0))?.unwrap_or_default();
        info.finish()?;

        let public_key = PublicKey::from_spki_der(spki_der)?;
        let verified =
            public_key.verify(algorithm_der, info_der, signature).map_err(|error| match error {
                X509Error::UnsupportedKey(reason) => X509Error::InvalidCsr(reason),
                other => other,
            })?;
        if !verified {
            return Err(X509Error::InvalidCsr("its signature was not made with its own key".into()));
        }
        Ok(Self { der: der.to_vec(), subject, public_key, requested: requested(attributes)? })
    }
}

fn requested(attributes: &[u8]) -> Result<Requested, X509Error> {
    let mut requested = Requested::default();
    let mut seen = false;
    let mut list = Reader::new(attributes)?;
    while !list.is_at_end() {
        let mut attribute = list.sequence()?;
        let oid = attribute.value(tag::OBJECT_IDENTIFIER)?;
        let values = attribute.value(tag::SET)?;
        attribute.finish()?;
        if oid != EXTENSION_REQUEST {
            continue;
        }
        if std::mem::replace(&mut seen, true) {
            return Err(X509Error::InvalidCsr("it has more than one extensionRequest".into()));
        }
        let mut values = Reader::new(values)?;
        let extensions_der = values.raw()?;
        values.finish()?;
        requested = requested_extensions(extensions_der)?;
    }
    Ok(requested)
}

fn requested_extensions(extensions_der: &[u8]) -> Result<Requested, X509Error> {
    let mut requested = Requested::default();
    for extension in extensions(extensions_der)? {
        match extension.oid {
            oid::SUBJECT_ALT_NAME => {
                requested.subject_alt_names = SubjectAltNames::parse(extension.value, Err)?;
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
