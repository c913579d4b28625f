//! `/v1/pki/issue/{role}/batch`: many certificates by one call.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use certmill_service::domain::{Action, CallCategory};
use certmill_service::{App, Caller, ServiceError, certificates, rate_limits, roles};
use futures_util::{StreamExt, stream};
use poem::http::StatusCode;
use poem::web::Data;
use poem_openapi::param::Path;
use poem_openapi::types::Any;
use poem_openapi::{Object, OpenApi};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::issue::{self, IssueCertificateRequest, IssuedCertificate};
use crate::acts::{CertificateIssue, Unkept};
use crate::auth::{Authorized, IssueUnderRole};
use crate::body::{Body, Reply};
use crate::error::ApiError;
use crate::guard;
use crate::openapi::Group;

/// Requests of one call.
const MOST: usize = 1_000;
/// How many of them are under way at a time: what the group commit stores in one transaction.
const AT_ONCE: usize = 16;

pub(crate) struct BatchApi;

/// Certificates with keys that the service makes.
#[derive(Object, Deserialize)]
#[serde(deny_unknown_fields)]
struct IssueBatchRequest {
    /// What is to be issued: 1 to 1,000 requests, each as for issue.
    requests: Vec<IssueCertificateRequest>,
}

/// What became of the requests of a batch.
#[derive(Object, Serialize)]
struct IssueBatchResult {
    /// How many certificates were issued.
    issued: u32,
    /// How many requests were refused.
    refused: u32,
    /// One answer for each request, in the order of the requests.
    results: Vec<BatchItem>,
}

/// What became of one request: a certificate or an error.
#[derive(Object, Serialize)]
struct BatchItem {
    /// The certificate that was issued.
    certificate: Option<IssuedCertificate>,
    /// Why none was issued.
    error: Option<BatchError>,
}

/// Why a request of a batch was refused, as issue would have answered.
#[derive(Object, Serialize)]
struct BatchError {
    /// The code, one of those of `ErrorContent`.
    code: String,
    /// A sentence for people: what is wrong and what would be right.
    message: String,
    /// More, depending on the code, as in `ErrorContent`.
    details: Option<BTreeMap<String, Any<Value>>>,
}

#[OpenApi(prefix_path = "/v1/pki", tag = "Group::Certificates")]
impl BatchApi {
    /// Issue many certificates with new keys
    ///
    /// Each request is carried out for itself: `200` says what became of each, those that were refused
    /// included, and what was issued stays issued. When the service cannot work, the rest is not tried. Under a rate limit each counts as a call of issue. There is no
    /// `Idempotency-Key`: after a call without an answer, look for its certificates before it is repeated.
    #[oai(path = "/issue/:role/batch", method = "post", operation_id = "issueCertificates")]
    async fn issue(
        &self,
        caller: Authorized<IssueUnderRole, Unkept<CertificateIssue>>,
        app: Data<&App>,
        role: Path<String>,
        body: Body<IssueBatchRequest>,
    ) -> Result<Reply<IssueBatchResult>, ApiError> {
        let requests = body.0.requests;
        if !(1..=MOST).contains(&requests.len()) {
            let problem = format!("has {} entries; 1 to {MOST} are possible", requests.len());
            return Err(ServiceError::field("requests", problem).into());
        }
        // A role that is not there, or not for this token, is told once.
        caller.check_role(Some(&role))?;
        roles::find(&app, caller.tenant, &role).await?;
        let is_over = AtomicBool::new(false);
        let items = requests.into_iter().enumerate().map(|(place, request)| {
            let (app, caller, role, is_over) = (app.0, &*caller, role.as_str(), &is_over);
            async move {
                if is_over.load(Ordering::Relaxed) {
                    return item(Err(ApiError::new(
                        "service_unavailable",
                        "it was not tried after the one before",
                    )));
                }
                // The call itself has been counted.
                let result = match if place == 0 { Ok(()) } else { count(app, caller).await } {
                    Ok(()) => one(app, caller, role, request).await,
                    Err(refusal) => Err(refusal),
                };
                if let Err(error) = &result {
                    // Nobody waits a thousand times for a database that is away.
                    is_over.fetch_or(error.status() == StatusCode::SERVICE_UNAVAILABLE, Ordering::Relaxed);
                    guard::record_item(app, caller, (Action::CertificateIssue, Some(role)), error).await;
                }
                item(result)
            }
        });
        let results: Vec<BatchItem> = stream::iter(items).buffered(AT_ONCE).collect().await;
        let refused = results.iter().filter(|item| item.error.is_some()).count();
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        Ok(Reply(IssueBatchResult {
            issued: number(results.len() - refused),
            refused: number(refused),
            results,
        }))
    }
}

/// Counts a request under the limit of issuing.
async fn count(app: &App, caller: &Caller) -> Result<(), ApiError> {
    const CATEGORY: CallCategory = CallCategory::Issue;
    let standing = rate_limits::take(app, caller, CATEGORY).await;
    standing.and_then(|standing| ApiError::rate_limited(CATEGORY, &standing)).map_or(Ok(()), Err)
}

async fn one(
    app: &App,
    caller: &Caller,
    role: &str,
    request: IssueCertificateRequest,
) -> Result<IssuedCertificate, ApiError> {
    let issued = certificates::issue(app, caller, role, issue::read(request)?).await?;
    issue::answer(issued).map(crate::body::Created::into_object)
}

fn item(result: Result<IssuedCertificate, ApiError>) -> BatchItem {
    match result {
        Ok(certificate) => BatchItem { certificate: Some(certificate), error: None },
        Err(error) => {
            let (code, message, details) = error.into_parts();
            let details = details.map(|details| details.into_iter().map(|(name, value)| (name, Any(value))));
            let details = details.map(Iterator::collect);
            let error = BatchError { code: code.to_owned(), message, details };
            BatchItem { certificate: None, error: Some(error) }
        }
    }
}
