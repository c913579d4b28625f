//! Renewing: a certificate with the same subject, names, role and profile, with a fresh key.

use std::time::Duration;

use certmill_domain::{
    Action, Certificate, CertificateId, CertificateSource, DeskKey, DeskProfile, DeskRenewal, DeskRequest,
    NameRequest, RequestedKey, RoleKeyType, Scope, Ttl, Violation,
};
use certmill_storage::certificates;
use certmill_x509::{
    CertificateSigningRequest, DistinguishedName, KeyAlgorithm, ParsedCertificate, PublicKey,
};

use super::committer::Reservation;
use super::issue::read_csr;
use super::itself;
use super::pipeline::{Approval, Bound, Issued, Wanted, run};
use crate::acme::orders::Ordered;
use crate::acme::renewal;
use crate::csr::{self, InspectedCsr};
use crate::roles::CachedRole;
use crate::{App, Caller, Noun, ServiceError};

const RENEWABLE: &[&str] = &["active", "expired"];

/// Seconds that an issuance takes from the request to the row, on a busy machine.
const STORED_WITHIN: u64 = 5;

/// How to renew.
#[derive(Debug, Clone, Default)]
pub struct RenewRequest {
    /// A CSR whose key is certified; the service makes a key when absent. Nothing else in it counts.
    pub csr_pem: Option<String>,
    /// Validity; that of the certificate when absent.
    pub ttl: Option<Ttl>,
}

/// What came of a wish to renew.
pub enum Renewed {
    /// The renewal.
    Issued(Issued),
    /// For a certificate from an ACME server: the order for its renewal.
    Ordered(Box<Ordered>),
    /// A CSR on the desk that waits for a person: its key is not the one that was approved.
    OnDesk(Box<InspectedCsr>),
}

/// Renews a certificate. Each certificate has one renewal at most: what is renewed next is the renewal.
pub async fn renew(
    app: &App,
    caller: &Caller,
    id: CertificateId,
    request: RenewRequest,
) -> Result<Renewed, ServiceError> {
    itself::check(app, caller, id).await?;
    let by_itself = caller.certificate().is_some();
    let id = if by_itself { itself::newest(app, caller, id).await? } else { id };
    let old = find_renewable(app, caller, id).await?;
    // An order at an ACME server does not go the way on which this is checked for all others.
    caller.check_role(old.role.as_deref())?;
    if old.source == CertificateSource::Acme {
        if request.ttl.is_some() {
            let problem = "cannot be chosen for a certificate from an ACME server: leave it out";
            return Err(ServiceError::field("ttl", problem));
        }
        return renewal::renew_now(app, caller, &old, request.csr_pem)
            .await
            .map(|ordered| Renewed::Ordered(Box::new(ordered)));
    }
    let csr = match &request.csr_pem {
        Some(pem) => Some(read_csr(pem.clone()).await?),
        None => None,
    };
    let public_key = csr.as_ref().map(CertificateSigningRequest::public_key);
    let approval = if let Some(name) = old.role.as_deref() {
        let role = present_role(app, caller, &old, name).await?;
        let ttl = if by_itself { no_longer(&old, &role, request.ttl)? } else { request.ttl };
        let request = by_role(&old, &role, public_key, ttl);
        let subject = ParsedCertificate::from_der(&old.der)?.subject().clone();
        Approval::Role { name, request, bound: Bound { ca_id: old.ca_id, subject: Some(subject) } }
    } else {
        if !is_approved(caller, &old, public_key) {
            return ask_a_person(app, caller, &old, request).await;
        }
        by_person(&old, public_key, request.ttl)?
    };
    let wanted = Wanted {
        approval,
        public_key,
        kept_key: None,
        reservation: Some(Reservation::RenewalOf(id)),
        action: Action::CertificateRenew,
        source: CertificateSource::Renewed,
    };
    run(app, caller, &wanted).await.map(Renewed::Issued)
}

async fn find_renewable(app: &App, caller: &Caller, id: CertificateId) -> Result<Certificate, ServiceError> {
    let mut session = app.database().read(caller.tenant).await?;
    let old = certificates::find(&mut session, id)
        .await?
        .ok_or_else(|| ServiceError::not_found(Noun::Certificate, id))?;
    drop(session);
    // Who renews it depends on where it came from.
    old.source.known()?;
    if let Some(reason) = why_not_renewable(&old) {
        return Err(reason);
    }
    Ok(old)
}

/// Why this certificate cannot be renewed, from its present row.
pub(crate) async fn not_renewable(app: &App, caller: &Caller, id: CertificateId) -> ServiceError {
    match find_renewable(app, caller, id).await {
        Ok(_) => ServiceError::CallInProgress { seconds: 1 },
        Err(error) => error,
    }
}

fn why_not_renewable(old: &Certificate) -> Option<ServiceError> {
    let refusal = |message: String, state| {
        Some(ServiceError::InvalidState { message, state, possible_from: RENEWABLE })
    };
    if old.revoked_at.is_some() {
        let message = format!("{} is revoked: issue a new certificate instead of renewing it", old.id);
        return refusal(message, "revoked");
    }
    if let Some(renewal) = old.renewed_by {
        return refusal(format!("{} was renewed already: renew {renewal} instead", old.id), "renewed");
    }
    if old.ca_id.is_none() && old.source != CertificateSource::Acme {
        let message = format!("no CA of this service issued {}: only its issuer can renew it", old.id);
        return refusal(message, "imported");
    }
    None
}

/// Whether nobody has to be asked once more: a person approved names and key together, so the caller brings that key or
/// may approve another one.
fn is_approved(caller: &Caller, old: &Certificate, key: Option<&PublicKey>) -> bool {
    caller.scope >= Scope::Admin || key.is_some_and(|key| key.spki_sha256() == old.spki_sha256)
}

/// What becomes of a renewal with a key that nobody has approved, as the certificate's CA has it.
async fn ask_a_person(
    app: &App,
    caller: &Caller,
    old: &Certificate,
    request: RenewRequest,
) -> Result<Renewed, ServiceError> {
    let ca_id = old.ca_id.ok_or_else(|| ServiceError::internal("a renewable certificate has a CA"))?;
    let ca = crate::ca::find(app, caller.tenant, ca_id).await?.ca;
    match ca.renewal_of_desk_certificates.known()? {
        DeskRenewal::Admin => {
            let message = format!(
                "a person approved {} for its key: renew it with a `csr_pem` of the same key, or with a token that has the \
                 scope `{}`",
                old.id,
                Scope::Admin
            );
            Err(ServiceError::NeedsScope { needed: Scope::Admin, message })
        }
        DeskRenewal::Desk => {
            if request.ttl.is_some() {
                let problem = "is decided at the desk for a key that nobody has approved: leave it out";
                return Err(ServiceError::field("ttl", problem));
            }
            csr::ask_for_renewal(app, caller, old, request.csr_pem)
                .await
                .map(|csr| Renewed::OnDesk(Box::new(csr)))
        }
    }
}

/// What a renewal at the desk gets when whoever signs does not say otherwise: usages and validity of the old certificate.
pub(crate) struct DeskTerms {
    /// The usages.
    pub(crate) profile: DeskProfile,
    /// The validity, counted from when it is signed.
    pub(crate) ttl: Ttl,
    /// By how much it begins before that. It lasts no longer than the old one in all, which began less before where its CA was new.
    pub(crate) backdated: Duration,
}

/// The terms of the renewal of this certificate.
pub(crate) async fn desk_terms(
    app: &App,
    caller: &Caller,
    id: CertificateId,
) -> Result<DeskTerms, ServiceError> {
    let old = find_renewable(app, caller, id).await?;
    let (ttl, backdated) = lifetime(&old, certmill_domain::DESK_BACKDATED.as_secs());
    Ok(DeskTerms { profile: profile(&ParsedCertificate::from_der(&old.der)?), ttl, backdated })
}

fn profile(parsed: &ParsedCertificate) -> DeskProfile {
    DeskProfile {
        key_usage: parsed.key_usage().unwrap_or_default(),
        extended_key_usage: parsed.extended_key_usage().to_vec(),
    }
}

/// The role as it is now.
async fn present_role(
    app: &App,
    caller: &Caller,
    old: &Certificate,
    name: &str,
) -> Result<std::sync::Arc<CachedRole>, ServiceError> {
    let role = app.roles().read(app, caller.tenant, name).await.map_err(|error| match error {
        ServiceError::NotFound { .. } => ServiceError::InvalidState {
            message: format!(
                "the role `{name}` of {} is gone: issue a new certificate under another one",
                old.id
            ),
            state: "role_deleted",
            possible_from: RENEWABLE,
        },
        other => other,
    })?;
    // Names are free again once a role is deleted: one that issues from another CA is another role.
    if old.ca_id.is_some_and(|ca_id| ca_id != role.ca_id) {
        let message = format!(
            "the role `{name}` issues from {} now, and another CA issued {}: issue a new certificate instead",
            role.ca_id, old.id
        );
        return Err(ServiceError::InvalidState {
            message,
            state: "role_of_another_ca",
            possible_from: RENEWABLE,
        });
    }
    Ok(role)
}

fn by_role<'a>(
    old: &Certificate,
    role: &CachedRole,
    key: Option<&'a PublicKey>,
    ttl: Option<Ttl>,
) -> NameRequest<'a> {
    let settings = role.role.settings();
    let generated = || {
        // A role that takes any key gets one like the old one.
        let open = settings.key_type == RoleKeyType::Any;
        RequestedKey::Generate {
            key_type: open.then(|| old.key_type.parse().ok()).flatten(),
            key_bits: open.then(|| u32::try_from(old.key_size).ok()).flatten(),
        }
    };
    NameRequest {
        common_name: old.common_name.clone(),
        alt_names: old.sans.dns.clone(),
        ip_sans: old.sans.ip.clone(),
        uri_sans: old.sans.uri.clone(),
        email_sans: old.sans.email.clone(),
        other_sans: old.sans.other.clone(),
        // A fixed end is nearer now, and binds the renewal by itself.
        ttl: ttl.or_else(|| {
            settings.not_after.is_none().then(|| lifetime(old, settings.not_before_duration.seconds()).0)
        }),
        key: key.map_or_else(generated, RequestedKey::Csr),
    }
}

/// A certificate that renews itself lives no longer than before: whoever gave it its time need not have meant more. Where its role
/// permits less now it takes that, since nobody is there who could ask for something else.
fn no_longer(old: &Certificate, role: &CachedRole, ttl: Option<Ttl>) -> Result<Option<Ttl>, ServiceError> {
    let settings = role.role.settings();
    let (longest, _) = lifetime(old, settings.not_before_duration.seconds());
    // Between the request and the row some time has gone by.
    let asked = old.not_after.since(old.created_at).as_secs().saturating_add(STORED_WITHIN);
    match ttl {
        Some(ttl) if ttl.seconds() > longest.seconds().max(asked) => {
            let problem =
                format!("is longer than the {longest} that {} has: a longer time needs a token", old.id);
            Err(ServiceError::field("ttl", problem))
        }
        // What is taken for the time between is not given, or each renewal would have a little more.
        Some(ttl) => Ok(Some(if longest.seconds() < ttl.seconds() { longest } else { ttl })),
        None if settings.not_after.is_none() => {
            let permitted = settings.effective_max_ttl();
            Ok(Some(if permitted.seconds() < longest.seconds() { permitted } else { longest }))
        }
        None => Ok(None),
    }
}

/// The renewal of what a person approved: nobody has approved more than the same for the same time.
fn by_person<'a>(
    old: &Certificate,
    key: Option<&'a PublicKey>,
    ttl: Option<Ttl>,
) -> Result<Approval<'a>, ServiceError> {
    let ca_id = old.ca_id.ok_or_else(|| ServiceError::internal("a renewable certificate has a CA"))?;
    let (longest, backdated) = lifetime(old, certmill_domain::DESK_BACKDATED.as_secs());
    let ttl = ttl.unwrap_or_else(|| longest.clone());
    if ttl.seconds() > longest.seconds() {
        let problem = format!("is longer than the {longest} that were approved for {}", old.id);
        return Err(ServiceError::field("ttl", problem));
    }
    let parsed = ParsedCertificate::from_der(&old.der)?;
    let key = match key {
        Some(key) => DeskKey::Csr(key),
        None => DeskKey::Generate(key_algorithm(old)?),
    };
    let request = DeskRequest {
        subject: parsed.subject().clone(),
        sans: old.sans.clone(),
        ttl,
        backdated,
        profile: Some(profile(&parsed)),
        keep_private_key: old.has_private_key,
    };
    Ok(Approval::Desk { ca_id, request, key })
}

/// The algorithm of the certificate's key, if the service makes such keys.
pub(crate) fn key_algorithm(old: &Certificate) -> Result<KeyAlgorithm, ServiceError> {
    u32::try_from(old.key_size)
        .ok()
        .and_then(|bits| KeyAlgorithm::from_type_and_size(&old.key_type, bits))
        .ok_or_else(|| {
            let problem =
                format!("is required: the service makes no {} keys of {} bits", old.key_type, old.key_size);
            ServiceError::field("csr_pem", problem)
        })
}

/// How long the certificate was given, and the time by which it was backdated, which is not counted: that of its role, unless it
/// was made when the role had another one. It is less where the CA began in that time, to the second, and seems to be some seconds more
/// where it took long to sign and store it. A certificate for the one that begins by the other before now lasts as long as the old one.
fn lifetime(old: &Certificate, assumed: u64) -> (Ttl, Duration) {
    let whole = old.not_after.since(old.not_before).as_secs();
    let observed = old.created_at.since(old.not_before).as_secs();
    let tells = old.source != CertificateSource::Imported && observed < whole;
    let is_other = observed < assumed || observed - assumed > 5;
    let backdated = if tells && is_other { observed } else { assumed };
    (Ttl::from_seconds(whole.saturating_sub(backdated).max(1)), Duration::from_secs(backdated))
}

/// A renewal keeps its subject, so the role must still give the same attributes.
pub(super) fn same_subject(subject: &DistinguishedName, role: &CachedRole) -> Result<(), ServiceError> {
    let settings = role.role.settings();
    let attributes = [
        ("organization", &subject.organization, &settings.organization),
        ("organizational_unit", &subject.organizational_unit, &settings.organizational_unit),
        ("country", &subject.country, &settings.country),
        ("locality", &subject.locality, &settings.locality),
        ("province", &subject.province, &settings.province),
    ];
    // Countries are written in capitals, whatever the role has.
    let differ = |rule: &str, had: &[String], has: &[String]| {
        let same =
            |(a, b): (&String, &String)| if rule == "country" { a.eq_ignore_ascii_case(b) } else { a == b };
        had.len() != has.len() || !had.iter().zip(has).all(same)
    };
    let Some((rule, had, has)) = attributes.into_iter().find(|(rule, had, has)| differ(rule, had, has))
    else {
        return Ok(());
    };
    let has = if has.is_empty() { "no value".to_owned() } else { has.join(", ") };
    let allowed = format!("{has} (the role has changed since: issue a new certificate)");
    Err(Violation { rule, field: "subject", value: had.join(", "), allowed }.into())
}
