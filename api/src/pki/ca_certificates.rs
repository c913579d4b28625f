//! `/v1/pki/ca/{id}/certificate` and `/v1/pki/ca/{id}/reissue`: the certificates of CAs.

use certmill_service::App;
use certmill_service::ca::{self, FormerCertificate, Reissue, SignedCertificate};
use poem::web::Data;
use poem::{IntoResponse, Request, Response};
use poem_openapi::param::Path;
use poem_openapi::{Object, OpenApi};
use serde::{Deserialize, Serialize};

use super::ca::VaryAccept;
use super::ca_view::{CaView, view};
use crate::acts::{CaCertificate, CaReissue};
use crate::auth::{Admin, Authorized, Read};
use crate::body::{Body, OptionalBody, Reply, Tagged};
use crate::error::ApiError;
use crate::negotiate::{Form, Negotiated, choose};
use crate::openapi::Group;

pub(crate) struct CaCertificatesApi;

/// The certificate that a CA elsewhere has made of a CSR.
#[derive(Object, Deserialize)]
#[serde(deny_unknown_fields)]
struct CaCertificateRequest {
    /// The certificate: PEM, or DER in base64. The text may hold its chain too, in any order.
    certificate_pem: String,
    /// The certificates above it, in any order: at least that of its issuer. The topmost is trusted as it is.
    chain_pem: Option<String>,
}

/// A CA's certificate with its chain.
#[derive(Object, Serialize)]
struct CaCertificateView {
    certificate_pem: String,
    /// The certificates above it up to the root; empty for a root.
    chain_pem: String,
    /// Those that it had before for the same name and key, the last one first. What it has issued stays good by each of them
    /// until that ends.
    former: Vec<FormerCertificateView>,
}

/// A certificate that a CA had before its present one.
#[derive(Object, Serialize)]
#[oai(rename = "FormerCaCertificate")]
struct FormerCertificateView {
    serial_number: String,
    valid_from: String,
    valid_until: String,
    certificate_pem: String,
    /// When another one took its place.
    replaced_at: String,
}

impl From<FormerCertificate> for FormerCertificateView {
    fn from(former: FormerCertificate) -> Self {
        Self {
            serial_number: former.serial_number.to_string(),
            valid_from: former.not_before.to_string(),
            valid_until: former.not_after.to_string(),
            certificate_pem: certmill_service::x509::pem::encode("CERTIFICATE", &former.certificate_der),
            replaced_at: former.replaced_at.to_string(),
        }
    }
}

/// How a CA gets another certificate.
#[derive(Object, Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct ReissueCaRequest {
    /// Days of validity from now; its beginning is that of the present certificate. When absent those of the present certificate, or as
    /// many as are left to its parent.
    validity_days: Option<i64>,
}

#[OpenApi(prefix_path = "/v1/pki", tag = "Group::CertificateAuthorities")]
impl CaCertificatesApi {
    /// Read a CA's certificate
    ///
    /// JSON by default; PEM for `Accept: application/x-pem-file` or `text/plain`, DER for
    /// `application/pkix-cert`.
    #[oai(path = "/ca/:id/certificate", method = "get", operation_id = "getCaCertificate")]
    async fn certificate(
        &self,
        caller: Authorized<Read>,
        app: Data<&App>,
        request: &Request,
        id: Path<String>,
    ) -> Result<Negotiated<CaCertificateView>, ApiError> {
        let found = ca::certificate(&app, &caller, ca::parse_id(&id)?).await?;
        let offers = [Form::Json, Form::Pem, Form::PlainText, Form::Certificate];
        let form = choose(request, &offers, Form::Json);
        let response = match form {
            Form::Json => Reply(CaCertificateView {
                certificate_pem: found.certificate_pem,
                chain_pem: found.chain_pem,
                former: found.former.into_iter().map(Into::into).collect(),
            })
            .into_response(),
            Form::Pem | Form::PlainText => {
                Response::builder().content_type(form.media_type()).body(found.certificate_pem)
            }
            Form::Certificate | Form::Crl => {
                Response::builder().content_type(form.media_type()).body(found.der)
            }
        };
        Ok(Negotiated::new(response.with_vary_accept()))
    }

    /// Give a CA its certificate
    ///
    /// For a CA that was made with `external` and is `pending`: what came back for its CSR. It must be a
    /// CA's certificate for the CA's own key, with `keyCertSign` and `cRLSign`, valid now, and its path must be valid up
    /// to the topmost certificate that is given (`422 certificate_invalid` says what does not fit). Its subject and its path
    /// length are then those of the CA, which is active, with its first CRL. Where its issuer is a CA of this service, that
    /// one becomes its parent.
    ///
    /// A CA that came from elsewhere, or was signed there, takes another certificate for the same subject, key and key id in the
    /// same way, unless that ends before the present one; the one that it had is kept.
    #[oai(path = "/ca/:id/certificate", method = "post", operation_id = "setCaCertificate")]
    async fn set_certificate(
        &self,
        caller: Authorized<Admin, CaCertificate>,
        app: Data<&App>,
        id: Path<String>,
        body: Body<CaCertificateRequest>,
    ) -> Result<Tagged<CaView>, ApiError> {
        let signed = SignedCertificate { certificate: body.0.certificate_pem, chain: body.0.chain_pem };
        let active = ca::accept(&app, &caller, ca::parse_id(&id)?, signed).await?;
        Ok(Tagged::new(ca::state(&active.ca), view(&app, active)))
    }

    /// Give a CA another certificate for the same key
    ///
    /// Before its certificate ends, or after: the new one has the same subject, key, key ids, usages, path length and
    /// constraints, and is signed by the CA itself or by its parent as they are now. What the CA has issued stays good by either
    /// certificate, and new chains have the new one; `GET …/certificate` has the former ones too. A CA that was signed elsewhere
    /// gets its certificate from there (`409 invalid_state`), by `POST …/certificate`. Extensions that this service does not write
    /// are none that can be repeated (`422 certificate_invalid`), and the new one does not end before the present one.
    #[oai(path = "/ca/:id/reissue", method = "post", operation_id = "reissueCa")]
    async fn reissue(
        &self,
        caller: Authorized<Admin, CaReissue>,
        app: Data<&App>,
        id: Path<String>,
        body: OptionalBody<ReissueCaRequest>,
    ) -> Result<Tagged<CaView>, ApiError> {
        let request = Reissue { validity_days: body.0.validity_days };
        let reissued = ca::reissue(&app, &caller, ca::parse_id(&id)?, request).await?;
        Ok(Tagged::new(ca::state(&reissued.ca), view(&app, reissued)))
    }
}
