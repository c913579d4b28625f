//! The headers that operations read and answers carry.

use poem::http::Method;
use serde_json::{Value, json};

use super::{Operation, members};

/// Deletions that can be bound to a state of their object; changes can where their answers have an `ETag`.
const CONDITIONAL_DELETIONS: [&str; 3] =
    ["/v1/pki/roles/{name}", "/v1/pki/dns-providers/{id}", "/v1/webhooks/{id}"];

fn is_conditional(operation: &Operation<'_>) -> bool {
    match operation.method {
        Method::PATCH | Method::POST => !operation.spec["responses"]["200"]["headers"]["ETag"].is_null(),
        Method::DELETE => CONDITIONAL_DELETIONS.contains(&operation.path),
        _ => false,
    }
}

/// Adds the headers of an operation and of its successful answers.
pub(super) fn add(operation: &mut Operation<'_>) {
    let repeatable = operation.effect.is_repeatable;
    if repeatable {
        let parameter = json!({
            "name": "Idempotency-Key",
            "in": "header",
            "required": false,
            "description": "Makes the call repeatable for 24 hours: the same key and body get the first answer again.",
            "schema": { "type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$" },
        });
        push_parameter(operation.spec, parameter);
    }
    if is_conditional(operation) {
        let parameter = json!({
            "name": "If-Match",
            "in": "header",
            "required": false,
            "description": "The `ETag` of the state that is to be changed: `412` when somebody else has changed it since.",
            "schema": { "type": "string" },
        });
        push_parameter(operation.spec, parameter);
    }
    if !operation.spec["responses"]["304"].is_null() {
        add_conditions(operation.spec);
    }
    let is_limited = !operation.spec["x-rate-limit-category"].is_null();
    for (status, response) in members(&mut operation.spec["responses"]) {
        if !status.starts_with(['2', '3']) {
            continue;
        }
        response["headers"]["X-Request-ID"] = request_id();
        if repeatable {
            response["headers"]["Idempotency-Replayed"] =
                header("boolean", "`true` when this is the answer to an earlier call with the same key.");
        }
        if is_limited {
            add_limits(&mut response["headers"]);
        }
    }
}

/// What saves a transfer, or goes on with one: headers in and out (RFC 9110 §8.8, §13, §14).
fn add_conditions(spec: &mut Value) {
    let parameters = [
        ("If-None-Match", "The `ETag` of the answer that the client has: `304` when it is the present one."),
        ("Range", "The part that is wanted, such as `bytes=1000-`."),
        ("If-Range", "The `ETag` that the part must be of; everything is answered when it is of another."),
    ];
    let in_parts = !spec["responses"]["206"].is_null();
    for (name, description) in parameters.into_iter().take(if in_parts { 3 } else { 1 }) {
        let schema = json!({ "type": "string" });
        let parameter = json!({ "name": name, "in": "header", "required": false, "description": description, "schema": schema });
        push_parameter(spec, parameter);
    }
    for status in ["200", "206", "304"].into_iter().filter(|status| in_parts || *status != "206") {
        let headers = &mut spec["responses"][status]["headers"];
        headers["ETag"] = header("string", "Names what is answered, in this form.");
        headers["Cache-Control"] = header("string", "How long caches may keep it.");
    }
    if in_parts {
        spec["responses"]["206"]["headers"]["Content-Range"] = header("string", "Which part it is.");
    }
}

fn push_parameter(spec: &mut Value, parameter: Value) {
    match spec["parameters"].as_array_mut() {
        Some(parameters) => parameters.push(parameter),
        None => spec["parameters"] = json!([parameter]),
    }
}

/// The headers of the error answer with this status.
pub(super) fn of_error(status: u16) -> Value {
    let mut headers = json!({ "X-Request-ID": request_id() });
    match status {
        401 | 403 => {
            headers["WWW-Authenticate"] = header("string", "What to send (RFC 6750 §3).");
        }
        409 | 503 => {
            headers["Retry-After"] = header("integer", "Seconds after which it makes sense to try again.");
        }
        429 => {
            headers["Retry-After"] = header("integer", "Seconds until the next call is allowed.");
            add_limits(&mut headers);
        }
        _ => {}
    }
    headers
}

/// The headers that say how a token stands with the limit of the call; present when the operator has set a limit.
fn add_limits(headers: &mut Value) {
    headers["X-RateLimit-Limit"] = header("integer", "How many calls may come at once.");
    headers["X-RateLimit-Remaining"] = header("integer", "How many of them are left.");
    headers["X-RateLimit-Reset"] = header("integer", "When all of them are there again, in Unix seconds.");
}

fn request_id() -> Value {
    header("string", "The request, as in the service's logs.")
}

fn header(kind: &str, description: &str) -> Value {
    json!({ "description": description, "schema": { "type": kind } })
}
