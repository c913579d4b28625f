//! `/v1/pki/overview`: what there is and what needs a person, in numbers.

use certmill_service::App;
use certmill_service::domain::CertificateSource;
use certmill_service::overview::{self, CertificateFigures, Counts, Span, Unrenewed};
use poem::web::Data;
use poem_openapi::{Object, OpenApi};
use serde::Serialize;

use crate::auth::{Authorized, Read};
use crate::body::Reply;
use crate::error::ApiError;
use crate::openapi::Group;
use crate::words::Word;

pub(crate) struct OverviewApi;

/// What there is and what needs a person, in numbers.
#[derive(Object, Serialize)]
#[oai(rename = "Overview")]
struct OverviewView {
    /// When the certificates were counted. Where there are many this is some seconds ago; all other figures are of now.
    as_of: String,
    /// Certificates.
    certificates: CertificateFiguresView,
    /// CSRs at the desk.
    csrs: CsrFigures,
    /// Renewals at ACME servers.
    renewals: RenewalFigures,
    /// Orders at ACME servers.
    orders: OrderFigures,
    /// CAs.
    cas: CaFigures,
    /// Background jobs.
    jobs: JobFigures,
}

/// Certificates in numbers.
#[derive(Object, Serialize)]
#[oai(rename = "CertificateFigures")]
struct CertificateFiguresView {
    /// How many there are, whatever their state.
    total: i64,
    /// How many are in each state.
    by_status: StatusCounts,
    /// By how they came to be, most first.
    by_source: Vec<SourceCounts>,
    /// By the CA that issued them, most first; at most 1,000 CAs.
    by_ca: Vec<CaCounts>,
    /// Those that are not revoked and that no other certificate renews: what somebody may have forgotten.
    unrenewed: UnrenewedView,
    /// The active ones by their ends: 90 days in UTC (the first one from now on), the rest of the month, 23 months, and one
    /// entry for everything later.
    expiring: Vec<ExpiringView>,
}

/// How many certificates are in each state.
#[derive(Object, Serialize)]
struct StatusCounts {
    /// Valid.
    active: i64,
    /// Over, and not revoked.
    expired: i64,
    /// Revoked.
    revoked: i64,
}

/// The certificates of one source.
#[derive(Object, Serialize)]
struct SourceCounts {
    /// `issued`, `signed`, `csr`, `acme`, `imported` or `renewed`.
    source: Word<CertificateSource>,
    /// Valid.
    active: i64,
    /// Over, and not revoked.
    expired: i64,
    /// Revoked.
    revoked: i64,
}

/// The certificates of one CA.
#[derive(Object, Serialize)]
struct CaCounts {
    /// The id of the CA; null for those that no CA of ours issued.
    ca_id: Option<String>,
    /// Valid.
    active: i64,
    /// Over, and not revoked.
    expired: i64,
    /// Revoked.
    revoked: i64,
}

/// Certificates that are not revoked and that no other one renews.
#[derive(Object, Serialize)]
#[oai(rename = "UnrenewedCertificates")]
struct UnrenewedView {
    /// Ended within the last 30 days.
    expired_30d: i64,
    /// End within a day.
    expiring_1d: i64,
    /// End within seven days, a day included.
    expiring_7d: i64,
    /// End within 30 days, seven days included.
    expiring_30d: i64,
}

/// Active certificates that end in a span of time.
#[derive(Object, Serialize)]
#[oai(rename = "ExpiringCertificates")]
struct ExpiringView {
    /// From when on.
    from: String,
    /// Before when; null for everything later.
    to: Option<String>,
    /// How many end.
    count: i64,
    /// How many of them were renewed.
    renewed: i64,
}

/// CSRs that wait.
#[derive(Object, Serialize)]
struct CsrFigures {
    /// Nobody has decided about them.
    pending: i64,
    /// Approved, and not signed.
    approved: i64,
}

/// Renewals at ACME servers that are not as they should be.
#[derive(Object, Serialize)]
struct RenewalFigures {
    /// The last try failed.
    failing: i64,
    /// Should have been renewed a day ago.
    overdue: i64,
}

/// Orders at ACME servers.
#[derive(Object, Serialize)]
struct OrderFigures {
    /// Have not ended.
    open: i64,
    /// Failed within the last 30 days.
    failed_30d: i64,
}

/// Background jobs.
#[derive(Object, Serialize)]
struct JobFigures {
    /// Given up.
    dead: i64,
}

/// CAs in numbers.
#[derive(Object, Serialize)]
struct CaFigures {
    /// Neither revoked nor over.
    active: i64,
    /// Over, and not revoked.
    expired: i64,
    /// Revoked.
    revoked: i64,
    /// Active ones that end within 90 days.
    ending_90d: i64,
    /// Active ones whose CRL should have been replaced by now: it is in the last hour of its time, or in the last tenth if that
    /// is less.
    late_crls: i64,
    /// The CAs that the two figures before count, those that end first; at most 100.
    near_end: Vec<CaNearEnd>,
}

/// A CA that somebody should look at.
#[derive(Object, Serialize)]
struct CaNearEnd {
    /// `ca_…`
    id: String,
    /// Its name.
    name: String,
    /// When its certificate ends.
    valid_until: String,
    /// When its CRL ends; null when it has none.
    next_update: Option<String>,
    /// Whether it ends within 90 days.
    is_ending: bool,
    /// Whether its CRL should have been replaced by now.
    has_late_crl: bool,
}

#[OpenApi(prefix_path = "/v1/pki", tag = "Group::Certificates")]
impl OverviewApi {
    /// See what there is and what needs a person
    ///
    /// Everything of the tenant in numbers. What is counted here agrees with the lists: `expiring_7d` are
    /// those that `GET /v1/pki/certificates?expiring_within=7d` finds, without those that were renewed.
    #[oai(path = "/overview", method = "get", operation_id = "getOverview")]
    async fn overview(
        &self,
        caller: Authorized<Read>,
        app: Data<&App>,
    ) -> Result<Reply<OverviewView>, ApiError> {
        Ok(Reply(view(overview::overview(&app, &caller).await?)))
    }
}

fn view(found: overview::Overview) -> OverviewView {
    let overview::Overview { certificates, matters, cas, near_their_end } = found;
    OverviewView {
        as_of: certificates.as_of.to_string(),
        certificates: figures(&certificates),
        csrs: CsrFigures { pending: matters.csrs_pending, approved: matters.csrs_approved },
        renewals: RenewalFigures { failing: matters.renewals_failing, overdue: matters.renewals_overdue },
        orders: OrderFigures { open: matters.orders_open, failed_30d: matters.orders_failed },
        jobs: JobFigures { dead: matters.jobs_dead },
        cas: CaFigures {
            active: cas.active,
            expired: cas.expired,
            revoked: cas.revoked,
            ending_90d: cas.ending,
            late_crls: cas.late_crls,
            near_end: near_their_end
                .into_iter()
                .map(|ca| CaNearEnd {
                    id: ca.id.to_string(),
                    name: ca.name,
                    valid_until: ca.not_after.to_string(),
                    next_update: ca.next_update.map(|at| at.to_string()),
                    is_ending: ca.is_ending,
                    has_late_crl: ca.has_late_crl,
                })
                .collect(),
        },
    }
}

fn figures(found: &CertificateFigures) -> CertificateFiguresView {
    let Counts { active, expired, revoked } = found.all;
    let Unrenewed { expired_30d, expiring_1d, expiring_7d, expiring_30d } = found.unrenewed;
    let by_source = found.by_source.iter().map(|(source, counts)| {
        let Counts { active, expired, revoked } = *counts;
        SourceCounts { source: Word::shown(source), active, expired, revoked }
    });
    let by_ca = found.by_ca.iter().map(|(ca, counts)| {
        let Counts { active, expired, revoked } = *counts;
        CaCounts { ca_id: ca.map(|id| id.to_string()), active, expired, revoked }
    });
    let expiring = found.expiring.iter().map(|Span { from, to, ends }| ExpiringView {
        from: from.to_string(),
        to: to.map(|at| at.to_string()),
        count: ends.count,
        renewed: ends.renewed,
    });
    CertificateFiguresView {
        total: found.all.total(),
        by_status: StatusCounts { active, expired, revoked },
        by_source: by_source.collect(),
        by_ca: by_ca.collect(),
        unrenewed: UnrenewedView { expired_30d, expiring_1d, expiring_7d, expiring_30d },
        expiring: expiring.collect(),
    }
}
