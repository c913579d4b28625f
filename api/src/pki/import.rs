//! `/v1/pki/certificates/import` and `/v1/pki/ca/import`: what was made elsewhere.

use certmill_service::App;
use certmill_service::ca::{self, ImportCa};
use certmill_service::certificates::{self, ImportRequest};
use certmill_service::domain::{DeskRenewal, OcspSigner};
use poem::web::Data;
use poem_openapi::{Object, OpenApi};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::ca_settings::new_settings;
use super::ca_view::{CaView, view};
use super::certificates::{CertificateDetail, detail};
use crate::acts::{CaImport, CertificateImport};
use crate::auth::{Admin, Authorized};
use crate::body::{Body, Created};
use crate::error::ApiError;
use crate::openapi::Group;
use crate::scalars::{DurationText, TextList};
use crate::words::Word;

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

/// A CA of another installation, with its key.
#[derive(Object, Deserialize)]
#[serde(deny_unknown_fields)]
struct ImportCaRequest {
    /// Unique in the tenant.
    name: String,
    /// Its certificate: PEM, or DER in base64. The text may hold its chain and its private key too, in any order.
    certificate_pem: Option<String>,
    /// Its private key, which is sealed and stays in the service: PEM (PKCS#8, encrypted or not, SEC 1, PKCS#1), or DER in
    /// base64.
    private_key_pem: Option<String>,
    /// The password of an encrypted `private_key_pem`, or of `pkcs12`.
    private_key_password: Option<String>,
    /// The certificates above it, in any order; none for a root. The topmost is trusted as it is.
    chain_pem: Option<String>,
    /// A PKCS#12 bundle in base64, instead of certificate, key and chain.
    pkcs12: Option<String>,
    /// Its present CRL, PEM or DER in base64: the next one lists the same certificates under a higher number.
    crl_pem: Option<String>,
    /// The number of its last CRL, if it is higher than that of `crl_pem`.
    crl_number: Option<i64>,
    /// As when a CA is made.
    renewal_of_desk_certificates: Option<Word<DeskRenewal>>,
    /// As when a CA is made.
    ocsp: Option<bool>,
    /// As when a CA is made.
    ocsp_signer: Option<Word<OcspSigner>>,
    /// As when a CA is made.
    crl_validity: Option<DurationText>,
    /// As when a CA is made.
    crl_overlap: Option<DurationText>,
    /// As when a CA is made.
    crl_shards: Option<u32>,
    /// As when a CA is made.
    delta_crl_validity: Option<DurationText>,
    /// As when a CA is made.
    use_pss: Option<bool>,
    /// As when a CA is made.
    owners: Option<TextList>,
}

#[OpenApi(prefix_path = "/v1/pki", tag = "Group::Certificates")]
impl ImportApi {
    /// Import a certificate
    ///
    /// A key must belong to the certificate; every certificate of the chain must have issued the one
    /// below it (`422 certificate_invalid` says what does not fit). A certificate that is here already is `409
    /// already_exists`, which names it. Without `ca_id` the service never takes an imported certificate for one that it
    /// issued: it cannot be revoked or renewed here and is on no CRL of ours.
    #[oai(path = "/certificates/import", method = "post", operation_id = "importCertificate")]
    async fn import(
        &self,
        caller: Authorized<Admin, CertificateImport>,
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

    /// Import a CA with its key
    ///
    /// So that an installation of another kind (easy-rsa, `openssl ca`, step-ca) moves in: the CA goes on with
    /// its key, and what `crl_pem` lists stays revoked, on the next CRL and for OCSP. The certificate must be as for
    /// `POST /v1/pki/ca/{id}/certificate`; the key RSA of 2048, 3072 or 4096 bits, P-256, P-384, P-521 or Ed25519. Certificates
    /// that it has issued come by `POST /v1/pki/certificates/import` with its `ca_id`, and can then be revoked here. Their
    /// CRL is looked for where they say: have that address lead to `crl_url`.
    #[oai(
        path = "/ca/import",
        method = "post",
        operation_id = "importCa",
        tag = "Group::CertificateAuthorities"
    )]
    async fn import_ca(
        &self,
        caller: Authorized<Admin, CaImport>,
        app: Data<&App>,
        body: Body<ImportCaRequest>,
    ) -> Result<Created<CaView>, ApiError> {
        let request = body.0;
        let material = ImportRequest {
            certificate: request.certificate_pem.map(Zeroizing::new),
            private_key: request.private_key_pem.map(Zeroizing::new),
            password: request.private_key_password.map(Zeroizing::new),
            chain: request.chain_pem,
            pkcs12: request.pkcs12.map(Zeroizing::new),
            ca_id: None,
        };
        let settings = new_settings!(request);
        let (name, crl, crl_number) = (request.name, request.crl_pem, request.crl_number);
        let made = ca::import(&app, &caller, ImportCa { name, material, crl, crl_number, settings }).await?;
        Ok(Created::at(format!("/v1/pki/ca/{}", made.ca.id), view(&app, made)))
    }
}
