//! The errors of each operation: statuses, codes and what each code means.

use poem::http::{Method, StatusCode};
use poem_openapi::types::Type;
use serde_json::{Value, json};

use super::{Operation, headers};
use crate::error::ErrorBody;

/// A code of an error, its status, and what it means with the members of `details`.
type Code = (&'static str, u16, &'static str);

/// Every code. A new one is added here and nowhere else; an error with a code that is missing stops a debug build.
const CODES: &[Code] = &[
    ("invalid_request", 400, "The request cannot be read: its path, its query or the JSON of its body."),
    (
        "invalid_duration",
        400,
        "A duration is none. `details.fields` as for `validation_error` where a field is known.",
    ),
    ("invalid_cursor", 400, "The cursor is not one that this list gave out, or is one of another query."),
    (
        "invalid_config",
        400,
        "A DNS provider or ACME server does not take its configuration. `details.upstream`: its answer.",
    ),
    (
        "authentication_required",
        401,
        "No token was sent, and no client certificate that this service has issued.",
    ),
    ("token_invalid", 401, "The token is unknown or has no token's form."),
    ("token_expired", 401, "The token has ended."),
    ("token_revoked", 401, "The token was revoked."),
    (
        "client_certificate_refused",
        401,
        "The client certificate in the place of a token was revoked, has ended, or its CA was revoked.",
    ),
    (
        "insufficient_scope",
        403,
        "The token's scopes do not reach, or a client certificate stands in its place. `details.required_scope`: the one that is needed.",
    ),
    (
        "role_not_allowed",
        403,
        "The token is limited to roles, and this is none of them. `details.role`: the one that was asked for.",
    ),
    (
        "token_not_allowed_here",
        403,
        "The token is limited to networks, and the call comes from none of them.",
    ),
    (
        "self_renewal_not_allowed",
        403,
        "The role of the client certificate in the place of a token has no `allow_self_renewal`.",
    ),
    ("not_found", 404, "There is no such path."),
    ("ca_not_found", 404, "No such CA."),
    ("role_not_found", 404, "No such role."),
    ("certificate_not_found", 404, "No such certificate, or none with this serial number."),
    ("csr_not_found", 404, "No such CSR."),
    ("trust_anchor_not_found", 404, "No such trust anchor."),
    ("acme_account_not_found", 404, "No such ACME account."),
    ("acme_order_not_found", 404, "No such order."),
    ("acme_challenge_not_found", 404, "No such challenge."),
    ("dns_provider_not_found", 404, "No such DNS provider."),
    ("domain_grant_not_found", 404, "No such grant of a domain."),
    ("secret_not_found", 404, "No such secret."),
    ("token_not_found", 404, "No such token."),
    ("job_not_found", 404, "No such background job."),
    ("blocked_key_not_found", 404, "No such blocked key."),
    ("webhook_not_found", 404, "No such webhook."),
    ("discovery_not_found", 404, "No such discovery."),
    ("delivery_not_found", 404, "No such delivery of the webhook."),
    (
        "method_not_allowed",
        405,
        "The path does not know the method; the header `Allow` names those that it knows.",
    ),
    ("request_timeout", 408, "The body stopped coming, or came too slowly."),
    ("already_exists", 409, "The name is taken. `details.id`: by whom, where that may be told."),
    (
        "invalid_state",
        409,
        "The object is in a state from which this is not possible. `details.state` and `details.possible_from`.",
    ),
    ("in_use", 409, "Something else needs the object. `details.used_by`: what."),
    (
        "precondition_failed",
        412,
        "`If-Match` names another state than the present one: somebody has changed the object. `details.etag`: the present one.",
    ),
    ("body_too_large", 413, "The body is over the limit."),
    ("unsupported_media_type", 415, "The body has no `Content-Type: application/json`."),
    (
        "validation_error",
        422,
        "Fields are wrong. `details.fields`: the name of each wrong field with what would be right.",
    ),
    (
        "role_violation",
        422,
        "The role does not permit the request. `details.rule`, `field`, `value` and `allowed`.",
    ),
    ("csr_invalid", 422, "The CSR cannot be read, or its signature does not fit its key."),
    ("certificate_invalid", 422, "The certificate or key cannot be read, or the two do not belong together."),
    (
        "rate_limited",
        429,
        "This token or certificate has made too many calls of this category (`details.category`, `limit` and `retry_after` in seconds), or an \
         ACME server's known limit is used up for longer than an order can wait (`details.retry_after`).",
    ),
    ("internal_error", 500, "A fault of the service; its log says more under the request id."),
    (
        "upstream_error",
        502,
        "An ACME server or DNS provider failed. `details.reason` and `details.upstream`.",
    ),
    ("service_unavailable", 503, "A database or another dependency is away: try again after `Retry-After`."),
];

/// The status of the answers with a code; nothing when the table does not have it.
pub(crate) fn status_of_code(code: &str) -> Option<StatusCode> {
    let (_, status, _) = CODES.iter().find(|(word, _, _)| *word == code)?;
    StatusCode::from_u16(*status).ok()
}

/// The component of an error answer by its status.
fn component(status: u16) -> Option<&'static str> {
    Some(match status {
        400 => "BadRequest",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "NotFound",
        408 => "RequestTimeout",
        409 => "Conflict",
        412 => "PreconditionFailed",
        413 => "ContentTooLarge",
        415 => "UnsupportedMediaType",
        422 => "UnprocessableContent",
        429 => "RateLimited",
        500 => "InternalServerError",
        502 => "BadGateway",
        503 => "ServiceUnavailable",
        _ => return None,
    })
}

/// What cannot be read in every state of its CA: one that waits for its certificate has none, and no lists.
const READ_IN_SOME_STATES: [&str; 2] = ["/v1/pki/ca/{id}/certificate", "/v1/pki/ca/{id}/crl"];

/// The statuses of errors that an operation can answer.
fn statuses(operation: &Operation<'_>) -> Vec<u16> {
    let path = operation.path;
    let changes = operation.method != Method::GET && operation.method != Method::HEAD;
    let has_body = !operation.spec["requestBody"].is_null();
    let takes_input = has_body || operation.has_parameters("query") || operation.has_parameters("path");
    let asks_others =
        changes && ["/v1/pki/acme/", "/v1/pki/dns-providers", "/renew"].iter().any(|of| path.contains(of));
    // Lists can be asked for what belongs to something else.
    let names_others = operation.takes("ca_id") || operation.takes("account_id");
    let possible = [
        (400, takes_input),
        (401, operation.is_secured()),
        (403, operation.is_secured()),
        (404, operation.has_parameters("path") || has_body || names_others),
        (408, has_body),
        (409, (changes && operation.is_secured()) || READ_IN_SOME_STATES.contains(&path)),
        (412, operation.takes("If-Match")),
        (413, has_body),
        (415, has_body),
        (422, operation.is_secured() && (changes || takes_input)),
        (429, operation.is_secured()),
        (500, true),
        (502, asks_others),
        (503, true),
    ];
    possible.into_iter().filter_map(|(status, is)| is.then_some(status)).collect()
}

/// Puts the errors that an operation can answer in the place of poem-openapi's `default`.
pub(super) fn add(operation: &mut Operation<'_>) {
    let has_errors = !operation.spec["responses"]["default"].is_null();
    if let Some(responses) = operation.spec["responses"].as_object_mut() {
        responses.remove("default");
    }
    if !has_errors {
        return;
    }
    for status in statuses(operation) {
        if let Some(component) = component(status) {
            operation.spec["responses"][status.to_string()] =
                json!({ "$ref": format!("#/components/responses/{component}") });
        }
    }
}

/// Adds the answers to which the operations refer, and the codes as values of `error.code`.
pub(super) fn add_components(document: &mut Value) {
    // A path that knows the method, which every documented operation is, never answers 405.
    let mut statuses: Vec<u16> =
        CODES.iter().map(|(_, status, _)| *status).filter(|status| *status != 405).collect();
    statuses.dedup();
    for status in statuses {
        if let Some(component) = component(status) {
            document["components"]["responses"][component] = answer(status);
        }
    }
    let code = &mut document["components"]["schemas"]["ErrorContent"]["properties"]["code"];
    code["enum"] = CODES.iter().map(|(code, _, _)| *code).collect();
    let meanings: Vec<_> =
        CODES.iter().map(|(code, status, meaning)| format!("- `{code}` ({status}): {meaning}")).collect();
    let meanings = meanings.join("\n");
    code["description"] = format!(
        "What clients branch on. Later versions may add codes: take an unknown one by its status.\n\n{meanings}"
    )
    .into();
}

fn answer(status: u16) -> Value {
    let codes: Vec<_> = CODES.iter().filter(|(_, of, _)| *of == status).collect();
    let text: Vec<_> = codes.iter().map(|(code, _, meaning)| format!("`{code}`: {meaning}")).collect();
    json!({
        "description": text.join(" "),
        "headers": headers::of_error(status),
        "content": {
            "application/json": { "schema": { "$ref": format!("#/components/schemas/{}", ErrorBody::name()) } },
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_an_answer_and_stands_once() {
        for (index, (code, status, meaning)) in CODES.iter().enumerate() {
            assert!(
                component(*status).is_some() || *status == 405,
                "{code}: no answer has the status {status}"
            );
            assert!(meaning.ends_with('.'), "{code}");
            assert!(CODES[..index].iter().all(|(other, _, _)| other != code), "{code} stands twice");
        }
    }
}
