//! Whether something on a path is revoked: our own records for CAs of ours; for others the CRLs that were given, the
//! distribution points, and OCSP. What cannot be found out is a warning, never an assumption.

use std::sync::Arc;

use certmill_domain::{CaId, Stored, Timestamp};
use certmill_storage::{certificate_authorities, certificates, inherited_revocations};
use certmill_x509::chain::{self, Certificate};
use certmill_x509::revocation::{
    Inquiry, OcspResponse, OcspSigners, ParsedCrl, RevocationSources, RevocationStatus,
};
use certmill_x509::{RevocationReason, SerialNumber, same_name};

use super::anchors::Trust;
use super::fetching::{FetchedCrls, Fetching, Unavailable};
use super::{Link, Problem, signers};
use crate::{App, Caller, ServiceError};

/// What is known of the revocation of a path.
pub(super) struct Standing {
    /// Whether nothing is revoked; none when that could not be found out.
    pub(super) not_revoked: Option<bool>,
    pub(super) errors: Vec<Problem>,
    pub(super) warnings: Vec<Problem>,
}

/// What revocation is judged by, beside what is fetched.
#[derive(Clone)]
pub(super) struct Evidence {
    /// CRLs that were given.
    pub(super) crls: Arc<Vec<ParsedCrl>>,
    /// Certificates that were given, for CRLs signed by another key of an issuer, and for responders.
    pub(super) given: Arc<Vec<Arc<Certificate>>>,
    pub(super) at: Timestamp,
    /// Whether others than our own records are asked.
    pub(super) ask_others: bool,
    /// What may still be fetched, and what has been, for all paths together.
    pub(super) fetching: Arc<Fetching>,
}

/// Asks about every certificate of a path but its anchor.
pub(super) async fn of_path(
    app: &App,
    caller: &Caller,
    trust: &Trust,
    path: &chain::Path,
    evidence: &Evidence,
) -> Result<Standing, ServiceError> {
    let mut standing = Standing { not_revoked: Some(true), errors: Vec::new(), warnings: Vec::new() };
    if path.anchor().is_none() {
        standing.not_revoked = None;
    }
    let mut unasked: Option<&Arc<Certificate>> = None;
    for pair in path.certificates.windows(2) {
        let [certificate, issuer] = pair else { continue };
        let own = trust.own_ca(issuer);
        let (status, doubts) = if let Some(ca) = own {
            own_records(app, caller, trust, certificate, ca).await?
        } else if evidence.ask_others {
            let anchor = path.certificates.last().filter(|_| path.anchor().is_some());
            let judge = Judge::new(evidence, trust, path, issuer);
            let question = Question { caller, certificate, issuer, anchor, judge: &judge };
            question.ask(app).await?
        } else {
            unasked.get_or_insert(certificate);
            (RevocationStatus::Unknown { reasons: Vec::new() }, Vec::new())
        };
        standing.note(certificate, status, doubts);
    }
    // Once for the path, and not for a path that is not trusted anyway.
    if let Some(certificate) = unasked.filter(|_| path.anchor().is_some()) {
        let message = "whether it, or what is above it, was revoked was not asked: `check_revocation` does";
        standing.warnings.push(problem("revocation_not_checked", message, certificate));
    }
    Ok(standing)
}

impl Standing {
    fn note(&mut self, certificate: &Certificate, status: RevocationStatus, doubts: Vec<Problem>) {
        match status {
            RevocationStatus::Good => {}
            RevocationStatus::Revoked { at, reason, outdated: _ } => {
                self.not_revoked = Some(false);
                let since = Timestamp::from_unix_seconds(at);
                self.errors.push(problem(
                    "revoked",
                    format!("it was revoked at {since} ({reason})"),
                    certificate,
                ));
            }
            RevocationStatus::Unknown { reasons } => {
                if self.not_revoked == Some(true) {
                    self.not_revoked = None;
                }
                let told =
                    reasons.into_iter().map(|doubt| problem(doubt.code.as_str(), doubt.message, certificate));
                self.warnings.extend(doubts);
                self.warnings.extend(told);
            }
        }
    }
}

fn problem(code: &str, message: impl Into<String>, certificate: &Certificate) -> Problem {
    let link = Link::of(certificate);
    Problem {
        code: code.to_owned(),
        message: message.into(),
        certificate: Some((link.fingerprint_sha256, link.subject)),
    }
}

/// What the service knows of a certificate that a CA of its own has signed.
async fn own_records(
    app: &App,
    caller: &Caller,
    trust: &Trust,
    certificate: &Certificate,
    issuer: CaId,
) -> Result<(RevocationStatus, Vec<Problem>), ServiceError> {
    if let Some(id) = trust.own_by_fingerprint.get(certificate.fingerprint_sha256()) {
        let mut session = app.database().read(caller.tenant).await?;
        let ca = certificate_authorities::find(&mut session, *id).await?;
        let revocation = ca.and_then(|ca| ca.revocation).map(|known| (known.revoked_at, known.reason));
        let revocation = match SerialNumber::from_bytes(certificate.serial_number_octets()) {
            // Its issuer may have revoked it before both came here.
            Ok(serial) if revocation.is_none() => inherited_revocations::find(&mut session, issuer, &serial)
                .await?
                .map(|found| (found.revoked_at, found.reason)),
            _ => revocation,
        };
        return Ok((standing_of(revocation), Vec::new()));
    }
    if let Some(status) = recorded(app, caller, certificate, Some(issuer)).await? {
        return Ok((status, Vec::new()));
    }
    if let Ok(serial) = SerialNumber::from_bytes(certificate.serial_number_octets()) {
        let mut session = app.database().read(caller.tenant).await?;
        if let Some(found) = inherited_revocations::find(&mut session, issuer, &serial).await? {
            return Ok((standing_of(Some((found.revoked_at, found.reason))), Vec::new()));
        }
    }
    let message = format!("{issuer} has signed it, but this service has no record of it");
    let doubt = problem("no_record", message, certificate);
    Ok((RevocationStatus::Unknown { reasons: Vec::new() }, vec![doubt]))
}

/// What the row of a certificate says that this CA of ours has issued, or any of them.
async fn recorded(
    app: &App,
    caller: &Caller,
    certificate: &Certificate,
    issuer: Option<CaId>,
) -> Result<Option<RevocationStatus>, ServiceError> {
    let Ok(serial) = SerialNumber::from_bytes(certificate.serial_number_octets()) else {
        return Ok(None);
    };
    let mut session = app.database().read(caller.tenant).await?;
    let known = certificates::find_by_serial_number(&mut session, &serial).await?;
    let is_ours = |ca: Option<CaId>| ca.is_some_and(|ca| issuer.is_none_or(|issuer| issuer == ca));
    let known = known.into_iter().find(|known| is_ours(known.ca_id) && known.der == certificate.der());
    Ok(known.map(|known| standing_of(known.revoked_at.zip(known.revocation_reason))))
}

fn standing_of(revocation: Option<(Timestamp, Stored<RevocationReason>)>) -> RevocationStatus {
    match revocation {
        Some((at, reason)) => {
            let reason = crate::ca::reason_or_none(&reason);
            RevocationStatus::Revoked { at: at.unix_seconds(), reason, outdated: None }
        }
        None => RevocationStatus::Good,
    }
}

/// What judges evidence about one certificate.
#[derive(Clone)]
pub(super) struct Judge {
    pub(super) evidence: Evidence,
    /// Who may have signed it beside the issuer: certificates of the path, then anchors of the issuer's name, which may
    /// hold several keys.
    pub(super) known: Arc<Vec<Arc<Certificate>>>,
    /// How many of them are the path's.
    on_path: usize,
}

impl Judge {
    fn new(evidence: &Evidence, trust: &Trust, path: &chain::Path, issuer: &Certificate) -> Self {
        let named_alike = |anchor: &&Arc<Certificate>| same_name(anchor.subject_der(), issuer.subject_der());
        let anchors = trust.certificates.iter().filter(named_alike);
        let known = Arc::new(path.certificates.iter().chain(anchors).cloned().collect());
        Self { evidence: evidence.clone(), known, on_path: path.certificates.len() }
    }

    fn path(&self) -> &[Arc<Certificate>] {
        self.known.get(..self.on_path).unwrap_or_default()
    }

    /// The certificates of the request.
    pub(super) fn given(&self) -> impl Iterator<Item = Arc<Certificate>> {
        self.evidence.given.iter().cloned()
    }
}

/// Whether nothing else needs to be asked: what may have been lifted since is asked about once more.
fn is_settled(status: &RevocationStatus) -> bool {
    !matches!(status, RevocationStatus::Unknown { .. }) && status.suspended_as_of().is_none()
}

/// A certificate that a CA from outside has issued.
#[derive(Clone, Copy)]
struct Question<'a> {
    caller: &'a Caller,
    certificate: &'a Arc<Certificate>,
    issuer: &'a Arc<Certificate>,
    anchor: Option<&'a Arc<Certificate>>,
    judge: &'a Judge,
}

impl Question<'_> {
    /// What the CRLs that were given say; when that is not enough, the distribution points; then OCSP.
    async fn ask(self, app: &App) -> Result<(RevocationStatus, Vec<Problem>), ServiceError> {
        let evidence = &self.judge.evidence;
        let given = self.by_crls(app, Arc::clone(&evidence.crls), Vec::new()).await?;
        if is_settled(&given) {
            return Ok((given, Vec::new()));
        }
        if self.anchor.is_none() {
            // Addresses in certificates that lead to no anchor may come from anybody, so they are not fetched.
            let doubt = problem(
                "path_not_trusted",
                "nothing is fetched for a path without an anchor",
                self.certificate,
            );
            return Ok((given, vec![doubt]));
        }
        let sources = RevocationSources::of(self.certificate);
        let mut doubts: Vec<Problem> = sources
            .unusable
            .iter()
            .map(|text| problem("source_unusable", format!("not fetched: {text}"), self.certificate))
            .collect();
        if sources.crls.is_empty() && sources.ocsp.is_empty() && evidence.crls.is_empty() {
            let message = "it names neither a distribution point nor an OCSP responder that can be asked";
            doubts.push(problem("no_revocation_source", message, self.certificate));
            return Ok((RevocationStatus::Unknown { reasons: Vec::new() }, doubts));
        }
        let mut status = given;
        if sources.crls.is_empty() && sources.delta_crls.is_empty() && sources.ocsp.is_empty() {
            return Ok((status, doubts));
        }
        evidence.fetching.take_place(app, self.caller.tenant).await?;
        let fetched = self.fetch_crls(&sources, &mut doubts).await?;
        if !fetched.is_empty() {
            status = self.by_crls(app, Arc::clone(&evidence.crls), fetched).await?;
        }
        for url in &sources.ocsp {
            if is_settled(&status) {
                break;
            }
            match self.by_ocsp(app, url).await {
                // Evidence that lifts a suspension must be newer than the evidence of the suspension.
                Ok((_, made)) if status.suspended_as_of().is_some_and(|told| made <= Some(told)) => {}
                Ok((answer, _)) => status = status.and(answer),
                Err(reason) => doubts.push(problem("ocsp_unavailable", reason, self.certificate)),
            }
        }
        Ok((status, doubts))
    }

    async fn by_crls(
        self,
        app: &App,
        given: Arc<Vec<ParsedCrl>>,
        fetched: Vec<FetchedCrls>,
    ) -> Result<RevocationStatus, ServiceError> {
        let (certificate, issuer) = (Arc::clone(self.certificate), Arc::clone(self.issuer));
        let (anchor, judge) = (self.anchor.cloned(), self.judge.clone());
        app.in_turn(self.caller.tenant, move || {
            let at = judge.evidence.at.unix_seconds();
            let Ok(inquiry) = Inquiry::new(&certificate, &issuer, at) else {
                return Ok(RevocationStatus::Unknown { reasons: Vec::new() });
            };
            let crls: Vec<&ParsedCrl> =
                given.iter().chain(fetched.iter().flat_map(|crls| crls.iter())).collect();
            let signers = match &anchor {
                Some(anchor) => signers::of_crls(&inquiry, &crls, &judge, anchor),
                None => Vec::new(),
            };
            Ok(inquiry.by_crls(&crls, &signers))
        })
        .await
    }

    /// One CRL per distribution point, from the first of its addresses that has one.
    async fn fetch_crls(
        self,
        sources: &RevocationSources,
        doubts: &mut Vec<Problem>,
    ) -> Result<Vec<FetchedCrls>, ServiceError> {
        let mut crls = Vec::new();
        for urls in sources.crls.iter().chain(&sources.delta_crls) {
            for url in urls {
                let read = match self.judge.evidence.fetching.crls(url).await {
                    Err(Unavailable::Exhausted(message)) => {
                        doubts.push(problem("crl_unavailable", message, self.certificate));
                        return Ok(crls);
                    }
                    Err(Unavailable::Failed(reason)) => Err(reason),
                    Ok(found) => Ok(found),
                };
                match read {
                    Ok(found) => {
                        crls.push(found);
                        break;
                    }
                    Err(reason) => {
                        let message = format!("the CRL of {url} cannot be had: {reason}");
                        doubts.push(problem("crl_unavailable", message, self.certificate));
                    }
                }
            }
        }
        Ok(crls)
    }

    /// What a responder says, and as of when.
    async fn by_ocsp(self, app: &App, url: &str) -> Result<(RevocationStatus, Option<i64>), String> {
        let evidence = &self.judge.evidence;
        let failed = |reason: String| format!("{url} cannot be asked: {reason}");
        let at = evidence.at.unix_seconds();
        let inquiry =
            Inquiry::new(self.certificate, self.issuer, at).map_err(|error| failed(error.to_string()))?;
        let mut nonce = [0; 16];
        app.entropy().fill(&mut nonce);
        let request = inquiry.ocsp_request(Some(&nonce)).map_err(|error| failed(error.to_string()))?;
        let response =
            evidence.fetching.ocsp(url, request.der().to_vec()).await.map_err(|problem| match problem {
                Unavailable::Exhausted(reason) => failed(reason.to_owned()),
                Unavailable::Failed(reason) => failed(reason),
            })?;
        let response = OcspResponse::from_der(&response).map_err(|error| failed(error.to_string()))?;
        let others: Vec<Arc<Certificate>> = self.judge.given().collect();
        // Nothing on a path without an anchor is vouched for.
        let validated = if self.anchor.is_some() { self.judge.path() } else { &[] };
        let signers = OcspSigners { validated, others: &others };
        // A responder that the CRLs at hand list as revoked proves nothing.
        if let Some(delegate) = inquiry.ocsp_delegate_of(&response, signers)
            && let Ok(about_delegate) = Inquiry::new(&delegate, self.issuer, at)
            && let crls = evidence.crls.iter().collect::<Vec<_>>()
            && let RevocationStatus::Revoked { .. } = about_delegate.by_crls(&crls, &[] as &[&Certificate])
        {
            return Err(failed("its responder's certificate is revoked".to_owned()));
        }
        Ok((inquiry.by_ocsp_of(&response, &request, signers), response.this_update()))
    }
}
