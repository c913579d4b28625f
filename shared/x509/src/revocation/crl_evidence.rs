//! Which of several CRLs count: complete ones and deltas, newer and older ones (RFC 5280 §5.2.4 and §6.3.3).

use crate::RevocationReason;

use super::{CrlEntry, ParsedCrl, ReasonSet};

/// A CRL that is genuine and about the certificate.
pub(super) struct Evidence<'c> {
    pub(super) crl: &'c ParsedCrl,
    /// Index of its signer.
    pub(super) signer: usize,
    pub(super) covers: ReasonSet,
    /// Whether the instant lies after its next update, or it has none.
    pub(super) outdated: bool,
    /// Whether it was made after the instant.
    pub(super) early: bool,
}

/// An entry about the certificate, and when it was made if all that it stands on is out of date.
pub(super) struct Revocation {
    pub(super) entry: CrlEntry,
    pub(super) outdated: Option<i64>,
}

impl Revocation {
    /// A suspension is all that ends, and who is out of date does not know that.
    pub(super) fn is_lifted_by(&self, made: Option<i64>) -> bool {
        let is_hold = self.entry.reason == RevocationReason::CertificateHold;
        is_hold && self.outdated.is_some_and(|outdated| made.is_some_and(|made| made > outdated))
    }
}

impl Evidence<'_> {
    pub(super) fn is_delta(&self) -> bool {
        self.crl.base_number().is_some()
    }

    pub(super) fn is_same_series_as(&self, other: &Self) -> bool {
        self.signer == other.signer && self.crl.extensions.scope_der == other.crl.extensions.scope_der
    }

    pub(super) fn is_newer_than(&self, other: &Self) -> bool {
        let age = |evidence: &Self| (evidence.crl.this_update(), evidence.crl.number().cloned());
        age(self) > age(other)
    }
}

/// The newest complete CRL of each scope and signer.
pub(super) fn newest<'e, 'c>(usable: &'e [Evidence<'c>]) -> Vec<&'e Evidence<'c>> {
    let mut newest: Vec<&Evidence<'c>> = Vec::new();
    for evidence in usable.iter().filter(|evidence| !evidence.is_delta()) {
        match newest.iter_mut().find(|known| known.is_same_series_as(evidence)) {
            Some(known) if evidence.is_newer_than(known) => *known = evidence,
            Some(_) => {}
            None => newest.push(evidence),
        }
    }
    newest
}

/// The newest delta CRL that can be combined with `base` (RFC 5280 §5.2.4).
pub(super) fn delta_of<'e, 'c>(base: &Evidence<'c>, usable: &'e [Evidence<'c>]) -> Option<&'e ParsedCrl> {
    let number = base.crl.number()?;
    let fits = |delta: &&Evidence<'_>| {
        !delta.outdated
            && delta.is_same_series_as(base)
            && delta.crl.base_number().is_some_and(|from| from <= number)
            && delta.crl.number().is_some_and(|own| own > number)
    };
    usable.iter().filter(fits).max_by_key(|delta| delta.crl.number()).map(|delta| delta.crl)
}

/// What a complete CRL and its delta say together.
pub(super) fn entry_of(serial: &[u8], base: &ParsedCrl, delta: Option<&ParsedCrl>) -> Option<CrlEntry> {
    let entry = delta.and_then(|delta| delta.find(serial)).or_else(|| base.find(serial))?;
    // §6.3.3 (k): taken off the list again.
    (entry.reason != RevocationReason::RemoveFromCrl).then_some(entry)
}

/// What delta CRLs list that nothing newer of their series replaces, whether they have a base or not
/// and however old they are. Those that are not at their time do not replace others.
pub(super) fn deltas_alone(serial: &[u8], usable: &[Evidence<'_>]) -> Vec<Revocation> {
    let is_replaced = |delta: &Evidence<'_>| {
        let replaces = |other: &Evidence<'_>| {
            (!other.is_delta() || !other.outdated)
                && other.is_same_series_as(delta)
                && other.is_newer_than(delta)
        };
        usable.iter().any(replaces)
    };
    let standing = usable.iter().filter(|evidence| evidence.is_delta() && !is_replaced(evidence));
    standing
        .filter_map(|delta| {
            let entry = delta.crl.find(serial)?;
            let is_listed = entry.reason != RevocationReason::RemoveFromCrl;
            let outdated = delta.outdated.then(|| delta.crl.this_update());
            is_listed.then_some(Revocation { entry, outdated })
        })
        .collect()
}
