//! Which ids stand where.

use certmill_service::domain::{
    AcmeAccountId, AcmeChallengeId, AcmeOrderId, CaId, CertificateId, CsrId, DeliveryId, DiscoveryId,
    DnsProviderId, JobId, LogId, RoleId, TenantId, TokenId, TrustAnchorId, WebhookId,
};

/// Ids by the names of fields.
pub(super) const IDS: &[(&[&str], &str)] = &[
    (&["ca_id", "parent_ca_id"], CaId::PREFIX),
    (&["certificate_id", "renewed_from", "renewed_by", "renewal_of"], CertificateId::PREFIX),
    (&["acme_order_id", "order_id"], AcmeOrderId::PREFIX),
    (&["account_id"], AcmeAccountId::PREFIX),
    (&["dns_provider_id"], DnsProviderId::PREFIX),
    (&["tenant_id"], TenantId::PREFIX),
    (&["token_id"], TokenId::PREFIX),
    (&["delivery_id"], DeliveryId::PREFIX),
];

/// Ids in paths by what stands before them.
pub(super) const IDS_OF_PATHS: &[(&str, &str)] = &[
    ("/v1/pki/ca/", CaId::PREFIX),
    ("/v1/pki/certificates/", CertificateId::PREFIX),
    ("/v1/pki/csr/", CsrId::PREFIX),
    ("/v1/pki/trust-anchors/", TrustAnchorId::PREFIX),
    ("/v1/pki/acme/accounts/", AcmeAccountId::PREFIX),
    ("/v1/pki/acme/orders/", AcmeOrderId::PREFIX),
    ("/v1/pki/acme/challenges/", AcmeChallengeId::PREFIX),
    ("/v1/pki/discover/", DiscoveryId::PREFIX),
    ("/v1/pki/dns-providers/", DnsProviderId::PREFIX),
    ("/v1/jobs/", JobId::PREFIX),
    ("/v1/webhooks/", WebhookId::PREFIX),
    ("/v1/tokens/", TokenId::PREFIX),
];

/// Prefixes that the doc comments of `id` name, as in "`ca_…`".
pub(super) const KNOWN_PREFIXES: [&str; 16] = [
    CaId::PREFIX,
    RoleId::PREFIX,
    CertificateId::PREFIX,
    CsrId::PREFIX,
    TrustAnchorId::PREFIX,
    AcmeAccountId::PREFIX,
    AcmeOrderId::PREFIX,
    AcmeChallengeId::PREFIX,
    DnsProviderId::PREFIX,
    JobId::PREFIX,
    TokenId::PREFIX,
    TenantId::PREFIX,
    LogId::PREFIX,
    WebhookId::PREFIX,
    DeliveryId::PREFIX,
    DiscoveryId::PREFIX,
];
