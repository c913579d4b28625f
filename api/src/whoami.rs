//! `/v1/auth/whoami`: what a token is told about itself.

use certmill_service::App;
use certmill_service::domain::Scope;
use poem::web::Data;
use poem_openapi::{Object, OpenApi};
use serde::Serialize;

use crate::auth::{Authorized, Read};
use crate::body::Reply;
use crate::error::ApiError;
use crate::openapi::Group;
use crate::tokens::texts;
use crate::words::Word;

pub(crate) struct WhoamiApi;

/// The token of a call, and what it permits.
#[derive(Object, Serialize)]
struct Whoami {
    /// `tok_…`
    token_id: String,
    /// What the token is for.
    token_name: String,
    /// The tenant in whose name it acts.
    tenant_id: String,
    /// The tenant's name.
    tenant_name: String,
    /// Its scopes.
    scopes: Vec<Word<Scope>>,
    /// The networks that it may be used from; null without a limit.
    networks: Option<Vec<String>>,
    /// The roles that its `pki:issue` is limited to; null without a limit.
    roles: Option<Vec<String>>,
    /// From when on it is refused.
    expires_at: Option<String>,
    /// The address that this call comes from, as far as the service knows: what networks are compared with.
    source_address: Option<String>,
}

#[OpenApi(prefix_path = "/v1/auth", tag = "Group::Tokens")]
impl WhoamiApi {
    /// Tell a token about itself
    ///
    /// Every token has it. Whose token it is, what it permits, until when, and from where it is used.
    #[oai(path = "/whoami", method = "get", operation_id = "whoAmI")]
    async fn whoami(&self, caller: Authorized<Read>, app: Data<&App>) -> Result<Reply<Whoami>, ApiError> {
        let (token, tenant) = certmill_service::tokens::of_caller(&app, &caller).await?;
        Ok(Reply(Whoami {
            token_id: token.id.to_string(),
            token_name: token.name,
            tenant_id: tenant.id.to_string(),
            tenant_name: tenant.name.as_str().to_owned(),
            scopes: token.scopes.into_iter().map(Word::from).collect(),
            networks: texts(token.limits.networks.as_ref()),
            roles: texts(token.limits.roles.as_ref()),
            expires_at: token.expires_at.map(|at| at.to_string()),
            source_address: caller.source_address.map(|address| address.to_string()),
        }))
    }
}
