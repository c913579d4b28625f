//! `IssuingDistributionPoint`: which certificates and reasons a CRL covers (RFC 5280 §5.2.5).

use crate::{X509Error, chain::GeneralName, reader::Reader, writer::tag};

use super::{extension::boolean, point::PointName, reasons::ReasonSet};

/// The scope of a CRL. One without this extension covers everything its issuer has issued.
#[derive(Clone, Debug)]
pub struct IssuingDistributionPoint {
    pub(super) name: Option<PointName>,
    only_user_certificates: bool,
    only_ca_certificates: bool,
    only_some_reasons: Option<ReasonSet>,
    indirect: bool,
    only_attribute_certificates: bool,
}

impl IssuingDistributionPoint {
    pub(super) fn parse(der: &[u8]) -> Result<Self, X509Error> {
        let mut point = Reader::of_sequence(der)?;
        let name = point.optional(tag::context_constructed(0))?.map(PointName::parse).transpose()?;
        let only_user_certificates = boolean(point.optional(tag::context(1))?)?;
        let only_ca_certificates = boolean(point.optional(tag::context(2))?)?;
        let only_some_reasons = point.optional(tag::context(3))?.map(ReasonSet::parse).transpose()?;
        let indirect = boolean(point.optional(tag::context(4))?)?;
        let only_attribute_certificates = boolean(point.optional(tag::context(5))?)?;
        point.finish()?;
        Ok(Self {
            name,
            only_user_certificates,
            only_ca_certificates,
            only_some_reasons,
            indirect,
            only_attribute_certificates,
        })
    }

    /// The names of the distribution point; empty when there is none, or only
    /// [`Self::relative_name_der`].
    pub fn full_name(&self) -> &[GeneralName] {
        match &self.name {
            Some(PointName::Full(names)) => names,
            Some(PointName::Relative(_)) | None => &[],
        }
    }

    /// The contents of `nameRelativeToCRLIssuer`, a SET, if there is one.
    pub fn relative_name_der(&self) -> Option<&[u8]> {
        match &self.name {
            Some(PointName::Relative(rdn)) => Some(rdn),
            Some(PointName::Full(_)) | None => None,
        }
    }

    /// Whether it covers certificates of end entities only.
    pub fn only_user_certificates(&self) -> bool {
        self.only_user_certificates
    }

    /// Whether it covers certificates of CAs only.
    pub fn only_ca_certificates(&self) -> bool {
        self.only_ca_certificates
    }

    /// Whether it covers attribute certificates only.
    pub fn only_attribute_certificates(&self) -> bool {
        self.only_attribute_certificates
    }

    /// The reasons that it covers; none for all.
    pub fn only_some_reasons(&self) -> Option<ReasonSet> {
        self.only_some_reasons
    }

    /// Whether it may list certificates of other issuers.
    pub fn is_indirect(&self) -> bool {
        self.indirect
    }

    /// Why it does not cover certificates of CAs (`ca`) or of end entities (RFC 5280 §6.3.3 (b)
    /// (2)); none when it does.
    pub(super) fn excludes(&self, ca: bool) -> Option<&'static str> {
        if self.only_attribute_certificates {
            return Some("it covers attribute certificates only");
        }
        if self.only_user_certificates && ca {
            return Some("it covers certificates of end entities only, and this is a CA's");
        }
        if self.only_ca_certificates && !ca {
            return Some("it covers certificates of CAs only, and this is none");
        }
        None
    }
}
