//! Looks at what a CA will look at, before it is asked: CAA records before an order, the answer of http-01 before the challenge.
//! A look from here is no proof: what the CA sees may differ.

use std::time::Duration;

use certmill_dns::{CaaVerdict, CaaWish};
use certmill_domain::{
    AcmeAccount, AcmeIdentifier, AcmeIdentifiers, AcmeProvider, ChallengeType, Failure, TenantId,
};
use certmill_egress::{Egress, EgressError, Limits, Purpose};
use futures_util::{StreamExt, stream};

use super::advance;
use super::challenge_steps::Work;
use super::driver::{InHand, Next};
use crate::{App, ServiceError};

/// What is done about a look that finds something wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Preflight {
    /// Nobody looks.
    #[default]
    Off,
    /// It is told, and the CA is asked all the same.
    Warn,
    /// An order that CAA records deny to the CA fails at once, unless it renews a certificate; where they cannot be looked up,
    /// the CA is asked. An answer of http-01 that is not there is waited for, for half an hour.
    Require,
}

/// How many names are looked at at once, how long all of them together may take.
const AT_ONCE: usize = 8;
const LIMIT: Duration = Duration::from_secs(10);
/// The most warnings that are kept with an order.
const WARNINGS: usize = 20;
/// For one fetch, and its most octets: a key authorization has about a hundred.
const FETCH_LIMIT: Duration = Duration::from_secs(5);
const LARGEST: usize = 4_096;
/// The pauses between looks for the answer, in seconds; the last one repeats. After so long it is given up.
const LOOKS: [u64; 6] = [2, 3, 5, 10, 20, 30];
const PATIENCE: Duration = Duration::from_mins(30);

/// Whether the CA of an account may certify each of some names, by their CAA records. What cannot be looked up in time is
/// unknown. IP addresses have no such records.
pub(super) async fn caa(
    app: &App,
    tenant: TenantId,
    account: &AcmeAccount,
    (identifiers, method): (&AcmeIdentifiers, ChallengeType),
) -> Result<Vec<CaaVerdict>, ServiceError> {
    let issuers = issuers(app, tenant, account).await?;
    let look = app.dns(tenant).await?.caa();
    let (look, issuers) = (&look, &issuers);
    let mut looks = Vec::new();
    for identifier in identifiers.iter() {
        looks.push(async move {
            let AcmeIdentifier::Dns(_) = identifier else { return CaaVerdict::Allowed };
            let wish = CaaWish {
                issuers,
                wildcard: identifier.is_wildcard(),
                account: account.account_url.as_deref(),
                method: method.as_str(),
            };
            look.judge(&identifier.base(), &wish).await
        });
    }
    let late = CaaVerdict::Unknown("CAA was not looked up in time".to_owned());
    Ok(in_time(looks, late, LIMIT).await)
}

/// What looks find within a limit, in their order. One that takes too long takes nothing away from the others.
async fn in_time<T: Clone>(looks: Vec<impl Future<Output = T>>, late: T, limit: Duration) -> Vec<T> {
    let mut found = vec![late; looks.len()];
    let mut numbered = Vec::new();
    for (number, look) in looks.into_iter().enumerate() {
        numbered.push(async move { (number, look.await) });
    }
    let mut looks = stream::iter(numbered).buffer_unordered(AT_ONCE);
    let all = async {
        while let Some((number, seen)) = looks.next().await {
            // Invariant: there is a place for each look.
            found[number] = seen;
        }
    };
    let _ = tokio::time::timeout(limit, all).await;
    found
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

/// What a fetch from the place of the answer of an http-01 challenge has shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Sight {
    /// The answer is there; or a server is, where no answer was looked for.
    There,
    /// It is not, as far as it can be seen from here.
    Missing(String),
    /// The name leads to where a CA would go on and we do not.
    Untold(String),
}

/// Whether there is a server on port 80 of each of some names, before there is an answer to look for. Whether it is ours does not
/// show.
pub(super) async fn http01_servers(
    app: &App,
    tenant: TenantId,
    names: &[String],
) -> Result<Vec<Sight>, ServiceError> {
    let egress = &app.egress(tenant, Purpose::Acme).await?;
    let port = app.settings().http01_port;
    let mut looks = Vec::new();
    for name in names {
        looks.push(http01(egress, (name, port), None));
    }
    let late = Sight::Untold("there was no time left to look".to_owned());
    Ok(in_time(looks, late, LIMIT).await)
}

/// Fetches from where an http-01 challenge is answered, as a CA does (RFC 8555 section 8.3): within the egress policy, in a few
/// seconds. What has to be there is a token and its key authorization; without them any answer will do.
async fn http01(egress: &Egress, (name, port): (&str, u16), wanted: Option<(&str, &str)>) -> Sight {
    let host = if name.contains(':') { format!("[{name}]") } else { name.to_owned() };
    let port = if port == 80 { String::new() } else { format!(":{port}") };
    let token = wanted.map_or("certmill-looks-for-a-server", |(token, _)| token);
    let url = format!("http://{host}{port}/.well-known/acme-challenge/{token}");
    let limits = Limits { timeout: FETCH_LIMIT, max_bytes: LARGEST };
    let answer = match egress.get(&url, limits).await {
        Ok(answer) => answer,
        // CAs look at no certificate on the way, and follow some redirects more than we do.
        Err(error @ (EgressError::Distrusted { .. } | EgressError::RefusedRedirect { .. })) => {
            return Sight::Untold(error.to_string());
        }
        Err(EgressError::TooLarge { .. }) if wanted.is_none() => return Sight::There,
        Err(error) => return Sight::Missing(error.to_string()),
    };
    match wanted {
        None => Sight::There,
        Some(_) if answer.status() != 200 => {
            Sight::Missing(format!("{name} answers with status {} where 200 was expected", answer.status()))
        }
        Some((_, expected)) if answer.body().trim_ascii_end() == expected.as_bytes() => Sight::There,
        Some(_) => Sight::Missing(format!("{name} answers with something else than the key authorization")),
    }
}

/// Looks at the CAA records once before an order is sent to its CA, and notes what stands in its way; what follows, when it is
/// not to be sent.
pub(super) async fn before_ordering(work: &mut advance::Work<'_>) -> Result<Option<Next>, ServiceError> {
    let mode = work.app.settings().preflight;
    if mode == Preflight::Off || work.order.warnings.is_some() {
        return Ok(None);
    }
    let wish = (&work.order.identifiers, work.order.challenge_type.known()?);
    let verdicts = caa(work.app, work.tenant, &work.account, wish).await?;
    let (mut denied, mut unknown) = (Vec::new(), Vec::new());
    for (name, verdict) in work.order.identifiers.iter().zip(verdicts) {
        match verdict {
            CaaVerdict::Allowed => {}
            CaaVerdict::Denied(reason) => denied.push(format!("{name}: {reason}")),
            CaaVerdict::Unknown(reason) => unknown.push(format!("{name}: {reason}")),
        }
    }
    work.order.warnings = Some(denied.iter().cloned().chain(unknown).take(WARNINGS).collect());
    // What renews a certificate goes on: who set the records may have the CA's word for more than is seen from here.
    if mode == Preflight::Require && !denied.is_empty() && work.order.renews.is_none() {
        let some: Vec<String> = denied.into_iter().take(4).collect();
        return work.fail(Failure::new("caa_denied", some.join("; "))).await.map(Some);
    }
    Ok(None)
}

/// Looks for the answer of an http-01 challenge before the CA is told; what follows, when the CA is not to be told now.
pub(super) async fn before_telling(work: &mut Work<'_>) -> Result<Option<Next>, ServiceError> {
    let mode = work.app.settings().preflight;
    let is_meant = work.challenge.kind == ChallengeType::Http01 && work.challenge.progress.told().is_none();
    if mode == Preflight::Off || !is_meant || work.challenge.forced {
        return Ok(None);
    }
    let egress = work.app.egress(work.tenant, Purpose::Acme).await?;
    let (challenge, port) = (&work.challenge, work.app.settings().http01_port);
    let wanted = Some((challenge.token.as_str(), challenge.key_authorization.as_str()));
    let reason = match http01(&egress, (&challenge.identifier, port), wanted).await {
        Sight::There => {
            work.challenge.note = None;
            return Ok(None);
        }
        Sight::Untold(reason) => {
            work.challenge.note =
                Some(format!("whether the answer is there cannot be told from here: {reason}"));
            return Ok(None);
        }
        Sight::Missing(reason) => reason,
    };
    let note = format!("seen from here, the answer is not there: {reason}");
    work.challenge.note = Some(note.clone());
    if mode == Preflight::Warn {
        tracing::warn!(challenge.id = %work.challenge.id, name = work.challenge.identifier, reason, "the answer of an http-01 challenge is not seen from here");
        return Ok(None);
    }
    let now = work.app.now();
    let since = work.challenge.progress.answer().since().unwrap_or(now);
    if now.since(since) > PATIENCE || now > work.challenge.deadline_at {
        let message = format!("the CA was not asked about {}, because {note}", work.challenge.identifier);
        return work.fail(Failure::new("http01_not_reachable", message)).await.map(Some);
    }
    let look = usize::try_from(work.challenge.attempts).unwrap_or_default().clamp(1, LOOKS.len());
    let seconds = LOOKS.get(look - 1).copied().unwrap_or(30);
    work.save(Next::At(now.plus(Duration::from_secs(seconds)))).await.map(Some)
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use futures_util::future::{pending, ready};

    use super::*;

    #[tokio::test]
    async fn a_slow_look_takes_nothing_away_from_the_others() {
        let denied = CaaVerdict::Denied("for a reason".to_owned());
        let mut looks = vec![pending().boxed(), ready(denied.clone()).boxed()];
        looks.extend((0..20).map(|_| ready(CaaVerdict::Allowed).boxed()));
        let late = CaaVerdict::Unknown("late".to_owned());
        let verdicts = in_time(looks, late.clone(), Duration::from_millis(50)).await;
        assert_eq!(verdicts.len(), 22);
        assert_eq!((&verdicts[0], &verdicts[1]), (&late, &denied));
        assert!(verdicts[2..].iter().all(|verdict| *verdict == CaaVerdict::Allowed));
    }
}
