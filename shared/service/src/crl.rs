//! CRLs: reading the present one, asking for a new one, and building it.

mod copies;
mod delta;
mod late;
mod rebuild;
mod shards;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use certmill_domain::{Action, CaId, Crl, CrlId, CrlInfo, Stored, TenantId, shard_numbers};
use certmill_storage::jobs::Enqueued;
use certmill_storage::{certificate_authorities, crls};
use certmill_x509::revocation::ParsedCrl;
use certmill_x509::{CrlBuilder, CrlHeader, KeyPair, PublicKey, RevocationReason};

pub(crate) use copies::CrlCopies;
pub(crate) use delta::rebuild_delta;
pub(crate) use late::tell_late;
pub(crate) use rebuild::{next_number, of_deltas, rebuild, rebuild_shard};
pub(crate) use shards::{
    Named, added, all, begin_deltas, changed, enqueue, job, lists, named_by, of_serial, sign_first,
};

use crate::change::Act;
use crate::{App, Caller, Noun, Page, PageRequest, ServiceError};

/// How long a caller waits for the CRL that it asked for.
const WAIT: Duration = Duration::from_secs(30);

/// Who signs a CRL.
pub(crate) struct CrlIssuer<'a> {
    pub(crate) subject_der: &'a [u8],
    pub(crate) key_id: &'a [u8],
    pub(crate) key: &'a dyn KeyPair,
}

/// What a list says of what it is about.
#[derive(Clone, Copy, Default)]
pub(crate) struct Scope<'a> {
    /// Of a shard, the addresses by which certificates name its list.
    pub(crate) urls: &'a [String],
    /// Of a delta CRL, the number of the list that it goes on from.
    pub(crate) base_number: Option<i64>,
    /// Where the delta CRL to this list is.
    pub(crate) delta_url: Option<&'a str>,
}

/// Signs a CRL with these figures and reads it back as others will. One that its CA's key has not signed is not answered: it must
/// not be published.
pub(crate) fn signed(
    issuer: &CrlIssuer<'_>,
    builder: CrlBuilder,
    info: &CrlInfo,
    scope: &Scope<'_>,
) -> Result<ParsedCrl, ServiceError> {
    let number = |number: i64| {
        u64::try_from(number).map_err(|_| ServiceError::internal("the number of a CRL is negative"))
    };
    let header = CrlHeader {
        issuer_der: issuer.subject_der,
        authority_key_id: issuer.key_id,
        crl_number: number(info.number)?,
        this_update: info.this_update.unix_seconds(),
        next_update: info.next_update.unix_seconds(),
        distribution_points: scope.urls,
        base_number: scope.base_number.map(number).transpose()?,
        delta_url: scope.delta_url,
    };
    let made = ParsedCrl::from_der(builder.sign(&header, issuer.key)?)?;
    if !made.is_signed_by(&PublicKey::from_spki_der(issuer.key.spki_der())?)? {
        return Err(ServiceError::internal("a CRL was signed wrongly, and is not published"));
    }
    Ok(made)
}

/// The reason that relying parties are told. A full CRL lists what was revoked as `removeFromCRL` without a reason: the code
/// is for delta CRLs only (RFC 5280 §5.3.1). So it does with a reason that only a newer version knows: a CRL with a code that
/// RFC 5280 does not have could be refused as a whole.
pub(crate) fn listed_reason(reason: &Stored<RevocationReason>) -> RevocationReason {
    match crate::ca::reason_or_none(reason) {
        RevocationReason::RemoveFromCrl => RevocationReason::Unspecified,
        reason => reason,
    }
}

/// Reads the name of a list, or the id of a CA; one that cannot be such is as good as absent.
pub fn parse_id(text: &str) -> Result<CrlId, ServiceError> {
    text.parse().map_err(|_| ServiceError::not_found(Noun::Ca, text))
}

/// A list whose figures the caller has just read, and may read. All who read it share one copy.
pub async fn present(app: &App, list: CrlId, figures: &CrlInfo) -> Result<Arc<Crl>, ServiceError> {
    app.crl_copies().present(app, list, figures).await
}

/// The figures of a present list of a CA of any tenant.
pub async fn public_info(app: &App, list: CrlId) -> Result<CrlInfo, ServiceError> {
    let mut session = app.database().read_system().await?;
    crls::public_info(&mut session, list).await?.ok_or_else(|| ServiceError::not_found(Noun::Ca, list))
}

/// A present list of a CA of any tenant, out of the database: a copy of its own, which may be large.
async fn public(app: &App, list: CrlId) -> Result<Crl, ServiceError> {
    let mut session = app.database().read_system().await?;
    crls::public(&mut session, list).await?.ok_or_else(|| ServiceError::not_found(Noun::Ca, list))
}

/// The figures of a present list.
pub async fn info(app: &App, tenant: TenantId, list: CrlId) -> Result<CrlInfo, ServiceError> {
    let mut session = app.database().read(tenant).await?;
    if let Some(info) = crls::info(&mut session, list).await? {
        return Ok(info);
    }
    let found = certificate_authorities::find(&mut session, list.ca()).await?;
    let found = found.ok_or_else(|| ServiceError::not_found(Noun::Ca, list.ca()))?;
    if !list.is_full() && !shard_numbers(found.crl_shards).contains(&list.shard()) {
        let last = shard_numbers(found.crl_shards).last().unwrap_or(0);
        let problem =
            format!("is {}, but the last shard of this CA is {last}; 0 is the full list", list.shard());
        return Err(ServiceError::field("shard", problem));
    }
    if list.is_delta() && !found.certificate_der.is_empty() {
        let message = match found.delta_crl_validity {
            None => "this CA has no delta CRLs: `delta_crl_validity` gives it some",
            Some(_) => "the first delta CRL is being built",
        };
        return Err(ServiceError::InvalidState {
            message: message.to_owned(),
            state: "absent",
            possible_from: &["present"],
        });
    }
    // One that waits for its certificate has none yet.
    Err(crate::ca::wrong_state(&found, app.now(), "it has no CRL yet"))
}

/// A page of the figures of the lists of a CA's shards, in the order of their numbers.
pub async fn shards(
    app: &App,
    tenant: TenantId,
    ca: CaId,
    page: &PageRequest,
) -> Result<Page<(CrlId, CrlInfo)>, ServiceError> {
    let (after, wanted) = (page.key()?, page.rows()?);
    let mut session = app.database().read(tenant).await?;
    if certificate_authorities::find(&mut session, ca).await?.is_none() {
        return Err(ServiceError::not_found(Noun::Ca, ca));
    }
    let listed = crls::shards_page(&mut session, ca, after, wanted).await?;
    Ok(Page::of(listed, |(list, _)| list.shard().to_string()))
}

/// The same of all shards.
async fn all_shards(app: &App, tenant: TenantId, ca: CaId) -> Result<Vec<(CrlId, CrlInfo)>, ServiceError> {
    let mut session = app.database().read(tenant).await?;
    Ok(crls::shards(&mut session, ca).await?)
}

/// What became of a request for new CRLs.
pub enum Requested {
    /// They were built within the waiting time; this is the full one.
    Built(Arc<Crl>),
    /// They are still being built; this is the present full one.
    Pending(CrlInfo),
}

/// Asks for new lists of a CA, the full one and those of its shards, and waits, at most 30 s, for workers to build them.
pub async fn request(app: &App, caller: &Caller, ca: CaId) -> Result<Requested, ServiceError> {
    let full = CrlId::full(ca);
    // Refuses a CA that has no list.
    info(app, caller.tenant, full).await?;
    let shards_now = all_shards(app, caller.tenant, ca).await?;
    let lists: Vec<CrlId> =
        std::iter::once(full).chain(shards_now.into_iter().map(|(list, _)| list)).collect();
    let mut change = app.change(caller).await?;
    let enqueued = enqueue(app, &mut change, &lists, Some(&caller.request_id), Duration::ZERO).await?;
    // Counted here, where the rows of the jobs are held: no build can end between this and what the enqueue has said. A build
    // that runs already may have read the revocations before this call, so that the one after it counts.
    let mut builds: HashMap<CrlId, i64> = crls::shards(&mut change, ca)
        .await?
        .into_iter()
        .map(|(list, figures)| (list, figures.builds))
        .collect();
    builds.extend(crls::info(&mut change, full).await?.map(|figures| (full, figures.builds)));
    change.commit(Act::new(Action::CrlRebuild, ca)).await?;
    app.wake_workers();
    let more = |enqueued| match enqueued {
        Enqueued::Waiting => 1,
        Enqueued::BehindRunning => 2,
    };
    let wanted: HashMap<CrlId, i64> = lists
        .into_iter()
        .zip(enqueued)
        .map(|(list, enqueued)| (list, builds.get(&list).copied().unwrap_or(0) + more(enqueued)))
        .collect();
    let is_built =
        |list: CrlId, figures: &CrlInfo| wanted.get(&list).is_none_or(|builds| figures.builds >= *builds);
    let arrived = async {
        let mut pause = Duration::from_millis(5);
        loop {
            tokio::time::sleep(pause).await;
            let figures = info(app, caller.tenant, full).await?;
            if is_built(full, &figures) {
                let shards =
                    if wanted.len() > 1 { all_shards(app, caller.tenant, ca).await? } else { Vec::new() };
                if shards.iter().all(|(list, figures)| is_built(*list, figures)) {
                    return present(app, full, &figures).await;
                }
            }
            pause = (pause * 2).min(Duration::from_millis(250));
        }
    };
    match tokio::time::timeout(WAIT, arrived).await {
        Ok(crl) => Ok(Requested::Built(crl?)),
        Err(_) => Ok(Requested::Pending(info(app, caller.tenant, full).await?)),
    }
}
