//! The kinds of jobs: one line for each, with its word in the database, its lane, its bounds and its handler.

use std::time::Duration;

use certmill_domain::{
    AcmeAccountId, AcmeChallengeId, AcmeOrderId, CaId, CertificateId, CrlId, DiscoveryId, TenantId,
    Vocabulary, WebhookId,
};

use super::{Lease, cascade, housekeeping};
use crate::{
    App, ServiceError, acme, certificates, crl, discoveries, endpoints, expiry, notices, ocsp, publish,
    retention, webhooks,
};

/// Places of a worker that no other work can take, so that slow work of one sort never holds up the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Lane {
    /// What makes revocations known.
    Revocation,
    /// Periodic work of the service itself.
    Upkeep,
    /// Orders and accounts, which wait for ACME servers most of their time.
    Orders,
    /// Challenges, which wait for ACME servers, DNS providers and name servers.
    Challenges,
    /// Events on their way to webhooks, which wait for receivers of anybody's.
    Deliveries,
    /// Looking at what servers of anybody's serve.
    Checks,
    /// Files for a folder beside `/pub`, which may be on another machine.
    Folder,
    /// Objects for a store beside `/pub`. Apart from the folder, so that neither waits for the other.
    ObjectStore,
    /// Notices, which wait for the operator's mail server.
    Mail,
}

impl Lane {
    /// All lanes.
    pub const ALL: [Self; 9] = [
        Self::Revocation,
        Self::Upkeep,
        Self::Orders,
        Self::Challenges,
        Self::Deliveries,
        Self::Checks,
        Self::Folder,
        Self::ObjectStore,
        Self::Mail,
    ];

    /// The word of metrics and logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Revocation => "revocation",
            Self::Upkeep => "upkeep",
            Self::Orders => "orders",
            Self::Challenges => "challenges",
            Self::Deliveries => "deliveries",
            Self::Checks => "checks",
            Self::Folder => "folder",
            Self::ObjectStore => "object_store",
            Self::Mail => "mail",
        }
    }

    /// How many jobs of this lane a process does at the same time, where `concurrency` is the operator's setting.
    pub fn places(self, concurrency: usize) -> usize {
        match self {
            // A CRL of a million entries takes a core for seconds and some 200 MiB; a check looks at several servers at the same
            // time; a list on its way to a store is held in memory.
            Self::Revocation | Self::Checks | Self::ObjectStore => (concurrency / 4).max(4),
            // One writes to the folder at a time; a mail server takes few connections of one client.
            Self::Upkeep | Self::Folder | Self::Mail => 4,
            Self::Orders | Self::Challenges | Self::Deliveries => concurrency.max(4),
        }
    }

    /// The kinds of jobs in this lane.
    pub fn kinds(self) -> impl Iterator<Item = JobKind> {
        JobKind::ALL.iter().copied().filter(move |kind| kind.lane() == self)
    }
}

/// What applies to every job of a kind.
struct Rules {
    lane: Lane,
    /// How long one attempt may take; then its handler is dropped.
    deadline: Duration,
    /// After how many failed attempts in a row it is given up.
    attempts: i64,
    /// How far ahead a job can be put off; one that waits longer was put off by a wrong clock.
    horizon: Duration,
    /// How often it is done of itself.
    every: Option<Duration>,
}

const fn rules(lane: Lane, deadline_minutes: u64, attempts: i64, horizon_hours: u64) -> Rules {
    Rules {
        lane,
        deadline: Duration::from_mins(deadline_minutes),
        attempts,
        horizon: Duration::from_hours(horizon_hours),
        every: None,
    }
}

const fn periodic(every_seconds: u64, deadline_minutes: u64) -> Rules {
    Rules { every: Some(Duration::from_secs(every_seconds)), ..rules(Lane::Upkeep, deadline_minutes, 5, 1) }
}

macro_rules! registry {
    ($($(#[$doc:meta])* $kind:ident $(($subject:ident: $id:ty))?, $word:literal, $rules:expr => $handler:path;)*) => {
        /// A piece of background work. A job carries ids only: its handler reads the rows.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Job {
            $($(#[$doc])* $kind $(($id))?,)*
        }

        /// The kinds of jobs.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum JobKind {
            $($(#[$doc])* $kind,)*
        }

        impl JobKind {
            /// All kinds that this version knows.
            pub const ALL: &'static [Self] = &[$(Self::$kind,)*];

            /// The word of logs, metrics and the database.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$kind => $word,)*
                }
            }

            const fn rules(self) -> Rules {
                match self {
                    $(Self::$kind => $rules,)*
                }
            }
        }

        impl Job {
            /// Its kind.
            pub const fn kind(&self) -> JobKind {
                match self {
                    $(Self::$kind { .. } => JobKind::$kind,)*
                }
            }

            /// What it is about: together with the kind it is unique among open jobs. Empty for periodic work.
            pub fn subject(&self) -> String {
                match self {
                    $(Self::$kind $(($subject))? => String::new() $(+ &$subject.to_string())?,)*
                }
            }

            /// Reads a job back from its row; `None` when this version does not know the kind, or the kind has no such
            /// subject.
            pub fn from_row(kind: &str, subject: &str) -> Option<Self> {
                match kind {
                    $($word => Some(Self::$kind $((subject.parse::<$id>().ok()?))?),)*
                    _ => None,
                }
            }

            /// Does it. The job is finished or put off in the same transaction as its last effect.
            pub async fn perform(self, app: &App, lease: &Lease) -> Result<(), ServiceError> {
                match self {
                    $(Self::$kind $(($subject))? => $handler(app, lease $(, $subject)?).await,)*
                }
            }
        }
    };
}

use Lane::{Challenges, Checks, Deliveries, Folder, Mail, ObjectStore, Orders, Revocation};

// Lane, deadline in minutes, attempts, horizon in hours; or, for periodic work, its period in seconds and its deadline in
// minutes. An order may wait a week for a CA (`Retry-After`), a CRL never longer than the pause after a failure.
registry! {
    /// Build and sign a CA's next full CRL.
    RebuildCrl(ca: CaId), "rebuild_crl", rules(Revocation, 10, 20, 1) => crl::rebuild;
    /// Build and sign the next CRL of a shard.
    RebuildCrlShard(list: CrlId), "rebuild_crl_shard", rules(Revocation, 10, 20, 1) => crl::rebuild_shard;
    /// Build and sign the next delta CRL to a list.
    RebuildDeltaCrl(list: CrlId), "rebuild_delta_crl", rules(Revocation, 10, 20, 1) => crl::rebuild_delta;
    /// Give the OCSP responder of a CA its next certificate.
    RenewOcspSigner(ca: CaId), "renew_ocsp_signer", rules(Revocation, 2, 20, 1) => ocsp::renew_signer;
    /// Revoke everything under a revoked CA.
    RevokeCaCascade(ca: CaId), "revoke_ca_cascade", rules(Revocation, 10, 20, 1) => cascade::revoke_below;
    /// Find out whether a registration that was begun has reached the CA, and carry it through.
    RegisterAcmeAccount(account: AcmeAccountId), "register_acme_account", rules(Orders, 2, 20, 26)
        => acme::resume_registration;
    /// Revoke a certificate whose time to be revoked has come.
    RevokeScheduled(certificate: CertificateId), "revoke_scheduled", rules(Revocation, 2, 20, 2)
        => certificates::revoke_scheduled;
    /// Go on with an order.
    AdvanceOrder(order: AcmeOrderId), "advance_order", rules(Orders, 3, 20, 8 * 24) => acme::advance_order;
    /// Go on with a challenge, or take its answer back when it is over.
    AdvanceChallenge(challenge: AcmeChallengeId), "advance_challenge", rules(Challenges, 2, 20, 8 * 24)
        => acme::advance_challenge;
    /// Ask the CA when a certificate is to be renewed.
    CheckRenewalWindow(certificate: CertificateId), "check_renewal_window", rules(Orders, 1, 5, 1)
        => acme::renewal::check_window;
    /// Order the renewals that are due, and ask for the renewal windows that are.
    RenewCertificates, "renew_certificates", periodic(60, 5) => acme::renewal::renew_due;
    /// Mark certificates whose validity has ended.
    ExpireCertificates, "expire_certificates", periodic(60, 5) => housekeeping::expire_certificates;
    /// Tell of what comes to its end: certificates, CAs, trust anchors, tokens.
    TellExpiry, "tell_expiry", periodic(600, 5) => expiry::tell;
    /// Enqueue whatever is due and was not enqueued: CRLs near their end, cascades that stopped.
    Sweep, "sweep", periodic(30, 5) => housekeeping::sweep;
    /// Find out whether a CA has taken an account's new key, and carry the change through.
    RollOverAcmeAccountKey(account: AcmeAccountId), "roll_over_acme_account_key", rules(Orders, 2, 20, 26)
        => acme::resume_rollover;
    /// Send a webhook what has happened since it was last told.
    DeliverEvents(webhook: WebhookId), "deliver_events", rules(Deliveries, 5, 20, 1) => webhooks::deliver;
    /// Look at the endpoints of a tenant that are due.
    CheckEndpoints(tenant: TenantId), "check_endpoints", rules(Checks, 5, 20, 1) => endpoints::look;
    /// Look at the targets of a discovery.
    Discover(discovery: DiscoveryId), "discover", rules(Checks, 5, 20, 1) => discoveries::discover;
    /// Bring a list, with the full one its CA's certificate too, to the folder beside `/pub`.
    PublishToFolder(list: CrlId), "publish_to_folder", rules(Folder, 5, 20, 1) => publish::to_folder;
    /// The same for the object store.
    PublishToStore(list: CrlId), "publish_to_store", rules(ObjectStore, 10, 20, 1) => publish::to_store;
    /// Tell the owners of a tenant by mail what has happened.
    SendNotices(tenant: TenantId), "send_notices", rules(Mail, 5, 20, 1) => notices::deliver;
    /// Delete finished jobs past their retention.
    PruneJobs, "prune_jobs", periodic(3600, 5) => housekeeping::prune_jobs;
    /// Forget certificates, keys and other things that are over, as far as the operator wishes it.
    Forget, "forget", periodic(3600, 5) => retention::forget;
}

impl JobKind {
    /// The lane whose places its jobs take.
    pub const fn lane(self) -> Lane {
        self.rules().lane
    }

    /// How long one attempt may take; then its handler is dropped, and the attempt counts.
    pub const fn deadline(self) -> Duration {
        self.rules().deadline
    }

    /// After how many failed attempts in a row a job is dead.
    pub const fn max_attempts(self) -> i64 {
        self.rules().attempts
    }

    /// How far ahead a job can be put off at the most.
    pub const fn horizon(self) -> Duration {
        self.rules().horizon
    }

    /// The job and its period, for work that is done of itself.
    pub fn schedule(self) -> Option<(Job, Duration)> {
        Job::from_row(self.as_str(), "").zip(self.rules().every)
    }

    /// The kind of this word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == word)
    }
}

impl Vocabulary for JobKind {
    const WHAT: &'static str = "kind of job";
    const VALUES: &'static [Self] = Self::ALL;

    fn word(self) -> &'static str {
        self.as_str()
    }
}

impl std::fmt::Display for JobKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_word_of_its_own_and_is_read_back() {
        let ulid = "01J9Z3NDEKTSV4RRFFQ69G5FAV";
        for kind in JobKind::ALL {
            assert_eq!(JobKind::parse(kind.as_str()), Some(*kind));
            let subjects = ["", "ca", "acct", "ord", "chal", "cert", "whk", "tnt", "disc"]
                .map(|prefix| if prefix.is_empty() { String::new() } else { format!("{prefix}_{ulid}") });
            let read: Vec<Job> =
                subjects.iter().filter_map(|subject| Job::from_row(kind.as_str(), subject)).collect();
            assert!(!read.is_empty(), "{kind}");
            assert!(
                read.iter().all(|job| job.kind() == *kind && subjects.contains(&job.subject())),
                "{kind}"
            );
        }
        assert_eq!(Job::from_row("notify_webhook", ""), None);
        assert_eq!(Job::from_row("rebuild_crl", "not an id"), None);
    }

    #[test]
    fn every_lane_has_places_and_every_kind_a_lane() {
        let kinds: usize = Lane::ALL.iter().map(|lane| lane.kinds().count()).sum();
        assert_eq!(kinds, JobKind::ALL.len());
        for lane in Lane::ALL {
            assert!(lane.places(1) >= 4, "{}: room for more than one tenant", lane.as_str());
        }
    }
}
