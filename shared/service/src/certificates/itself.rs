//! A certificate in the place of a token: whoever has proved in a TLS handshake that its key is theirs may read and renew it.

use certmill_domain::{
    Certificate, CertificateId, CertificateStatus, Digest, Identity, RoleName, Scope, TokenLimits,
};
use certmill_storage::{blocked_keys, certificate_authorities, certificates};
use certmill_x509::{hex, sha256};

use crate::tokens::Asked;
use crate::{App, Caller, Counted, Noun, ServiceError};

/// Renewals that are followed from a certificate to the newest one.
const MOST_RENEWALS: usize = 100;
/// Renewals that are followed back: those of three years, one each day.
const MOST_BEFORE: i64 = 1_000;
/// The states from which a certificate can be renewed.
const RENEWABLE: &[&str] = &["active"];

/// Finds out which certificate this is whose key the client has, and whether it may act. Nothing that it says is believed: it is
/// known by its SHA-256, and everything else is read from its row. What it may do is decided by its role, when it does that.
///
/// # Errors
/// [`ServiceError::CertificateUnknown`] for one that no role of ours has issued, or that is not kept;
/// [`ServiceError::CertificateRefused`] for one that was revoked or has ended, or whose CA was revoked;
/// [`ServiceError::Unavailable`].
pub async fn authenticate(app: &App, sha256: &Digest, asked: Asked<'_>) -> Result<Caller, ServiceError> {
    let mut session = app.database().read_system().await?;
    let found = certificates::issued_by_fingerprint(&mut session, &hex(sha256)).await?;
    drop(session);
    let [(tenant, id)] = found[..] else { return Err(ServiceError::CertificateUnknown) };
    let mut session = app.database().read(tenant).await?;
    let found = certificates::find(&mut session, id).await?;
    let Some((certificate, ca_id)) = found.and_then(|found| found.ca_id.map(|ca_id| (found, ca_id))) else {
        return Err(ServiceError::CertificateUnknown);
    };
    let role = certificate.role.as_deref().and_then(|role| role.parse::<RoleName>().ok());
    let Some(role) = role else { return Err(ServiceError::CertificateUnknown) };
    let refused = |why: &str| ServiceError::CertificateRefused(format!("the client certificate {id} {why}"));
    let now = app.now();
    match certificate.status(now) {
        CertificateStatus::Revoked => return Err(refused("was revoked")),
        CertificateStatus::Expired => {
            return Err(refused(&format!("ended at {}", certificate.not_after)));
        }
        CertificateStatus::Active if now < certificate.not_before => {
            return Err(refused(&format!("begins at {}", certificate.not_before)));
        }
        CertificateStatus::Active => {}
    }
    let ca = certificate_authorities::find(&mut session, ca_id).await?;
    if ca.is_none_or(|ca| ca.revocation.is_some()) {
        return Err(refused("was issued by a CA that was revoked"));
    }
    if blocked_keys::find_by_hash(&mut session, &certificate.spki_sha256).await?.is_some() {
        return Err(refused("has a key that is blocked"));
    }
    Ok(Caller {
        tenant,
        identity: Identity::Certificate(id),
        scope: Scope::Issue,
        limits: TokenLimits { networks: None, roles: Some(vec![role]) },
        counted: Counted::Names(names(tenant.to_string().as_bytes(), &certificate)),
        request_id: asked.request_id.to_owned(),
        source_address: asked.from,
        hold: None,
        if_match: None,
    })
}

/// What a certificate and its renewals have in common: tenant, role and names.
fn names(tenant: &[u8], certificate: &Certificate) -> Digest {
    let mut text = Vec::new();
    let mut push = |part: &[u8]| {
        text.extend_from_slice(&(part.len() as u64).to_be_bytes());
        text.extend_from_slice(part);
    };
    push(tenant);
    push(certificate.role.as_deref().unwrap_or_default().as_bytes());
    push(certificate.subject.as_bytes());
    let mut names: Vec<&str> = certificate.sans.iter().collect();
    names.sort_unstable();
    for name in names {
        push(name.as_bytes());
    }
    sha256(&text)
}

/// Reads the id of a certificate in a call; `self` is the one that calls.
///
/// # Errors
/// [`ServiceError::NotFound`] for what cannot be an id, and for `self` when a token calls.
pub fn named(caller: &Caller, text: &str) -> Result<CertificateId, ServiceError> {
    match caller.certificate() {
        Some(own) if text == ITSELF => Ok(own),
        Some(_) | None => super::parse_id(text),
    }
}

/// What stands for the certificate that calls.
pub(crate) const ITSELF: &str = "self";

/// Whether the caller may read or renew this certificate as far as that depends on who calls: a token may, as its scopes say, and a
/// certificate itself and nothing else, as long as its role lets it.
///
/// # Errors
/// [`ServiceError::NotFound`], [`ServiceError::SelfRenewalNotAllowed`].
pub(super) async fn check(app: &App, caller: &Caller, id: CertificateId) -> Result<(), ServiceError> {
    caller.check_certificate(id)?;
    if caller.certificate().is_none() {
        return Ok(());
    }
    for role in caller.limits.roles.iter().flatten() {
        check_role(caller, &app.roles().read(app, caller.tenant, role.as_str()).await?.role, role.as_str())?;
    }
    Ok(())
}

/// Whether a certificate of this role may act at all.
///
/// # Errors
/// [`ServiceError::SelfRenewalNotAllowed`].
pub(super) fn check_role(
    caller: &Caller,
    role: &certmill_domain::Role,
    name: &str,
) -> Result<(), ServiceError> {
    if caller.certificate().is_some() && !role.settings().allow_self_renewal {
        return Err(ServiceError::SelfRenewalNotAllowed(name.to_owned()));
    }
    Ok(())
}

/// The certificate that is renewed when this one wants to be: itself, or the newest of those that have renewed it. A host that has not got
/// its renewal, because the connection broke or it crashed, is not locked out by that.
///
/// # Errors
/// [`ServiceError::InvalidState`] when one of them was revoked, or one that this one goes back to: whoever had its key could have
/// renewed it.
pub(super) async fn newest(
    app: &App,
    caller: &Caller,
    own: CertificateId,
) -> Result<CertificateId, ServiceError> {
    let mut session = app.database().read(caller.tenant).await?;
    if let Some(revoked) = certificates::revoked_before(&mut session, own, MOST_BEFORE).await? {
        let message =
            format!("{own} goes back to {revoked}, which is revoked: get a new certificate with a token");
        return Err(ServiceError::InvalidState {
            message,
            state: "renewal_revoked",
            possible_from: RENEWABLE,
        });
    }
    let mut id = own;
    for _ in 0..MOST_RENEWALS {
        let found = certificates::find(&mut session, id)
            .await?
            .ok_or_else(|| ServiceError::not_found(Noun::Certificate, id))?;
        if found.revoked_at.is_some() {
            let message = format!("{id}, which renews {own}, is revoked: get a new certificate with a token");
            return Err(ServiceError::InvalidState {
                message,
                state: "renewal_revoked",
                possible_from: RENEWABLE,
            });
        }
        match found.renewed_by {
            Some(renewal) => id = renewal,
            None => return Ok(id),
        }
    }
    let message =
        format!("{own} was renewed {MOST_RENEWALS} times: use a newer one, or get a new one with a token");
    Err(ServiceError::InvalidState { message, state: "renewed", possible_from: RENEWABLE })
}
