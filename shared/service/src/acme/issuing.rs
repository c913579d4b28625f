//! From proven control to a stored certificate: key and CSR first, then the CA.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use certmill_acme::{AcmeError, IssuedChain};
use certmill_domain::{
    AcmeIdentifiers, Action, Certificate, CertificateId, CertificateSource, Failure, OrderAtCa, OrderKey,
    OrderProgress, Sans, Timestamp,
};
use certmill_storage::acme_orders;
use certmill_storage::certificates::{self, NewCertificate};
use certmill_x509::{ParsedCertificate, PublicKey, rfc4514_of_der};

use super::advance::Work;
use super::driver::{InHand, Next};
use super::judgement::{Asked, DOUBTS, Judgement, Request, backoff, failure, judge};
use super::order_steps::{self, Look, Step, Wait};
use super::siblings::{self, Taken};
use super::{order_key, renewal};
use crate::change::Act;
use crate::failpoint;
use crate::{Caller, ServiceError};

/// How often a certificate that is not what was ordered is fetched, and the wait before the second time; the next is longer.
const FETCHES: i64 = 3;
const FETCH_AGAIN: Duration = Duration::from_secs(3);
/// The most names of a CA's choice that are told.
pub(super) const SHOWN: usize = 10;
/// The code of such a certificate.
const WRONG: &str = "wrong_certificate";
/// After so many answers in a row that say so an order is gone at the CA.
const GONE_AFTER: i64 = 5;
/// The code of such an order.
pub(super) const GONE: &str = "order_gone";

/// `challenging` → `finalizing`: makes the key and the CSR, and stores them before the CA sees anything of them.
pub(super) async fn make_key(work: &mut Work<'_>, at_ca: OrderAtCa) -> Result<Next, ServiceError> {
    let seems = siblings::seems_taken(work).await?;
    if seems != Taken::Free {
        let tx = work.begin().await?;
        return siblings::give_way(work, tx, seems).await;
    }
    let made = if work.order.key.is_callers() { None } else { Some(order_key::key_and_csr(work).await?) };
    let mut tx = work.begin().await?;
    let taken = siblings::is_taken(work, &mut tx).await?;
    if taken != Taken::Free {
        return siblings::give_way(work, tx, taken).await;
    }
    // A key that is there already may be one that the CA has a CSR for.
    if let Some((sealed, csr)) = made
        && acme_orders::set_key(&mut tx, work.order.id, sealed, csr.clone()).await?
    {
        work.order.key = OrderKey::Ours { csr: Some(csr) };
    }
    let csr = work.order.key.csr().map(<[u8]>::to_vec);
    let csr = csr.ok_or_else(|| ServiceError::internal("a key was stored without its CSR"))?;
    work.order.progress = OrderProgress::Finalizing { at_ca, csr };
    let next = work.commit(tx, Next::GoOn).await?;
    failpoint::reached("order.key_stored");
    Ok(next)
}

/// `finalizing`: looks where the order stands at the CA, and sends the CSR if it waits for one.
pub(super) async fn finalize(
    work: &mut Work<'_>,
    at_ca: &OrderAtCa,
    csr: &[u8],
) -> Result<Next, ServiceError> {
    let sent = work.client.finalize(&at_ca.url, csr).await;
    failpoint::reached("order.finalized");
    let step = match sent {
        Ok(order) => {
            work.server_answers().await?;
            order_steps::sent(at_ca, csr, &order)
        }
        // It has taken a CSR of ours before: the next look tells.
        Err(error) if error.is_problem("orderNotReady") => {
            order_steps::not_ready(failure("ca_pending", &error), None)
        }
        Err(error) => return setback(work, &error).await,
    };
    match step {
        Step::Issuing(progress, wait) => has_csr(work, progress, wait).await,
        Step::SendAgain(failure, wait) => {
            let at = until(work, wait, work.order.failures);
            work.wait(failure, at).await
        }
        Step::Fail(failure) => work.refused(failure).await,
    }
}

/// When a wait ends that begins now.
fn until(work: &Work<'_>, wait: Wait, tries: i64) -> Timestamp {
    let now = work.app.now();
    match wait {
        Wait::No => now,
        Wait::Told(after) => now.plus(after),
        Wait::Growing(shortest, longest) => now.plus(backoff(work.app, tries).clamp(shortest, longest)),
    }
}

/// → `issuing`
async fn has_csr(work: &mut Work<'_>, progress: OrderProgress, wait: Wait) -> Result<Next, ServiceError> {
    work.order.progress = progress;
    (work.order.failures, work.order.error) = (0, None);
    let next = if wait == Wait::No {
        Next::GoOn
    } else {
        let at = until(work, wait, 0);
        work.order.error = Some(order_steps::at_work(at));
        Next::At(at)
    };
    let mut tx = work.begin().await?;
    siblings::wake(work, &mut tx).await?;
    let next = work.commit(tx, next).await?;
    work.app.wake_workers();
    Ok(next)
}

/// `issuing`: waits until the CA has the certificate, fetches it and stores it.
pub(super) async fn collect(
    work: &mut Work<'_>,
    (at_ca, csr): (&OrderAtCa, &[u8]),
    known: Option<String>,
) -> Result<Next, ServiceError> {
    let url = match known {
        Some(url) => url,
        None => match ask_for_certificate(work, at_ca).await? {
            Answer::At(url) => url,
            Answer::NotYet(next) => return Ok(next),
        },
    };
    let issuing = |certificate_url| OrderProgress::Issuing {
        at_ca: at_ca.clone(),
        csr: csr.to_owned(),
        certificate_url,
    };
    work.order.progress = issuing(Some(url.clone()));
    let preferred = work.order.preferred_chain.clone();
    // A certificate is not kept waiting for ever for another chain.
    let insists = work.order.failures < DOUBTS;
    let chain = match work.client.certificate(&url, preferred.as_deref(), insists).await {
        Ok(chain) => chain,
        Err(error) => {
            if is_gone(&error) {
                // The order tells where the certificate is, if it is anywhere.
                work.order.progress = issuing(None);
            }
            return setback(work, &error).await;
        }
    };
    failpoint::reached("order.certificate_fetched");
    match check(work, csr, &chain) {
        Ok(leaf) => {
            work.succeeded().await?;
            store(work, at_ca, (&leaf, &chain)).await
        }
        Err(problem) => wrong(work, &problem).await,
    }
}

/// The certificate is not what was ordered. It is fetched again, in case something between the CA and us has mixed answers
/// up, and then the order ends, so that its names can be ordered again.
async fn wrong(work: &mut Work<'_>, problem: &str) -> Result<Next, ServiceError> {
    let message = format!("the CA sent something else than what was ordered: {problem}");
    tracing::error!(order.id = %work.order.id, problem, "the CA sent something else than what was ordered");
    count_only(work, WRONG);
    let failure = Failure::new(WRONG, message);
    let fetches = work.order.failures + 1;
    if fetches >= FETCHES {
        return work.fail(failure).await;
    }
    let at = work.app.now().plus(FETCH_AGAIN * u32::try_from(fetches * fetches).unwrap_or(1));
    work.wait(failure, at).await
}

/// Failures with another code before this one do not count for it.
fn count_only(work: &mut Work<'_>, code: &str) {
    if work.order.error.as_ref().is_none_or(|before| before.code != code) {
        work.order.failures = 0;
    }
}

/// What a CA says when it is asked where the certificate is.
enum Answer {
    /// At this URL.
    At(String),
    /// Nowhere, and this was done about it.
    NotYet(Next),
}

async fn ask_for_certificate(work: &mut Work<'_>, at_ca: &OrderAtCa) -> Result<Answer, ServiceError> {
    let order = match work.client.order(&at_ca.url).await {
        Ok(order) => order,
        Err(error) => return Ok(Answer::NotYet(setback(work, &error).await?)),
    };
    // A good order is no good certificate yet: the failures before go on to count, or one that stays would never be noticed.
    work.server_answers().await?;
    match order_steps::looked(&order) {
        Look::Fetch(url) => Ok(Answer::At(url)),
        Look::Fail(failure) => Ok(Answer::NotYet(work.refused(failure).await?)),
        Look::AtWork { is_certain, wait } => {
            if is_certain {
                work.order.failures = 0;
            }
            let at = until(work, wait, work.order.attempts.min(8) - 3);
            work.order.error = Some(order_steps::at_work(at));
            Ok(Answer::NotYet(work.save(Next::At(at)).await?))
        }
    }
}

/// Whether the CA says that it does not have what was asked for.
pub(super) fn is_gone(error: &AcmeError) -> bool {
    matches!(
        error,
        AcmeError::Problem { status: 404 | 410, .. } | AcmeError::Server { status: 404 | 410, .. }
    )
}

/// The CA does not find the order, or its certificate.
async fn gone(work: &mut Work<'_>, error: &AcmeError) -> Result<Next, ServiceError> {
    count_only(work, GONE);
    let failure = failure(GONE, error);
    if work.order.failures >= GONE_AFTER {
        return work.place_anew(failure).await;
    }
    let at = work.app.now().plus(backoff(work.app, work.order.failures + 2));
    work.wait(failure, at).await
}

/// An order whose CSR the CA has, or may have, is not given up because of an error: the certificate may be there.
async fn setback(work: &mut Work<'_>, error: &AcmeError) -> Result<Next, ServiceError> {
    if is_gone(error) {
        return gone(work, error).await;
    }
    let request = Request { asked: Asked::Resource, failures: i64::MAX, names: &[] };
    let passes = matches!(judge(work.app, error, &request), Judgement::Retry { .. });
    let is_unknown = error.is_problem("accountDoesNotExist");
    // What the CA says about the CSR itself is final.
    if passes || is_about_csr(error) || is_unknown {
        return work.setback(error).await;
    }
    let at = work.app.now().plus(backoff(work.app, work.order.failures + 2));
    work.wait(failure("refused_by_ca", error), at).await
}

/// Whether an error says that the CA does not certify a CSR, nor has done so.
pub(super) fn is_about_csr(error: &AcmeError) -> bool {
    error.problem().is_some_and(|problem| {
        ["badCSR", "badPublicKey", "rejectedIdentifier", "caa", "unsupportedIdentifier"]
            .contains(&problem.kind.as_str())
    })
}

/// What was ordered: our key and the names. That the chain holds together is seen to where it is read.
fn check(work: &Work<'_>, csr: &[u8], chain: &IssuedChain) -> Result<ParsedCertificate, String> {
    let Some(leaf) = chain.certificates_der.first() else {
        return Err("no certificate".to_owned());
    };
    let leaf = ParsedCertificate::from_der(leaf).map_err(|error| error.to_string())?;
    let csr = certmill_x509::CsrInspection::from_der(csr).map_err(|error| error.to_string())?;
    if leaf.spki_der() != csr.public_key().spki_der() {
        return Err("the certificate is for another key".to_owned());
    }
    let odd = |text: &str| text.chars().any(char::is_control);
    if leaf.subject().common_name.as_deref().is_some_and(odd) || rfc4514_of_der(leaf.subject_der()).is_err() {
        return Err("the certificate has a subject that cannot be written".to_owned());
    }
    let sans = Sans::from(leaf.subject_alt_names());
    let held: BTreeSet<&str> = sans.iter().collect();
    let ordered = work.order.identifiers.texts();
    if let Some(missing) = ordered.iter().find(|name| !held.contains(name.as_str())) {
        let some: Vec<String> =
            held.into_iter().take(SHOWN).map(|name| name.escape_debug().to_string()).collect();
        return Err(format!("the certificate is not for {missing}, but for {}", some.join(", ")));
    }
    Ok(leaf)
}

/// → `issued`: certificate, key, renewal plan and audit row in one transaction.
async fn store(
    work: &mut Work<'_>,
    at_ca: &OrderAtCa,
    (leaf, chain): (&ParsedCertificate, &IssuedChain),
) -> Result<Next, ServiceError> {
    let app = work.app;
    let id = CertificateId::generate(app.now(), app.entropy());
    let certificate = certificate(work, id, leaf, &leaf.public_key()?)?;
    let sealed_key =
        if work.order.key.is_callers() { None } else { Some(order_key::hand_over(work, id).await?) };
    let caller = Caller::service(app, work.tenant, work.request_id);
    let above: Vec<u8> = chain.certificates_der.iter().skip(1).flatten().copied().collect();
    let mut change = app.change(&caller).await?;
    let new = NewCertificate { certificate: certificate.clone(), sealed_key };
    certificates::insert(&mut change, vec![new]).await?;
    certificates::set_chain(&mut change, id, above).await?;
    let (at_ca, completed_at) = (at_ca.clone(), app.now());
    work.order.progress = OrderProgress::Issued { at_ca, certificate_id: id, completed_at };
    work.order.error = notes(work, leaf, chain);
    if let Some(wishes) = acme_orders::hold_renewal_wishes(&mut change, work.order.id).await? {
        (work.order.auto_renew, work.order.reuse_key) = wishes;
    }
    renewal::plan(app, &mut change, &work.order, &certificate).await?;
    work.tidy_up(&mut change).await?;
    work.write(&mut change, Next::Over).await?;
    acme_orders::drop_key(&mut change, work.order.id).await?;
    let action =
        if work.order.renews.is_some() { Action::CertificateRenew } else { Action::CertificateIssue };
    change.commit(Act::new(action, id).after(leaf.der())).await?;
    failpoint::reached("order.stored");
    app.wake_workers();
    metrics::counter!("certmill_acme_orders_ended_total", "state" => "issued").increment(1);
    tracing::info!(order.id = %work.order.id, certificate.id = %id, certificate.serial = %leaf.serial_number(), "a certificate came from an ACME server");
    Ok(Next::Over)
}

/// What is to be said about a certificate that is good: it has more names than were ordered, or the chain is not the one that
/// was preferred.
fn notes(work: &Work<'_>, leaf: &ParsedCertificate, chain: &IssuedChain) -> Option<Failure> {
    let mut notes = Vec::new();
    let extra = extra_names(&work.order.identifiers, &Sans::from(leaf.subject_alt_names()));
    if !extra.is_empty() || leaf.unsupported_alt_names() > 0 {
        let mut names: Vec<String> =
            extra.iter().take(SHOWN).map(|name| name.escape_debug().to_string()).collect();
        if extra.len() > names.len() || leaf.unsupported_alt_names() > 0 {
            names.push("others".to_owned());
        }
        let message =
            format!("the CA's certificate has names beside those that were ordered: {}", names.join(", "));
        tracing::warn!(order.id = %work.order.id, names = names.join(", "), "a certificate has more names than were ordered");
        notes.push(("more_names", message));
    }
    if let Some(preferred) = work.order.preferred_chain.as_deref().filter(|_| !chain.chain_matched) {
        let message =
            format!("the CA gives no chain that ends with `{preferred}`: its default chain was taken");
        notes.push(("preferred_chain_unavailable", message));
    }
    let code = notes.first().map(|(code, _)| *code)?;
    let sentences: Vec<String> = notes.into_iter().map(|(_, sentence)| sentence).collect();
    Some(Failure::new(code, sentences.join("; ")))
}

/// The names of a certificate that were not ordered.
pub(super) fn extra_names(ordered: &AcmeIdentifiers, held: &Sans) -> Vec<String> {
    let ordered = ordered.texts();
    held.iter().filter(|name| !ordered.iter().any(|other| other == name)).map(ToOwned::to_owned).collect()
}

fn certificate(
    work: &Work<'_>,
    id: CertificateId,
    leaf: &ParsedCertificate,
    public_key: &PublicKey,
) -> Result<Certificate, ServiceError> {
    Ok(Certificate {
        id,
        serial_number: *leaf.serial_number(),
        common_name: leaf.subject().common_name.clone(),
        subject: rfc4514_of_der(leaf.subject_der())?,
        sans: Sans::from(leaf.subject_alt_names()),
        ca_id: None,
        crl_shard: 0,
        role: None,
        source: CertificateSource::Acme.into(),
        key_type: public_key.algorithm_name().to_owned(),
        key_size: i64::from(public_key.bits()),
        fingerprint_sha256: leaf.fingerprint_sha256(),
        spki_sha256: public_key.spki_sha256(),
        not_before: Timestamp::from_unix_seconds(leaf.not_before()),
        not_after: Timestamp::from_unix_seconds(leaf.not_after()),
        revoked_at: None,
        revocation_reason: None,
        has_private_key: !work.order.key.is_callers(),
        renewed_from: work.order.renewal_of(),
        renewed_by: None,
        acme_order_id: Some(work.order.id),
        tags: BTreeMap::new(),
        description: String::new(),
        created_at: work.app.now(),
        der: leaf.der().to_vec(),
    })
}
