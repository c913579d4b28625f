//! Around every call: the limit of its category. Around every call that changes something: its `Idempotency-Key`, and an
//! audit row when it is refused. (When it is done, the audit row is part of its transaction.)

use std::collections::BTreeMap;
use std::future::Future;
use std::time::Instant;

use bytes::Bytes;
use certmill_service::domain::{Action, FieldErrors, Scope};
use certmill_service::idempotency::{self, Answer, Begun, Hold, Kept};
use certmill_service::tokens::TRUST;
use certmill_service::{App, Caller, ServiceError, audit, rate_limits};
use poem::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use poem::{Request, Response};
use serde_json::Value;
use tracing::Instrument;
use zeroize::Zeroizing;

use crate::auth::{self, CurrentCaller};
use crate::edge::whole_body;
use crate::error::{ApiError, TOKEN_NOT_ALLOWED_HERE};
use crate::limits;
use crate::queries;
use crate::routes::{Access, Call, Operation};
use crate::secret_text::{SecretJson, wiped_after_use};

static IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
static IDEMPOTENCY_REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// Fields of answers that are secret.
const SECRET_FIELDS: [&str; 3] = ["private_key", "secret", "token"];

/// The idempotency key that the call in hand holds, kept in the request's extensions.
#[derive(Clone)]
pub(crate) struct CurrentHold(pub(crate) Hold);

/// Carries the request out with `go`: who sends it, whether they may, and the limit of the call are settled by its head, and
/// only then is its body read.
///
/// # Errors
/// A call that is not authenticated has no audit row, because there is no tenant whose log it belongs to. Everything
/// else that is refused and would have changed something has its audit row.
pub(crate) async fn guard<F: Future<Output = Result<Response, ApiError>> + Send + 'static>(
    app: &App,
    operation: &Operation,
    mut request: Request,
    go: impl FnOnce(Request) -> F + Send + 'static,
) -> Result<Response, ApiError> {
    let Access::Token(needed) = operation.access else {
        // Of what is open to everybody only questions to the OCSP responder have a body, which reads no more of it than a
        // question needs.
        if request.method() != Method::POST {
            drop(request.take_body());
        }
        return go(request).await;
    };
    let caller = auth::caller(app, &request, (operation, needed)).await?;
    let path = request.uri().path().to_owned();
    let call = operation.call(&path);
    let category = limits::category(operation.effect);
    let limited = Some(category).filter(|category| rate_limits::applies(app, *category));
    let standing = match limited {
        Some(category) => {
            rate_limits::take(app, &caller, category).await.map(|standing| (category, standing))
        }
        None => None,
    };
    let over = standing.and_then(|(category, standing)| ApiError::rate_limited(category, &standing));
    let result = match over {
        Some(over) => Err(over),
        None => admit(app, (&caller, needed), (call, operation), request, go).await,
    };
    if let (Some(call), Err(error)) = (call, &result) {
        record(app, &caller, call, error).await;
    }
    let Some((_, standing)) = standing else {
        return result;
    };
    match result {
        Ok(mut response) => {
            limits::write(response.headers_mut(), &standing);
            Ok(response)
        }
        Err(error) => Err(error.under_limit(standing)),
    }
}

/// Reads the body of a call that its caller may make, and carries it out.
async fn admit<F: Future<Output = Result<Response, ApiError>> + Send + 'static>(
    app: &App,
    (caller, needed): (&Caller, Scope),
    (call, operation): (Option<Call<'_>>, &Operation),
    mut request: Request,
    go: impl FnOnce(Request) -> F + Send + 'static,
) -> Result<Response, ApiError> {
    if !operation.by_certificate {
        auth::check_token(caller, needed)?;
    }
    if caller.scope < needed {
        return Err(ServiceError::InsufficientScope(needed).into());
    }
    queries::check(&operation.parameters, request.uri().query())?;
    request.extensions_mut().insert(CurrentCaller(caller.clone()));
    if [Method::GET, Method::HEAD].contains(request.method()) {
        // A body of a GET has no meaning (RFC 9110 §9.3.1).
        drop(request.take_body());
        return go(request).await;
    }
    let began = Instant::now();
    let body = whole_body(&mut request).await?;
    if began.elapsed() > TRUST {
        // A token may have been revoked while its holder was sending.
        auth::caller(app, &request, (operation, needed)).await?;
    }
    if !operation.has_body && request.method() != Method::DELETE {
        refuse_fields(&body)?;
    }
    request.set_body(body.clone());
    match call {
        Some(call) => change(app, caller, (call, &body), request, go).await,
        None => go(request).await,
    }
}

/// Refuses what was sent to an operation without a body: whoever sends it believes that it counts. An empty object says nothing.
fn refuse_fields(body: &[u8]) -> Result<(), ApiError> {
    const PROBLEM: &str = "is not a field of this request, which has none: leave the body out";
    if body.trim_ascii().is_empty() {
        return Ok(());
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(fields)) => {
            let faults: BTreeMap<String, String> =
                fields.into_iter().map(|(name, _)| (name, PROBLEM.to_owned())).collect();
            if faults.is_empty() { Ok(()) } else { Err(ServiceError::Validation(FieldErrors(faults)).into()) }
        }
        Ok(Value::Null) => Ok(()),
        _ => Err(ApiError::new("invalid_request", "this request has no body: leave it out")),
    }
}

/// Carries out a call that changes something, under its idempotency key if it has one.
async fn change<F: Future<Output = Result<Response, ApiError>> + Send + 'static>(
    app: &App,
    caller: &Caller,
    (call, body): (Call<'_>, &Bytes),
    request: Request,
    go: impl FnOnce(Request) -> F + Send + 'static,
) -> Result<Response, ApiError> {
    if !(call.repeatable && request.headers().contains_key(&IDEMPOTENCY_KEY)) {
        return go(request).await;
    }
    let work = with_key(app.clone(), caller.clone(), (call.action, body.clone()), request, go);
    // The call goes on after a disconnect: the client will retry it and expects the stored answer.
    tokio::spawn(work.in_current_span()).await.unwrap_or_else(|_| Err(ApiError::internal()))
}

/// Has the audit log tell of a call that was refused.
async fn record(app: &App, caller: &Caller, call: Call<'_>, error: &ApiError) {
    record_item(app, caller, (call.action, call.object), error).await;
}

/// Has the audit log tell that a token was shown from where it may not be used, whatever the call was.
pub(crate) async fn record_use(app: &App, caller: &Caller, call: Option<Call<'_>>, request: &Request) {
    let what = call.map_or((Action::TokenUse, Some(request.uri().path())), |call| (call.action, call.object));
    record_refusal(app, caller, what, TOKEN_NOT_ALLOWED_HERE).await;
}

/// Has the audit log tell of one part of a call that was refused while others were not.
pub(crate) async fn record_item(app: &App, caller: &Caller, what: (Action, Option<&str>), error: &ApiError) {
    if error.status() != StatusCode::SERVICE_UNAVAILABLE {
        record_refusal(app, caller, what, error.code()).await;
    }
}

async fn record_refusal(
    app: &App,
    caller: &Caller,
    (action, object): (Action, Option<&str>),
    code: &'static str,
) {
    // The path of a secret came as one segment.
    let object = object.map(|object| object.replace("%2F", "/"));
    if let Err(error) = audit::refused(app, caller, action, object.as_deref(), code).await {
        tracing::warn!(error = &error as &dyn std::error::Error, "a refused call could not be recorded");
    }
}

/// Takes the key for the call and carries it out, or repeats the answer that is known.
async fn with_key<F: Future<Output = Result<Response, ApiError>>>(
    app: App,
    caller: Caller,
    (action, body): (Action, Bytes),
    mut request: Request,
    go: impl FnOnce(Request) -> F,
) -> Result<Response, ApiError> {
    let key = request.headers().get(&IDEMPOTENCY_KEY).and_then(|key| key.to_str().ok()).unwrap_or_default();
    let method = request.method().as_str().as_bytes();
    let parts = [method, request.uri().path().as_bytes(), &body];
    match idempotency::begin(&app, &caller, key, parts).await? {
        Begun::Answered(kept) => repeat(&app, &caller, action, kept).await,
        Begun::Fresh(hold) => {
            request.extensions_mut().insert(CurrentHold(hold.clone()));
            settle(&app, &caller, &hold, go(request).await).await
        }
    }
}

/// Keeps the answer for the call's repetitions, or gives the key back when the call was refused.
async fn settle(
    app: &App,
    caller: &Caller,
    hold: &Hold,
    result: Result<Response, ApiError>,
) -> Result<Response, ApiError> {
    let kept = match result {
        Err(error) => {
            let released = idempotency::release(app, caller, hold).await;
            report(released, "an idempotency key could not be given back");
            return Err(error);
        }
        Ok(response) => response,
    };
    let (head, body) = kept.into_parts();
    let body = Zeroizing::new(body.into_vec().await.map_err(|_| ApiError::internal())?);
    let location = head.headers.get(header::LOCATION).and_then(|value| value.to_str().ok());
    let answer = Answer { status: head.status.as_u16(), location: location.map(ToOwned::to_owned), body };
    let without_secrets = without_secrets(&answer.body);
    let keeping = idempotency::keep(app, caller, hold, &answer, without_secrets.as_deref()).await;
    report(keeping, "an answer could not be kept for its repetitions");
    Ok(Response::from_parts(head, wiped_after_use(answer.body).into()))
}

fn report(result: Result<(), ServiceError>, what: &str) {
    if let Err(error) = result {
        tracing::warn!(error = &error as &dyn std::error::Error, "{what}");
    }
}

/// The body without its secret fields, if it has any.
fn without_secrets(body: &[u8]) -> Option<Vec<u8>> {
    let mut object: serde_json::Map<String, Value> = serde_json::from_slice(body).ok()?;
    let before = object.len();
    for name in SECRET_FIELDS {
        drop(object.remove(name).map(SecretJson::from));
    }
    (object.len() < before).then(|| serde_json::to_vec(&object).ok()).flatten()
}

/// Gives a kept answer again. What is secret in it is handed out once more, and the audit log says so first.
async fn repeat(app: &App, caller: &Caller, of: Action, kept: Kept) -> Result<Response, ApiError> {
    if kept.has_secret {
        let action = match of {
            Action::TokenCreate | Action::WebhookCreate => of,
            _ => Action::PrivateKeyRetrieve,
        };
        audit::handed_out(app, caller, action, kept.effect).await?;
    }
    Ok(replay(kept.answer))
}

fn replay(answer: Answer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    let mut response = Response::builder().status(status).header(&IDEMPOTENCY_REPLAYED, "true");
    if let Some(location) = answer.location.and_then(|text| HeaderValue::from_str(&text).ok()) {
        response = response.header(header::LOCATION, location);
    }
    if !answer.body.is_empty() {
        response = response.content_type("application/json");
    }
    response.body(wiped_after_use(answer.body))
}
