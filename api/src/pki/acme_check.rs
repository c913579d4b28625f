//! `/v1/pki/acme/check`.

use certmill_service::App;
use certmill_service::acme::ledger::BudgetLine;
use certmill_service::acme::orders::{self, Forecast, NameForecast};
use poem::web::Data;
use poem_openapi::{Object, OpenApi};
use serde::Serialize;

use super::acme_accounts::FailureView;
use super::acme_orders::OrderRequest;
use crate::acts::Judges;
use crate::auth::{Authorized, Issue};
use crate::body::{Body, Reply};
use crate::error::ApiError;
use crate::openapi::Group;

pub(crate) struct AcmeCheckApi;

/// A limit, and how much of it is used.
#[derive(Object, Serialize)]
pub(super) struct AcmeBudgetLine {
    /// `account_orders`, `domain_certificates`, `set_certificates` or `failed_validations`.
    limit: String,
    /// The registered domain, the names, or the name that is counted; null for the account itself.
    subject: Option<String>,
    /// How many the CA permits.
    most: i64,
    /// In so much time.
    window_seconds: i64,
    /// By every account of this service at this CA.
    used: i64,
    /// How many are left.
    remaining: i64,
    /// When there is room again; null while there is.
    available_at: Option<String>,
}

impl From<BudgetLine> for AcmeBudgetLine {
    fn from(line: BudgetLine) -> Self {
        Self {
            limit: line.limit.as_str().to_owned(),
            subject: line.subject,
            most: line.allowance.most,
            window_seconds: i64::try_from(line.allowance.within.as_secs()).unwrap_or(i64::MAX),
            used: line.used,
            remaining: (line.allowance.most - line.used).max(0),
            available_at: line.available_at.map(|at| at.to_string()),
        }
    }
}

/// What would come of an order.
#[derive(Object, Serialize)]
struct AcmeForecast {
    /// Whether nothing speaks against it, as far as that can be seen from here.
    ready: bool,
    account_id: String,
    challenge_type: String,
    key_type: String,
    key_size: i64,
    /// What would come of each name.
    names: Vec<AcmeNameForecast>,
    /// A certificate for the same names that is good and not due for renewal: ordering needs `force`.
    certificate: Option<AcmeGoodCertificate>,
    /// The open order that would be the answer, because it is for the same.
    open_order_id: Option<String>,
    /// Other open orders of the account for the same names.
    open_beside: Vec<String>,
    /// The known limits of the CA that the order counts for.
    limits: Vec<AcmeBudgetLine>,
    /// Until when one of them has no room.
    waits_until: Option<String>,
    /// Which one.
    waits_because: Option<String>,
}

/// How control of a name would be proven.
#[derive(Object, Serialize)]
struct AcmeNameForecast {
    /// The name or the IP address, as it would be ordered.
    identifier: String,
    /// Why that would fail.
    problem: Option<FailureView>,
    /// What may be in its way and cannot be told from here: CAA records that cannot be looked up, no server seen on port 80.
    warnings: Vec<String>,
    /// For dns-01: where the TXT value would go, after aliases were followed.
    record_name: Option<String>,
    /// The DNS provider that would be asked to publish it.
    dns_provider_id: Option<String>,
    /// The zone in which.
    zone: Option<String>,
}

/// A certificate that is there already.
#[derive(Object, Serialize)]
struct AcmeGoodCertificate {
    id: String,
    not_after: String,
    /// When it is due for renewal.
    renew_at: String,
}

#[OpenApi(prefix_path = "/v1/pki/acme", tag = "Group::Acme")]
impl AcmeCheckApi {
    /// See what would come of an order
    ///
    /// Takes what ordering takes, and neither orders, nor publishes, nor counts anything: where the TXT value
    /// of each name would go after aliases were followed, which DNS provider and zone serve it, whether the names are granted
    /// and their CAA records permit the CA, whether a server is there for http-01, what is there or on order already, and what the CA's known limits leave. What ordering refuses is refused here too, but for
    /// grants, good certificates and limits, which the answer names.
    #[oai(path = "/check", method = "post", operation_id = "checkAcmeOrder")]
    async fn check(
        &self,
        caller: Authorized<Issue, Judges>,
        app: Data<&App>,
        body: Body<OrderRequest>,
    ) -> Result<Reply<AcmeForecast>, ApiError> {
        Ok(Reply(view(orders::forecast(&app, &caller, body.0.into()).await?)))
    }
}

fn view(forecast: Forecast) -> AcmeForecast {
    let ready = forecast.is_good();
    let (until, because) = forecast.waits.unzip();
    AcmeForecast {
        ready,
        account_id: forecast.order.account_id.to_string(),
        challenge_type: forecast.order.challenge_type.to_string(),
        key_type: forecast.order.key_type,
        key_size: forecast.order.key_size,
        names: forecast.names.into_iter().map(name).collect(),
        certificate: forecast.certificate.map(|renewal| AcmeGoodCertificate {
            id: renewal.certificate_id.to_string(),
            not_after: renewal.not_after.to_string(),
            renew_at: renewal.renew_at.to_string(),
        }),
        open_order_id: forecast.open_order_id.map(|id| id.to_string()),
        open_beside: forecast.open_beside.iter().map(ToString::to_string).collect(),
        limits: forecast.budget.into_iter().map(Into::into).collect(),
        waits_until: until.map(|until| until.to_string()),
        waits_because: because,
    }
}

fn name(name: NameForecast) -> AcmeNameForecast {
    AcmeNameForecast {
        identifier: name.identifier,
        problem: name.problem.map(FailureView::from),
        warnings: name.warnings,
        record_name: name.record_name,
        dns_provider_id: name.dns_provider_id.map(|id| id.to_string()),
        zone: name.zone,
    }
}
