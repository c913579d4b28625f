//! What ACME servers count, and how much of it they give.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::AcmeProvider;
use crate::Ttl;
use crate::word::words;

words! {
    /// What a server counts.
    AcmeLimit("limit of an ACME server") {
        /// Orders of an account.
        AccountOrders = "account_orders",
        /// Certificates for names below a registered domain. Renewals with the same names do not count.
        DomainCertificates = "domain_certificates",
        /// Certificates for exactly the same names.
        SetCertificates = "set_certificates",
        /// Validations of a name that failed, in an account.
        FailedValidations = "failed_validations",
    }
}

/// So many in so much time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// How many.
    pub most: i64,
    /// In which time.
    pub within: Duration,
}

impl FromStr for Allowance {
    type Err = String;

    /// Reads `50/7d`.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("`{text}` is no limit: write a number, a slash and a duration, such as `50/7d`");
        let (most, within) = text.split_once('/').ok_or_else(wrong)?;
        let most: i64 = most.trim().parse().ok().filter(|most| *most > 0).ok_or_else(wrong)?;
        let within = within.trim().parse::<Ttl>().map_err(|_| wrong())?.duration();
        if within.is_zero() || within > LONGEST {
            return Err(format!("`{text}`: the duration must be between 1s and 365d"));
        }
        Ok(Self { most, within })
    }
}

impl fmt::Display for Allowance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}s", self.most, self.within.as_secs())
    }
}

const LONGEST: Duration = Duration::from_hours(365 * 24);

/// What a provider's servers give.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderLimit {
    /// The provider, in production.
    pub provider: AcmeProvider,
    /// What is counted.
    pub limit: AcmeLimit,
    /// How much of it there is.
    pub allowance: Allowance,
}

impl ProviderLimit {
    /// The published limits of Let's Encrypt.
    pub fn known() -> Vec<Self> {
        let hours = |most, hours| Allowance { most, within: Duration::from_hours(hours) };
        [
            (AcmeLimit::AccountOrders, hours(300, 3)),
            (AcmeLimit::DomainCertificates, hours(50, 7 * 24)),
            (AcmeLimit::SetCertificates, hours(5, 7 * 24)),
            (AcmeLimit::FailedValidations, hours(5, 1)),
        ]
        .map(|(limit, allowance)| Self { provider: AcmeProvider::LetsEncrypt, limit, allowance })
        .into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn allowances_are_read() {
        let week = Allowance { most: 50, within: Duration::from_hours(7 * 24) };
        assert_eq!("50/7d".parse(), Ok(week));
        assert_eq!("5 / 1h30m".parse(), Ok(Allowance { most: 5, within: Duration::from_mins(90) }));
        for wrong in ["", "50", "50/", "/7d", "0/7d", "-1/7d", "5/0s", "5/3000d", "x/7d"] {
            assert!(wrong.parse::<Allowance>().is_err(), "{wrong}");
        }
    }
}
