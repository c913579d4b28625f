//! `/v1/pki/acme/issue`, `…/orders` and `…/challenges`.

use std::time::Duration;

use certmill_service::acme::challenges;
use certmill_service::acme::orders::{self, NewOrder, OrderFilter};
use certmill_service::domain::ChallengeType;
use certmill_service::{App, PageRequest, ServiceError};
use poem::web::Data;
use poem_openapi::param::{Path, Query};
use poem_openapi::{Object, OpenApi};
use serde::{Deserialize, Serialize};

use super::acme_view::{ChallengeView, OrderView, challenge, order, ordered};
use crate::acts::{AcmeChallengeComplete, AcmeOrderCancel, AcmeOrderCreate, AcmeOrderRefresh};
use crate::auth::{Authorized, Issue, Read};
use crate::body::{Accepted, Body, Either, Reply};
use crate::error::ApiError;
use crate::openapi::Group;
use crate::scalars::{TextList, duration};
use crate::words::{AcmeKeyType, OrderStatus, Word};

pub(crate) struct AcmeOrdersApi;

/// The longest that a call waits for an order.
const LONGEST_WAIT: Duration = Duration::from_mins(1);

/// A certificate to order.
#[derive(Object, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OrderRequest {
    /// The account.
    account_id: String,
    /// DNS names, wildcards and IP addresses: up to 100. May be left out beside `csr_pem`.
    domains: Option<TextList>,
    /// `http-01`, `dns-01` or `tls-alpn-01`. When absent: `dns-01` for wildcards and with a `dns_provider_id`, else
    /// `http-01`. Wildcards need `dns-01`, IP addresses one of the others.
    challenge_type: Option<Word<ChallengeType>>,
    /// Whether the certificate is renewed on its own; true when absent.
    auto_renew: Option<bool>,
    /// The DNS provider for `dns-01`; when absent, the active one whose zone fits best.
    dns_provider_id: Option<String>,
    /// `ec` (default) or `rsa`.
    key_type: Option<Word<AcmeKeyType>>,
    /// 256 (default) or 384 for EC; 2048 (default), 3072 or 4096 for RSA.
    key_size: Option<u32>,
    /// A profile of the CA.
    profile: Option<String>,
    /// Common name of the topmost issuer of the chain that is preferred.
    preferred_chain: Option<String>,
    /// Order although a certificate for the same names is there that is not due for renewal.
    #[serde(default)]
    #[oai(default)]
    force: bool,
    /// Whether renewals keep the key of the certificate, for those who pin it; false when absent: each has a new one.
    /// Beside `csr_pem`, renewals certify the same CSR again.
    reuse_key: Option<bool>,
    /// A CSR in PEM for a key of your own, which the service does not get; `domains` must be its names, or be left out. The
    /// certificate is not renewed on its own unless `reuse_key` is true: `POST …/certificates/{id}/renew` takes the next CSR.
    csr_pem: Option<String>,
    /// For CAs that want a common name: the CSR's is the first of the domains that has at most 64 characters. False when
    /// absent: the CSR has no subject.
    common_name: Option<bool>,
}

impl From<OrderRequest> for NewOrder {
    fn from(body: OrderRequest) -> Self {
        Self {
            account_id: body.account_id,
            domains: body.domains.map(|domains| domains.0).unwrap_or_default(),
            challenge_type: body.challenge_type.map(Into::into),
            auto_renew: body.auto_renew,
            dns_provider_id: body.dns_provider_id,
            key_type: body.key_type.map(Into::into),
            key_size: body.key_size,
            profile: body.profile,
            preferred_chain: body.preferred_chain,
            force: body.force,
            reuse_key: body.reuse_key,
            csr_pem: body.csr_pem,
            common_name: body.common_name,
        }
    }
}

/// A page of orders.
#[derive(Object, Serialize)]
struct OrderList {
    orders: Vec<OrderView>,
    /// Send it as `cursor` for the next page; null on the last one.
    cursor: Option<String>,
    has_more: bool,
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<i64>,
}

#[OpenApi(prefix_path = "/v1/pki/acme", tag = "Group::Acme")]
impl AcmeOrdersApi {
    /// Order a certificate
    ///
    /// `202` with the order and its challenges, as soon as the CA has told them and after five seconds at
    /// most; a worker does the rest, and `GET …/orders/{id}` tells how far it is. With `wait=30s` the answer comes when the
    /// order has ended, or after that time (at most `60s`); with `wait=0s` at once, without challenges.
    ///
    /// While the same is on order in the same account, the answer is `200` with that order and `deduplicated: true`. Where
    /// `auto_renew` or `reuse_key` differ, it takes them over, and `updated` names them. Another wish for the same names (key,
    /// challenge, DNS provider, chain, profile, common name, CSR) is another order; `open_beside` names the orders that are open
    /// beside it, and `DELETE …/orders/{id}` ends one that was not meant. CAs give out few certificates for the same names, so
    /// one that is there and not due for renewal is `409 already_exists`, unless `force` is true. The private key stays sealed
    /// in the service; `POST …/certificates/{id}/private-key` hands it out.
    #[oai(path = "/issue", method = "post", operation_id = "createAcmeOrder")]
    async fn issue(
        &self,
        caller: Authorized<Issue, AcmeOrderCreate>,
        app: Data<&App>,
        /// How long to wait for the certificate.
        wait: Query<Option<String>>,
        body: Body<OrderRequest>,
    ) -> Result<Either<Accepted<OrderView>, Reply<OrderView>>, ApiError> {
        let wait = wait.0.as_deref().map(|text| parse_wait(Some(text))).transpose()?;
        let mut answer = orders::create(&app, &caller, body.0.into()).await?;
        let id = answer.order.order.id;
        answer.order = match wait {
            None => orders::wait_for_challenges(&app, &caller, id).await?,
            Some(Duration::ZERO) => answer.order,
            Some(wait) => orders::wait(&app, &caller, id, None, wait).await?,
        };
        let known = answer.deduplicated;
        let view = ordered(answer);
        Ok(if known { Either::Right(Reply(view)) } else { Either::Left(Accepted(view)) })
    }

    /// List orders
    ///
    /// Newest first.
    #[oai(path = "/orders", method = "get", operation_id = "listAcmeOrders")]
    #[expect(clippy::too_many_arguments, reason = "each is a documented query parameter")]
    async fn list(
        &self,
        caller: Authorized<Read>,
        app: Data<&App>,
        /// `pending`, `ready`, `processing`, `valid` or `invalid`.
        status: Query<Option<Word<OrderStatus>>>,
        /// Of this account.
        account_id: Query<Option<String>>,
        count: Query<Option<bool>>,
        limit: Query<Option<i64>>,
        cursor: Query<Option<String>>,
    ) -> Result<Reply<OrderList>, ApiError> {
        let filter = OrderFilter { status: status.0.map(Into::into), account_id: account_id.0 };
        let page = PageRequest { limit: limit.0, cursor: cursor.0, count: count.0.unwrap_or_default() };
        let page = orders::list(&app, &caller, &filter, &page).await?;
        let has_more = page.has_more();
        let orders = page.items.into_iter().map(order).collect();
        Ok(Reply(OrderList { orders, cursor: page.cursor, has_more, total: page.total }))
    }

    /// Read an order
    ///
    /// With `wait=30s` the answer comes when the order has ended, or after that time (at most `60s`).
    #[oai(path = "/orders/:id", method = "get", operation_id = "getAcmeOrder")]
    async fn find(
        &self,
        caller: Authorized<Read>,
        app: Data<&App>,
        id: Path<String>,
        /// How long to wait for its end.
        wait: Query<Option<String>>,
    ) -> Result<Reply<OrderView>, ApiError> {
        let id = orders::parse_id(&id)?;
        let wait = parse_wait(wait.0.as_deref())?;
        let found = if wait.is_zero() {
            orders::find(&app, &caller, id).await?
        } else {
            orders::wait(&app, &caller, id, None, wait).await?
        };
        Ok(Reply(order(found)))
    }

    /// Ask the CA about an order now
    ///
    /// A worker looks at once instead of at `next_attempt_at`; the answer is the order after that, or as it
    /// is after five seconds. Within five seconds of the last such call, and for orders that have ended, nothing is asked.
    #[oai(path = "/orders/:id/refresh", method = "post", operation_id = "refreshAcmeOrder")]
    async fn refresh(
        &self,
        caller: Authorized<Issue, AcmeOrderRefresh>,
        app: Data<&App>,
        id: Path<String>,
    ) -> Result<Reply<OrderView>, ApiError> {
        let found = orders::refresh(&app, &caller, orders::parse_id(&id)?).await?;
        Ok(Reply(order(found)))
    }

    /// Cancel an order
    ///
    /// Possible until the CA has the order's CSR (`409 invalid_state` afterwards): a worker ends the order
    /// with the error code `cancelled`, takes back what was published for it, and gives up its authorizations. The answer is
    /// the order after that, or as it is after five seconds.
    #[oai(path = "/orders/:id", method = "delete", operation_id = "cancelAcmeOrder")]
    async fn cancel(
        &self,
        caller: Authorized<Issue, AcmeOrderCancel>,
        app: Data<&App>,
        id: Path<String>,
    ) -> Result<Reply<OrderView>, ApiError> {
        Ok(Reply(order(orders::cancel(&app, &caller, orders::parse_id(&id)?).await?)))
    }

    /// Go on with a challenge now
    ///
    /// For records that a person publishes (DNS provider `manual`): the record is looked for, and when every
    /// name server has it the CA is told; `note` says what was seen. `force=true` tells the CA without looking. `202` when
    /// something will happen, `200` when the CA is looking already or has found it in order, `409 invalid_state` when
    /// the order has ended.
    #[oai(path = "/challenges/:id/complete", method = "post", operation_id = "completeAcmeChallenge")]
    async fn complete(
        &self,
        caller: Authorized<Issue, AcmeChallengeComplete>,
        app: Data<&App>,
        id: Path<String>,
        /// Tell the CA without looking first. A validation that fails ends the order.
        force: Query<Option<bool>>,
    ) -> Result<Either<Accepted<ChallengeView>, Reply<ChallengeView>>, ApiError> {
        let id = challenges::parse_id(&id)?;
        let done = challenges::complete(&app, &caller, id, force.0.unwrap_or(false)).await?;
        let view = challenge(done.challenge);
        Ok(if done.accepted { Either::Left(Accepted(view)) } else { Either::Right(Reply(view)) })
    }
}

/// A duration up to a minute; none is no waiting.
pub(crate) fn parse_wait(text: Option<&str>) -> Result<Duration, ServiceError> {
    match text {
        None => Ok(Duration::ZERO),
        Some(text) => Ok(duration("wait", text)?.duration().min(LONGEST_WAIT)),
    }
}
