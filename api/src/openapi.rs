//! The OpenAPI document and the service that it describes.

use poem_openapi::{OpenApi, OpenApiService, Tags};

use crate::acme_responder::ResponderApi;
use crate::audit::AuditApi;
use crate::document::finish;
use crate::events::EventsApi;
use crate::health::HealthApi;
use crate::jobs::JobsApi;
use crate::ocsp::OcspApi;
use crate::pki::acme_accounts::AcmeAccountsApi;
use crate::pki::acme_check::AcmeCheckApi;
use crate::pki::acme_orders::AcmeOrdersApi;
use crate::pki::batch::BatchApi;
use crate::pki::blocked_keys::BlockedKeysApi;
use crate::pki::ca::CaApi;
use crate::pki::ca_certificates::CaCertificatesApi;
use crate::pki::certificates::CertificatesApi;
use crate::pki::crls::CrlApi;
use crate::pki::csr::CsrApi;
use crate::pki::discover::DiscoverApi;
use crate::pki::dns_providers::DnsProvidersApi;
use crate::pki::endpoints::EndpointsApi;
use crate::pki::export::ExportApi;
use crate::pki::import::ImportApi;
use crate::pki::issue::IssueApi;
use crate::pki::overview::OverviewApi;
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
use crate::webhooks::WebhooksApi;
use crate::whoami::WhoamiApi;

const DESCRIPTION: &str = "\
An internal certificate authority: root and intermediate CAs, roles that constrain issuance, issuing and signing, \
revocation and CRLs. And certificates from ACME servers: accounts, orders, challenges, renewal.

Every answer carries `X-Request-ID`. Every error has the body `{\"error\": {\"code\", \"message\", \"details\"?, \
\"request_id\"}}`; `code` is what clients branch on. Request bodies are JSON of at most 1 MiB; unknown fields are refused. \
Lists are newest first and come in pages: `limit` (1 to 1000, 100 by default) and `cursor`; with `count=true` the answer says \
in `total` how many rows all pages have, counted up to 10,000 (10,001 stands for more). \
A POST that creates or changes something may carry `Idempotency-Key` (1 to 255 printable ASCII characters): the same key \
and body get the first answer again for 24 hours, with `Idempotency-Replayed: true`, and for ten minutes with the private \
key or token in it; while the first call runs `409 invalid_state` with `Retry-After`; another body is `422`. \
An operation may have a limit for its category (`x-rate-limit-category`), counted per token, as the operator has set it: then \
every answer to a token says in `X-RateLimit-Limit` how many calls may come at once, in `X-RateLimit-Remaining` how many \
still may, and in `X-RateLimit-Reset` (Unix seconds) when it is all of them again if none comes; one too many is \
`429 rate_limited` with `Retry-After`. Calls without a valid token are not counted. \
Times are ISO 8601 in UTC, durations such as `90d` or `1d12h`, serial numbers lower-case hex pairs joined by `:`.

What may be absent is answered as null, or left out where its description says so; in requests null means the same as \
leaving a field out, unless the operation says what null does. Fields and words (`enum`) may be added within `/v1`: a client \
ignores fields that it does not know, and takes an unknown word for none of those that it knows. In requests other words than \
these are refused, even where others, such as `key_compromise`, have always been taken beside them.\n\nChanges (`PATCH`) are JSON merge patches: `application/json` and `application/merge-patch+json` are the same. Roles, CAs, \
DNS providers, webhooks and certificates are answered with an `ETag` of the state that callers change; a change with `If-Match` is \
`412 precondition_failed` when somebody else has changed the object since.";

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
    /// What happened, for those who want to be told: to read, to wait for, or sent to webhooks.
    Events,
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
    CrlApi,
    CaCertificatesApi,
    RolesApi,
    RoleCheckApi,
    CertificateApis,
    CsrApi,
    TrustAnchorsApi,
    AcmeApis,
    SecretsApi,
    (TokensApi, WhoamiApi),
    (AuditApi, EventsApi, WebhooksApi),
    JobsApi,
    (PublicApi, OcspApi),
    HealthApi,
);

/// Everything about ACME servers.
type AcmeApis = (AcmeAccountsApi, AcmeOrdersApi, AcmeCheckApi, DnsProvidersApi, ResponderApi);

/// Everything that is done with certificates.
type CertificateApis = (
    (IssueApi, BatchApi),
    (CertificatesApi, DiscoverApi, EndpointsApi, ExportApi),
    RenewApi,
    PrivateKeyApi,
    ImportApi,
    (ValidateApi, OverviewApi),
    (RevokeApi, BlockedKeysApi),
);

fn apis() -> Apis {
    let certificates = (
        (IssueApi, BatchApi),
        (CertificatesApi, DiscoverApi, EndpointsApi, ExportApi),
        RenewApi,
        PrivateKeyApi,
        ImportApi,
        (ValidateApi, OverviewApi),
        (RevokeApi, BlockedKeysApi),
    );
    (
        CaApi,
        CrlApi,
        CaCertificatesApi,
        RolesApi,
        RoleCheckApi,
        certificates,
        CsrApi,
        TrustAnchorsApi,
        (AcmeAccountsApi, AcmeOrdersApi, AcmeCheckApi, DnsProvidersApi, ResponderApi),
        SecretsApi,
        (TokensApi, WhoamiApi),
        (AuditApi, EventsApi, WebhooksApi),
        JobsApi,
        (PublicApi, OcspApi),
        HealthApi,
    )
}

fn describe<T: OpenApi>(apis: T) -> OpenApiService<T, ()> {
    // Calls go to the address that the document came from. The public URL is another address, and often without TLS.
    OpenApiService::new(apis, "certmill", env!("CARGO_PKG_VERSION")).description(DESCRIPTION).server("/")
}

/// The service behind the routes.
pub(crate) fn service() -> OpenApiService<Apis, ()> {
    describe(apis())
}

/// The http-01 responder alone.
pub(crate) fn responder_service() -> OpenApiService<ResponderApi, ()> {
    describe(ResponderApi)
}

/// Health, readiness and version alone.
pub(crate) fn health_service() -> OpenApiService<HealthApi, ()> {
    describe(HealthApi)
}

/// The document as the types describe it: where a token is needed, the scope stands in the place of its scheme.
pub(crate) fn raw_document() -> String {
    service().spec()
}

/// The page that shows the raw document.
pub(crate) fn page() -> String {
    service().swagger_ui_html()
}

/// The document that a running service answers.
pub(crate) fn offline_document() -> String {
    finish(&raw_document())
}
