//! `/v1/pki/certificates/import`.

use certmill_service::App;
use certmill_service::certificates::{self, ImportRequest};
use poem::web::Data;
use poem_openapi::{Object, OpenApi};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::certificates::{CertificateDetail, detail};
use crate::auth::{Admin, Authorized};
use crate::body::{Body, Created};
use crate::error::ApiError;
use crate::openapi::Group;

pub(crate) struct ImportApi;

/// A certificate that was issued elsewhere.
#[derive(Object, Deserialize)]
#[serde(deny_unknown_fields)]
struct ImportCertificateRequest {
    /// The certificate: PEM, or DER in base64. The text may hold its chain and its private key too, in any order.
    certificate_pem: Option<String>,
    /// Its private key, which is sealed and kept: PEM (PKCS#8, encrypted or not, SEC 1, PKCS#1), or DER in base64.
    private_key_pem: Option<String>,
    /// The password of an encrypted `private_key_pem`, or of `pkcs12`.
    private_key_password: Option<String>,
    /// The certificates above it, in any order: PEM, or DER in base64.
    chain_pem: Option<String>,
    /// A PKCS#12 bundle in base64, instead of the other three.
    pkcs12: Option<String>,
    /// The CA of this service that issued it: its signature must verify against that CA's key.
    ca_id: Option<String>,
}

#[OpenApi(prefix_path = "/v1/pki", tag = "Group::Certificates")]
impl ImportApi {
    /// Import a certificate
    ///
    /// Scope: `pki:admin`. A key must belong to the certificate; every certificate of the chain must have issued the one
    /// below it (`422 certificate_invalid` says what does not fit). A certificate that is here already is `409
    /// already_exists`, which names it. Without `ca_id` the service never takes an imported certificate for one that it
    /// issued: it cannot be revoked or renewed here and is on no CRL of ours.
    #[oai(path = "/certificates/import", method = "post", operation_id = "importCertificate")]
    async fn import(
        &self,
        caller: Authorized<Admin>,
        app: Data<&App>,
        body: Body<ImportCertificateRequest>,
    ) -> Result<Created<CertificateDetail>, ApiError> {
        let request = body.0;
        let request = ImportRequest {
            certificate: request.certificate_pem.map(Zeroizing::new),
            private_key: request.private_key_pem.map(Zeroizing::new),
            password: request.private_key_password.map(Zeroizing::new),
            chain: request.chain_pem,
            pkcs12: request.pkcs12.map(Zeroizing::new),
            ca_id: request.ca_id,
        };
        let found = certificates::import(&app, &caller, request).await?;
        let location = format!("/v1/pki/certificates/{}", found.certificate.id);
        Ok(Created::at(location, detail(found, app.now())))
    }
}
