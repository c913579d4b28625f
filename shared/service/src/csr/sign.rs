//! Signing an approved CSR.

use certmill_domain::{
    Action, CertificateSource, Csr, CsrId, CsrStatus, DESK_BACKDATED, DeskKey, DeskRequest, NameRequest,
    RequestedKey, Sans, Ttl,
};
use certmill_storage::csrs;
use certmill_x509::{DistinguishedName, PublicKey};

use super::{find, key_place, refusal};
use crate::certificates::{
    Approval, Bound, DeskTerms, Issued, Reservation, Wanted, desk_terms, not_renewable, run,
};
use crate::{App, Caller, ServiceError};

/// Days of validity when the request does not say.
const DEFAULT_DAYS: i64 = 365;
const MOST_DAYS: i64 = 36_500;

/// How to sign a CSR.
#[derive(Debug, Clone, Default)]
pub struct CsrSignRequest {
    /// The CA that signs.
    pub ca_id: String,
    /// A role of this CA, whose constraints and profile apply.
    pub role: Option<String>,
    /// Days of validity; 365, or the role's, when absent.
    pub validity_days: Option<i64>,
    /// Names instead of the CSR's.
    pub sans: Option<Sans>,
}

/// Signs an approved CSR. Of two who sign at once, one wins.
pub async fn sign(
    app: &App,
    caller: &Caller,
    id: CsrId,
    request: CsrSignRequest,
) -> Result<Issued, ServiceError> {
    let found = find(app, caller, id).await?;
    if found.csr.status != CsrStatus::Approved {
        return Err(not_signable(app, caller, id).await);
    }
    let key = found.inspection.public_key();
    let terms = match found.csr.renewal_of {
        Some(old) => Some(desk_terms(app, caller, old).await?),
        None => None,
    };
    let wanted = Wanted {
        approval: approval(&found.csr, key, &request, terms)?,
        public_key: Some(key),
        kept_key: kept_key(app, caller, &found.csr).await?,
        reservation: Some(Reservation::Csr(id, found.csr.renewal_of)),
        action: Action::CsrSign,
        source: CertificateSource::Csr,
    };
    run(app, caller, &wanted).await
}

/// Why this CSR cannot be signed, from its present row.
pub(crate) async fn not_signable(app: &App, caller: &Caller, id: CsrId) -> ServiceError {
    let renews = find(app, caller, id).await.ok().filter(|found| found.csr.status == CsrStatus::Approved);
    match renews.and_then(|found| found.csr.renewal_of) {
        Some(old) => not_renewable(app, caller, old).await,
        None => refusal(app, caller, id, "signed", &["approved"]).await,
    }
}

fn approval<'a>(
    csr: &Csr,
    key: &'a PublicKey,
    request: &'a CsrSignRequest,
    terms: Option<DeskTerms>,
) -> Result<Approval<'a>, ServiceError> {
    let ca_id = crate::ca::parse_id(&request.ca_id)?;
    let days = request.validity_days;
    if days.is_some_and(|days| !(1..=MOST_DAYS).contains(&days)) {
        return Err(ServiceError::field("validity_days", format!("must be from 1 to {MOST_DAYS} days")));
    }
    let ttl = |days: i64| Ttl::from_seconds(days.unsigned_abs() * 86_400);
    let sans = request.sans.clone().map_or_else(|| csr.sans.clone(), by_kind);
    let Some(name) = request.role.as_deref() else {
        let backdated = terms.as_ref().map_or(DESK_BACKDATED, |terms| terms.backdated);
        let (profile, lifetime) = terms.map(|terms| (terms.profile, terms.ttl)).unzip();
        // The names of a renewal are those that were approved, without what this version would add to them.
        let sans = if profile.is_some() { sans } else { with_common_name(sans, &csr.subject) };
        let request = DeskRequest {
            subject: csr.subject.clone(),
            sans,
            ttl: days.map(ttl).or(lifetime).unwrap_or_else(|| ttl(DEFAULT_DAYS)),
            backdated,
            profile,
            keep_private_key: false,
        };
        return Ok(Approval::Desk { ca_id, request, key: DeskKey::Csr(key) });
    };
    let request = NameRequest {
        common_name: csr.subject.common_name.clone(),
        alt_names: sans.dns,
        ip_sans: sans.ip,
        uri_sans: sans.uri,
        email_sans: sans.email,
        other_sans: sans.other,
        ttl: days.map(ttl),
        key: RequestedKey::Csr(key),
    };
    Ok(Approval::Role { name, request, bound: Bound { ca_id: Some(ca_id), subject: None } })
}

/// Names that came in one list stand with the host names: puts e-mail and IP addresses where they belong.
fn by_kind(sans: Sans) -> Sans {
    let Sans { dns: names, mut ip, mut email, uri, other } = sans;
    let mut dns = Vec::with_capacity(names.len());
    for name in names {
        if name.contains('@') {
            email.push(name);
        } else if name.parse::<std::net::IpAddr>().is_ok() {
            ip.push(name);
        } else {
            dns.push(name);
        }
    }
    Sans { dns, ip, email, uri, other }
}

/// Clients ignore a host name in the common name unless it is a subject alternative name too (RFC 9525).
fn with_common_name(mut sans: Sans, subject: &DistinguishedName) -> Sans {
    if let Some(name) = &subject.common_name
        && name.contains('.')
        && name.parse::<std::net::IpAddr>().is_err()
        && let Ok(host) = name.parse::<certmill_x509::DnsName>()
        && !sans.dns.iter().any(|known| known.eq_ignore_ascii_case(host.as_str()))
    {
        sans.dns.insert(0, host.as_str().to_owned());
    }
    sans
}

/// The private key of a generated CSR, which goes with its certificate.
async fn kept_key(
    app: &App,
    caller: &Caller,
    csr: &Csr,
) -> Result<Option<zeroize::Zeroizing<Vec<u8>>>, ServiceError> {
    let mut session = app.database().read(caller.tenant).await?;
    let sealed = csrs::sealed_key(&mut session, csr.id).await?;
    drop(session);
    let row = csr.id.to_string();
    match sealed {
        Some(sealed) => Ok(Some(app.keyring().open(app, &key_place(caller, &row), &sealed).await?)),
        None => Ok(None),
    }
}
