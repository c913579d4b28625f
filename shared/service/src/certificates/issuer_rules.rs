//! What the CA that is to sign says against a certificate that its role or a person permits.

use certmill_domain::{Approved, Violation};
use certmill_x509::check_must_staple;

use crate::issuer::Issuer;

/// A certificate that its chain's name constraints forbid would be refused by everybody.
pub(super) fn within_name_constraints(approved: Approved, issuer: &Issuer) -> Result<Approved, Violation> {
    match name_constraint_violation(&approved, issuer) {
        None => Ok(approved),
        Some(violation) => Err(violation),
    }
}

/// What the CA lacks that the certificate would make servers ask for.
pub(super) fn staple_violation(approved: &Approved, issuer: &Issuer) -> Option<Violation> {
    let error = check_must_staple(approved.must_staple(), issuer.ocsp_url.is_some()).err()?;
    Some(Violation {
        rule: "must_staple",
        field: "must_staple",
        value: "true".to_owned(),
        allowed: format!("{}: switch `ocsp` of the CA `{}` on", error.into_rule(), issuer.ca.name),
    })
}

/// What the name constraints of the chain say against it.
pub(super) fn name_constraint_violation(approved: &Approved, issuer: &Issuer) -> Option<Violation> {
    let name = issuer.forbidden_name(approved.sans())?;
    Some(Violation {
        rule: "ca_name_constraints",
        field: "alt_names",
        value: name.as_str().to_owned(),
        allowed: format!(
            "names that the name constraints of the CA `{}` and those above it permit",
            issuer.ca.name
        ),
    })
}
