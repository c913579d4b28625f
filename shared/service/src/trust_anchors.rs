//! Trust anchors: adding, reading and removing the CA certificates of others that the tenant trusts.

use certmill_domain::{Action, Timestamp, TrustAnchor, TrustAnchorId};
use certmill_storage::{StorageError, trust_anchors};
use certmill_x509::{ParsedCertificate, pem, rfc4514_of_der};

use crate::change::Act;
use crate::{App, Caller, Noun, Page, PageRequest, ServiceError};

/// The largest certificate that is taken, in octets of DER.
const LARGEST: usize = 64 << 10;

/// Adds a trust anchor: the one certificate of a PEM text, which must be a CA's.
pub async fn create(
    app: &App,
    caller: &Caller,
    name: String,
    certificate_pem: &str,
) -> Result<TrustAnchor, ServiceError> {
    let length = name.chars().count();
    if name.trim().is_empty() || length > 128 || name.chars().any(char::is_control) {
        let problem = "must have 1 to 128 characters, none of them a control character";
        return Err(ServiceError::field("name", problem));
    }
    let invalid = |error: certmill_x509::X509Error| ServiceError::CertificateInvalid(error.to_string());
    let der = pem::decode_one(&[pem::CERTIFICATE], certificate_pem).map_err(invalid)?;
    let parsed = ParsedCertificate::from_der(&der).map_err(invalid)?;
    if der.len() > LARGEST {
        let message = format!("it has {} octets; at most {LARGEST} are taken", der.len());
        return Err(ServiceError::CertificateInvalid(message));
    }
    if !parsed.is_ca() {
        let message = "this is not a CA's certificate (its basicConstraints do not say CA:TRUE): a trust anchor is \
                       the certificate of whoever issues, not of a server or client";
        return Err(ServiceError::CertificateInvalid(message.to_owned()));
    }
    parsed.public_key().map_err(invalid)?;
    let now = app.now();
    let anchor = TrustAnchor {
        id: TrustAnchorId::generate(now, app.entropy()),
        name,
        subject: rfc4514_of_der(parsed.subject_der())?,
        issuer: rfc4514_of_der(parsed.issuer_der())?,
        serial_number: *parsed.serial_number(),
        fingerprint_sha256: parsed.fingerprint_sha256(),
        not_before: Timestamp::from_unix_seconds(parsed.not_before()),
        not_after: Timestamp::from_unix_seconds(parsed.not_after()),
        der,
        created_at: now,
    };
    let mut change = app.change(caller).await?;
    match trust_anchors::insert(&mut change, &anchor).await {
        Err(StorageError::AlreadyExists) => {
            drop(change);
            return Err(duplicate(app, caller, &anchor).await);
        }
        other => other?,
    }
    change.commit(Act::new(Action::TrustAnchorCreate, anchor.id).after(&anchor.der)).await?;
    Ok(anchor)
}

async fn duplicate(app: &App, caller: &Caller, anchor: &TrustAnchor) -> ServiceError {
    let found = async {
        let mut session = app.database().read(caller.tenant).await?;
        trust_anchors::find_by_fingerprint(&mut session, &anchor.fingerprint_sha256).await
    };
    match found.await {
        Ok(Some(known)) => ServiceError::Duplicate {
            message: format!("this certificate is trusted already, as {} (`{}`)", known.id, known.name),
            id: known.id.to_string(),
        },
        Ok(None) => ServiceError::CallInProgress { seconds: 1 },
        Err(error) => error.into(),
    }
}

/// A trust anchor of the tenant.
pub async fn find(app: &App, caller: &Caller, id: TrustAnchorId) -> Result<TrustAnchor, ServiceError> {
    let mut session = app.database().read(caller.tenant).await?;
    trust_anchors::find(&mut session, id).await?.ok_or_else(|| ServiceError::not_found(Noun::TrustAnchor, id))
}

/// The tenant's trust anchors, newest first.
pub async fn list(app: &App, caller: &Caller, page: &PageRequest) -> Result<Page<TrustAnchor>, ServiceError> {
    let (limit, before) = (page.rows()?, page.key::<TrustAnchorId>()?);
    let mut session = app.database().read(caller.tenant).await?;
    let rows = trust_anchors::list(&mut session, before, limit).await?;
    Ok(Page::of(rows, |anchor| anchor.id.to_string()))
}

/// Removes a trust anchor. A validation that runs goes on with what it has read.
pub async fn delete(app: &App, caller: &Caller, id: TrustAnchorId) -> Result<(), ServiceError> {
    let mut change = app.change(caller).await?;
    let anchor = trust_anchors::find(&mut change, id).await?;
    if !trust_anchors::delete(&mut change, id).await? {
        return Err(ServiceError::not_found(Noun::TrustAnchor, id));
    }
    let act =
        Act::new(Action::TrustAnchorDelete, id).before(anchor.map(|anchor| anchor.der).unwrap_or_default());
    change.commit(act).await
}

/// Reads the id of a trust anchor; one that cannot be an id is as good as absent.
pub fn parse_id(text: &str) -> Result<TrustAnchorId, ServiceError> {
    text.parse().map_err(|_| ServiceError::not_found(Noun::TrustAnchor, text))
}
