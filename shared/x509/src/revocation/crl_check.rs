//! Judging a certificate by CRLs (RFC 5280 §6.3).

use std::borrow::Borrow;

use crate::{
    KeyUsage, NameKey, PublicKey, RevocationReason, X509Error,
    chain::{Certificate, GeneralName},
};

use super::{
    CrlEntry, Doubt, DoubtCode, Inquiry, IssuingDistributionPoint, ParsedCrl, ReasonSet, RevocationStatus,
    crl_evidence::{Evidence, Revocation, delta_of, deltas_alone, entry_of, newest},
    crl_sources::{DistributionPoint, distribution_points},
    doubt::utc,
    point::ComparableName,
};

/// Clocks differ, so a CRL may have been made this much after the instant.
const CLOCK_SKEW: i64 = 300;
/// Signers that are tried on each CRL.
const MAX_SIGNERS: usize = 8;
/// Doubts that are reported.
const MAX_DOUBTS: usize = 20;

impl Inquiry<'_> {
    /// What `crls` say; strangers among them are welcome. `signers` are certificates, beside the
    /// issuer's, that the **caller has validated** to the same anchor as the path, and for
    /// revocation; see [`Inquiry::crl_signer_candidates`]. Those of other names are passed over.
    ///
    /// A certificate on a CRL counts as revoked even if the instant lies before its revocation.
    pub fn by_crls<C: Borrow<ParsedCrl>, S: Borrow<Certificate>>(
        &self,
        crls: &[C],
        signers: &[S],
    ) -> RevocationStatus {
        let points = match self.points() {
            Ok(points) => points,
            Err(error) => {
                return RevocationStatus::doubtful(Doubt::new(
                    DoubtCode::MalformedDistributionPoints,
                    format!("the certificate's distribution points cannot be read: {error}"),
                ));
            }
        };
        let mut doubts = Vec::new();
        let signers = self.signers(signers);
        let own = crls.iter().map(Borrow::borrow).filter(|crl| crl.issuer == self.issuer_name);
        let mut usable = Vec::new();
        let mut seen = 0_usize;
        for crl in own {
            seen += 1;
            match self.examine(crl, &points, &signers) {
                Ok(evidence) => usable.push(evidence),
                Err(doubt) => doubts.push(doubt),
            }
        }
        if seen == 0 {
            doubts.push(Doubt::new(DoubtCode::NoCrl, self.nothing_found(&points)));
        }
        self.conclude(usable, doubts)
    }

    /// Which of `candidates` may have signed one of `crls` in the issuer's name with another key
    /// than the issuer's in the path (a separate key for CRLs, or an earlier or later one). Before
    /// one of them counts, the caller must validate its path to the same anchor as the
    /// certificate's (RFC 5280 §6.3.3 (f)) and find that it is not revoked, without resting that on
    /// a CRL that only this candidate's key verifies; then it belongs into the `signers` of
    /// [`Inquiry::by_crls`].
    pub fn crl_signer_candidates<'c, C: Borrow<ParsedCrl>, S: Borrow<Certificate>>(
        &self,
        crls: &[C],
        candidates: &'c [S],
    ) -> Vec<&'c S> {
        let fits = |candidate: &&S| {
            let candidate: &Certificate = (*candidate).borrow();
            candidate.spki_der() != self.issuer.spki_der()
                && may_sign_crls(candidate)
                && self.has_issuers_name(candidate)
                && crls
                    .iter()
                    .map(Borrow::borrow)
                    .any(|crl| crl.issuer == self.issuer_name && key_ids_agree(crl, candidate))
        };
        candidates.iter().filter(fits).take(MAX_SIGNERS).collect()
    }

    fn has_issuers_name(&self, candidate: &Certificate) -> bool {
        NameKey::of_der(candidate.subject_der()).is_ok_and(|name| name == self.issuer_name)
    }

    fn points(&self) -> Result<Vec<DistributionPoint>, X509Error> {
        let der = self.certificate.crl_distribution_points_der();
        der.map(distribution_points).transpose().map(Option::unwrap_or_default)
    }

    /// The issuer first, then the other keys of its name.
    fn signers<'s, S: Borrow<Certificate>>(&'s self, others: &'s [S]) -> Vec<CrlSigner<'s>> {
        let issuer = CrlSigner { certificate: self.issuer, key: self.issuer_key.clone() };
        let others = others.iter().map(Borrow::borrow).filter(|signer| self.has_issuers_name(signer));
        let others = others.filter_map(|certificate| {
            let key = PublicKey::from_spki_der(certificate.spki_der()).ok()?;
            Some(CrlSigner { certificate, key })
        });
        std::iter::once(issuer).chain(others).take(MAX_SIGNERS).collect()
    }

    /// Whether a CRL of the issuer's name is evidence about the certificate.
    fn examine<'c>(
        &self,
        crl: &'c ParsedCrl,
        points: &[DistributionPoint],
        signers: &[CrlSigner<'_>],
    ) -> Result<Evidence<'c>, Doubt> {
        let doubt = |code, reason: &str| Doubt::new(code, format!("{} {reason}", named(crl)));
        if let Some(oid) = crl.unknown_critical_extensions().next() {
            return Err(doubt(
                DoubtCode::UnknownCriticalExtension,
                &format!("has the critical extension {oid}, which is not processed"),
            ));
        }
        if crl.scope().is_some_and(IssuingDistributionPoint::is_indirect) || crl.summary.names_issuers {
            return Err(doubt(DoubtCode::IndirectCrl, "is an indirect CRL; only direct ones are processed"));
        }
        let covers = self
            .covers(crl, points)
            .map_err(|reason| doubt(DoubtCode::CrlOutOfScope, &format!("does not apply: {reason}")))?;
        let signer = signer_of(crl, signers)?;
        // A CRL without a next update does not say how old it may become.
        let outdated = crl.next_update().is_none_or(|next_update| self.at > next_update);
        let early = self.at < crl.this_update().saturating_sub(CLOCK_SKEW);
        Ok(Evidence { crl, signer, covers, outdated, early })
    }

    /// The reasons for which a CRL speaks about the certificate (§6.3.3 (b) and (d)).
    fn covers(&self, crl: &ParsedCrl, points: &[DistributionPoint]) -> Result<ReasonSet, String> {
        let Some(scope) = crl.scope() else {
            return Ok(ReasonSet::ALL);
        };
        if let Some(reason) = scope.excludes(self.certificate.is_ca()) {
            return Err(reason.into());
        }
        let reasons = scope.only_some_reasons().unwrap_or(ReasonSet::ALL);
        let Some(name) = &scope.name else {
            return Ok(reasons);
        };
        let names = name.comparable(crl.issuer_der()).map_err(|error| error.to_string())?;
        // The last paragraph of §6.3.3: any CRL of the issuer serves whose distribution point is
        // the issuer itself.
        if names.contains(&ComparableName::Directory(self.issuer_name.clone())) {
            return Ok(reasons);
        }
        let matching = points.iter().filter(|point| self.point_matches(point, &names));
        let of_points = matching.fold(ReasonSet::NONE, |all, point| all.union(point.reasons));
        if of_points.is_empty() {
            return Err("it is for a distribution point that the certificate does not name".into());
        }
        Ok(reasons.intersection(of_points))
    }

    fn point_matches(&self, point: &DistributionPoint, names: &[ComparableName]) -> bool {
        if self.is_indirect(point) {
            return false;
        }
        let own = match &point.name {
            Some(name) => name.comparable(self.certificate.issuer_der()),
            None => point.crl_issuer.iter().map(ComparableName::of).collect(),
        };
        own.is_ok_and(|own| own.iter().any(|name| names.contains(name)))
    }

    /// Whether a distribution point refers to CRLs of another issuer.
    fn is_indirect(&self, point: &DistributionPoint) -> bool {
        let is_issuer = |name: &GeneralName| {
            ComparableName::of(name)
                .is_ok_and(|name| name == ComparableName::Directory(self.issuer_name.clone()))
        };
        !point.crl_issuer.is_empty() && !point.crl_issuer.iter().any(is_issuer)
    }

    fn conclude(&self, usable: Vec<Evidence<'_>>, mut doubts: Vec<Doubt>) -> RevocationStatus {
        let serial = self.certificate.serial_number_octets();
        let mut covered = ReasonSet::NONE;
        // When the newest was made that is at its time and about all reasons.
        let mut freshest: Option<i64> = None;
        let (early, usable): (Vec<_>, Vec<_>) = usable.into_iter().partition(|evidence| evidence.early);
        let usable = usable.as_slice();
        // A list that was made after the instant proves what was revoked by then, and not what was good then.
        let by_then =
            |entry: &CrlEntry| entry.revoked_at <= self.at && entry.reason != RevocationReason::RemoveFromCrl;
        let entries = early.iter().filter_map(|evidence| evidence.crl.find(serial)).filter(by_then);
        let mut revoked: Vec<Revocation> =
            entries.map(|entry| Revocation { entry, outdated: None }).collect();
        doubts.extend(early.iter().map(|evidence| self.too_early(evidence.crl)));
        for evidence in newest(usable) {
            let delta = delta_of(evidence, usable);
            let made = delta.unwrap_or(evidence.crl).this_update();
            let outdated = (evidence.outdated && delta.is_none()).then_some(made);
            if outdated.is_some() {
                doubts.push(too_old(evidence.crl));
            } else {
                covered = covered.union(evidence.covers);
                if evidence.covers.complement().is_empty() {
                    freshest = freshest.max(Some(made));
                }
            }
            let entry = entry_of(serial, evidence.crl, delta);
            revoked.extend(entry.map(|entry| Revocation { entry, outdated }));
        }
        revoked.extend(deltas_alone(serial, usable));
        revoked.retain(|known| !known.is_lifted_by(freshest));
        if let Some(Revocation { entry, outdated }) =
            revoked.into_iter().min_by_key(|known| (known.outdated.is_some(), known.entry.revoked_at))
        {
            return RevocationStatus::Revoked { at: entry.revoked_at, reason: entry.reason, outdated };
        }
        let missing = covered.complement();
        if missing.is_empty() {
            return RevocationStatus::Good;
        }
        if !covered.is_empty() {
            doubts.push(Doubt::new(
                DoubtCode::ReasonsNotCovered,
                format!("the CRLs that can be used do not cover the reasons {missing}"),
            ));
        } else if !usable.is_empty() && usable.iter().all(Evidence::is_delta) {
            doubts.push(Doubt::new(
                DoubtCode::DeltaWithoutBase,
                "there is a delta CRL, but no CRL that it goes on from",
            ));
        }
        doubts.truncate(MAX_DOUBTS);
        RevocationStatus::Unknown { reasons: doubts }
    }

    fn too_early(&self, crl: &ParsedCrl) -> Doubt {
        let message =
            format!("{} was made after {}, the instant that was asked for", named(crl), utc(self.at));
        Doubt::new(DoubtCode::CrlNotYetValid, message)
    }

    fn nothing_found(&self, points: &[DistributionPoint]) -> String {
        let issuer = self.certificate.issuer_text();
        if points.iter().any(|point| self.is_indirect(point)) {
            format!(
                "there is no CRL of {issuer}; the certificate refers to an indirect CRL of another issuer, \
                 which is not processed"
            )
        } else {
            format!("there is no CRL of {issuer}")
        }
    }
}

struct CrlSigner<'a> {
    certificate: &'a Certificate,
    key: PublicKey,
}

/// Which of the signers made the CRL, as an index.
fn signer_of(crl: &ParsedCrl, signers: &[CrlSigner<'_>]) -> Result<usize, Doubt> {
    let mut doubt = Doubt::new(
        DoubtCode::CrlSignatureInvalid,
        format!("{} was not signed with a key of the issuer that is trusted", named(crl)),
    );
    for (index, signer) in signers.iter().enumerate() {
        match crl.signed().is_by(&signer.key) {
            Ok(true) if may_sign_crls(signer.certificate) => return Ok(index),
            Ok(true) => {
                return Err(Doubt::new(
                    DoubtCode::CrlSignNotPermitted,
                    format!("{} was signed with a key whose key usage lacks cRLSign", named(crl)),
                ));
            }
            Ok(false) => {}
            // Another signer's key may still fit the algorithm.
            Err(error) => {
                doubt = Doubt::new(
                    DoubtCode::CrlSignatureUnsupported,
                    format!("the signature of {} cannot be verified: {error}", named(crl)),
                );
            }
        }
    }
    Err(doubt)
}

fn too_old(crl: &ParsedCrl) -> Doubt {
    match crl.next_update() {
        Some(until) => {
            let message = format!("{} is stale: the next one was to come by {}", named(crl), utc(until));
            Doubt::new(DoubtCode::CrlStale, message)
        }
        None => Doubt::new(
            DoubtCode::CrlWithoutNextUpdate,
            format!(
                "{} does not say when the next one will have been made, so its age cannot be judged",
                named(crl)
            ),
        ),
    }
}

/// Absent key usage permits every use (§6.3.3 (f)).
fn may_sign_crls(certificate: &Certificate) -> bool {
    certificate.key_usage().is_none_or(|usage| usage.contains(KeyUsage::CRL_SIGN))
}

/// Whether the key ids do not contradict each other.
fn key_ids_agree(crl: &ParsedCrl, certificate: &Certificate) -> bool {
    match (crl.authority_key_id(), certificate.subject_key_id()) {
        (Some(of_crl), Some(of_certificate)) => of_crl == of_certificate,
        (None, _) | (_, None) => true,
    }
}

/// A CRL for people.
fn named(crl: &ParsedCrl) -> String {
    let kind = if crl.base_number().is_some() { "delta CRL" } else { "CRL" };
    format!("the {kind} of {} made at {}", crl.issuer_text(), utc(crl.this_update()))
}
