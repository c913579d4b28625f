//! Finding certificates and changing their labels.

use std::collections::BTreeMap;

use certmill_domain::{
    AcmeOrder, Action, Certificate, CertificateEndpoint, CertificateId, CertificateSource, Renewal, Timestamp,
};
use certmill_storage::certificates::search::{self, Page as Keyset};
use certmill_storage::certificates::{self, Labels};
use certmill_storage::scheduled_revocations::{self, ScheduledRevocation};
use certmill_storage::{acme_orders, acme_renewals, endpoints as endpoint_rows, holds};

pub use certmill_storage::certificates::search::Filter;

use certmill_x509::{ParsedCertificate, pem, split_certificates};

use super::itself;
use crate::acme::renewal::{self, Moved, RenewalChange};
use crate::change::Act;
use crate::jobs::Job;
use crate::precondition::tag;
use crate::{App, Caller, Noun, Page, PageRequest, ServiceError, endpoints, notices};

const MAX_TAGS: usize = 64;
const MAX_TAG_LENGTH: usize = 256;
const MAX_DESCRIPTION_LENGTH: usize = 4_096;

/// In which order a list comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sort {
    /// Newest first.
    #[default]
    CreatedAt,
    /// Soonest to end first.
    NotAfter,
}

/// A certificate with the PEM of its chain.
#[derive(Debug, Clone)]
pub struct CertificateWithChain {
    /// The certificate.
    pub certificate: Certificate,
    /// The certificates of its CA and of those above it, in PEM; those that it was imported with when its CA is
    /// not ours.
    pub chain_pem: String,
    /// When it is renewed and how that goes, if it came from an ACME server.
    pub renewal: Option<Renewal>,
    /// The order that it came from, if it came from an ACME server.
    pub order: Option<AcmeOrder>,
    /// When it is to be revoked, if that is scheduled.
    pub scheduled: Option<ScheduledRevocation>,
    /// Where it is meant to be served, and what was found there.
    pub endpoints: Vec<CertificateEndpoint>,
    /// What is wrong with its key: the code of a weakness, or `blocked`.
    pub weak_key: Option<String>,
}

/// What is to change about a certificate; what is none stays.
#[derive(Debug, Clone, Default)]
pub struct CertificateChange {
    /// All its tags.
    pub tags: Option<BTreeMap<String, String>>,
    /// Its description.
    pub description: Option<String>,
    /// Whether it is renewed on its own, if it came from an ACME server.
    pub auto_renew: Option<bool>,
    /// How it is renewed, if it came from an ACME server.
    pub renewal: Option<RenewalChange>,
    /// All its endpoints.
    pub endpoints: Option<Vec<String>>,
}

/// A certificate of the tenant with its chain.
pub async fn find(
    app: &App,
    caller: &Caller,
    id: CertificateId,
) -> Result<CertificateWithChain, ServiceError> {
    itself::check(app, caller, id).await?;
    let mut session = app.database().read(caller.tenant).await?;
    let certificate = certificates::find(&mut session, id)
        .await?
        .ok_or_else(|| ServiceError::not_found(Noun::Certificate, id))?;
    let renewal = if certificate.source == CertificateSource::Acme {
        acme_renewals::find(&mut session, id).await?
    } else {
        None
    };
    let order = match &renewal {
        Some(renewal) => acme_orders::find(&mut session, renewal.order_id).await?,
        None => None,
    };
    let scheduled = scheduled_revocations::find(&mut session, id).await?;
    let endpoints = endpoint_rows::of_certificate(&mut session, id).await?;
    drop(session);
    let chain = chain_der(app, caller, &certificate).await?;
    let chain_pem = chain.iter().map(|der| pem::encode(pem::CERTIFICATE, der)).collect();
    let weak_key = crate::blocked_keys::mark(app, caller, &certificate).await?;
    Ok(CertificateWithChain { certificate, chain_pem, renewal, order, scheduled, endpoints, weak_key })
}

/// The certificates above this one: those of its CA and of the CAs above, or those that it was imported with.
pub(super) async fn chain_der(
    app: &App,
    caller: &Caller,
    certificate: &Certificate,
) -> Result<Vec<Vec<u8>>, ServiceError> {
    if let Some(ca) = certificate.ca_id {
        let chain = match app.issuers().present(app, caller.tenant, ca).await {
            Ok(issuer) => issuer.chain_der.clone(),
            // What it has signed is shown, whatever its key.
            Err(ServiceError::NewerVersion(_)) => {
                let ca = crate::ca::find(app, caller.tenant, ca).await?.ca;
                crate::issuer::chain(&mut app.database().read(caller.tenant).await?, &ca).await?
            }
            Err(error) => return Err(error),
        };
        let named = ParsedCertificate::from_der(&certificate.der)?.authority_serial();
        if named.is_none() {
            return Ok(chain);
        }
        let mut session = app.database().read(caller.tenant).await?;
        return crate::issuer::as_named(&mut session, named, chain, app.now()).await;
    }
    let mut session = app.database().read(caller.tenant).await?;
    let chain = certificates::imported_chain(&mut session, certificate.id).await?.unwrap_or_default();
    Ok(split_certificates(&chain)?)
}

/// The tenant's certificates that the filter finds.
pub async fn list(
    app: &App,
    caller: &Caller,
    filter: &Filter,
    sort: Sort,
    page: &PageRequest,
) -> Result<Page<Certificate>, ServiceError> {
    let limit = page.rows()?;
    let keyset = match sort {
        Sort::CreatedAt => Keyset::Newest(page.key()?),
        Sort::NotAfter => Keyset::SoonestEnd(page.key::<EndKey>()?.map(|key| (key.end, key.id))),
    };
    if names_nothing(filter) {
        return Ok(Page::empty(page));
    }
    let mut session = app.database().read(caller.tenant).await?;
    let found = search::search(&mut session, filter, keyset, limit, app.now()).await?;
    let next = match found.next {
        Some(Keyset::Newest(after)) => after.map(|id| id.to_string()),
        Some(Keyset::SoonestEnd(after)) => after.map(|(end, id)| format!("{} {id}", end.unix_micros())),
        None => None,
    };
    Ok(Page::going_on(found.certificates, next, found.total))
}

/// Whether a filter has a NUL, which no stored text has and Postgres refuses to compare with.
fn names_nothing(filter: &Filter) -> bool {
    let Filter { role, common_name, san, fingerprint_sha256, tag, .. } = filter;
    let (key, value) = tag.as_ref().map(|(key, value)| (key, value)).unzip();
    [role.as_ref(), common_name.as_ref(), san.as_ref(), fingerprint_sha256.as_ref(), key, value]
        .into_iter()
        .flatten()
        .any(|text| text.contains('\0'))
}

/// The key of a row in the order of ends.
struct EndKey {
    end: Timestamp,
    id: CertificateId,
}

impl std::str::FromStr for EndKey {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (end, id) = text.split_once(' ').ok_or(())?;
        Ok(Self {
            end: Timestamp::from_unix_micros(end.parse().map_err(|_| ())?),
            id: id.parse().map_err(|_| ())?,
        })
    }
}

/// The entity tag of a certificate's state: labels, revocation, renewal, and which endpoints it names.
pub fn state(
    certificate: &Certificate,
    renewal: Option<&Renewal>,
    endpoints: &[CertificateEndpoint],
) -> String {
    let tags: Vec<String> = certificate.tags.iter().map(|(key, value)| tag(&[key, value])).collect();
    let revoked = certificate.revoked_at.map(|at| at.unix_micros().to_string()).unwrap_or_default();
    let renewed = certificate.renewed_by.map(|id| id.to_string()).unwrap_or_default();
    let auto_renew = renewal.map(|it| it.auto_renew.to_string()).unwrap_or_default();
    let description = &certificate.description;
    let endpoints = tag(&endpoints::texts(endpoints));
    let id = certificate.id.to_string();
    tag(&[&id, &tags.concat(), description, &revoked, &renewed, &auto_renew, &endpoints])
}

/// Changes tags, description, endpoints, and how a certificate from an ACME server is renewed.
pub async fn label(
    app: &App,
    caller: &Caller,
    id: CertificateId,
    wanted: CertificateChange,
) -> Result<CertificateWithChain, ServiceError> {
    let CertificateChange { tags, description, auto_renew, renewal, endpoints } = wanted;
    let endpoints = endpoints.as_deref().map(endpoints::read).transpose()?;
    if let Some(tags) = &tags {
        check_tags(tags)?;
        notices::check_tag(app, tags)?;
    }
    if description.as_ref().is_some_and(|text| text.len() > MAX_DESCRIPTION_LENGTH || text.contains('\0')) {
        let problem = format!("must have at most {MAX_DESCRIPTION_LENGTH} bytes and no NUL character");
        return Err(ServiceError::field("description", problem));
    }
    let moved = match &renewal {
        Some(renewal) => {
            // Whoever may not see it learns nothing of how it is renewed.
            caller.check_role(find(app, caller, id).await?.certificate.role.as_deref())?;
            Some(renewal::check_move(app, caller, id, renewal).await?)
        }
        None => None,
    };
    let mut change = app.change(caller).await?;
    if endpoints.is_some() {
        // Before the certificate, as the job itself does it.
        app.enqueue(&mut change, Job::CheckEndpoints(caller.tenant), Some(&caller.request_id)).await?;
    }
    if caller.if_match.is_some() || endpoints.is_some() {
        holds::certificate(&mut change, id).await?;
    }
    let before = certificates::find(&mut change, id)
        .await?
        .ok_or_else(|| ServiceError::not_found(Noun::Certificate, id))?;
    caller.check_role(before.role.as_deref())?;
    let planned = acme_renewals::find(&mut change, id).await?;
    let present = endpoint_rows::of_certificate(&mut change, id).await?;
    if caller.if_match.is_some() {
        caller.check_state(&state(&before, planned.as_ref(), &present))?;
    }
    // All that a caller can change, so that the next change begins with what this one has left.
    let told =
        |tags: &BTreeMap<String, String>,
         description: &str,
         endpoints: &[&str],
         renews: Option<bool>,
         how: &str| { format!("{tags:?} {description} {endpoints:?} {renews:?} {how}") };
    let (named, renews) = (endpoints::texts(&present), planned.as_ref().map(|it| it.auto_renew));
    let how = planned.as_ref().map(|it| renewal::told(it.account_id, it.wish.as_ref())).unwrap_or_default();
    let wanted = endpoints.as_ref().map(|texts| texts.iter().map(String::as_str).collect());
    let act = Act::new(Action::CertificateUpdate, id)
        .before(told(&before.tags, &before.description, &named, renews, &how))
        .after(told(
            tags.as_ref().unwrap_or(&before.tags),
            description.as_ref().unwrap_or(&before.description),
            &wanted.unwrap_or_else(|| named.clone()),
            auto_renew.or(renews),
            moved.as_ref().map_or(&how, Moved::text),
        ));
    if let Some(auto_renew) = auto_renew
        && !acme_renewals::set_auto_renew(&mut change, id, auto_renew, app.now()).await?
    {
        let problem = "is only for certificates from an ACME server; renew others with POST …/renew";
        return Err(ServiceError::field("auto_renew", problem));
    }
    if auto_renew == Some(true)
        && let Some(renewal) = &planned
    {
        renewal::refuse_without_key(&mut change, renewal).await?;
    }
    if let Some(moved) = &moved
        && !moved.write(app, &mut change, id).await?
    {
        return Err(ServiceError::CallInProgress { seconds: 1 });
    }
    certificates::set_labels(&mut change, id, Labels { tags, description }).await?;
    if let Some(wanted) = &endpoints {
        endpoints::set(app, &mut change, &before, wanted).await?;
    }
    change.commit(act).await?;
    if endpoints.is_some() {
        app.wake_workers();
    }
    find(app, caller, id).await
}

fn check_tags(tags: &BTreeMap<String, String>) -> Result<(), ServiceError> {
    if tags.len() > MAX_TAGS {
        return Err(ServiceError::field("tags", format!("has {} entries; at most {MAX_TAGS}", tags.len())));
    }
    let legal = |text: &str| text.len() <= MAX_TAG_LENGTH && !text.chars().any(char::is_control);
    for (key, value) in tags {
        if key.is_empty() || !legal(key) || !legal(value) {
            let problem = format!(
                "`{}`: a key has 1 to {MAX_TAG_LENGTH} bytes, a value at most {MAX_TAG_LENGTH}, neither a control character",
                key.chars().take(64).collect::<String>()
            );
            return Err(ServiceError::field("tags", problem));
        }
    }
    Ok(())
}
