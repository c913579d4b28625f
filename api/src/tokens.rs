//! `/v1/tokens`: API tokens of the caller's tenant.

use std::str::FromStr;

use certmill_service::domain::{Scope, Timestamp, Token, TokenLimits};
use certmill_service::{App, Noun, PageRequest, ServiceError, tokens};
use poem::web::Data;
use poem_openapi::param::{Path, Query};
use poem_openapi::{Object, OpenApi};
use serde::{Deserialize, Serialize};

use crate::acts::{TokenCreate, TokenRevoke};
use crate::auth::{Admin, Authorized};
use crate::body::{Body, Created, NoContent, Reply};
use crate::error::ApiError;
use crate::openapi::Group;
use crate::scalars::{DurationText, TextList};
use crate::secret_text::{self, SecretText};
use crate::words::{Word, WordList};

/// Scopes that a request may name, the same one several times included.
const MOST_SCOPES: usize = 16;

pub(crate) struct TokensApi;

/// What a new token is to be.
#[derive(Object, Deserialize)]
#[serde(deny_unknown_fields)]
struct CreateTokenRequest {
    /// What it is for: 1 to 128 characters.
    name: String,
    /// Any of `pki:read`, `pki:issue`, `pki:admin`.
    scopes: WordList<Scope>,
    /// How long it is accepted; for ever when absent.
    ttl: Option<DurationText>,
    /// The networks that it may be used from, such as `10.0.0.0/8`, `2001:db8::/32` or one address: up to 64; from
    /// everywhere when absent.
    networks: Option<TextList>,
    /// The roles under which `pki:issue` lets it issue, sign and renew, read stored keys and change tags: up to 64. It then
    /// permits nothing else that needs `pki:issue`. Every role when absent.
    roles: Option<TextList>,
}

/// A token, without its secret.
#[derive(Object, Serialize)]
#[oai(rename = "Token")]
struct TokenView {
    /// `tok_…`
    id: String,
    /// What it is for.
    name: String,
    /// The tenant in whose name it acts.
    tenant_id: String,
    /// Its scopes.
    scopes: Vec<Word<Scope>>,
    /// The networks that it may be used from; null without a limit.
    networks: Option<Vec<String>>,
    /// The roles that its `pki:issue` is limited to; null without a limit.
    roles: Option<Vec<String>>,
    created_at: String,
    /// From when on it is refused.
    expires_at: Option<String>,
    /// When it was last used, to about a minute.
    last_used_at: Option<String>,
    /// The address that it was used from then.
    last_used_from: Option<String>,
    /// When it was revoked.
    revoked_at: Option<String>,
}

/// A new token with its secret, which is shown this once.
#[derive(Object, Serialize)]
struct CreatedToken {
    /// The secret: send it as `Authorization: Bearer <token>`. It cannot be read again.
    #[serde(serialize_with = "secret_text::answer")]
    token: SecretText,
    #[oai(flatten)]
    #[serde(flatten)]
    view: TokenView,
}

/// A page of tokens.
#[derive(Object, Serialize)]
struct TokenList {
    tokens: Vec<TokenView>,
    /// Send it as `cursor` for the next page; null on the last one.
    cursor: Option<String>,
    has_more: bool,
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<i64>,
}

#[OpenApi(prefix_path = "/v1", tag = "Group::Tokens")]
impl TokensApi {
    /// Create a token
    ///
    /// The secret is in this answer only; the service keeps its hash. The token cannot be wider than the
    /// one that makes it: within its networks, if it has a list of them.
    #[oai(path = "/tokens", method = "post", operation_id = "createToken")]
    async fn create(
        &self,
        caller: Authorized<Admin, TokenCreate>,
        app: Data<&App>,
        body: Body<CreateTokenRequest>,
    ) -> Result<Created<CreatedToken>, ApiError> {
        let request = body.0;
        if request.scopes.list.0.len() > MOST_SCOPES {
            let problem =
                format!("has {} entries, of which {MOST_SCOPES} are the most", request.scopes.list.0.len());
            return Err(ServiceError::field("scopes", problem).into());
        }
        let scopes = items("scopes", &request.scopes.list)?;
        let ttl = request.ttl.map(|ttl| ttl.parse("ttl")).transpose()?;
        if ttl.as_ref().is_some_and(|ttl| ttl.seconds() == 0) {
            return Err(ServiceError::field("ttl", "must be at least one second").into());
        }
        let expires_at = ttl.map(|ttl| app.now().plus(ttl.duration()));
        let limits = TokenLimits {
            networks: request.networks.map(|list| items("networks", &list)).transpose()?,
            roles: request.roles.map(|list| items("roles", &list)).transpose()?,
        };
        let new = tokens::NewToken { name: request.name, scopes, expires_at, limits };
        let issued = tokens::create(&app, &caller, new).await?;
        let location = format!("/v1/tokens/{}", issued.token.id);
        let token = issued.secret.into_text().into();
        Ok(Created::at(location, CreatedToken { token, view: view(issued.token) }))
    }

    /// List tokens
    ///
    /// Newest first, revoked ones included.
    #[oai(path = "/tokens", method = "get", operation_id = "listTokens")]
    #[expect(clippy::too_many_arguments, reason = "each is a documented query parameter")]
    async fn list(
        &self,
        caller: Authorized<Admin>,
        app: Data<&App>,
        count: Query<Option<bool>>,
        limit: Query<Option<i64>>,
        cursor: Query<Option<String>>,
    ) -> Result<Reply<TokenList>, ApiError> {
        let page = PageRequest { limit: limit.0, cursor: cursor.0, count: count.0.unwrap_or_default() };
        let page = tokens::list(&app, caller.tenant, &page).await?;
        let has_more = page.has_more();
        let tokens = page.items.into_iter().map(view).collect();
        Ok(Reply(TokenList { tokens, cursor: page.cursor, has_more, total: page.total }))
    }

    /// Read a token
    ///
    /// Never shows the secret.
    #[oai(path = "/tokens/:id", method = "get", operation_id = "getToken")]
    async fn find(
        &self,
        caller: Authorized<Admin>,
        app: Data<&App>,
        id: Path<String>,
    ) -> Result<Reply<TokenView>, ApiError> {
        let id = id.parse().map_err(|_| ServiceError::not_found(Noun::Token, &*id))?;
        Ok(Reply(view(tokens::find(&app, caller.tenant, id).await?)))
    }

    /// Revoke a token
    ///
    /// Takes effect at once in this process and within a second in the others.
    #[oai(path = "/tokens/:id", method = "delete", operation_id = "revokeToken")]
    async fn revoke(
        &self,
        caller: Authorized<Admin, TokenRevoke>,
        app: Data<&App>,
        id: Path<String>,
    ) -> Result<NoContent, ApiError> {
        let id = id.parse().map_err(|_| ServiceError::not_found(Noun::Token, &*id))?;
        tokens::revoke(&app, &caller, id).await?;
        Ok(NoContent)
    }
}

/// The items of a list, read.
fn items<T: FromStr<Err = String>>(field: &str, list: &TextList) -> Result<Vec<T>, ServiceError> {
    list.0
        .iter()
        .map(|item| item.parse().map_err(|problem: T::Err| ServiceError::field(field, problem)))
        .collect()
}

/// The items of a list of limits as texts.
pub(crate) fn texts<T: ToString>(list: Option<&Vec<T>>) -> Option<Vec<String>> {
    list.map(|list| list.iter().map(ToString::to_string).collect())
}

fn view(token: Token) -> TokenView {
    let text = |at: Option<Timestamp>| at.map(|at| at.to_string());
    TokenView {
        id: token.id.to_string(),
        name: token.name,
        tenant_id: token.tenant_id.to_string(),
        scopes: token.scopes.into_iter().map(Word::from).collect(),
        networks: texts(token.limits.networks.as_ref()),
        roles: texts(token.limits.roles.as_ref()),
        created_at: token.created_at.to_string(),
        expires_at: text(token.expires_at),
        last_used_at: text(token.last_used_at),
        last_used_from: token.last_used_from.map(|address| address.to_string()),
        revoked_at: text(token.revoked_at),
    }
}
