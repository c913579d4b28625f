//! `/v1/pki/certificates/{id}/renew`.

use certmill_service::App;
use certmill_service::acme::orders;
use certmill_service::certificates::{self, RenewRequest, Renewed};
use poem::web::Data;
use poem_openapi::param::Path;
use poem_openapi::{Object, OpenApi, Union};
use serde::{Deserialize, Serialize};

use super::acme_view::{self, OrderView};
use super::csr::{CsrDetail, detail};
use super::issue::{IssuedCertificate, answer};
use crate::acts::CertificateRenew;
use crate::auth::{Authorized, RenewItself};
use crate::body::{Accepted, Created, Either, OptionalBody};
use crate::error::ApiError;
use crate::openapi::Group;
use crate::scalars::DurationText;

pub(crate) struct RenewApi;

/// How to renew; everything may be left out.
#[derive(Object, Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct RenewCertificateRequest {
    /// A CSR in PEM whose key is certified; without one the service makes a key. Nothing else in it counts.
    csr_pem: Option<String>,
    /// Validity; that of the certificate when absent.
    ttl: Option<DurationText>,
}

/// What became of a wish to renew: the new certificate, or, with `202`, the order at an ACME server or the CSR that waits at the
/// desk.
#[derive(Union, Serialize)]
#[serde(untagged)]
enum RenewalResult {
    Issued(Box<IssuedCertificate>),
    Order(Box<OrderView>),
    OnDesk(Box<CsrDetail>),
}

#[OpenApi(prefix_path = "/v1/pki", tag = "Group::Certificates")]
impl RenewApi {
    /// Renew a certificate
    ///
    /// A new certificate with the same subject, names and role, and a fresh key; `renewed_from` and
    /// `renewed_by` link the two, and tags and description go along. The role's present rules apply: where they no
    /// longer permit a name, `role_violation` says which. A certificate that a person approved (it came over the CSR desk
    /// without a role, or was imported with `ca_id`) is renewed as it was approved, for at most as long, and with
    /// `pki:issue` only for the same public key, in a `csr_pem`. Another key, so also one that the service makes, needs
    /// `pki:admin` (`403`), or is a pending CSR: `202` with it, if its CA has `renewal_of_desk_certificates: desk`. The old one stays valid; it can be renewed once, and after that its renewal can.
    /// Refused for revoked ones and for imported ones that no CA of this service issued. For a certificate from an ACME
    /// server the answer is `202` with the order for its renewal, the one under way if there is one, with its challenges as soon
    /// as the CA has told them and after five seconds at most; it takes a `csr_pem` with the same names and nothing else, and needs one if the order for
    /// the certificate had one and no `reuse_key`.
    ///
    /// A certificate that renews itself gets no longer time than it had. If it was renewed already, the newest of its renewals is renewed, so
    /// that a host that has lost one is not locked out; not if that was revoked.
    #[oai(path = "/certificates/:id/renew", method = "post", operation_id = "renewCertificate")]
    async fn renew(
        &self,
        caller: Authorized<RenewItself, CertificateRenew>,
        app: Data<&App>,
        id: Path<String>,
        body: OptionalBody<RenewCertificateRequest>,
    ) -> Result<Either<Created<RenewalResult>, Accepted<RenewalResult>>, ApiError> {
        let RenewCertificateRequest { csr_pem, ttl } = body.0;
        let request = RenewRequest { csr_pem, ttl: ttl.map(|ttl| ttl.parse("ttl")).transpose()? };
        let id = certificates::named(&caller, &id)?;
        match certificates::renew(&app, &caller, id, request).await? {
            Renewed::Issued(issued) => {
                let issued = answer(issued)?.map(|issued| RenewalResult::Issued(Box::new(issued)));
                Ok(Either::Left(issued))
            }
            Renewed::Ordered(mut ordered) => {
                let id = ordered.order.order.id;
                ordered.order = orders::wait_for_challenges(&app, &caller, id).await?;
                let order = acme_view::ordered(*ordered);
                Ok(Either::Right(Accepted(RenewalResult::Order(Box::new(order)))))
            }
            Renewed::OnDesk(csr) => {
                Ok(Either::Right(Accepted(RenewalResult::OnDesk(Box::new(detail(*csr))))))
            }
        }
    }
}
