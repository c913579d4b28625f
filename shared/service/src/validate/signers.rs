//! Who, beside a certificate's issuer in the path, may have signed CRLs in the issuer's name (RFC 5280 §6.3.3 (f)).

use std::sync::Arc;

use certmill_x509::chain::{self, Certificate, Options};
use certmill_x509::revocation::{Inquiry, ParsedCrl, RevocationStatus};

use super::revocation::Judge;

/// Candidates that are looked at.
const MOST_CANDIDATES: usize = 8;

/// Certificates that hold another key of the issuer, lead to the same anchor, and are not revoked themselves. CRLs that
/// say so may in turn be signed by others of them, but not by the certificate itself: those with shorter paths come
/// first, and each rests on those before it only.
pub(super) fn of_crls(
    inquiry: &Inquiry<'_>,
    crls: &[&ParsedCrl],
    judge: &Judge,
    anchor: &Arc<Certificate>,
) -> Vec<Arc<Certificate>> {
    let at = judge.evidence.at.unix_seconds();
    let candidates: Vec<Arc<Certificate>> = judge.known.iter().cloned().chain(judge.given()).collect();
    let mut paths = paths(inquiry, crls, &candidates, at, anchor);
    paths.sort_by_key(|path| path.certificates.len());
    let mut signers: Vec<Arc<Certificate>> = Vec::new();
    for path in paths {
        let is_good = path.certificates.windows(2).all(|pair| match pair {
            [below, above] => Inquiry::new(below, above, at)
                .is_ok_and(|question| question.by_crls(crls, &signers) == RevocationStatus::Good),
            _ => true,
        });
        if is_good {
            signers.extend(path.certificates.first().cloned());
        }
    }
    signers
}

/// The paths of certificates that may have signed CRLs about the certificate, or about one on such a path.
fn paths(
    inquiry: &Inquiry<'_>,
    crls: &[&ParsedCrl],
    candidates: &[Arc<Certificate>],
    at: i64,
    anchor: &Arc<Certificate>,
) -> Vec<chain::Path> {
    let bag: Vec<&[u8]> = candidates.iter().map(|certificate| certificate.der()).collect();
    let options = Options { conformance: chain::Conformance::Report, ..Options::at(at) };
    let mut fitting: Vec<&Arc<Certificate>> = inquiry.crl_signer_candidates(crls, candidates);
    let mut paths = Vec::new();
    let mut looked_at = 0;
    while let Some(candidate) = fitting.get(looked_at).copied().filter(|_| looked_at < MOST_CANDIDATES) {
        looked_at += 1;
        let verdict = chain::validate(candidate.der(), &bag, std::slice::from_ref(anchor), &options);
        if !verdict.is_valid() {
            continue;
        }
        for pair in verdict.path.certificates.windows(2) {
            let [below, above] = pair else { continue };
            let Ok(question) = Inquiry::new(below, above, at) else { continue };
            for more in question.crl_signer_candidates(crls, candidates) {
                if !fitting.iter().any(|known| known.der() == more.der()) {
                    fitting.push(more);
                }
            }
        }
        paths.push(verdict.path);
    }
    paths
}
