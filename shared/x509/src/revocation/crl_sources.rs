//! Where a certificate says that evidence is found: distribution points (RFC 5280 §4.2.1.13 and
//! §4.2.1.15) and authority information access (§4.2.2.1).

use crate::{
    X509Error,
    chain::{Certificate, GeneralName},
    reader::Reader,
    rfc4514_of_der,
    writer::tag,
};

use super::{
    extension::malformed,
    point::{PointName, general_names},
    reasons::ReasonSet,
};

/// Distribution points of one certificate; more are not in use.
const MAX_POINTS: usize = 50;
/// What is offered to be fetched, so that a certificate cannot make the service fetch without end.
const MAX_FETCHED_POINTS: usize = 8;
const MAX_URLS_PER_POINT: usize = 4;
const MAX_OCSP_URLS: usize = 4;
const MAX_URL: usize = 2048;
const MAX_UNUSABLE: usize = 20;

/// One `DistributionPoint` of a certificate.
pub(super) struct DistributionPoint {
    pub(super) name: Option<PointName>,
    pub(super) reasons: ReasonSet,
    /// Names of the CRL's issuer, when it is not the certificate's.
    pub(super) crl_issuer: Vec<GeneralName>,
}

/// Reads `CRLDistributionPoints` or `FreshestCRL`.
pub(super) fn distribution_points(der: &[u8]) -> Result<Vec<DistributionPoint>, X509Error> {
    let mut points = Vec::new();
    let mut list = Reader::of_sequence(der)?;
    while !list.is_at_end() {
        if points.len() == MAX_POINTS {
            return Err(malformed(format!("there are more than {MAX_POINTS} distribution points")));
        }
        let mut point = list.sequence()?;
        let name = point.optional(tag::context_constructed(0))?.map(PointName::parse).transpose()?;
        let reasons = point.optional(tag::context(1))?.map(ReasonSet::parse).transpose()?;
        let crl_issuer = point.optional(tag::context_constructed(2))?.map(general_names).transpose()?;
        point.finish()?;
        if name.is_none() && crl_issuer.is_none() {
            return Err(malformed("a distribution point has neither a name nor an issuer"));
        }
        points.push(DistributionPoint {
            name,
            reasons: reasons.unwrap_or(ReasonSet::ALL),
            crl_issuer: crl_issuer.unwrap_or_default(),
        });
    }
    Ok(points)
}

/// The addresses in a certificate where evidence about it is found, bounded in number. Nobody has
/// vouched for them: they are to be fetched with care.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RevocationSources {
    /// Per distribution point, the `http` and `https` URLs of the same CRL.
    pub crls: Vec<Vec<String>>,
    /// The same of delta CRLs.
    pub delta_crls: Vec<Vec<String>>,
    /// The `http` and `https` URLs of OCSP responders.
    pub ocsp: Vec<String>,
    /// What cannot be used, for people: other schemes such as `ldap`, names that are no addresses,
    /// and what exceeds the bounds.
    pub unusable: Vec<String>,
}

impl RevocationSources {
    /// Reads them.
    pub fn of(certificate: &Certificate) -> Self {
        let mut sources = Self::default();
        sources.crls = sources.urls_of_points(certificate.crl_distribution_points_der());
        sources.delta_crls = sources.urls_of_points(certificate.freshest_crl_der());
        for url in certificate.ocsp_urls() {
            if is_fetchable(url) && sources.ocsp.len() < MAX_OCSP_URLS {
                sources.ocsp.push(url.to_owned());
            } else {
                sources.set_aside(printable(url));
            }
        }
        sources
    }

    fn urls_of_points(&mut self, der: Option<&[u8]>) -> Vec<Vec<String>> {
        let points = match der.map(distribution_points).transpose() {
            Ok(points) => points.unwrap_or_default(),
            Err(error) => {
                self.set_aside(format!("distribution points that cannot be read: {error}"));
                return Vec::new();
            }
        };
        let mut fetched: Vec<Vec<String>> = Vec::new();
        for point in &points {
            let mut urls: Vec<String> = Vec::new();
            for name in point.full_name() {
                match name {
                    GeneralName::Uri(url)
                        if is_fetchable(url)
                            && urls.len() < MAX_URLS_PER_POINT
                            && fetched.len() < MAX_FETCHED_POINTS =>
                    {
                        urls.push(url.clone());
                    }
                    other => self.set_aside(shown(other)),
                }
            }
            if !urls.is_empty() && !fetched.contains(&urls) {
                fetched.push(urls);
            }
        }
        fetched
    }

    fn set_aside(&mut self, text: String) {
        if self.unusable.len() < MAX_UNUSABLE {
            self.unusable.push(text);
        }
    }
}

impl DistributionPoint {
    fn full_name(&self) -> &[GeneralName] {
        match &self.name {
            Some(PointName::Full(names)) => names,
            Some(PointName::Relative(_)) | None => &[],
        }
    }
}

fn is_fetchable(url: &str) -> bool {
    let scheme = url.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
    matches!(scheme.as_deref(), Some("http" | "https"))
        && url.len() <= MAX_URL
        && url.bytes().all(|octet| octet.is_ascii_graphic())
}

fn shown(name: &GeneralName) -> String {
    match name {
        GeneralName::Email(text) | GeneralName::Dns(text) | GeneralName::Uri(text) => printable(text),
        GeneralName::Directory(der) => {
            format!("the directory name {}", printable(&rfc4514_of_der(der).unwrap_or_default()))
        }
        GeneralName::Ip(_) => "an IP address".into(),
        GeneralName::Other(kind, _) => format!("a name of kind {kind}"),
    }
}

fn printable(text: &str) -> String {
    text.chars().take(120).flat_map(char::escape_debug).collect()
}
