//! The headers that operations read and answers carry.

use serde_json::{Value, json};

use super::{Operation, members};
use crate::calls::Call;

/// Adds the headers of an operation and of its successful answers.
pub(super) fn add(operation: &mut Operation<'_>) {
    let path = operation.plain_path();
    let repeatable = Call::of(&operation.method, &path).is_some_and(|call| call.repeatable);
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
    let is_limited = !operation.spec["x-rate-limit-category"].is_null();
    for (status, response) in members(&mut operation.spec["responses"]) {
        if !status.starts_with('2') {
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
