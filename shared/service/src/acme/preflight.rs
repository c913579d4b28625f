//! Looks at what a CA will look at, before it is asked: CAA records before an order, the answer of http-01 before the challenge.
//! A look from here is no proof: what the CA sees may differ.

use std::time::Duration;

pub use certmill_dns::CaaVerdict;
use certmill_dns::CaaWish;
use certmill_domain::{
    AcmeAccount, AcmeIdentifier, AcmeIdentifiers, AcmeProvider, ChallengeType, Failure, TenantId,
};
use certmill_egress::{Limits, Purpose};
use futures_util::{StreamExt, stream};

use super::advance;
use super::challenge_steps::{Next, Work};
use crate::{App, ServiceError};

/// What is done about a look that finds something wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Preflight {
    /// Nobody looks.
    #[default]
    Off,
    /// It is told, and the CA is asked all the same.
    Warn,
    /// The CA is not asked before it is right.
    Require,
}

/// How many names are looked up at once, how long all of them together may take.
const AT_ONCE: usize = 8;
/// The most warnings that are kept with an order.
const WARNINGS: usize = 20;
const CAA_LIMIT: Duration = Duration::from_secs(10);
/// For one fetch, and its most octets: a key authorization has about a hundred.
const FETCH_LIMIT: Duration = Duration::from_secs(5);
const LARGEST: usize = 4_096;
/// The pauses between looks for the answer, in seconds; the last one repeats. After so long it is given up.
const LOOKS: [u64; 6] = [2, 3, 5, 10, 20, 30];
const PATIENCE: Duration = Duration::from_mins(30);

/// What the CAA records say about a name of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaaFinding {
    /// The name, as it is ordered.
    pub name: String,
    /// Whether the CA may certify it.
    pub verdict: CaaVerdict,
    /// Where the records are that decide; none where there are no records.
    pub found_at: Option<String>,
}

/// Whether the CA of an account may certify some names, by their CAA records. What cannot be looked up in time is unknown. IP
/// addresses have no such records.
///
/// # Errors
/// When the database cannot be read.
pub async fn caa(
    app: &App,
    tenant: TenantId,
    account: &AcmeAccount,
    (identifiers, method): (&AcmeIdentifiers, ChallengeType),
) -> Result<Vec<CaaFinding>, ServiceError> {
    let issuers = issuers(app, tenant, account).await?;
    let dns = app.dns(tenant).await?;
    let names: Vec<&AcmeIdentifier> =
        identifiers.iter().filter(|name| matches!(name, AcmeIdentifier::Dns(_))).collect();
    let (dns, issuers) = (&dns, &issuers);
    let mut looks = Vec::new();
    for &identifier in &names {
        looks.push(async move {
            let wish = CaaWish {
                issuers,
                wildcard: identifier.is_wildcard(),
                account: account.account_url.as_deref(),
                method: method.as_str(),
            };
            let found = dns.caa(&identifier.base()).await;
            let (verdict, found_at) = match found {
                Ok(Some(set)) => (set.judge(&wish), Some(set.name)),
                Ok(None) => (CaaVerdict::Allowed, None),
                Err(error) => (CaaVerdict::Unknown(format!("CAA cannot be looked up: {error}")), None),
            };
            CaaFinding { name: identifier.to_string(), verdict, found_at }
        });
    }
    let mut findings = Vec::new();
    let mut looks = stream::iter(looks).buffered(AT_ONCE);
    let collected = async {
        while let Some(finding) = looks.next().await {
            findings.push(finding);
        }
    };
    let in_time = tokio::time::timeout(CAA_LIMIT, collected).await.is_ok();
    if !in_time {
        let late = names.iter().skip(findings.len()).map(|name| CaaFinding {
            name: name.to_string(),
            verdict: CaaVerdict::Unknown("CAA was not looked up in time".to_owned()),
            found_at: None,
        });
        let late: Vec<CaaFinding> = late.collect();
        findings.extend(late);
    }
    Ok(findings)
}

/// The names by which CAA records mean the CA: what its directory says, else what is known of the CAs with a name.
async fn issuers(app: &App, tenant: TenantId, account: &AcmeAccount) -> Result<Vec<String>, ServiceError> {
    if let Ok(directory) = app.acme(tenant).await?.directory(&account.directory_url).await
        && !directory.caa_identities.is_empty()
    {
        return Ok(directory.caa_identities.clone());
    }
    Ok(match account.provider.known() {
        Ok(AcmeProvider::LetsEncrypt) => vec!["letsencrypt.org".to_owned()],
        Ok(AcmeProvider::ZeroSsl) => vec!["sectigo.com".to_owned()],
        Ok(AcmeProvider::Google) => vec!["pki.goog".to_owned()],
        Ok(AcmeProvider::Buypass) => vec!["buypass.com".to_owned()],
        Ok(AcmeProvider::Custom) | Err(_) => Vec::new(),
    })
}

/// What a fetch from a name on port 80 brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpFinding {
    /// The name or address.
    pub name: String,
    /// Whether it was as it has to be.
    pub reachable: bool,
    /// What was seen.
    pub detail: String,
}

/// Fetches the place of http-01 answers from a name, as a CA does (RFC 8555 section 8.3): within the egress policy, in a few
/// seconds. `expected` is the key authorization that has to be there; without one any answer will do, which tells that a server
/// is there and not that it is ours.
///
/// # Errors
/// When the database cannot be read.
pub async fn http01(
    app: &App,
    tenant: TenantId,
    (name, token, expected): (&str, &str, Option<&str>),
) -> Result<HttpFinding, ServiceError> {
    let egress = app.egress(tenant, Purpose::Acme).await?;
    let host = if name.contains(':') { format!("[{name}]") } else { name.to_owned() };
    let port = match app.settings().http01_port {
        80 => String::new(),
        other => format!(":{other}"),
    };
    let url = format!("http://{host}{port}/.well-known/acme-challenge/{token}");
    let limits = Limits { timeout: FETCH_LIMIT, max_bytes: LARGEST };
    let (reachable, detail) = match egress.get(&url, limits).await {
        Err(error) => (false, error.to_string()),
        Ok(answer) => match expected {
            None => (true, format!("a server answers with status {}", answer.status())),
            Some(_) if answer.status() != 200 => {
                (false, format!("{name} answers with status {} where 200 was expected", answer.status()))
            }
            Some(expected) if answer.body().trim_ascii_end() == expected.as_bytes() => {
                (true, "the answer is there".to_owned())
            }
            Some(_) => (false, format!("{name} answers with something else than the key authorization")),
        },
    };
    Ok(HttpFinding { name: name.to_owned(), reachable, detail })
}

/// Looks at the CAA records once before an order is sent to its CA, and notes what stands in its way; what follows, when it is
/// not to be sent.
pub(super) async fn before_ordering(
    work: &mut advance::Work<'_>,
) -> Result<Option<advance::Next>, ServiceError> {
    let mode = work.app.settings().preflight;
    if mode == Preflight::Off || work.order.warnings.is_some() {
        return Ok(None);
    }
    let wish = (&work.order.identifiers, work.order.challenge_type.known()?);
    let findings = caa(work.app, work.tenant, &work.account, wish).await?;
    let denied: Vec<String> = findings
        .iter()
        .filter_map(|finding| match &finding.verdict {
            CaaVerdict::Denied(reason) => Some(format!("{}: {reason}", finding.name)),
            CaaVerdict::Allowed | CaaVerdict::Unknown(_) => None,
        })
        .collect();
    let unknown = findings.iter().filter_map(|finding| match &finding.verdict {
        CaaVerdict::Unknown(reason) => Some(format!("{}: {reason}", finding.name)),
        CaaVerdict::Allowed | CaaVerdict::Denied(_) => None,
    });
    work.order.warnings = Some(denied.iter().cloned().chain(unknown).take(WARNINGS).collect());
    // What renews a certificate goes on: who set the records may have the CA's word for more than is seen from here.
    if mode == Preflight::Require && !denied.is_empty() && work.order.renewal_of.is_none() {
        let some: Vec<String> = denied.into_iter().take(4).collect();
        return work.fail(Failure::new("caa_denied", some.join("; "))).await.map(Some);
    }
    Ok(None)
}

/// Looks for the answer of an http-01 challenge before the CA is told; what follows, when the CA is not to be told now.
pub(super) async fn before_telling(work: &mut Work<'_>) -> Result<Option<Next>, ServiceError> {
    let mode = work.app.settings().preflight;
    let is_meant = work.challenge.kind == ChallengeType::Http01 && work.challenge.submissions == 0;
    if mode == Preflight::Off || !is_meant || work.challenge.forced {
        return Ok(None);
    }
    let challenge = &work.challenge;
    let wanted =
        (challenge.identifier.as_str(), challenge.token.as_str(), Some(challenge.key_authorization.as_str()));
    let finding = http01(work.app, work.tenant, wanted).await?;
    if finding.reachable {
        work.challenge.note = None;
        return Ok(None);
    }
    let note = format!("seen from here, the answer is not there: {}", finding.detail);
    work.challenge.note = Some(note.clone());
    if mode == Preflight::Warn {
        tracing::warn!(challenge.id = %work.challenge.id, name = work.challenge.identifier, reason = finding.detail, "the answer of an http-01 challenge is not seen from here");
        return Ok(None);
    }
    let now = work.app.now();
    let since = work.challenge.published_at.unwrap_or(now);
    if now.since(since) > PATIENCE || now > work.challenge.deadline_at {
        let message = format!("the CA was not asked about {}, because {note}", work.challenge.identifier);
        return work.fail(Failure::new("http01_not_reachable", message)).await.map(Some);
    }
    let look = usize::try_from(work.challenge.attempts).unwrap_or_default().clamp(1, LOOKS.len());
    let seconds = LOOKS.get(look - 1).copied().unwrap_or(30);
    work.save(Next::At(now.plus(Duration::from_secs(seconds)))).await.map(Some)
}
