//! The OCSP responder (RFC 6960, RFC 5019): what our own rows say of a certificate, signed by its CA or by a responder that the
//! CA has certified for it.
//!
//! Each answer is as of now: the rows are read for each request, those that say who signs among them, and only the signature
//! over what they say is used again for a while.

mod signer;

use std::sync::Arc;
use std::time::Duration;

use certmill_domain::{CaId, Stored, TenantId, Timestamp};
use certmill_storage::{Session, ocsp as rows};
use certmill_x509::ocsp::{CertId, OcspQuery, OcspRefusal, OcspReply, OcspStatus, SingleReply, refusal};
use certmill_x509::{RevocationReason, sha256_hex};
use moka::sync::Cache;

use self::signer::Responder;
pub(crate) use self::signer::{OcspDelegates, begin_signer, renew_signer};
use crate::issuer::Issuer;
use crate::{App, ServiceError};

/// How long an answer may be used: relying parties that cannot reach us have so much time.
const VALIDITY: Duration = Duration::from_hours(12);
/// How long a signature is given out again. What is signed later is good for longer.
const REUSE: Duration = Duration::from_hours(1);
/// Signed answers that are kept, of some hundred octets each.
const KEPT: u64 = 50_000;
/// Octets of what names a kept answer: those that ask about one certificate have less than 200.
const LONGEST_KEY: usize = 400;
/// Seconds that a cache on the way may give an answer out before it asks again.
const MAX_AGE: u32 = 300;

/// What a request is answered.
#[derive(Debug, Clone)]
pub enum OcspAnswer {
    /// No answer, for a reason (RFC 6960 §2.3). Not signed.
    Refused(&'static [u8]),
    /// A signed answer.
    Signed(Arc<SignedAnswer>),
}

/// A signed answer and what caches want to know.
#[derive(Debug)]
pub struct SignedAnswer {
    /// The `OCSPResponse` in DER.
    pub der: Vec<u8>,
    /// What it says as one word, for HTTP.
    pub etag: String,
    /// As of when it is so.
    pub this_update: Timestamp,
    /// Until when it may be used.
    pub next_update: Timestamp,
    /// Seconds that caches may keep it; none when it repeats a nonce.
    pub max_age: Option<u32>,
}

/// Answers that were signed, by what they say. Anything that changes in the rows is another key.
pub(crate) struct OcspAnswers(Cache<Vec<u8>, Arc<SignedAnswer>>);

impl OcspAnswers {
    pub(crate) fn new() -> Self {
        Self(Cache::builder().max_capacity(KEPT).time_to_live(REUSE).build())
    }
}

/// Answers a request about certificates of a CA of any tenant.
pub async fn answer(app: &App, ca: CaId, request: &[u8]) -> OcspAnswer {
    match try_answer(app, ca, request).await {
        Ok(answer) => answer,
        Err(ServiceError::NotFound { .. } | ServiceError::NewerVersion(_)) => {
            refused(OcspRefusal::Unauthorized)
        }
        Err(ServiceError::Busy { .. } | ServiceError::Unavailable(_)) => refused(OcspRefusal::TryLater),
        Err(error) => {
            tracing::error!(ca.id = %ca, error = %error, "could not answer an OCSP request");
            refused(OcspRefusal::InternalError)
        }
    }
}

fn refused(reason: OcspRefusal) -> OcspAnswer {
    OcspAnswer::Refused(refusal(reason))
}

async fn try_answer(app: &App, ca: CaId, request: &[u8]) -> Result<OcspAnswer, ServiceError> {
    let Ok(query) = OcspQuery::from_der(request) else {
        return Ok(refused(OcspRefusal::MalformedRequest));
    };
    let mut session = app.database().read_system().await?;
    let now = app.now();
    // A responder near its end signs no more: its answers would have to be asked for again at once.
    let Some(found) = rows::responder(&mut session, ca, (now, now.plus(REUSE))).await? else {
        return Ok(refused(OcspRefusal::Unauthorized));
    };
    drop(session);
    let tenant = found.tenant;
    if now > found.not_after {
        // The CA has ended, so its signature counts no more.
        return Ok(refused(OcspRefusal::Unauthorized));
    }
    let issuer = app.issuers().find(app, tenant, ca).await?;
    let mut statuses = Vec::with_capacity(query.certificates.len());
    let mut session = app.database().read(tenant).await?;
    for id in &query.certificates {
        let status = status(&mut session, &issuer, id).await?;
        statuses.push(beneath(found.revoked.as_ref(), status));
    }
    drop(session);
    let responder = Responder::find(app, tenant, &issuer, found.delegate).await?;
    let key = key((ca, &responder), &query, &statuses);
    if let Some(known) = key.as_ref().and_then(|key| app.ocsp_answers().0.get(key))
        && known.this_update.plus(REUSE) > now
        && known.this_update <= now
    {
        return Ok(OcspAnswer::Signed(known));
    }
    let signed = Arc::new(sign(app, tenant, responder, (query, statuses), now.whole_seconds()).await?);
    if let Some(key) = key.filter(|key| key.len() <= LONGEST_KEY) {
        app.ocsp_answers().0.insert(key, Arc::clone(&signed));
    }
    metrics::counter!("certmill_ocsp_answers_signed_total").increment(1);
    Ok(OcspAnswer::Signed(signed))
}

/// What our rows say: *good* only for what this CA has issued.
async fn status(session: &mut Session, issuer: &Issuer, id: &CertId) -> Result<OcspStatus, ServiceError> {
    let Some(serial) = id.serial_number() else {
        return Ok(OcspStatus::Unknown);
    };
    if !id.is_of(&issuer.subject_der, issuer.key_pair().spki_der())? {
        return Ok(OcspStatus::Unknown);
    }
    Ok(match rows::standing(session, issuer.ca.id, &serial).await? {
        None => OcspStatus::Unknown,
        Some(None) => OcspStatus::Good,
        Some(Some((at, reason))) => {
            OcspStatus::Revoked { at: at.unix_seconds(), reason: crate::crl::listed_reason(&reason) }
        }
    })
}

/// What a CA has issued is revoked with it from that moment on, although a job needs its time to write that to each row.
fn beneath(ca: Option<&(Timestamp, Stored<RevocationReason>)>, status: OcspStatus) -> OcspStatus {
    match (ca, status) {
        (Some((at, reason)), OcspStatus::Good) => OcspStatus::Revoked {
            at: at.unix_seconds(),
            reason: crate::ca::below(crate::ca::reason_or_none(reason)),
        },
        (_, status) => status,
    }
}

/// What an answer says and who says it, if it can be given again.
fn key((ca, responder): (CaId, &Responder), query: &OcspQuery, statuses: &[OcspStatus]) -> Option<Vec<u8>> {
    if query.nonce.is_some() {
        return None;
    }
    let mut key = ca.to_string().into_bytes();
    key.push(0);
    key.extend_from_slice(responder.tag());
    for (id, status) in query.certificates.iter().zip(statuses) {
        key.extend_from_slice(id.der());
        match status {
            OcspStatus::Good => key.push(0),
            OcspStatus::Unknown => key.push(1),
            OcspStatus::Revoked { at, reason } => {
                key.extend_from_slice(&[2, reason.code()]);
                key.extend_from_slice(&at.to_be_bytes());
            }
        }
    }
    Some(key)
}

async fn sign(
    app: &App,
    tenant: TenantId,
    responder: Responder,
    (query, statuses): (OcspQuery, Vec<OcspStatus>),
    now: Timestamp,
) -> Result<SignedAnswer, ServiceError> {
    let quick = responder.is_quick();
    let work = move || {
        let next_update = responder.end(now.plus(VALIDITY));
        let pairs = query.certificates.iter().zip(&statuses);
        let answers: Vec<SingleReply<'_>> =
            pairs.map(|(id, status)| SingleReply { id_der: id.der(), status: *status }).collect();
        let reply = OcspReply {
            responder_spki_der: responder.spki_der(),
            responder_certificate_der: responder.certificate_der(),
            answers: &answers,
            nonce: query.nonce.as_deref(),
            this_update: now.unix_seconds(),
            next_update: next_update.unix_seconds(),
        };
        let der = reply.sign(responder.signer())?;
        let etag = format!("\"{}\"", sha256_hex(&der));
        let max_age = query.nonce.is_none().then_some(MAX_AGE);
        Ok(SignedAnswer { der, etag, this_update: now, next_update, max_age })
    };
    if quick { work() } else { app.in_turn(tenant, work).await }
}
