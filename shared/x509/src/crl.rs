//! Certificate revocation lists, version 2 (RFC 5280 §5).

use std::{fmt, str::FromStr};

use crate::{
    SerialNumber, Signer, UriName, X509Error,
    certificate::{check_instants, check_name_der, write_authority_key_id, write_distribution_point},
    instant,
    writer::{Writer, header, tag},
};

const CRL_NUMBER: &[u8] = b"\x55\x1d\x14";
const REASON_CODE: &[u8] = b"\x55\x1d\x15";
const INVALIDITY_DATE: &[u8] = b"\x55\x1d\x18";
const DELTA_CRL_INDICATOR: &[u8] = b"\x55\x1d\x1b";
const ISSUING_DISTRIBUTION_POINT: &[u8] = b"\x55\x1d\x1c";
const FRESHEST_CRL: &[u8] = b"\x55\x1d\x2e";

/// Octets of a usual entry: a serial number of 20 octets, a UTCTime, a reason.
const USUAL_ENTRY: usize = 53;

/// Why a certificate was revoked (RFC 5280 §5.3.1). The numbers are those of the extension.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
pub enum RevocationReason {
    /// No reason was given.
    Unspecified = 0,
    /// The subject's private key is, or may be, known to others.
    KeyCompromise = 1,
    /// The same of a CA's key.
    CaCompromise = 2,
    /// The subject's name or affiliation has changed.
    AffiliationChanged = 3,
    /// Another certificate has taken its place.
    Superseded = 4,
    /// The certificate is needed no more.
    CessationOfOperation = 5,
    /// Suspended for a while.
    CertificateHold = 6,
    /// The end of a suspension, or of a place on a delta CRL.
    RemoveFromCrl = 8,
    /// The subject may no longer have what the certificate grants.
    PrivilegeWithdrawn = 9,
    /// An attribute authority's key is, or may be, known to others.
    AaCompromise = 10,
}

impl RevocationReason {
    /// Every reason, in the order of the numbers.
    pub const ALL: [Self; 10] = [
        Self::Unspecified,
        Self::KeyCompromise,
        Self::CaCompromise,
        Self::AffiliationChanged,
        Self::Superseded,
        Self::CessationOfOperation,
        Self::CertificateHold,
        Self::RemoveFromCrl,
        Self::PrivilegeWithdrawn,
        Self::AaCompromise,
    ];

    /// The name in RFC 5280.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::KeyCompromise => "keyCompromise",
            Self::CaCompromise => "cACompromise",
            Self::AffiliationChanged => "affiliationChanged",
            Self::Superseded => "superseded",
            Self::CessationOfOperation => "cessationOfOperation",
            Self::CertificateHold => "certificateHold",
            Self::RemoveFromCrl => "removeFromCRL",
            Self::PrivilegeWithdrawn => "privilegeWithdrawn",
            Self::AaCompromise => "aACompromise",
        }
    }

    /// The number in RFC 5280.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The reason with this number.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.code() == code)
    }
}

impl fmt::Display for RevocationReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// Reads the name in RFC 5280 or in snake case (`key_compromise`), in any case.
impl FromStr for RevocationReason {
    type Err = X509Error;

    fn from_str(text: &str) -> Result<Self, X509Error> {
        let word = text.replace('_', "");
        Self::ALL
            .into_iter()
            .find(|reason| reason.as_str().eq_ignore_ascii_case(&word))
            .ok_or_else(|| X509Error::unknown_word(text, "revocation reason"))
    }
}

/// What a CRL says beside its entries.
#[derive(Clone, Copy, Debug)]
pub struct CrlHeader<'a> {
    /// The issuer's subject as it stands in its certificate.
    pub issuer_der: &'a [u8],
    /// Subject key id of the issuer.
    pub authority_key_id: &'a [u8],
    /// Grows with every CRL of the issuer (RFC 5280 §5.2.3).
    pub crl_number: u64,
    /// When the CRL was made, in Unix seconds.
    pub this_update: i64,
    /// When the next one will have come, in Unix seconds.
    pub next_update: i64,
    /// The addresses by which certificates name this list, when it lists only what names one of them: its scope then, in the
    /// critical `issuingDistributionPoint` (RFC 5280 §5.2.5). None for a list of everything that the issuer has revoked.
    pub distribution_points: &'a [String],
    /// Of a delta CRL, the number of the list that it goes on from (`deltaCRLIndicator`, RFC 5280 §5.2.4).
    pub base_number: Option<u64>,
    /// Where the delta CRL to this list is (`freshestCRL`, RFC 5280 §5.2.6).
    pub delta_url: Option<&'a str>,
}

/// Collects revoked certificates, encoded as they come, and makes the CRL. A million entries need
/// about 55 MB while they are collected and twice that when they are signed.
#[derive(Default)]
pub struct CrlBuilder {
    /// The contents of `revokedCertificates`.
    entries: Vec<u8>,
    count: u64,
    /// The first fault of an entry; reported when the CRL is to be signed.
    fault: Option<String>,
    is_delta: bool,
}

impl CrlBuilder {
    /// A CRL without entries.
    pub fn new() -> Self {
        Self::default()
    }

    /// A delta CRL without entries: what has changed since another list (RFC 5280 §5.2.4).
    pub fn delta() -> Self {
        Self { is_delta: true, ..Self::default() }
    }

    /// A CRL without entries, with room for so many.
    pub fn with_capacity(entries: usize) -> Self {
        Self { entries: Vec::with_capacity(entries.saturating_mul(USUAL_ENTRY)), ..Self::default() }
    }

    /// Adds a revoked certificate; `revoked_at` in Unix seconds. The reason *unspecified* is not
    /// written (RFC 5280 §5.3.1). What cannot stand on a CRL (an instant outside of the years 1950
    /// to 9999, the reason *removeFromCRL*, which is for delta CRLs) makes [`CrlBuilder::sign`]
    /// fail.
    pub fn push(&mut self, serial: &SerialNumber, revoked_at: i64, reason: RevocationReason) {
        self.push_entry(serial, revoked_at, reason, None);
    }

    /// The same with the instant since when the key may have been in wrong hands (`invalidityDate`, RFC 5280 §5.3.2).
    pub fn push_entry(
        &mut self,
        serial: &SerialNumber,
        revoked_at: i64,
        reason: RevocationReason,
        invalid_since: Option<i64>,
    ) {
        let instants = [Some(revoked_at), invalid_since];
        let mut instants = instants.into_iter().flatten();
        if !instants.all(|at| (instant::EARLIEST..=instant::LATEST).contains(&at)) {
            self.fault.get_or_insert_with(|| {
                format!("an instant of {serial} lies outside of the years 1950 to 9999")
            });
            return;
        }
        if reason == RevocationReason::RemoveFromCrl && !self.is_delta {
            self.fault.get_or_insert_with(|| format!("{serial} has the reason removeFromCRL on a full CRL"));
            return;
        }
        let mut writer = Writer::append_to(std::mem::take(&mut self.entries));
        writer.sequence(|entry| {
            entry.unsigned_integer(serial.as_bytes());
            instant::write(entry, revoked_at);
            if reason != RevocationReason::Unspecified || invalid_since.is_some() {
                entry.sequence(|extensions| {
                    if reason != RevocationReason::Unspecified {
                        extensions.extension(REASON_CODE, false, |value| {
                            value.primitive(tag::ENUMERATED, &[reason.code()]);
                        });
                    }
                    if let Some(since) = invalid_since {
                        extensions.extension(INVALIDITY_DATE, false, |value| {
                            value.primitive(tag::GENERALIZED_TIME, &instant::digits(since));
                        });
                    }
                });
            }
        });
        self.entries = writer.finish();
        self.count += 1;
    }

    /// How many entries there are.
    pub fn entries(&self) -> u64 {
        self.count
    }

    /// Checks, writes and signs the CRL, and answers its DER.
    ///
    /// # Errors
    /// [`X509Error::RefusedToSign`] when a rule of RFC 5280 would be broken; what the signer
    /// answers when it fails.
    pub fn sign(self, header: &CrlHeader<'_>, issuer: &dyn Signer) -> Result<Vec<u8>, X509Error> {
        check_instants(header.this_update, header.next_update)?;
        check_name_der(header.issuer_der)?;
        if header.authority_key_id.is_empty() {
            return Err(X509Error::RefusedToSign("the authority key id is empty".into()));
        }
        for url in header.distribution_points.iter().map(String::as_str).chain(header.delta_url) {
            url.parse::<UriName>()?;
        }
        check_delta(self.is_delta, header)?;
        if let Some(fault) = self.fault {
            return Err(X509Error::RefusedToSign(fault));
        }
        let algorithm = issuer.signature_algorithm();
        let tbs = tbs_cert_list(self.entries, header, algorithm.der());
        let signature = issuer.sign(&tbs)?;
        Ok(wrapped(tbs, algorithm.der(), &signature))
    }
}

/// What a delta CRL has and another one has not (RFC 5280 §5.2.4, §5.2.6).
fn check_delta(is_delta: bool, header: &CrlHeader<'_>) -> Result<(), X509Error> {
    let refuse = |rule: &str| Err(X509Error::RefusedToSign(rule.into()));
    match header.base_number {
        None if is_delta => refuse("a delta CRL needs the number of the list that it goes on from"),
        Some(_) if !is_delta => refuse("a full CRL goes on from no other list"),
        Some(base) if base >= header.crl_number => {
            refuse("the number of a delta CRL is not above that of the list that it goes on from")
        }
        Some(_) if header.delta_url.is_some() => refuse("a delta CRL cannot name a delta CRL"),
        None | Some(_) => Ok(()),
    }
}

/// Grows the buffer of the entries into the whole `TBSCertList`. The entries are moved within the
/// buffer instead of copied to a second one, since there may be tens of MB of them.
fn tbs_cert_list(entries: Vec<u8>, header_fields: &CrlHeader<'_>, algorithm_der: &[u8]) -> Vec<u8> {
    let entries_header = if entries.is_empty() {
        // RFC 5280 §5.1.2.6: an empty list is left out.
        Vec::new()
    } else {
        header(tag::SEQUENCE, entries.len())
    };
    let mut before = Writer::with_capacity(256);
    // Version 2 is written as 1.
    before.unsigned_integer(&[1]);
    before.raw(algorithm_der);
    before.raw(header_fields.issuer_der);
    instant::write(&mut before, header_fields.this_update);
    instant::write(&mut before, header_fields.next_update);
    before.raw(&entries_header);
    let before = before.finish();

    let mut after = Writer::with_capacity(128);
    after.nested(tag::context_constructed(0), |extensions| {
        extensions.sequence(|list| {
            write_authority_key_id(list, header_fields.authority_key_id);
            list.extension(CRL_NUMBER, false, |value| {
                value.unsigned_integer(&header_fields.crl_number.to_be_bytes());
            });
            if let Some(base) = header_fields.base_number {
                list.extension(DELTA_CRL_INDICATOR, true, |value| {
                    value.unsigned_integer(&base.to_be_bytes());
                });
            }
            if !header_fields.distribution_points.is_empty() {
                write_issuing_distribution_point(list, header_fields.distribution_points);
            }
            if let Some(url) = header_fields.delta_url {
                write_distribution_point(list, FRESHEST_CRL, url);
            }
        });
    });
    let after = after.finish();

    let outer = header(tag::SEQUENCE, before.len() + entries.len() + after.len());
    let mut tbs = entries;
    // Room for the signature and its headers too, which are at most a few hundred octets.
    tbs.reserve_exact(outer.len() + before.len() + after.len() + 2048);
    tbs.splice(..0, [outer, before].concat());
    tbs.extend_from_slice(&after);
    tbs
}

/// The scope of a list as `fullName` of a distribution point: one of the names must be one of the certificate's.
fn write_issuing_distribution_point(list: &mut Writer, urls: &[String]) {
    list.extension(ISSUING_DISTRIBUTION_POINT, true, |value| {
        value.sequence(|scope| {
            scope.nested(tag::context_constructed(0), |name| {
                name.nested(tag::context_constructed(0), |full_name| {
                    for url in urls {
                        full_name.primitive(tag::context(6), url.as_bytes());
                    }
                });
            });
        });
    });
}

/// Makes the signed list out of the buffer of what was signed.
fn wrapped(tbs: Vec<u8>, algorithm_der: &[u8], signature: &[u8]) -> Vec<u8> {
    let mut writer = Writer::append_to(tbs);
    writer.raw(algorithm_der);
    writer.bit_string(signature);
    let mut list = writer.finish();
    list.splice(..0, header(tag::SEQUENCE, list.len()));
    list
}
