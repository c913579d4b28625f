//! CRLs and CA certificates at places beside `/pub`: a folder, from which a web server answers, and an object store. The name of each
//! file is the path below the service's address, so that the same URLs lead to it.
//!
//! Each place has jobs and a lane of its own, so that one that does not answer holds up nothing else. A file is written only while
//! the job's lease stands, and an older list never takes the place of a newer one. A try that fails is repeated until it succeeds.

mod folder;
mod store;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use certmill_aws::Credentials;
use certmill_aws::s3::{Bucket, BucketName};
use certmill_dns::{AwsIdentity, Providers};
use certmill_domain::{Ca, CaId, Crl, CrlId, EventKind, TenantId, Timestamp};
use certmill_egress::Egress;
use certmill_storage::crls::FirstCrl;
use certmill_storage::publications::{self, Published};
use certmill_storage::{Tx, certificate_authorities, crls};
use certmill_x509::revocation::ParsedCrl;
use certmill_x509::{ParsedCertificate, PublicKey};
use serde_json::json;

use crate::jobs::{Job, JobKind, Lease};
use crate::{App, Caller, Noun, ServiceError, crl, events, failpoint};
use folder::Folder;
use store::Store;

/// How long caches may keep a CA's certificate.
pub const CERTIFICATE_CACHE: &str = "public, max-age=300";
/// How long caches may keep a CRL.
pub const CRL_CACHE: &str = "public, max-age=60";
/// After how long a try that failed is repeated: doubled with each, up to the longest.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_mins(5);
/// Characters that are kept of what went wrong.
const LONGEST_FAILURE: usize = 500;
/// The largest list that is looked at, whatever there should be.
const LARGEST_LIST: usize = 1 << 30;
/// The largest certificate that is looked at before one takes its place.
const LARGEST_CERTIFICATE: usize = 64 << 10;

/// A place beside `/pub`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// A folder.
    Folder,
    /// An object store.
    ObjectStore,
}

impl Target {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Folder, Self::ObjectStore];

    /// The word of rows, metrics and events.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Folder => "folder",
            Self::ObjectStore => "object_store",
        }
    }

    /// The kind of the jobs that bring something there.
    pub const fn kind(self) -> JobKind {
        match self {
            Self::Folder => JobKind::PublishToFolder,
            Self::ObjectStore => JobKind::PublishToStore,
        }
    }

    const fn job(self, list: CrlId) -> Job {
        match self {
            Self::Folder => Job::PublishToFolder(list),
            Self::ObjectStore => Job::PublishToStore(list),
        }
    }
}

/// With what an object store is written.
#[derive(Clone)]
pub enum StoreCredentials {
    /// Keys of the operator's.
    Keys(Credentials),
    /// Those of this machine.
    Machine(AwsIdentity),
}

/// An object store.
pub struct StoreSettings {
    /// Which bucket.
    pub bucket: BucketName,
    /// With what it is written.
    pub credentials: StoreCredentials,
    /// The way to it. Where it is the operator says, so it may be anywhere.
    pub egress: Egress,
}

/// The places beside `/pub` that the operator has set. Cheap to clone.
#[derive(Clone)]
pub struct Publisher(Arc<Inner>);

struct Inner {
    folder: Option<Folder>,
    store: Option<Store>,
    late_after: Duration,
}

impl fmt::Debug for Publisher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.places()).finish()
    }
}

impl Publisher {
    /// Nothing is published but at `/pub`.
    pub fn none() -> Self {
        Self::new(None, None, Duration::from_mins(15))
    }

    /// These places. What is not there after `late_after` is told of.
    pub fn new(folder: Option<PathBuf>, store: Option<StoreSettings>, late_after: Duration) -> Self {
        let store = store.map(|settings| {
            let name = place_name(&settings.bucket);
            Store::new(Bucket::new(&settings.bucket, settings.egress), name, settings.credentials)
        });
        Self(Arc::new(Inner { folder: folder.map(Folder::new), store, late_after }))
    }

    /// Those places that are set, each with its name.
    pub fn places(&self) -> impl Iterator<Item = (Target, &str)> {
        Target::ALL.into_iter().filter_map(move |target| Some((target, self.name(target)?)))
    }

    /// Whether there is any.
    pub fn is_set(&self) -> bool {
        self.places().next().is_some()
    }

    /// After how long something that is not there is late.
    pub fn late_after(&self) -> Duration {
        self.0.late_after
    }

    fn name(&self, target: Target) -> Option<&str> {
        match target {
            Target::Folder => self.0.folder.as_ref().map(Folder::name),
            Target::ObjectStore => self.0.store.as_ref().map(Store::name),
        }
    }
}

/// Which bucket, for people and for telling one from another.
fn place_name(name: &BucketName) -> String {
    let endpoint = name.endpoint.as_deref().map(|endpoint| format!(" at {endpoint}"));
    format!("s3://{}/{}{}", name.bucket, name.prefix, endpoint.unwrap_or_default())
}

/// The row of a place.
pub fn row(target: Target, name: &str) -> publications::Place<'_> {
    publications::Place { target: target.as_str(), name }
}

/// What is brought to a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum File {
    /// A CA's certificate.
    Certificate(CaId),
    /// A list.
    Crl(CrlId),
}

impl File {
    /// Its media type.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Certificate(_) => "application/pkix-cert",
            Self::Crl(_) => "application/pkix-crl",
        }
    }

    /// How long caches may keep it.
    pub const fn cache_control(self) -> &'static str {
        match self {
            Self::Certificate(_) => CERTIFICATE_CACHE,
            Self::Crl(_) => CRL_CACHE,
        }
    }
}

/// Its path below the address of the service.
impl fmt::Display for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Certificate(ca) => write!(f, "pub/ca/{ca}.crt"),
            Self::Crl(list) => write!(f, "pub/crl/{list}.crl"),
        }
    }
}

/// Has a list brought to the places that are set; with the full one its CA's certificate.
pub(crate) async fn enqueue(
    app: &App,
    tx: &mut Tx,
    list: CrlId,
    request_id: Option<&str>,
) -> Result<(), ServiceError> {
    for (target, _) in app.publisher().places() {
        app.enqueue(tx, target.job(list), request_id).await?;
    }
    Ok(())
}

/// The same for the first lists of a CA or of shards.
pub(crate) async fn enqueue_first(
    app: &App,
    caller: &Caller,
    tx: &mut Tx,
    first: &[FirstCrl],
) -> Result<(), ServiceError> {
    for FirstCrl { list, .. } in first {
        enqueue(app, tx, *list, Some(&caller.request_id)).await?;
    }
    Ok(())
}

/// Lists that are not where they should be and have no job: those of before a place was set, and those that a process has built
/// which knows of no place.
pub(crate) async fn due(app: &App, limit: i64) -> Result<Vec<(TenantId, Job)>, ServiceError> {
    let mut found = Vec::new();
    for (target, name) in app.publisher().places() {
        let mut session = app.database().read_system().await?;
        let kind = Some(target.kind().as_str());
        let behind = publications::behind(&mut session, row(target, name), kind, limit).await?;
        found.extend(behind.into_iter().map(|behind| (behind.tenant, target.job(behind.list))));
    }
    Ok(found)
}

/// Tells of what is late, once.
pub(crate) async fn tell_late(app: &App, lease: &Lease, limit: i64) -> Result<(), ServiceError> {
    let publisher = app.publisher();
    let before = app.now().minus(publisher.late_after());
    for (target, name) in publisher.places() {
        let mut session = app.database().read_system().await?;
        let late = publications::late(&mut session, row(target, name), before, limit).await?;
        drop(session);
        for behind in late {
            let mut tx = app.database().begin(behind.tenant).await?;
            lease.confirm(&mut tx).await?;
            let list = behind.list;
            if !publications::note_told(&mut tx, list, row(target, name), app.now()).await? {
                continue;
            }
            let data = json!({
                "target": target.as_str(), "shard": list.shard(), "delta": list.is_delta(),
                "published_crl_number": (behind.number > 0).then_some(behind.number),
                "since": behind.since.map(|since| since.to_string()),
            });
            events::raise(app, &mut tx, EventKind::PublicationLate, list.ca(), data);
            tx.commit().await?;
            let failure = behind.failure.unwrap_or_default();
            tracing::error!(tenant.id = %behind.tenant, ca.id = %list.ca(), crl.shard = list.shard(), crl.delta = list.is_delta(), target = target.as_str(), place = name, failure, "a CRL or a CA's certificate is not where it should be published");
        }
    }
    Ok(())
}

/// Brings a list to the folder.
pub(crate) async fn to_folder(app: &App, lease: &Lease, list: CrlId) -> Result<(), ServiceError> {
    publish(app, lease, list, Target::Folder).await
}

/// Brings a list to the object store.
pub(crate) async fn to_store(app: &App, lease: &Lease, list: CrlId) -> Result<(), ServiceError> {
    publish(app, lease, list, Target::ObjectStore).await
}

async fn publish(app: &App, lease: &Lease, list: CrlId, target: Target) -> Result<(), ServiceError> {
    let tenant = lease.tenant()?;
    let publisher = app.publisher().clone();
    let wanted = match publisher.name(target) {
        Some(name) => wanted(app, lease, list).await?.map(|wanted| (row(target, name), wanted)),
        None => None,
    };
    let Some((place, wanted)) = wanted else {
        if publisher.name(target).is_none() {
            tracing::warn!(tenant.id = %tenant, ca.id = %list.ca(), target = target.as_str(), "a CRL is to be published, and this process has no such place: set `[publish]` to the same in all processes");
        }
        // The place is set no more, or the list is gone, which cannot be late then.
        let mut tx = app.database().begin(tenant).await?;
        publications::forget(&mut tx, list, target.as_str()).await?;
        lease.finish(&mut tx).await?;
        return Ok(tx.commit().await?);
    };
    let mut tx = app.database().begin(tenant).await?;
    lease.confirm(&mut tx).await?;
    publications::begin(&mut tx, list, place, app.now()).await?;
    tx.commit().await?;

    let wanted = Arc::new(wanted);
    let brought = match (target, &publisher.0.folder, &publisher.0.store) {
        (Target::Folder, Some(folder), _) => bring(app, lease, &wanted, folder).await,
        (Target::ObjectStore, _, Some(store)) => bring(app, lease, &wanted, store).await,
        // Invariant: the name of the place was found, so it is set.
        _ => Err(Failed::Service(ServiceError::internal("a place has a name and is not set"))),
    };
    let number = match brought {
        Ok(number) => number,
        Err(Failed::Service(error)) => return Err(error),
        Err(Failed::Place(failure)) => return put_off(app, lease, list, (place, failure)).await,
    };
    failpoint::reached("publication.brought");
    let published =
        Published { number, certificate: has_certificate(list).then_some(&wanted.ca.serial_number) };
    let mut tx = app.database().begin(tenant).await?;
    publications::done(&mut tx, list, place, (published, app.now())).await?;
    lease.finish(&mut tx).await?;
    tx.commit().await?;
    metrics::counter!("certmill_publications_total", "target" => target.as_str(), "outcome" => "done")
        .increment(1);
    tracing::debug!(tenant.id = %tenant, ca.id = %list.ca(), crl.shard = list.shard(), crl.number = number, target = target.as_str(), "published a CRL");
    Ok(())
}

/// The certificate goes with the full list.
fn has_certificate(list: CrlId) -> bool {
    list.is_full() && !list.is_delta()
}

/// What is to be at a place.
struct Wanted {
    ca: Ca,
    list: CrlId,
    crl: Arc<Crl>,
    key: PublicKey,
}

impl Wanted {
    fn octets(&self, file: File) -> &[u8] {
        match file {
            File::Certificate(_) => &self.ca.certificate_der,
            File::Crl(_) => &self.crl.der,
        }
    }

    /// The most octets of what is at the place and can be meant: a newer list may have more entries, but not anything.
    fn largest(&self, file: File) -> usize {
        match file {
            File::Certificate(_) => LARGEST_CERTIFICATE,
            File::Crl(_) => self.crl.der.len().saturating_mul(4).saturating_add(16 << 20).min(LARGEST_LIST),
        }
    }

    /// The number of the list, when what is at the place stays. A newer list does, if it is the CA's own: a database that was restored
    /// from a backup, or a worker that stalled, must not bring back what was good before. What the CA has not signed is none of its lists.
    fn keeps(&self, file: File, there: Vec<u8>) -> Option<i64> {
        let number = self.crl.info.number;
        if there == self.octets(file) {
            return Some(number);
        }
        let File::Crl(_) = file else { return None };
        let there = ParsedCrl::from_der(there).ok()?;
        let found = there.number()?.to_i64()?;
        (found > number && there.is_signed_by(&self.key).unwrap_or(false)).then_some(found)
    }
}

/// What is to be at a place, as it is now; nothing when the list is not there, or not yet.
async fn wanted(app: &App, lease: &Lease, list: CrlId) -> Result<Option<Wanted>, ServiceError> {
    let mut session = app.database().read(lease.tenant()?).await?;
    let ca = certificate_authorities::find(&mut session, list.ca()).await?;
    let info = crls::info(&mut session, list).await?;
    drop(session);
    let ca = ca.ok_or_else(|| ServiceError::not_found(Noun::Ca, list.ca()))?;
    let Some(info) = info else { return Ok(None) };
    if ca.certificate_der.is_empty() {
        return Ok(None);
    }
    let key = PublicKey::from_spki_der(ParsedCertificate::from_der(&ca.certificate_der)?.spki_der())?;
    let crl = crl::present(app, list, &info).await?;
    Ok(Some(Wanted { ca, list, crl, key }))
}

/// Why something could not be brought to a place.
enum Failed {
    /// The place did not take it.
    Place(String),
    /// Something else: the database, or the lease.
    Service(ServiceError),
}

impl From<ServiceError> for Failed {
    fn from(error: ServiceError) -> Self {
        Self::Service(error)
    }
}

/// A place that files are brought to.
trait Place {
    /// Makes sure that a file is there, or a newer one of its kind; answers the number of the list that is. `lease` is confirmed before
    /// something is written.
    async fn bring(&self, app: &App, lease: &Lease, file: File, wanted: &Arc<Wanted>) -> Result<i64, Failed>;
}

async fn bring(app: &App, lease: &Lease, wanted: &Arc<Wanted>, place: &impl Place) -> Result<i64, Failed> {
    if has_certificate(wanted.list) {
        place.bring(app, lease, File::Certificate(wanted.ca.id), wanted).await?;
    }
    place.bring(app, lease, File::Crl(wanted.list), wanted).await
}

/// Confirms the lease in a transaction of its own: whoever has lost it writes nothing.
async fn confirm(app: &App, lease: &Lease) -> Result<(), ServiceError> {
    let mut tx = app.database().begin(lease.tenant()?).await?;
    lease.confirm(&mut tx).await?;
    Ok(tx.commit().await?)
}

async fn put_off(
    app: &App,
    lease: &Lease,
    list: CrlId,
    (place, failure): (publications::Place<'_>, String),
) -> Result<(), ServiceError> {
    let tenant = lease.tenant()?;
    let failure: String = failure.chars().take(LONGEST_FAILURE).collect();
    let mut tx = app.database().begin(tenant).await?;
    let failures = publications::failed(&mut tx, list, place, failure.clone()).await?;
    let doublings = u32::try_from(failures.clamp(1, 16)).unwrap_or(16) - 1;
    let pause = FIRST_PAUSE.saturating_mul(1 << doublings).min(LONGEST_PAUSE);
    lease.put_off(&mut tx, app.now().plus(pause)).await?;
    tx.commit().await?;
    metrics::counter!("certmill_publications_total", "target" => place.target, "outcome" => "retry")
        .increment(1);
    tracing::warn!(tenant.id = %tenant, ca.id = %list.ca(), crl.shard = list.shard(), crl.delta = list.is_delta(), target = place.target, place = place.name, failures, failure, again_seconds = pause.as_secs(), "a CRL could not be published and will be tried again");
    Ok(())
}

/// How a place looks from here.
#[derive(Debug)]
pub struct Look {
    /// What is there as it should be.
    pub good: usize,
    /// What is not, and why.
    pub bad: Vec<String>,
}

/// Looks at a place for these lists, each with the number that it has at least.
///
/// # Errors
/// Why nothing can be seen there.
pub async fn look(
    publisher: &Publisher,
    (providers, now): (&Providers, Timestamp),
    target: Target,
    lists: &[(CrlId, i64)],
) -> Result<Look, String> {
    let mut look = Look { good: 0, bad: Vec::new() };
    for (list, number) in lists {
        let there = match (target, &publisher.0.folder, &publisher.0.store) {
            (Target::Folder, Some(folder), _) => folder.number(*list).await?,
            (Target::ObjectStore, _, Some(store)) => store.number((providers, now), *list).await?,
            _ => return Err("this place is not set".to_owned()),
        };
        match there {
            Some(there) if there >= *number => look.good += 1,
            Some(there) => look
                .bad
                .push(format!("{} has number {there}, and the present one is {number}", File::Crl(*list))),
            None => look.bad.push(format!("{} is not there", File::Crl(*list))),
        }
    }
    Ok(look)
}
