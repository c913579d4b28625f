//! The limits of ACME servers that are known, and what is left of them.
//!
//! What is asked is noted before it is asked, by what the server counts: orders of an account, certificates of a registered
//! domain and of a set of names, failed validations. An order for which there is no room waits until there is, or fails where
//! that would be too late; nothing is asked that the server would refuse.

use std::collections::BTreeSet;
use std::time::Duration;

use certmill_domain::{
    AcmeAccount, AcmeAccountId, AcmeChallenge, AcmeEnvironment, AcmeIdentifier, AcmeLimit, AcmeOrder,
    AcmeOrderId, Allowance, Failure, TenantId, Timestamp, Ttl,
};
use certmill_storage::acme_ledger::{self, Asked, Count, Used};
use certmill_storage::{Session, Tx};

use super::advance::Work;
use super::driver::{InHand, Next};
use super::{accounts, fallback};
use crate::{App, Caller, ServiceError};

/// The most lines that the budget of an account has.
const LINES: i64 = 200;
/// How long entries are kept at least: longer than the windows of most limits.
const KEPT: Duration = Duration::from_hours(8 * 24);

/// A limit of an account's CA, and how much of it is used.
#[derive(Debug, Clone)]
pub struct BudgetLine {
    /// What is counted.
    pub limit: AcmeLimit,
    /// For what: a registered domain, names, a name; none for the account itself.
    pub subject: Option<String>,
    /// How much there is.
    pub allowance: Allowance,
    /// How much of it is used.
    pub used: i64,
    /// When there is room again, if there is none.
    pub available_at: Option<Timestamp>,
}

/// The limits of a CA, as far as they are known.
fn limits(app: &App, account: &AcmeAccount) -> Vec<(AcmeLimit, Allowance)> {
    if account.environment != AcmeEnvironment::Production {
        return Vec::new();
    }
    let known = app.settings().acme_limits.iter();
    known
        .filter(|known| account.provider == known.provider)
        .map(|known| (known.limit, known.allowance))
        .collect()
}

/// What is limited of these counts, and by how much.
fn limited(app: &App, account: &AcmeAccount, counts: Vec<Count>) -> Vec<(Count, Allowance)> {
    let limits = limits(app, account);
    let with_limit = |count: Count| {
        let known = limits.iter().find(|(limit, _)| *limit == count.limit);
        known.map(|(_, allowance)| (count, *allowance))
    };
    counts.into_iter().filter_map(with_limit).collect()
}

/// How much of each is used, the entries of an order left out.
async fn used(
    app: &App,
    session: &mut Session,
    account: &AcmeAccount,
    (limited, order): (&[(Count, Allowance)], &str),
) -> Result<Vec<Used>, ServiceError> {
    let now = app.now();
    let asked: Vec<Asked> = limited
        .iter()
        .map(|(count, allowance)| Asked {
            count: count.clone(),
            most: allowance.most,
            since: now.minus(allowance.within),
        })
        .collect();
    Ok(acme_ledger::used(session, &account.directory_url, &asked, order).await?)
}

/// What an order counts for. Renewals that the CA is told of count for nothing, others not for their domains.
fn counts(order: &AcmeOrder) -> Vec<Count> {
    if order.replaces().is_some() {
        return Vec::new();
    }
    let count = |limit, subject| Count { limit, subject };
    let mut counts = vec![count(AcmeLimit::AccountOrders, order.account_id.to_string())];
    counts.push(count(AcmeLimit::SetCertificates, set(&order.identifiers.texts())));
    if order.renews.is_none() {
        let domains: BTreeSet<String> = order.identifiers.iter().map(registered_domain).collect();
        counts.extend(domains.into_iter().map(|domain| count(AcmeLimit::DomainCertificates, domain)));
    }
    let failed = order.identifiers.iter().map(|name| failures_of(order.account_id, &name.base()));
    counts.extend(failed);
    counts
}

fn failures_of(account: AcmeAccountId, name: &str) -> Count {
    Count { limit: AcmeLimit::FailedValidations, subject: format!("{account} {name}") }
}

/// The longest text that stands for a set of names as it is: it is part of a key.
const LONGEST_SET: usize = 512;

fn set(names: &[String]) -> String {
    let text = names.join(" ");
    if text.len() <= LONGEST_SET {
        return text;
    }
    let first = names.first().map_or("", String::as_str);
    let hash = certmill_x509::hex(&certmill_x509::sha256(text.as_bytes()));
    format!("{first} and {} more ({hash})", names.len() - 1)
}

/// The domain that somebody has registered, by the Public Suffix List; an address stands for itself.
fn registered_domain(name: &AcmeIdentifier) -> String {
    let base = name.base();
    match name {
        AcmeIdentifier::Dns(_) => psl::domain_str(&base).map_or_else(|| base.clone(), str::to_owned),
        AcmeIdentifier::Ip(_) => base,
    }
}

/// A limit without room for an order.
#[derive(Debug, Clone)]
pub(super) struct Full {
    /// When there is room.
    pub(super) until: Timestamp,
    /// Which one, in words.
    pub(super) message: String,
}

/// The limit whose room comes last, of those that have none for an order.
async fn full(
    app: &App,
    session: &mut Session,
    account: &AcmeAccount,
    (limited, order): (&[(Count, Allowance)], &AcmeOrder),
) -> Result<Option<Full>, ServiceError> {
    let used = used(app, session, account, (limited, &order.id.to_string())).await?;
    Ok(fullest(limited, &used))
}

fn fullest(limited: &[(Count, Allowance)], used: &[Used]) -> Option<Full> {
    let full = limited.iter().zip(used).filter_map(|((count, allowance), used)| {
        let until = used.makes_room?.plus(allowance.within).plus(Duration::from_secs(1));
        Some((until, count, *allowance))
    });
    let (until, count, allowance) = full.max_by_key(|(until, ..)| *until)?;
    Some(Full { until, message: message(count, allowance, until) })
}

fn message(count: &Count, allowance: Allowance, until: Timestamp) -> String {
    let what = match count.limit {
        AcmeLimit::AccountOrders => "orders of this account".to_owned(),
        AcmeLimit::DomainCertificates => format!("certificates for names of {}", count.subject),
        AcmeLimit::SetCertificates => format!("certificates for exactly {}", count.subject),
        AcmeLimit::FailedValidations => {
            format!("failed validations of {}", count.subject.rsplit(' ').next().unwrap_or_default())
        }
    };
    let within = Ttl::from_seconds(allowance.within.as_secs());
    format!("the CA allows {} {what} in {within}, and they are used up until {until}", allowance.most)
}

/// How much is used of the limits that an order counts for, and which of them has no room for it.
pub(super) async fn outlook(
    app: &App,
    session: &mut Session,
    account: &AcmeAccount,
    order: &AcmeOrder,
) -> Result<(Vec<BudgetLine>, Option<Full>), ServiceError> {
    let limited = limited(app, account, counts(order));
    let used = used(app, session, account, (&limited, "")).await?;
    let full = fullest(&limited, &used);
    Ok((limited.into_iter().zip(used).map(line).collect(), full))
}

fn line(((count, allowance), used): ((Count, Allowance), Used)) -> BudgetLine {
    let subject = match count.limit {
        AcmeLimit::AccountOrders => None,
        AcmeLimit::DomainCertificates | AcmeLimit::SetCertificates => Some(count.subject),
        AcmeLimit::FailedValidations => count.subject.rsplit(' ').next().map(str::to_owned),
    };
    BudgetLine {
        limit: count.limit,
        subject,
        allowance,
        used: used.entries,
        available_at: used.makes_room.map(|from| from.plus(allowance.within)),
    }
}

/// Refuses an order for which there is no room before its end, and no other CA.
pub(super) async fn refuse_hopeless(
    app: &App,
    tenant: TenantId,
    account: &AcmeAccount,
    order: &AcmeOrder,
) -> Result<(), ServiceError> {
    let limited = limited(app, account, counts(order));
    if limited.is_empty() {
        return Ok(());
    }
    let mut session = app.database().read(tenant).await?;
    let full = full(app, &mut session, account, (&limited, order)).await?;
    drop(session);
    match full.filter(|full| full.until > order.ends()) {
        Some(full) if fallback::after(app, tenant, account, account.id).await?.is_none() => {
            let seconds = full.until.since(app.now()).as_secs().max(1);
            Err(ServiceError::LimitReached { message: full.message, seconds })
        }
        Some(_) | None => Ok(()),
    }
}

/// Notes what an order is about to ask of its CA; or says when it can, or ends the order, where there is no room for it.
pub(super) async fn reserve(work: &mut Work<'_>) -> Result<Option<Next>, ServiceError> {
    let limited = limited(work.app, &work.account, counts(&work.order));
    let noted: Vec<&Count> = limited
        .iter()
        .map(|(count, _)| count)
        .filter(|count| count.limit != AcmeLimit::FailedValidations)
        .collect();
    if limited.is_empty() {
        return Ok(None);
    }
    let now = work.app.now();
    let mut tx = work.begin().await?;
    work.lease.confirm(&mut tx).await?;
    // From here to the commit orders of any tenant wait that count for the same.
    acme_ledger::hold(&mut tx, &work.account.directory_url, &noted, now).await?;
    if let Some(full) = full(work.app, &mut tx, &work.account, (&limited, &work.order)).await? {
        drop(tx);
        let failure = Failure::new("limit_reached", full.message);
        if full.until > work.order.ends() || fallback::is_too_late(work, full.until).await? {
            return work.fail(failure).await.map(Some);
        }
        return work.wait(failure, full.until).await.map(Some);
    }
    let (place, entry) = ((work.account.directory_url.as_str(), work.account.id), work.order.id.to_string());
    acme_ledger::note(&mut tx, place, &noted, &entry, now).await?;
    tx.commit().await?;
    Ok(None)
}

/// An order has come to nothing, and its CA has issued nothing for it: no certificate of it counts.
pub(super) async fn order_failed(tx: &mut Tx, order: &AcmeOrder) -> Result<(), ServiceError> {
    Ok(acme_ledger::give_back(tx, &order.id.to_string()).await?)
}

/// The CA is about to be asked for an order once more in place of the one that it has made. That one stays counted as an order,
/// and as a certificate too where the CA may have got its CSR: nobody knows then whether it has issued.
pub(super) async fn placed_anew(app: &App, tx: &mut Tx, order: &AcmeOrder) -> Result<(), ServiceError> {
    let made = [AcmeLimit::AccountOrders];
    let perhaps_issued =
        [AcmeLimit::AccountOrders, AcmeLimit::DomainCertificates, AcmeLimit::SetCertificates];
    let counted = if order.progress.is_before_csr() { &made[..] } else { &perhaps_issued[..] };
    let aside = format!("{} {}", order.id, AcmeOrderId::generate(app.now(), app.entropy()));
    Ok(acme_ledger::set_aside(tx, (&order.id.to_string(), &aside), counted).await?)
}

/// The CA has found that control of a name is not proven.
pub(super) async fn validation_failed(
    app: &App,
    tx: &mut Tx,
    account: &AcmeAccount,
    challenge: &AcmeChallenge,
) -> Result<(), ServiceError> {
    if limits(app, account).is_empty() {
        return Ok(());
    }
    let place = (account.directory_url.as_str(), account.id);
    let count = failures_of(account.id, &challenge.identifier);
    Ok(acme_ledger::note(tx, place, &[&count], &challenge.id.to_string(), app.now()).await?)
}

/// What is left of the limits of an account's CA: first those of the account, then those that it has used something of.
pub async fn budget(
    app: &App,
    caller: &Caller,
    id: AcmeAccountId,
) -> Result<(AcmeAccount, Vec<BudgetLine>), ServiceError> {
    let account = accounts::find(app, caller, id).await?;
    let mut session = app.database().read(caller.tenant).await?;
    let own = Count { limit: AcmeLimit::AccountOrders, subject: id.to_string() };
    let since = app.now().minus(longest(app));
    let recent = acme_ledger::of_account(&mut session, id, since, LINES).await?;
    let others = recent.into_iter().filter(|count| *count != own);
    let asked = limited(app, &account, std::iter::once(own.clone()).chain(others).collect());
    let used = used(app, &mut session, &account, (&asked, "")).await?;
    let lines = asked.into_iter().zip(used).map(line);
    let lines = lines.filter(|line| line.used > 0 || line.limit == AcmeLimit::AccountOrders).collect();
    Ok((account, lines))
}

/// The longest time that an entry counts for.
pub(crate) fn longest(app: &App) -> Duration {
    app.settings().acme_limits.iter().map(|known| known.allowance.within).max().unwrap_or(KEPT).max(KEPT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registered_domains_are_those_of_the_public_suffix_list() {
        for (name, domain) in [
            ("www.example.com", "example.com"),
            ("*.example.co.uk", "example.co.uk"),
            ("a.b.example.github.io", "example.github.io"),
            ("xn--bcher-kva.example", "xn--bcher-kva.example"),
            ("192.0.2.1", "192.0.2.1"),
        ] {
            assert_eq!(registered_domain(&name.parse().unwrap()), domain);
        }
    }
}
