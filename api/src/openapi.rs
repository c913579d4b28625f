//! The OpenAPI document and the service that it describes.

use std::collections::BTreeSet;

use certmill_service::App;
use poem::http::Method;
use poem_openapi::types::Type;
use poem_openapi::{OpenApi, OpenApiService, Tags};
use serde_json::{Value, json};

use crate::acme_responder::ResponderApi;
use crate::audit::AuditApi;
use crate::calls::Call;
use crate::error::ErrorBody;
use crate::health::HealthApi;
use crate::jobs::JobsApi;
use crate::limits;
use crate::pki::acme_accounts::AcmeAccountsApi;
use crate::pki::acme_orders::AcmeOrdersApi;
use crate::pki::ca::CaApi;
use crate::pki::certificates::CertificatesApi;
use crate::pki::csr::CsrApi;
use crate::pki::dns_providers::DnsProvidersApi;
use crate::pki::import::ImportApi;
use crate::pki::issue::IssueApi;
use crate::pki::private_key::PrivateKeyApi;
use crate::pki::renew::RenewApi;
use crate::pki::revoke::RevokeApi;
use crate::pki::role_check::RoleCheckApi;
use crate::pki::roles::RolesApi;
use crate::pki::trust_anchors::TrustAnchorsApi;
use crate::pki::validate::ValidateApi;
use crate::public::PublicApi;
use crate::secrets::SecretsApi;
use crate::tokens::TokensApi;

const DESCRIPTION: &str = "\
An internal certificate authority: root and intermediate CAs, roles that constrain issuance, issuing and signing, \
revocation and CRLs. And certificates from ACME servers: accounts, orders, challenges, renewal.

Every answer carries `X-Request-ID`. Every error has the body `{\"error\": {\"code\", \"message\", \"details\"?, \
\"request_id\"}}`; `code` is what clients branch on. Request bodies are JSON of at most 1 MiB; unknown fields are refused. \
Lists are newest first and come in pages: `limit` (1 to 1000, 100 by default) and `cursor`. \
A POST that creates or changes something may carry `Idempotency-Key` (1 to 255 printable ASCII characters): the same key \
and body get the first answer again for 24 hours, with `Idempotency-Replayed: true`, and for ten minutes with the private \
key or token in it; while the first call runs `409 invalid_state` with `Retry-After`; another body is `422`. \
An operation may have a limit for its category (`x-rate-limit-category`), counted per token, as the operator has set it: then \
every answer to a token says in `X-RateLimit-Limit` how many calls may come at once, in `X-RateLimit-Remaining` how many \
still may, and in `X-RateLimit-Reset` (Unix seconds) when it is all of them again if none comes; one too many is \
`429 rate_limited` with `Retry-After`. Calls without a valid token are not counted. \
Times are ISO 8601 in UTC, durations such as `90d` or `1d12h`, serial numbers lower-case hex pairs joined by `:`.";

/// The groups of the document.
#[derive(Tags)]
pub(crate) enum Group {
    /// Root and intermediate CAs, their certificates, CRLs and revocation.
    #[oai(rename = "Certificate Authorities")]
    CertificateAuthorities,
    /// What may be issued: each role names its CA and constrains names, keys and validity.
    #[oai(rename = "PKI Roles")]
    Roles,
    /// Issuing, signing, finding, labelling and revoking certificates.
    Certificates,
    /// CSRs that a person looks at before a CA signs them.
    #[oai(rename = "CSR Workflow")]
    Csrs,
    /// CA certificates of others that the tenant trusts.
    #[oai(rename = "Trust Anchors")]
    TrustAnchors,
    /// Certificates from ACME servers: accounts, orders and challenges.
    #[oai(rename = "ACME")]
    Acme,
    /// Whoever serves the zones in which dns-01 challenges are met.
    #[oai(rename = "DNS Providers")]
    DnsProviders,
    /// Credentials and keys that other objects refer to by path.
    Secrets,
    /// API tokens.
    Tokens,
    /// Who did what.
    Audit,
    /// Background work.
    Jobs,
    /// Distribution points for relying parties; no token needed.
    #[oai(rename = "Public distribution")]
    Public,
    /// Health and version; no token needed.
    Service,
}

type Apis = (
    CaApi,
    RolesApi,
    RoleCheckApi,
    CertificateApis,
    CsrApi,
    TrustAnchorsApi,
    AcmeApis,
    SecretsApi,
    TokensApi,
    AuditApi,
    JobsApi,
    PublicApi,
    HealthApi,
);

/// Everything about ACME servers.
type AcmeApis = (AcmeAccountsApi, AcmeOrdersApi, DnsProvidersApi, ResponderApi);

/// Everything that is done with certificates.
type CertificateApis =
    (IssueApi, CertificatesApi, RenewApi, PrivateKeyApi, ImportApi, ValidateApi, RevokeApi);

fn apis() -> Apis {
    let certificates =
        (IssueApi, CertificatesApi, RenewApi, PrivateKeyApi, ImportApi, ValidateApi, RevokeApi);
    (
        CaApi,
        RolesApi,
        RoleCheckApi,
        certificates,
        CsrApi,
        TrustAnchorsApi,
        (AcmeAccountsApi, AcmeOrdersApi, DnsProvidersApi, ResponderApi),
        SecretsApi,
        TokensApi,
        AuditApi,
        JobsApi,
        PublicApi,
        HealthApi,
    )
}

fn describe<T: OpenApi>(apis: T) -> OpenApiService<T, ()> {
    OpenApiService::new(apis, "certmill", env!("CARGO_PKG_VERSION")).description(DESCRIPTION)
}

/// The service behind the routes.
pub(crate) fn service(app: &App) -> OpenApiService<Apis, ()> {
    describe(apis()).server(&app.settings().public_url)
}

/// The http-01 responder alone.
pub(crate) fn responder_service() -> OpenApiService<ResponderApi, ()> {
    describe(ResponderApi)
}

/// Health, readiness and version alone.
pub(crate) fn health_service() -> OpenApiService<HealthApi, ()> {
    describe(HealthApi)
}

/// The document that a running service answers.
pub(crate) fn document(app: &App) -> String {
    finish(&service(app).spec())
}

/// The document without an address.
pub(crate) fn offline_document() -> String {
    finish(&describe(apis()).spec())
}

/// Says in the document what the code enforces and poem-openapi does not write: request objects are closed, and whatever
/// takes a token can be limited.
fn finish(document: &str) -> String {
    let Ok(mut document) = serde_json::from_str::<Value>(document) else {
        return document.to_owned();
    };
    add_limits(&mut document);
    let requests = request_schemas(&document);
    if let Some(schemas) = document.pointer_mut("/components/schemas").and_then(Value::as_object_mut) {
        for (name, schema) in schemas.iter_mut() {
            if requests.contains(name) {
                close(schema);
            }
        }
    }
    let mut text = serde_json::to_string_pretty(&document).unwrap_or_default();
    text.push('\n');
    text
}

/// Writes the category of each operation that has one, and the answer that it may get for that.
fn add_limits(document: &mut Value) {
    const ANSWER: &str = "RateLimited";
    let Some(paths) = document.get_mut("paths").and_then(Value::as_object_mut) else { return };
    for (path, item) in paths {
        let path = path.replace(['{', '}'], "");
        for (method, operation) in item.as_object_mut().into_iter().flatten() {
            let Ok(method) = method.to_uppercase().parse::<Method>() else { continue };
            let call = Call::of(&method, &path);
            let Some(category) = limits::category(&method, &path, call.as_ref()) else { continue };
            operation["x-rate-limit-category"] = category.as_str().into();
            operation["responses"]["429"] = json!({ "$ref": format!("#/components/responses/{ANSWER}") });
        }
    }
    document["components"]["responses"][ANSWER] = too_many_calls();
}

fn too_many_calls() -> Value {
    let header = |description: &str| json!({ "description": description, "schema": { "type": "integer" } });
    json!({
        "description": "`rate_limited`: this token has made too many calls of this category.",
        "headers": {
            "Retry-After": header("Seconds until the next call is allowed."),
            "X-RateLimit-Limit": header("How many calls may come at once."),
            "X-RateLimit-Remaining": header("How many of them are left."),
            "X-RateLimit-Reset": header("When all of them are there again, in Unix seconds."),
        },
        "content": {
            "application/json": { "schema": { "$ref": format!("#/components/schemas/{}", ErrorBody::name()) } },
        },
    })
}

/// Closes every object with named fields in a schema, those inside of it included.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            if object.contains_key("properties") {
                object.insert("additionalProperties".to_owned(), Value::Bool(false));
            }
            object.values_mut().for_each(close);
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The names of the schemas that request bodies have.
fn request_schemas(document: &Value) -> BTreeSet<String> {
    let operations = document
        .pointer("/paths")
        .and_then(Value::as_object)
        .into_iter()
        .flat_map(|paths| paths.values())
        .filter_map(Value::as_object)
        .flat_map(|path| path.values());
    operations
        .filter_map(|operation| operation.pointer("/requestBody/content/application~1json/schema/$ref"))
        .filter_map(Value::as_str)
        .filter_map(|reference| reference.rsplit('/').next())
        .map(ToOwned::to_owned)
        .collect()
}
