//! Distinguished names (RFC 5280 §4.1.2.4 and Appendix A).

use crate::{
    EmailAddress, X509Error,
    reader::Reader,
    unseen,
    writer::{Writer, tag},
};

/// The attributes of a name that the service writes. Attributes with several values become one
/// RDN each, in the order given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DistinguishedName {
    /// `CN`, at most 64 characters.
    pub common_name: Option<String>,
    /// `O`, at most 64 characters each.
    pub organization: Vec<String>,
    /// `OU`, at most 64 characters each.
    pub organizational_unit: Vec<String>,
    /// `C`, two letters each (ISO 3166).
    pub country: Vec<String>,
    /// `L`, at most 128 characters each.
    pub locality: Vec<String>,
    /// `ST`, at most 128 characters each.
    pub province: Vec<String>,
    /// `emailAddress` (PKCS #9, RFC 2985 §5.2.1), an ASCII e-mail address. Certificates that a role
    /// issues never have it: addresses belong into the subject alternative names.
    pub email: Option<String>,
}

impl DistinguishedName {
    /// A name with a common name only.
    pub fn with_common_name(common_name: impl Into<String>) -> Self {
        Self { common_name: Some(common_name.into()), ..Self::default() }
    }

    /// Whether it has no attribute at all.
    pub fn is_empty(&self) -> bool {
        self.attributes().next().is_none()
    }

    /// Checks every value against the upper bounds of RFC 5280 Appendix A.1 (`ub-common-name` and
    /// so on, counted in characters), and that none is empty or holds control characters.
    ///
    /// # Errors
    /// [`X509Error::InvalidName`] for the first value that breaks a rule.
    pub fn validate(&self) -> Result<(), X509Error> {
        self.attributes().try_for_each(|(attribute, value)| {
            attribute.check(value).map_err(|reason| X509Error::invalid_name(value, reason))
        })
    }

    /// How many values all attributes have together.
    pub fn value_count(&self) -> usize {
        self.attributes().count()
    }

    /// The DER of `Name`, in the order C, ST, L, O, OU, CN, emailAddress: PrintableString for
    /// countries, IA5String for the e-mail address, UTF8String for everything else (RFC 5280
    /// §4.1.2.4).
    pub fn to_der(&self) -> Vec<u8> {
        let mut writer = Writer::with_capacity(128);
        self.write(&mut writer);
        writer.finish()
    }

    pub(crate) fn write(&self, writer: &mut Writer) {
        writer.sequence(|name| {
            for (attribute, value) in self.attributes() {
                name.nested(tag::SET, |rdn| {
                    rdn.sequence(|pair| {
                        pair.object_identifier(attribute.oid());
                        let string = match attribute {
                            Attribute::Country => tag::PRINTABLE_STRING,
                            Attribute::Email => tag::IA5_STRING,
                            Attribute::Province
                            | Attribute::Locality
                            | Attribute::Organization
                            | Attribute::OrganizationalUnit
                            | Attribute::CommonName => tag::UTF8_STRING,
                        };
                        if attribute == Attribute::Country {
                            // ISO 3166 writes its codes in capitals.
                            pair.primitive(string, value.to_ascii_uppercase().as_bytes());
                        } else {
                            pair.primitive(string, value.as_bytes());
                        }
                    });
                });
            }
        });
    }

    /// Attributes and values in the order in which they are encoded, least specific first.
    pub(crate) fn attributes(&self) -> impl DoubleEndedIterator<Item = (Attribute, &str)> {
        values_of(Attribute::Country, &self.country)
            .chain(values_of(Attribute::Province, &self.province))
            .chain(values_of(Attribute::Locality, &self.locality))
            .chain(values_of(Attribute::Organization, &self.organization))
            .chain(values_of(Attribute::OrganizationalUnit, &self.organizational_unit))
            .chain(values_of(Attribute::CommonName, self.common_name.as_slice()))
            .chain(values_of(Attribute::Email, self.email.as_slice()))
    }

    /// Adds a value. Of several common names or e-mail addresses the last is kept, which is the most
    /// specific one.
    pub(crate) fn push(&mut self, attribute: Attribute, value: String) {
        match attribute {
            Attribute::Country => self.country.push(value),
            Attribute::Province => self.province.push(value),
            Attribute::Locality => self.locality.push(value),
            Attribute::Organization => self.organization.push(value),
            Attribute::OrganizationalUnit => self.organizational_unit.push(value),
            Attribute::CommonName => self.common_name = Some(value),
            Attribute::Email => self.email = Some(value),
        }
    }
}

fn values_of(attribute: Attribute, values: &[String]) -> impl DoubleEndedIterator<Item = (Attribute, &str)> {
    values.iter().map(move |value| (attribute, value.as_str()))
}

/// The attributes that [`DistinguishedName`] holds (X.520, PKCS #9).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Attribute {
    CommonName,
    Country,
    Locality,
    Province,
    Organization,
    OrganizationalUnit,
    Email,
}

impl Attribute {
    pub(crate) const ALL: [Self; 7] = [
        Self::CommonName,
        Self::Country,
        Self::Locality,
        Self::Province,
        Self::Organization,
        Self::OrganizationalUnit,
        Self::Email,
    ];

    /// The short name of RFC 4514 §3; RFC 4514 has none for e-mail addresses.
    pub(crate) const fn short_name(self) -> &'static str {
        match self {
            Self::CommonName => "CN",
            Self::Country => "C",
            Self::Locality => "L",
            Self::Province => "ST",
            Self::Organization => "O",
            Self::OrganizationalUnit => "OU",
            Self::Email => "emailAddress",
        }
    }

    /// The contents of the OBJECT IDENTIFIER: an arc of id-at (2.5.4), or of PKCS #9.
    pub(crate) const fn oid(self) -> &'static [u8] {
        match self {
            Self::CommonName => b"\x55\x04\x03",
            Self::Country => b"\x55\x04\x06",
            Self::Locality => b"\x55\x04\x07",
            Self::Province => b"\x55\x04\x08",
            Self::Organization => b"\x55\x04\x0a",
            Self::OrganizationalUnit => b"\x55\x04\x0b",
            Self::Email => b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x01",
        }
    }

    pub(crate) fn from_oid(oid: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|attribute| attribute.oid() == oid)
    }

    fn check(self, value: &str) -> Result<(), String> {
        let name = self.short_name();
        if value.is_empty() {
            return Err(format!("{name} cannot be empty; leave it out"));
        }
        if value.chars().any(char::is_control) {
            return Err(format!("{name} has a control character"));
        }
        if value.chars().any(unseen::turns) {
            return Err(format!("{name} has a character that turns the direction of its text"));
        }
        let maximum = match self {
            Self::Country => {
                let two_letters = value.len() == 2 && value.bytes().all(|octet| octet.is_ascii_alphabetic());
                return two_letters
                    .then_some(())
                    .ok_or_else(|| "C is a country code of two letters, as in NL".into());
            }
            Self::Email => {
                return value.parse::<EmailAddress>().map(drop).map_err(|error| match error {
                    X509Error::InvalidName { reason, .. } => format!("{name}: {reason}"),
                    other => other.to_string(),
                });
            }
            Self::CommonName | Self::Organization | Self::OrganizationalUnit => 64,
            Self::Locality | Self::Province => 128,
        };
        if value.chars().count() > maximum {
            return Err(format!("{name} has at most {maximum} characters (RFC 5280 appendix A)"));
        }
        Ok(())
    }
}

/// Reads a `Name`; attributes that [`DistinguishedName`] does not hold are passed over.
///
/// # Errors
/// [`X509Error::Der`] when it is not a `Name`, [`X509Error::InvalidName`] when the text of an
/// attribute cannot be read.
pub fn parse_name_der(name_der: &[u8]) -> Result<DistinguishedName, X509Error> {
    let mut name = DistinguishedName::default();
    for pair in rdns(name_der)?.into_iter().flatten() {
        if let Some(attribute) = Attribute::from_oid(pair.oid) {
            match pair.text() {
                Some(value) => name.push(attribute, value),
                // Nothing is decided by it, so it is no reason to refuse a certificate.
                None if attribute == Attribute::Email => {}
                None => {
                    let reason = "its value is not a string that can be read";
                    return Err(X509Error::invalid_name(attribute.short_name(), reason));
                }
            }
        }
    }
    Ok(name)
}

/// An `AttributeTypeAndValue` as it stands.
pub(crate) struct Pair<'a> {
    /// Contents of the type's OBJECT IDENTIFIER.
    pub(crate) oid: &'a [u8],
    /// The value, header and contents.
    pub(crate) value_der: &'a [u8],
    tag: u8,
    contents: &'a [u8],
}

impl Pair<'_> {
    /// The value's text; none when it is no string of a known type or not legal in its type.
    pub(crate) fn text(&self) -> Option<String> {
        match self.tag {
            tag::UTF8_STRING => String::from_utf8(self.contents.to_vec()).ok(),
            tag::PRINTABLE_STRING | tag::IA5_STRING | tag::NUMERIC_STRING => {
                self.contents.is_ascii().then(|| self.contents.iter().copied().map(char::from).collect())
            }
            // T.61 in name, ISO 8859-1 in the certificates that use it.
            tag::TELETEX_STRING => Some(self.contents.iter().copied().map(char::from).collect()),
            tag::BMP_STRING if self.contents.len().is_multiple_of(2) => {
                let units = self
                    .contents
                    .chunks_exact(2)
                    .map(|unit| unit.iter().fold(0, |unit, octet| unit << 8 | u16::from(*octet)));
                char::decode_utf16(units).collect::<Result<_, _>>().ok()
            }
            _ => None,
        }
    }
}

/// The relative distinguished names of a `Name`, each with its pairs.
pub(crate) fn rdns(name_der: &[u8]) -> Result<Vec<Vec<Pair<'_>>>, X509Error> {
    let mut rdns = Vec::new();
    let mut sequence = Reader::of_sequence(name_der)?;
    while !sequence.is_at_end() {
        let mut set = Reader::new(sequence.value(tag::SET)?)?;
        let mut pairs = Vec::with_capacity(1);
        while !set.is_at_end() {
            let mut pair = set.sequence()?;
            let oid = pair.value(tag::OBJECT_IDENTIFIER)?;
            let value_der = pair.raw()?;
            pair.finish()?;
            let (tag, contents) = Reader::new(value_der)?.next_value()?.unwrap_or_default();
            pairs.push(Pair { oid, value_der, tag, contents });
        }
        rdns.push(pairs);
    }
    Ok(rdns)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn full_name() -> DistinguishedName {
        DistinguishedName {
            common_name: Some("Ann Ü, \"x\"".into()),
            organization: vec!["Org + Co".into()],
            organizational_unit: vec!["unit 1".into(), "unit 2".into()],
            country: vec!["NL".into()],
            locality: vec!["Delft".into()],
            province: vec!["Zuid-Holland".into()],
            email: Some("ann@example.com".into()),
        }
    }

    #[test]
    fn names_round_trip_through_der_and_another_parser() {
        let name = full_name();
        let der = name.to_der();
        assert_eq!(parse_name_der(&der).unwrap(), name);
        let other: x509_cert::name::Name = der::Decode::from_der(&der).unwrap();
        assert_eq!(other.iter_rdn().count(), 8);
        assert_eq!(der::Encode::to_der(&other).unwrap(), der);
        assert_eq!(DistinguishedName::default().to_der(), [0x30, 0]);
    }

    #[test]
    fn upper_bounds_are_counted_in_characters() {
        let valid = |change: fn(&mut DistinguishedName, String), value: String| {
            let mut name = DistinguishedName::default();
            change(&mut name, value);
            name.validate().is_ok()
        };
        for (set, maximum) in [
            ((|name, value| name.common_name = Some(value)) as fn(&mut DistinguishedName, String), 64),
            (|name, value| name.organization.push(value), 64),
            (|name, value| name.organizational_unit.push(value), 64),
            (|name, value| name.locality.push(value), 128),
            (|name, value| name.province.push(value), 128),
        ] {
            assert!(valid(set, "ü".repeat(maximum)));
            assert!(!valid(set, "a".repeat(maximum + 1)));
            assert!(!valid(set, String::new()));
            assert!(!valid(set, "a\0b".into()));
            assert!(!valid(set, "a\nb".into()));
            assert!(!valid(set, "a\u{202e}b".into()) && !valid(set, "a\u{2066}b".into()));
            // Some scripts are written with this one between letters.
            assert!(valid(set, "a\u{200c}b".into()));
        }
        let country: fn(&mut DistinguishedName, String) = |name, value| name.country.push(value);
        assert!(valid(country, "NL".into()) && valid(country, "de".into()));
        for value in ["", "N", "NLD", "N1", "ÄÖ", "Ü"] {
            assert!(!valid(country, value.into()), "{value}");
        }
    }

    #[test]
    fn email_addresses_are_ascii_and_written_last() {
        let name = |email: &str| DistinguishedName {
            email: Some(email.into()),
            ..DistinguishedName::with_common_name("a")
        };
        assert!(name("a@example.com").validate().is_ok());
        for value in ["", "a", "ü@example.com", "a@b@example.com", "a b@example.com", "a@exa\nmple.com"] {
            assert!(matches!(name(value).validate(), Err(X509Error::InvalidName { .. })), "{value}");
        }
        let der = name("a@example.com").to_der();
        assert!(der.ends_with(b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x01\x16\x0da@example.com"));
        // A BIT STRING in place of the text.
        let mut odd = der;
        let place = odd.len() - 15;
        odd[place] = 0x03;
        assert_eq!(parse_name_der(&odd).unwrap(), DistinguishedName::with_common_name("a"));
    }

    #[test]
    fn old_string_types_are_read() {
        let name = |value: &[u8]| {
            let mut writer = Writer::with_capacity(64);
            writer.sequence(|name| {
                name.nested(tag::SET, |rdn| {
                    rdn.sequence(|pair| {
                        pair.object_identifier(Attribute::CommonName.oid());
                        pair.raw(value);
                    });
                });
            });
            parse_name_der(&writer.finish()).map(|name| name.common_name.unwrap_or_default())
        };
        assert_eq!(name(b"\x14\x01\xfc").unwrap(), "ü");
        assert_eq!(name(b"\x1e\x04\x00\x61\x00\xfc").unwrap(), "aü");
        assert_eq!(name(b"\x16\x01a").unwrap(), "a");
        for value in [
            &b"\x1e\x03\x00\x61\x00"[..],
            b"\x0c\x01\xfc",
            b"\x13\x01\xfc",
            b"\x02\x01\x01",
            b"\x1e\x02\xd8\x00",
        ] {
            assert!(name(value).is_err());
        }
    }
}
