//! `/v1/pki/discover`: looking at a list of servers, and taking the certificates that they show into the inventory.

use certmill_service::App;
use certmill_service::discoveries::{self, WithTargets};
use certmill_service::domain::{Target, TargetState};
use poem::web::Data;
use poem_openapi::param::Path;
use poem_openapi::{Object, OpenApi};
use serde::{Deserialize, Serialize};

use crate::acts::CertificateDiscover;
use crate::auth::{Admin, Authorized};
use crate::body::{Accepted, Body, Reply};
use crate::error::ApiError;
use crate::openapi::Group;
use crate::scalars::TextList;
use crate::words::Word;

pub(crate) struct DiscoverApi;

/// Which servers are looked at.
#[derive(Object, Deserialize)]
#[serde(deny_unknown_fields)]
#[oai(rename = "DiscoverRequest")]
struct DiscoverRequest {
    /// Up to 1,000 servers: `host:port` for TLS from the start, or `scheme:host:port` with `smtp`, `imap`, `pop3`, `ftp`, `ldap`
    /// or `postgres`.
    targets: TextList,
}

/// A list of servers that are looked at, and what was found so far.
#[derive(Object, Serialize)]
#[oai(rename = "Discovery")]
struct DiscoveryView {
    /// `disc_…`
    id: String,
    /// Whether all targets were looked at.
    is_done: bool,
    /// How many targets there are.
    targets_count: i64,
    /// How many were looked at.
    done_count: i64,
    created_at: String,
    /// When all were looked at.
    finished_at: Option<String>,
    /// In the order of the request, each once.
    targets: Vec<TargetView>,
}

/// One of the servers.
#[derive(Object, Serialize)]
#[oai(rename = "DiscoveryTarget")]
struct TargetView {
    /// Where it is.
    endpoint: String,
    /// `waiting`; `imported`: its certificate was taken into the inventory; `known`: it was there; `refused`: it shows a certificate
    /// that cannot be taken; `unreachable`: no certificate was seen.
    state: Word<TargetState>,
    /// Why none was seen or taken.
    reason: Option<String>,
    /// The certificate in the inventory.
    certificate_id: Option<String>,
}

impl From<WithTargets> for DiscoveryView {
    fn from(WithTargets { discovery, targets }: WithTargets) -> Self {
        Self {
            id: discovery.id.to_string(),
            is_done: discovery.finished_at.is_some(),
            targets_count: discovery.targets,
            done_count: discovery.done,
            created_at: discovery.created_at.to_string(),
            finished_at: discovery.finished_at.map(|at| at.to_string()),
            targets: targets.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<Target> for TargetView {
    fn from(target: Target) -> Self {
        Self {
            endpoint: target.endpoint,
            state: target.state.into(),
            reason: target.reason,
            certificate_id: target.certificate_id.map(|id| id.to_string()),
        }
    }
}

#[OpenApi(prefix_path = "/v1/pki", tag = "Group::Certificates")]
impl DiscoverApi {
    /// Look for certificates on servers
    ///
    /// A worker connects to each, 16 at the same time and 10 seconds at most, as the egress policy allows it, and imports what they
    /// show as `POST /v1/pki/certificates/import` does, without keys; such certificates are told of before they end. A certificate
    /// that is here already stays as it is. `GET /v1/pki/discover/{id}` says what was found, for 30 days. `409 invalid_state`
    /// while five of the tenant's are under way.
    #[oai(path = "/discover", method = "post", operation_id = "discoverCertificates")]
    async fn create(
        &self,
        caller: Authorized<Admin, CertificateDiscover>,
        app: Data<&App>,
        body: Body<DiscoverRequest>,
    ) -> Result<Accepted<DiscoveryView>, ApiError> {
        Ok(Accepted(discoveries::create(&app, &caller, &body.0.targets.0).await?.into()))
    }

    /// Read what was found on servers
    #[oai(path = "/discover/:id", method = "get", operation_id = "getDiscovery")]
    async fn find(
        &self,
        caller: Authorized<Admin>,
        app: Data<&App>,
        id: Path<String>,
    ) -> Result<Reply<DiscoveryView>, ApiError> {
        Ok(Reply(discoveries::find(&app, &caller, discoveries::parse_id(&id)?).await?.into()))
    }
}
