//! Reading OCSP responses (RFC 6960 §4.2).

use crate::{RevocationReason, X509Error, instant, reader::Reader, writer::tag};

use super::{
    crl_entries::reason,
    extension::{self, malformed, only, shown},
    ocsp_request::NONCE,
    signed::Signed,
};

/// Contents of the OID of `id-pkix-ocsp-basic`.
const BASIC: &[u8] = b"\x2b\x06\x01\x05\x05\x07\x30\x01\x01";
/// Certificates that are looked at; a responder needs one.
const MAX_CERTIFICATES: usize = 10;

/// What a responder answers before anything else (RFC 6960 §4.2.1).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum OcspResponseStatus {
    /// There is an answer.
    Successful,
    /// It did not understand the request.
    MalformedRequest,
    /// It failed.
    InternalError,
    /// It is busy.
    TryLater,
    /// It wants signed requests.
    SigRequired,
    /// It does not answer us, or knows nothing of the issuer.
    Unauthorized,
}

impl OcspResponseStatus {
    /// The name in RFC 6960.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Successful => "successful",
            Self::MalformedRequest => "malformedRequest",
            Self::InternalError => "internalError",
            Self::TryLater => "tryLater",
            Self::SigRequired => "sigRequired",
            Self::Unauthorized => "unauthorized",
        }
    }

    fn from_code(code: u8) -> Option<Self> {
        match code {
            0 => Some(Self::Successful),
            1 => Some(Self::MalformedRequest),
            2 => Some(Self::InternalError),
            3 => Some(Self::TryLater),
            5 => Some(Self::SigRequired),
            6 => Some(Self::Unauthorized),
            _ => None,
        }
    }
}

/// An OCSP response that was read. Its signature was not verified; see
/// [`super::Inquiry::by_ocsp`].
#[derive(Clone, Debug)]
pub struct OcspResponse {
    status: OcspResponseStatus,
    pub(super) basic: Option<Basic>,
}

/// `BasicOCSPResponse`.
#[derive(Clone, Debug)]
pub(super) struct Basic {
    tbs_der: Vec<u8>,
    algorithm_der: Vec<u8>,
    signature: Vec<u8>,
    pub(super) certificates: Vec<Vec<u8>>,
    pub(super) responder: ResponderId,
    pub(super) singles: Vec<Single>,
    pub(super) nonce: Option<Vec<u8>>,
    pub(super) unknown_critical: Option<String>,
}

#[derive(Clone, Debug)]
pub(super) enum ResponderId {
    /// DER of a `Name`.
    Name(Vec<u8>),
    /// SHA-1 of the public key.
    KeyHash(Vec<u8>),
}

/// `SingleResponse`.
#[derive(Clone, Debug)]
pub(super) struct Single {
    /// Contents of the hash algorithm's OID.
    pub(super) hash: Vec<u8>,
    pub(super) name_hash: Vec<u8>,
    pub(super) key_hash: Vec<u8>,
    /// Contents of the INTEGER.
    pub(super) serial: Vec<u8>,
    pub(super) status: SingleStatus,
    pub(super) this_update: i64,
    pub(super) next_update: Option<i64>,
    pub(super) unknown_critical: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum SingleStatus {
    Good,
    Revoked { at: i64, reason: RevocationReason },
    Unknown,
}

impl OcspResponse {
    /// Reads one response and nothing after it.
    ///
    /// # Errors
    /// [`X509Error::InvalidOcspResponse`] when it is malformed, or of another type than *basic*.
    pub fn from_der(der: &[u8]) -> Result<Self, X509Error> {
        Self::parse(der).map_err(|error| match error {
            X509Error::InvalidCertificate(reason) => X509Error::InvalidOcspResponse(reason),
            other => X509Error::InvalidOcspResponse(format!("it is not OCSP in DER: {other}")),
        })
    }

    /// Whether there is an answer at all.
    pub fn status(&self) -> OcspResponseStatus {
        self.status
    }

    /// When the oldest of its answers was true (`thisUpdate`, in Unix seconds).
    pub fn this_update(&self) -> Option<i64> {
        self.basic.as_ref()?.singles.iter().map(|single| single.this_update).min()
    }

    fn parse(der: &[u8]) -> Result<Self, X509Error> {
        let mut response = Reader::of_sequence(der)?;
        let status = match response.value(tag::ENUMERATED)? {
            [code] => OcspResponseStatus::from_code(*code),
            _ => None,
        };
        let status = status.ok_or_else(|| malformed("its status is none that RFC 6960 has"))?;
        let octets = response.optional(tag::context_constructed(0))?;
        response.finish()?;
        let basic = match (status, octets) {
            (OcspResponseStatus::Successful, Some(octets)) => {
                let mut octets = Reader::of_sequence(octets)?;
                if octets.value(tag::OBJECT_IDENTIFIER)? != BASIC {
                    return Err(malformed("its type is another one than id-pkix-ocsp-basic"));
                }
                let basic = Basic::parse(octets.value(tag::OCTET_STRING)?)?;
                octets.finish()?;
                Some(basic)
            }
            (OcspResponseStatus::Successful, None) => {
                return Err(malformed("it is called successful, but there is no response in it"));
            }
            (_, _) => None,
        };
        Ok(Self { status, basic })
    }
}

impl Basic {
    pub(super) fn signed(&self) -> Signed<'_> {
        Signed { tbs_der: &self.tbs_der, algorithm_der: &self.algorithm_der, signature: &self.signature }
    }

    fn parse(der: &[u8]) -> Result<Self, X509Error> {
        let mut outer = Reader::of_sequence(der)?;
        let signed = Signed::read(&mut outer)?;
        let mut certificates = Vec::new();
        if let Some(list) = outer.optional(tag::context_constructed(0))? {
            let mut list = Reader::of_sequence(list)?;
            while !list.is_at_end() {
                let certificate = list.raw()?;
                if certificates.len() < MAX_CERTIFICATES {
                    certificates.push(certificate.to_vec());
                }
            }
        }
        outer.finish()?;

        let mut data = Reader::of_sequence(signed.tbs_der)?;
        if data.optional(tag::context_constructed(0))?.is_some_and(|version| version != [tag::INTEGER, 1, 0])
        {
            return Err(malformed("its version is not 1"));
        }
        let responder = match data.next_value()? {
            Some((BY_NAME, name)) => ResponderId::Name(name.to_vec()),
            Some((BY_KEY, hash)) => ResponderId::KeyHash(only(tag::OCTET_STRING, hash)?.to_vec()),
            _ => return Err(malformed("its responder is named neither by name nor by key")),
        };
        // producedAt: the times of the single responses are what counts.
        generalized_time(&mut data)?;
        let mut list = data.sequence()?;
        let mut singles = Vec::new();
        while !list.is_at_end() {
            singles.push(Single::read(&mut list)?);
        }
        let (mut nonce, mut unknown_critical) = (None, None);
        if let Some(extensions_der) = data.optional(tag::context_constructed(1))? {
            extension::each(extensions_der, |oid, critical, value| {
                match oid {
                    NONCE => nonce = Some(only(tag::OCTET_STRING, value)?.to_vec()),
                    _ if critical => unknown_critical = Some(shown(oid)),
                    _ => {}
                }
                Ok(())
            })?;
        }
        data.finish()?;
        Ok(Self {
            tbs_der: signed.tbs_der.to_vec(),
            algorithm_der: signed.algorithm_der.to_vec(),
            signature: signed.signature.to_vec(),
            certificates,
            responder,
            singles,
            nonce,
            unknown_critical,
        })
    }
}

const BY_NAME: u8 = tag::context_constructed(1);
const BY_KEY: u8 = tag::context_constructed(2);

impl Single {
    fn read(list: &mut Reader<'_>) -> Result<Self, X509Error> {
        const GOOD: u8 = tag::context(0);
        const REVOKED: u8 = tag::context_constructed(1);
        const UNKNOWN: u8 = tag::context(2);

        let mut single = list.sequence()?;
        let mut id = single.sequence()?;
        let mut algorithm = id.sequence()?;
        let hash = algorithm.value(tag::OBJECT_IDENTIFIER)?.to_vec();
        let name_hash = id.value(tag::OCTET_STRING)?.to_vec();
        let key_hash = id.value(tag::OCTET_STRING)?.to_vec();
        let serial = id.value(tag::INTEGER)?.to_vec();
        id.finish()?;
        let status = match single.next_value()? {
            Some((GOOD, [])) => SingleStatus::Good,
            Some((REVOKED, information)) => revoked(information)?,
            Some((UNKNOWN, [])) => SingleStatus::Unknown,
            _ => return Err(malformed("a certificate's status is neither good, revoked nor unknown")),
        };
        let this_update = generalized_time(&mut single)?;
        let next_update = match single.optional(tag::context_constructed(0))? {
            Some(explicit) => {
                let mut explicit = Reader::new(explicit)?;
                let next_update = generalized_time(&mut explicit)?;
                explicit.finish()?;
                Some(next_update)
            }
            None => None,
        };
        let mut unknown_critical = None;
        if let Some(extensions_der) = single.optional(tag::context_constructed(1))? {
            extension::each(extensions_der, |oid, critical, _| {
                if critical {
                    unknown_critical = Some(shown(oid));
                }
                Ok(())
            })?;
        }
        single.finish()?;
        Ok(Self { hash, name_hash, key_hash, serial, status, this_update, next_update, unknown_critical })
    }
}

/// The contents of `RevokedInfo`.
fn revoked(information: &[u8]) -> Result<SingleStatus, X509Error> {
    let mut information = Reader::new(information)?;
    let at = generalized_time(&mut information)?;
    let reason = match information.optional(tag::context_constructed(0))? {
        Some(explicit) => reason(explicit)?,
        None => RevocationReason::Unspecified,
    };
    information.finish()?;
    Ok(SingleStatus::Revoked { at, reason })
}

fn generalized_time(reader: &mut Reader<'_>) -> Result<i64, X509Error> {
    instant::parse(tag::GENERALIZED_TIME, reader.value(tag::GENERALIZED_TIME)?)
}
