//! API tokens: making, listing, revoking, and finding out who calls.

mod authenticate;

use certmill_domain::{Action, Scope, Stored, TenantId, Timestamp, Token, TokenId, TokenSecret};
use certmill_storage::tokens;

pub(crate) use authenticate::TokenCache;
pub use authenticate::{authenticate, flush_uses};

use crate::change::Act;
use crate::{App, Caller, Noun, Page, PageRequest, ServiceError};

/// What a new token is to be.
#[derive(Debug, Clone)]
pub struct NewToken {
    /// What it is for: 1 to 128 characters.
    pub name: String,
    /// Its scopes: at least one.
    pub scopes: Vec<Scope>,
    /// From when on it is refused.
    pub expires_at: Option<Timestamp>,
}

/// A token that was just made, with the secret that is shown this once.
pub struct IssuedToken {
    /// The token.
    pub token: Token,
    /// Its secret.
    pub secret: TokenSecret,
}

/// Makes a token for a tenant.
pub async fn create(app: &App, caller: &Caller, new: NewToken) -> Result<IssuedToken, ServiceError> {
    let now = app.now();
    if new.name.trim().is_empty() || new.name.chars().count() > 128 {
        return Err(ServiceError::field("name", "must have 1 to 128 characters"));
    }
    if new.name.chars().any(char::is_control) {
        return Err(ServiceError::field("name", "must not contain control characters"));
    }
    if new.scopes.is_empty() {
        return Err(ServiceError::field(
            "scopes",
            "must name at least one of pki:read, pki:issue, pki:admin",
        ));
    }
    if new.expires_at.is_some_and(|end| end <= now) {
        return Err(ServiceError::field("expires_at", "must lie in the future"));
    }
    let mut scopes = new.scopes;
    scopes.sort_unstable();
    scopes.dedup();
    let secret = TokenSecret::generate(app.entropy());
    let token = Token {
        id: TokenId::generate(now, app.entropy()),
        tenant_id: caller.tenant,
        name: new.name,
        scopes: scopes.into_iter().map(Stored::from).collect(),
        created_at: now,
        expires_at: new.expires_at,
        last_used_at: None,
        revoked_at: None,
    };
    let mut change = app.change(caller).await?;
    tokens::insert(&mut change, &token, &authenticate::hash(&secret)).await?;
    let words: Vec<&str> = token.scopes.iter().map(Stored::as_str).collect();
    let act = Act::new(Action::TokenCreate, token.id).after(format!("{} {}", words.join(" "), token.name));
    change.commit(act).await?;
    Ok(IssuedToken { token, secret })
}

/// The tenant's tokens, newest first.
pub async fn list(app: &App, tenant: TenantId, page: &PageRequest) -> Result<Page<Token>, ServiceError> {
    let (limit, before) = (page.rows()?, page.key::<TokenId>()?);
    let mut session = app.database().read(tenant).await?;
    let rows = tokens::list(&mut session, before, limit + 1).await?;
    Ok(Page::cut(rows, limit, |token| token.id.to_string()))
}

/// A token of the tenant.
pub async fn find(app: &App, tenant: TenantId, id: TokenId) -> Result<Token, ServiceError> {
    let mut session = app.database().read(tenant).await?;
    tokens::find(&mut session, id).await?.ok_or_else(|| ServiceError::not_found(Noun::Token, id))
}

/// Revokes a token. Other processes notice within a second; repeating it changes nothing.
pub async fn revoke(app: &App, caller: &Caller, id: TokenId) -> Result<(), ServiceError> {
    let mut change = app.change(caller).await?;
    if tokens::revoke(&mut change, id, app.now()).await? {
        change.commit(Act::new(Action::TokenRevoke, id)).await?;
    } else if tokens::find(&mut change, id).await?.is_none() {
        return Err(ServiceError::not_found(Noun::Token, id));
    }
    app.tokens().clear();
    Ok(())
}
