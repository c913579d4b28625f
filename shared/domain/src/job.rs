//! Background jobs: what there is to do, for which subject.

use std::fmt;
use std::str::FromStr;

use crate::{AcmeAccountId, AcmeChallengeId, AcmeOrderId, CaId, CertificateId, InvalidId};

/// A piece of background work. A job carries ids only: its handler reads the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Job {
    /// Build and sign a CA's next CRL.
    RebuildCrl(CaId),
    /// Revoke everything under a revoked CA.
    RevokeCaCascade(CaId),
    /// Find out whether a registration that was begun has reached the CA, and carry it through.
    RegisterAcmeAccount(AcmeAccountId),
    /// Go on with an order.
    AdvanceOrder(AcmeOrderId),
    /// Go on with a challenge, or take its answer back when it is over.
    AdvanceChallenge(AcmeChallengeId),
    /// Ask the CA when a certificate is to be renewed.
    CheckRenewalWindow(CertificateId),
    /// Order the renewals that are due, and ask for the renewal windows that are.
    RenewCertificates,
    /// Mark certificates whose validity has ended.
    ExpireCertificates,
    /// Enqueue whatever is due and was not enqueued: CRLs near their end, cascades that stopped.
    Sweep,
    /// Delete finished jobs past their retention.
    PruneJobs,
}

/// The kinds of jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum JobKind {
    /// See [`Job::RebuildCrl`].
    RebuildCrl,
    /// See [`Job::RevokeCaCascade`].
    RevokeCaCascade,
    /// See [`Job::RegisterAcmeAccount`].
    RegisterAcmeAccount,
    /// See [`Job::AdvanceOrder`].
    AdvanceOrder,
    /// See [`Job::AdvanceChallenge`].
    AdvanceChallenge,
    /// See [`Job::CheckRenewalWindow`].
    CheckRenewalWindow,
    /// See [`Job::RenewCertificates`].
    RenewCertificates,
    /// See [`Job::ExpireCertificates`].
    ExpireCertificates,
    /// See [`Job::Sweep`].
    Sweep,
    /// See [`Job::PruneJobs`].
    PruneJobs,
}

impl JobKind {
    /// All kinds.
    pub const ALL: [Self; 10] = [
        Self::RebuildCrl,
        Self::RevokeCaCascade,
        Self::RegisterAcmeAccount,
        Self::AdvanceOrder,
        Self::AdvanceChallenge,
        Self::CheckRenewalWindow,
        Self::RenewCertificates,
        Self::ExpireCertificates,
        Self::Sweep,
        Self::PruneJobs,
    ];

    /// The word of logs, metrics and the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RebuildCrl => "rebuild_crl",
            Self::RevokeCaCascade => "revoke_ca_cascade",
            Self::RegisterAcmeAccount => "register_acme_account",
            Self::AdvanceOrder => "advance_order",
            Self::AdvanceChallenge => "advance_challenge",
            Self::CheckRenewalWindow => "check_renewal_window",
            Self::RenewCertificates => "renew_certificates",
            Self::ExpireCertificates => "expire_certificates",
            Self::Sweep => "sweep",
            Self::PruneJobs => "prune_jobs",
        }
    }

    /// How many jobs of this kind may run at once in the whole fleet.
    pub const fn concurrency(self) -> i64 {
        match self {
            // A CRL of a million entries takes a core for seconds and some 200 MiB.
            Self::RebuildCrl => 8,
            Self::RevokeCaCascade => 4,
            Self::RegisterAcmeAccount => 6,
            // These wait for servers elsewhere most of their time.
            Self::AdvanceOrder => 48,
            Self::AdvanceChallenge => 96,
            Self::CheckRenewalWindow => 16,
            Self::RenewCertificates | Self::ExpireCertificates | Self::Sweep | Self::PruneJobs => 1,
        }
    }

    /// After how many attempts a job of this kind is dead.
    pub const fn max_attempts(self) -> i64 {
        match self {
            Self::RebuildCrl
            | Self::RevokeCaCascade
            | Self::RegisterAcmeAccount
            | Self::AdvanceOrder
            | Self::AdvanceChallenge => 20,
            Self::CheckRenewalWindow
            | Self::RenewCertificates
            | Self::ExpireCertificates
            | Self::Sweep
            | Self::PruneJobs => 5,
        }
    }

    /// Which waiting job goes first: the higher number.
    pub const fn priority(self) -> i64 {
        match self {
            Self::RebuildCrl | Self::RevokeCaCascade => 10,
            // What is nearly done goes first, so that little is under way at a time.
            Self::AdvanceChallenge => 7,
            Self::RegisterAcmeAccount | Self::AdvanceOrder => 5,
            Self::CheckRenewalWindow
            | Self::RenewCertificates
            | Self::ExpireCertificates
            | Self::Sweep
            | Self::PruneJobs => 0,
        }
    }
}

impl fmt::Display for JobKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for JobKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or_else(|| format!("`{text}` is not a kind of job"))
    }
}

impl Job {
    /// Its kind.
    pub const fn kind(&self) -> JobKind {
        match self {
            Self::RebuildCrl(_) => JobKind::RebuildCrl,
            Self::RevokeCaCascade(_) => JobKind::RevokeCaCascade,
            Self::RegisterAcmeAccount(_) => JobKind::RegisterAcmeAccount,
            Self::AdvanceOrder(_) => JobKind::AdvanceOrder,
            Self::AdvanceChallenge(_) => JobKind::AdvanceChallenge,
            Self::CheckRenewalWindow(_) => JobKind::CheckRenewalWindow,
            Self::RenewCertificates => JobKind::RenewCertificates,
            Self::ExpireCertificates => JobKind::ExpireCertificates,
            Self::Sweep => JobKind::Sweep,
            Self::PruneJobs => JobKind::PruneJobs,
        }
    }

    /// What it is about: together with the kind it is unique among open jobs.
    pub fn subject(&self) -> String {
        match self {
            Self::RebuildCrl(ca) | Self::RevokeCaCascade(ca) => ca.to_string(),
            Self::RegisterAcmeAccount(account) => account.to_string(),
            Self::AdvanceOrder(order) => order.to_string(),
            Self::AdvanceChallenge(challenge) => challenge.to_string(),
            Self::CheckRenewalWindow(certificate) => certificate.to_string(),
            Self::RenewCertificates | Self::ExpireCertificates | Self::Sweep | Self::PruneJobs => {
                String::new()
            }
        }
    }

    /// Reads a job back from its kind and subject.
    ///
    /// # Errors
    /// When the subject does not belong to the kind.
    pub fn from_parts(kind: JobKind, subject: &str) -> Result<Self, String> {
        fn id<T: FromStr<Err = InvalidId>>(subject: &str) -> Result<T, String> {
            subject.parse().map_err(|error: InvalidId| error.to_string())
        }
        Ok(match kind {
            JobKind::RebuildCrl => Self::RebuildCrl(id(subject)?),
            JobKind::RevokeCaCascade => Self::RevokeCaCascade(id(subject)?),
            JobKind::RegisterAcmeAccount => Self::RegisterAcmeAccount(id(subject)?),
            JobKind::AdvanceOrder => Self::AdvanceOrder(id(subject)?),
            JobKind::AdvanceChallenge => Self::AdvanceChallenge(id(subject)?),
            JobKind::CheckRenewalWindow => Self::CheckRenewalWindow(id(subject)?),
            JobKind::RenewCertificates => Self::RenewCertificates,
            JobKind::ExpireCertificates => Self::ExpireCertificates,
            JobKind::Sweep => Self::Sweep,
            JobKind::PruneJobs => Self::PruneJobs,
        })
    }
}

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobState {
    /// Waits for its time or for a worker.
    Pending,
    /// Handed to the queue under a lease.
    Queued,
    /// A worker holds its lease.
    Running,
    /// Finished.
    Done,
    /// Given up; a person should look.
    Dead,
}

impl JobState {
    /// The word of the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Done => "done",
            Self::Dead => "dead",
        }
    }
}
