//! Building the next CRL of a CA, or of one of its shards, from the rows.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use certmill_domain::{CaId, Crl, CrlId, CrlInfo, EventKind, TenantId, Timestamp};
use certmill_storage::crls::{RevokedEntry, deltas};
use certmill_storage::inherited_revocations::{self, InheritedRevocation};
use certmill_storage::{certificate_authorities, crls, unstored_certificates};

use certmill_x509::revocation::ParsedCrl;
use certmill_x509::{CrlBuilder, SerialNumber};
use serde_json::json;

use super::Scope;
use super::shards::addresses;
use crate::app::off_thread;
use crate::issuer::{Issuer, crl_url};
use crate::jobs::{Job, Lease};
use crate::{App, Noun, ServiceError, events, publish};

/// Rows per read: enough that a million take a few dozen reads, few enough to stay small in memory.
const PAGE: i64 = 20_000;
/// Certificates that are asked about at once when they have left the list.
const CHUNK: usize = 100;

/// Builds the next full CRL of a CA.
pub(crate) async fn rebuild(app: &App, lease: &Lease, ca: CaId) -> Result<(), ServiceError> {
    build(app, lease, CrlId::full(ca)).await
}

/// Builds the next CRL of a shard.
pub(crate) async fn rebuild_shard(app: &App, lease: &Lease, list: CrlId) -> Result<(), ServiceError> {
    build(app, lease, list).await
}

/// Builds, signs, judges and stores the next version of a list, and finishes the job in the same transaction.
async fn build(app: &App, lease: &Lease, list: CrlId) -> Result<(), ServiceError> {
    let (tenant, ca) = (lease.tenant()?, list.ca());
    let mut session = app.database().read(tenant).await?;
    let missing = || ServiceError::not_found(Noun::Ca, ca);
    let row = certificate_authorities::find(&mut session, ca).await?.ok_or_else(missing)?;
    if row.certificate_der.is_empty() {
        // It was given up before it had a certificate: there is nothing to list, and nobody who asks.
        drop(session);
        let mut tx = app.database().begin(tenant).await?;
        lease.finish(&mut tx).await?;
        return Ok(tx.commit().await?);
    }
    let present = crls::info(&mut session, list).await?.ok_or_else(missing)?;
    // Most lists are empty, and nothing can leave those.
    let before = if present.entries > 0 { crls::der(&mut session, list).await? } else { None };
    let urls = addresses(app, list, crls::urls(&mut session, list).await?);
    let delta = deltas::find(&mut session, list).await?;
    drop(session);
    let issuer = app.issuers().find(app, tenant, ca).await?;
    let this_update = app.now().whole_seconds();
    // What has ended since the present list was made is on one more (RFC 5280 §3.3).
    let since = present.this_update.min(this_update);
    let builder = collect(app, tenant, list, present.entries, since).await?;
    let names_deltas = row.delta_crl_validity.is_some();
    // Those who hold a list that names a delta go on from it after the CA has got rid of deltas.
    let has_deltas = names_deltas || delta.is_some_and(|delta| delta.kept_until > Some(this_update));
    let highest = delta.map_or(0, |delta| delta.info.number).max(present.number);
    let number = next_number(highest, this_update);
    let number = if has_deltas { of_deltas(number, false) } else { number };
    let info = CrlInfo {
        number,
        this_update,
        next_update: this_update.plus(row.crl_validity.unwrap_or(app.settings().crl_lifetime)),
        entries: i64::try_from(builder.entries()).unwrap_or(i64::MAX),
        builds: present.builds + 1,
    };
    let delta_url = names_deltas.then(|| crl_url(app, list.delta()));
    let (crl, left) = sign(issuer, builder, (info, urls.clone(), delta_url), before).await?;
    // Nobody trusts anything under a CA that has ended, whose certificates may be forgotten by now.
    if row.not_after >= this_update {
        judge(app, (tenant, ca), left, this_update).await?;
    }
    let mut tx = app.database().begin(tenant).await?;
    if !crls::replace(&mut tx, list, present.number, &urls, crl).await? {
        // Someone else stored this number: the lease of this attempt is as good as lost.
        return Err(ServiceError::LeaseLost);
    }
    let data = json!({
        "crl_number": info.number, "entries": info.entries, "next_update": info.next_update.to_string(),
        "shard": list.shard(),
    });
    events::raise(app, &mut tx, EventKind::CrlPublished, ca, data);
    // Whoever holds this list knows of what comes by the delta to it.
    if has_deltas {
        app.enqueue(&mut tx, Job::RebuildDeltaCrl(list.delta()), lease.request_id()).await?;
    }
    publish::enqueue(app, &mut tx, list, lease.request_id()).await?;
    if !names_deltas && delta.is_some_and(|delta| delta.kept_until.is_none()) {
        // This delta was being built while the deltas of its CA were switched off.
        deltas::keep(&mut tx, ca, info.next_update).await?;
    }
    // Last, because revocations of this CA wait for the job's row from here to the commit.
    lease.finish(&mut tx).await?;
    tx.commit().await?;
    if has_deltas || app.publisher().is_set() {
        app.wake_workers();
    }
    metrics::counter!("certmill_crls_built_total").increment(1);
    tracing::info!(tenant.id = %tenant, ca.id = %ca, crl.shard = list.shard(), crl.number = info.number, crl.entries = info.entries, "built a CRL");
    Ok(())
}

/// Numbers go on with the clock: a database that was restored from a backup does not give a second list the number of one
/// that was out already (RFC 5280 §5.2.3).
pub(crate) fn next_number(present: i64, now: Timestamp) -> i64 {
    present.saturating_add(1).max(now.unix_seconds())
}

/// A list and the delta to it share one sequence of numbers, and are built beside each other: of a CA with delta CRLs, lists have
/// even numbers and deltas odd ones (RFC 5280 §5.2.4: two that are issued at different times
/// may not have one number).
pub(crate) fn of_deltas(number: i64, is_delta: bool) -> i64 {
    if (number % 2 == 1) == is_delta { number } else { number.saturating_add(1) }
}

async fn collect(
    app: &App,
    tenant: TenantId,
    list: CrlId,
    expected: i64,
    since: Timestamp,
) -> Result<CrlBuilder, ServiceError> {
    let mut builder = CrlBuilder::with_capacity(usize::try_from(expected).unwrap_or(0) + 16);
    let mut session = app.database().read(tenant).await?;
    let invalid_since: HashMap<SerialNumber, Timestamp> =
        crls::invalidities(&mut session, list).await?.into_iter().collect();
    drop(session);
    let mut after: Option<SerialNumber> = None;
    loop {
        // A session per page: a long build does not pin an old state of the database.
        let mut session = app.database().read(tenant).await?;
        let page = crls::revoked_page(&mut session, list, since, after.as_ref(), PAGE).await?;
        let last_page = i64::try_from(page.len()).is_ok_and(|rows| rows < PAGE);
        for entry in &page {
            push(&mut builder, entry, invalid_since.get(&entry.serial_number).copied());
        }
        if last_page {
            break;
        }
        after = page.into_iter().next_back().map(|entry| entry.serial_number);
    }
    collect_unstored(app, tenant, list, since, &mut builder).await?;
    // CAs below name the full list, and so does what came here with a CA.
    if !list.is_full() {
        return Ok(builder);
    }
    let ca = list.ca();
    let mut session = app.database().read(tenant).await?;
    let children = certificate_authorities::revoked_children(&mut session, ca, since).await?;
    for entry in &children {
        push(&mut builder, entry, None);
    }
    for inherited in inherited_revocations::list(&mut session, ca).await? {
        let InheritedRevocation { serial_number, revoked_at, reason, invalidity_at } = inherited;
        // A CA that was revoked here may have been so before.
        if children.iter().any(|child| child.serial_number == serial_number) {
            continue;
        }
        push(&mut builder, &RevokedEntry { serial_number, revoked_at, reason }, invalidity_at);
    }
    Ok(builder)
}

/// The same of certificates that are not stored.
async fn collect_unstored(
    app: &App,
    tenant: TenantId,
    list: CrlId,
    since: Timestamp,
    builder: &mut CrlBuilder,
) -> Result<(), ServiceError> {
    let mut after: Option<SerialNumber> = None;
    loop {
        let mut session = app.database().read(tenant).await?;
        let page =
            unstored_certificates::revoked_page(&mut session, list, since, after.as_ref(), PAGE).await?;
        drop(session);
        let last_page = i64::try_from(page.len()).is_ok_and(|rows| rows < PAGE);
        for (entry, invalid_since) in &page {
            push(builder, entry, *invalid_since);
        }
        if last_page {
            return Ok(());
        }
        after = page.into_iter().next_back().map(|(entry, _)| entry.serial_number);
    }
}

fn push(builder: &mut CrlBuilder, entry: &RevokedEntry, invalid_since: Option<Timestamp>) {
    builder.push_entry(
        &entry.serial_number,
        entry.revoked_at.unix_seconds(),
        super::listed_reason(&entry.reason),
        invalid_since.map(Timestamp::unix_seconds),
    );
}

/// Signs the list, reads it back as others will, and answers with it the serial numbers that were on the one before and are
/// on it no more.
async fn sign(
    issuer: Arc<Issuer>,
    builder: CrlBuilder,
    (info, urls, delta_url): (CrlInfo, Vec<String>, Option<String>),
    before: Option<Vec<u8>>,
) -> Result<(Crl, Vec<SerialNumber>), ServiceError> {
    off_thread(move || {
        let scope = Scope { urls: &urls, base_number: None, delta_url: delta_url.as_deref() };
        let made = super::signed(&issuer.of_crls(), builder, &info, &scope)?;
        let mut left = Vec::new();
        if let Some(before) = before {
            let before = ParsedCrl::from_der(before)?;
            let listed: HashSet<&[u8]> = made.serial_numbers().collect();
            for serial in before.serial_numbers().filter(|serial| !listed.contains(serial)) {
                left.push(SerialNumber::from_bytes(serial)?);
            }
        }
        Ok((Crl { info, der: made.into_der() }, left))
    })
    .await
}

/// An entry leaves a list when its certificate had ended before the list that it was on last, or a suspension was lifted.
/// Anything else would make relying parties trust again what was revoked, so the list is not published, and the one before
/// stays until a person has looked.
async fn judge(
    app: &App,
    (tenant, ca): (TenantId, CaId),
    left: Vec<SerialNumber>,
    at: Timestamp,
) -> Result<(), ServiceError> {
    for chunk in left.chunks(CHUNK) {
        let mut session = app.database().read(tenant).await?;
        let leaving: HashSet<SerialNumber> =
            crls::leaving(&mut session, ca, chunk, at).await?.into_iter().collect();
        let staying: Vec<_> = chunk.iter().filter(|serial| !leaving.contains(serial)).collect();
        if let Some(serial) = staying.first() {
            tracing::error!(
                tenant.id = %tenant, ca.id = %ca, certificate.serial = %serial, count = staying.len(),
                "a CRL is not published: certificates would leave it that have neither ended nor were released"
            );
            return Err(ServiceError::internal(format!(
                "{} certificates, such as {serial}, would leave the CRL without having ended or been released",
                staying.len()
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_go_on_with_the_clock_and_never_back() {
        let at = Timestamp::from_unix_seconds;
        assert_eq!(next_number(1, at(1_800_000_000)), 1_800_000_000);
        // Two within a second, and a clock that went back.
        assert_eq!(next_number(1_800_000_000, at(1_800_000_000)), 1_800_000_001);
        assert_eq!(next_number(1_900_000_000, at(1_800_000_000)), 1_900_000_001);
        assert_eq!(next_number(i64::MAX, at(0)), i64::MAX);
        assert_eq!([10, 11].map(|number| of_deltas(number, true)), [11, 11]);
        assert_eq!([10, 11].map(|number| of_deltas(number, false)), [10, 12]);
    }
}
