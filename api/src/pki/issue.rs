//! `/v1/pki/issue/{role}` and `/v1/pki/sign/{role}`.

use certmill_service::certificates::{self, IssueRequest, Issued, SignRequest};
use certmill_service::domain::RoleKeyType;
use certmill_service::{App, ServiceError};
use poem::web::Data;
use poem_openapi::param::Path;
use poem_openapi::{Object, OpenApi};
use serde::{Deserialize, Serialize};

use crate::acts::{CertificateIssue, CertificateSign};
use crate::auth::{Authorized, IssueUnderRole};
use crate::body::{Body, Created};
use crate::error::ApiError;
use crate::openapi::Group;
use crate::scalars::{DurationText, SanInput, TextList};
use crate::secret_text::{self, SecretText};
use crate::words::{KeyType, Word};

pub(crate) struct IssueApi;

/// A certificate with a key that the service makes.
#[derive(Object, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct IssueCertificateRequest {
    /// Common name of the subject: a host name or an e-mail address. Becomes a subject alternative name too.
    /// May be left out when the role has `require_cn: false` and some other name is given.
    common_name: Option<String>,
    /// More names: host names, e-mail addresses and IP addresses.
    alt_names: Option<TextList>,
    /// IP addresses.
    ip_sans: Option<TextList>,
    /// URIs.
    uri_sans: Option<TextList>,
    /// Other names, as `oid;UTF8:value`: `1.3.6.1.4.1.311.20.2.3;UTF8:ann@corp.example` is a user principal name.
    other_sans: Option<TextList>,
    /// Validity; the role's `ttl` when absent. More than the role's `max_ttl` is refused, not shortened.
    ttl: Option<DurationText>,
    /// `rsa`, `ec` or `ed25519`: needed where the role's `key_type` is `any`.
    key_type: Option<Word<KeyType>>,
    /// Bits of the key, where the role's `key_type` is `any`.
    key_bits: Option<u32>,
}

/// A certificate for a key that the caller has.
#[derive(Object, Deserialize)]
#[serde(deny_unknown_fields)]
struct SignCsrRequest {
    /// The CSR in PEM, or its DER in base64. Its signature is checked and its key must fit the role; of its contents the subject's common
    /// name and the subject alternative names count, other attributes of the subject and other extensions do not.
    csr_pem: String,
    /// Common name instead of the CSR's; an empty text is none.
    common_name: Option<String>,
    /// Names instead of the CSR's. Its common name counts then only if it is among them, or the role has `require_cn`.
    san: Option<SanInput>,
    /// Validity; the role's `ttl` when absent. More than the role's `max_ttl` is refused, not shortened.
    ttl: Option<DurationText>,
}

/// A certificate that was just issued.
#[derive(Object, Serialize)]
pub(super) struct IssuedCertificate {
    /// The certificate in PEM.
    certificate: String,
    /// Its private key in PEM (PKCS#8). It is in this answer only, unless the role stores keys.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "secret_text::answer_some")]
    private_key: Option<SecretText>,
    /// `rsa`, `ec` or `ed25519`.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    private_key_type: Option<Word<KeyType>>,
    /// The issuing CA's certificate and those above it up to the root, in PEM.
    ca_chain: Vec<String>,
    /// The issuing CA's certificate in PEM.
    issuing_ca: String,
    serial_number: String,
    /// `cert_…`. Under a role with `no_store` nothing can be read by it: only the audit log has it.
    certificate_id: String,
    not_before: String,
    not_after: String,
    /// Only for CSRs that ask for names that certificates here cannot have, or for other names under a role that permits none: what was
    /// left out.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    warnings: Option<Vec<String>>,
}

#[OpenApi(prefix_path = "/v1/pki", tag = "Group::Certificates")]
impl IssueApi {
    /// Issue a certificate with a new key
    #[oai(path = "/issue/:role", method = "post", operation_id = "issueCertificate")]
    async fn issue(
        &self,
        caller: Authorized<IssueUnderRole, CertificateIssue>,
        app: Data<&App>,
        role: Path<String>,
        body: Body<IssueCertificateRequest>,
    ) -> Result<Created<IssuedCertificate>, ApiError> {
        let request = read(body.0)?;
        answer(certificates::issue(&app, &caller, &role, request).await?)
    }

    /// Sign a CSR
    ///
    /// No approval step.
    #[oai(path = "/sign/:role", method = "post", operation_id = "signCertificate")]
    async fn sign(
        &self,
        caller: Authorized<IssueUnderRole, CertificateSign>,
        app: Data<&App>,
        role: Path<String>,
        body: Body<SignCsrRequest>,
    ) -> Result<Created<IssuedCertificate>, ApiError> {
        let request = body.0;
        let request = SignRequest {
            csr_pem: request.csr_pem,
            common_name: request.common_name,
            sans: request.san.map(|san| san.0),
            ttl: request.ttl.map(|ttl| ttl.parse("ttl")).transpose()?,
        };
        answer(certificates::sign(&app, &caller, &role, request).await?)
    }
}

/// What a request asks for.
pub(super) fn read(request: IssueCertificateRequest) -> Result<IssueRequest, ServiceError> {
    let list = |list: Option<TextList>| list.unwrap_or_default().0;
    Ok(IssueRequest {
        common_name: request.common_name,
        alt_names: list(request.alt_names),
        ip_sans: list(request.ip_sans),
        uri_sans: list(request.uri_sans),
        other_sans: list(request.other_sans),
        ttl: request.ttl.map(|ttl| ttl.parse("ttl")).transpose()?,
        key_type: key_type(request.key_type)?,
        key_bits: request.key_bits,
    })
}

/// Reads a key type, if there is one.
pub(super) fn key_type(word: Option<Word<KeyType>>) -> Result<Option<RoleKeyType>, ServiceError> {
    word.map(|text| text.parse().map_err(|problem: String| ServiceError::field("key_type", problem)))
        .transpose()
}

pub(super) fn answer(issued: Issued) -> Result<Created<IssuedCertificate>, ApiError> {
    let issuing_ca = issued.ca_chain.first().cloned().ok_or_else(ApiError::internal)?;
    let location = format!("/v1/pki/certificates/{}", issued.certificate_id);
    let (private_key, private_key_type) = match issued.private_key {
        Some((pem, key_type)) => (Some(pem.into()), Some(Word::shown(key_type))),
        None => (None, None),
    };
    let body = IssuedCertificate {
        certificate: issued.certificate_pem,
        private_key,
        private_key_type,
        ca_chain: issued.ca_chain,
        issuing_ca,
        serial_number: issued.serial_number.to_string(),
        certificate_id: issued.certificate_id.to_string(),
        not_before: issued.not_before.to_string(),
        not_after: issued.not_after.to_string(),
        warnings: Some(issued.warnings).filter(|warnings| !warnings.is_empty()),
    };
    Ok(Created::at(location, body))
}
