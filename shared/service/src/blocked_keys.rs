//! Keys that are in wrong hands: nothing is issued for them, and what was is found and can be revoked.

use certmill_domain::{Action, BlockedKey, BlockedKeyId, Certificate, CertificateId};
use certmill_keys::PrivateKey;
use certmill_storage::{StorageError, blocked_keys, certificates};
use certmill_x509::pem::Bundle;
use certmill_x509::{KeyWeakness, ParsedCertificate, PublicKey, RevocationReason, key_mark, spki_sha256};
use zeroize::Zeroizing;

use crate::certificates::revoke_own;
use crate::change::Act;
use crate::{App, Caller, Noun, Page, PageRequest, ServiceError};

/// Certificates with the key that are told at once, and that one call revokes.
const MOST_CERTIFICATES: i64 = 1_000;
/// Characters of a comment.
const LONGEST_COMMENT: usize = 1_024;

/// A key to be blocked: one of the three says which.
#[derive(Default)]
pub struct BlockRequest {
    /// SHA-256 of the subject public key info, hex.
    pub spki_sha256: Option<String>,
    /// A certificate with the key, PEM or DER in base64.
    pub certificate: Option<String>,
    /// The private key itself, in any form. It is not kept.
    pub private_key: Option<Zeroizing<String>>,
    /// Why it is blocked, and on whose word.
    pub comment: String,
    /// Whether to revoke what our CAs have issued for it.
    pub revoke: bool,
}

/// A blocked key and what has it.
#[derive(Debug, Clone)]
pub struct Blocked {
    /// The key.
    pub key: BlockedKey,
    /// Certificates with it from all sources, newest first.
    pub certificates: Vec<Certificate>,
    /// Whether there are more of them.
    pub more: bool,
    /// Which of them were revoked by this call.
    pub revoked: Vec<CertificateId>,
}

/// Blocks a key, and answers every certificate with it. Repeating it keeps what was written first, and revokes what has
/// come since.
pub async fn create(app: &App, caller: &Caller, request: BlockRequest) -> Result<Blocked, ServiceError> {
    if request.comment.chars().count() > LONGEST_COMMENT || request.comment.contains('\0') {
        let problem = format!("has at most {LONGEST_COMMENT} characters, none of them NUL");
        return Err(ServiceError::field("comment", problem));
    }
    let revoke = request.revoke;
    let comment = request.comment.clone();
    let hash = app.in_turn(caller.tenant, move || hash_of(&request)).await?;
    let now = app.now();
    let id = BlockedKeyId::generate(now, app.entropy());
    let key = BlockedKey { id, spki_sha256: hash, comment, created_at: now };
    let mut change = app.change(caller).await?;
    let key = match blocked_keys::insert(&mut change, &key).await {
        Err(StorageError::AlreadyExists) => {
            drop(change);
            first(app, caller, &key.spki_sha256).await?
        }
        other => {
            other?;
            let act = Act::new(Action::BlockedKeyCreate, key.id).after(&key.spki_sha256);
            change.commit(act).await?;
            key
        }
    };
    let revoked = if revoke { revoke_all(app, caller, &key.spki_sha256).await? } else { Vec::new() };
    let (certificates, more) = with_key(app, caller, &key.spki_sha256).await?;
    Ok(Blocked { key, certificates, more, revoked })
}

/// Revokes what our CAs have issued for a key and is good yet: as many as one call may, the rest is for the next one.
async fn revoke_all(app: &App, caller: &Caller, hash: &str) -> Result<Vec<CertificateId>, ServiceError> {
    let reason = RevocationReason::KeyCompromise;
    let mut session = app.database().read(caller.tenant).await?;
    let found =
        certificates::find_by_key_to_revoke(&mut session, hash, (reason, app.now()), MOST_CERTIFICATES)
            .await?;
    drop(session);
    let mut revoked = Vec::new();
    for certificate in &found {
        // What somebody else changes at the same time, or has revoked for a reason that only a newer version knows, does not
        // keep the others from being revoked.
        match revoke_own(app, caller, certificate, reason).await {
            Ok(done) => revoked.extend(done.map(|_| certificate.id)),
            Err(ServiceError::NewerVersion(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(revoked)
}

async fn first(app: &App, caller: &Caller, hash: &str) -> Result<BlockedKey, ServiceError> {
    let mut session = app.database().read(caller.tenant).await?;
    let found = blocked_keys::find_by_hash(&mut session, hash).await?;
    found.ok_or(ServiceError::CallInProgress { seconds: 1 })
}

async fn with_key(app: &App, caller: &Caller, hash: &str) -> Result<(Vec<Certificate>, bool), ServiceError> {
    let mut session = app.database().read(caller.tenant).await?;
    let mut found = certificates::find_by_key(&mut session, hash, MOST_CERTIFICATES + 1).await?;
    // Invariant: a thousand is a usize.
    let most = usize::try_from(MOST_CERTIFICATES).unwrap_or(usize::MAX);
    let more = found.len() > most;
    found.truncate(most);
    Ok((found, more))
}

/// A blocked key of the tenant and what has it.
pub async fn find(app: &App, caller: &Caller, id: BlockedKeyId) -> Result<Blocked, ServiceError> {
    let mut session = app.database().read(caller.tenant).await?;
    let key = blocked_keys::find(&mut session, id).await?;
    drop(session);
    let key = key.ok_or_else(|| ServiceError::not_found(Noun::BlockedKey, id))?;
    let (certificates, more) = with_key(app, caller, &key.spki_sha256).await?;
    Ok(Blocked { key, certificates, more, revoked: Vec::new() })
}

/// The tenant's blocked keys, newest first.
pub async fn list(app: &App, caller: &Caller, page: &PageRequest) -> Result<Page<BlockedKey>, ServiceError> {
    let (limit, before) = (page.rows()?, page.key::<BlockedKeyId>()?);
    let mut session = app.database().read(caller.tenant).await?;
    let rows = blocked_keys::list(&mut session, before, limit).await?;
    Ok(Page::of(rows, |key| key.id.to_string()))
}

/// Lets a key be certified again.
pub async fn delete(app: &App, caller: &Caller, id: BlockedKeyId) -> Result<(), ServiceError> {
    let mut change = app.change(caller).await?;
    let key = blocked_keys::find(&mut change, id).await?;
    if !blocked_keys::delete(&mut change, id).await? {
        return Err(ServiceError::not_found(Noun::BlockedKey, id));
    }
    let hash = key.map(|key| key.spki_sha256).unwrap_or_default();
    change.commit(Act::new(Action::BlockedKeyDelete, id).before(hash)).await
}

/// Reads the id of a blocked key; one that cannot be an id is as good as absent.
pub fn parse_id(text: &str) -> Result<BlockedKeyId, ServiceError> {
    text.parse().map_err(|_| ServiceError::not_found(Noun::BlockedKey, text))
}

/// Refuses a key from outside: one that can be computed, that is in print, or that the tenant has blocked.
pub(crate) async fn refuse(app: &App, caller: &Caller, key: &PublicKey) -> Result<(), ServiceError> {
    let spki = key.spki_der().to_vec();
    let weakness = if key.algorithm_name() == "rsa" {
        app.in_turn(caller.tenant, move || Ok(KeyWeakness::of(&spki)?)).await?
    } else {
        KeyWeakness::of(&spki)?
    };
    if let Some(weakness) = weakness {
        return Err(ServiceError::CsrInvalid(format!(
            "nothing is issued for this key: {weakness}. Make a new one"
        )));
    }
    let mut session = app.database().read(caller.tenant).await?;
    match blocked_keys::find_by_hash(&mut session, &key.spki_sha256()).await? {
        Some(blocked) => Err(ServiceError::CsrInvalid(format!(
            "nothing is issued for this key: it is blocked ({}). Make a new one",
            blocked.id
        ))),
        None => Ok(()),
    }
}

/// What is to be known of the key of a certificate: the code of its weakness, or `blocked`.
pub(crate) async fn mark(
    app: &App,
    caller: &Caller,
    certificate: &Certificate,
) -> Result<Option<String>, ServiceError> {
    let mut session = app.database().read(caller.tenant).await?;
    if blocked_keys::find_by_hash(&mut session, &certificate.spki_sha256).await?.is_some() {
        return Ok(Some("blocked".to_owned()));
    }
    drop(session);
    let der = certificate.der.clone();
    let weakness = move || {
        let parsed = ParsedCertificate::from_der(&der)?;
        Ok(key_mark(parsed.spki_der())?.map(str::to_owned))
    };
    if certificate.key_type == "rsa" { app.in_turn(caller.tenant, weakness).await } else { weakness() }
}

fn hash_of(request: &BlockRequest) -> Result<String, ServiceError> {
    let BlockRequest { spki_sha256: hash, certificate, private_key, comment: _, revoke: _ } = request;
    match (hash, certificate, private_key) {
        (Some(hash), None, None) => {
            let hash = hash.trim().to_ascii_lowercase().replace(':', "");
            if hash.len() != 64 || !hash.bytes().all(|octet| octet.is_ascii_hexdigit()) {
                let problem = "is not the SHA-256 of a subject public key info: 64 hexadecimal digits";
                return Err(ServiceError::field("spki_sha256", problem));
            }
            Ok(hash)
        }
        (None, Some(text), None) => {
            let invalid =
                |error: certmill_x509::X509Error| ServiceError::CertificateInvalid(error.to_string());
            let found = Bundle::read(text).map_err(invalid)?.certificates;
            let Some(der) = found.first() else {
                let message =
                    "certificate_pem holds no certificate, such as a \"-----BEGIN CERTIFICATE-----\" block";
                return Err(ServiceError::CertificateInvalid(message.to_owned()));
            };
            Ok(spki_sha256(ParsedCertificate::from_der(der).map_err(invalid)?.spki_der()))
        }
        (None, None, Some(text)) => {
            let key = PrivateKey::from_pem_or_der(text.as_bytes(), None)
                .map_err(|error| ServiceError::field("private_key_pem", error.to_string()))?;
            Ok(spki_sha256(key.spki_der()))
        }
        _ => {
            let problem = "one of spki_sha256, certificate_pem and private_key_pem says which key it is";
            Err(ServiceError::field("spki_sha256", problem))
        }
    }
}
