//! API tokens: making, listing, revoking, and finding out who calls.

mod authenticate;

use certmill_domain::{
    Action, Identity, Limited, Scope, Stored, Tenant, TenantId, Timestamp, Token, TokenId, TokenLimits,
    TokenSecret,
};
use certmill_storage::{tenants, tokens};

pub(crate) use authenticate::TokenCache;
pub use authenticate::{Asked, TRUST, authenticate, flush_uses};

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
    /// Where it may be used from and under which roles it may issue.
    pub limits: TokenLimits,
}

/// Entries of a list of networks or roles at most: each call goes through them.
const MOST_LIMITS: usize = 64;

/// A token that was just made, with the secret that is shown this once.
pub struct IssuedToken {
    /// The token.
    pub token: Token,
    /// Its secret.
    pub secret: TokenSecret,
}

/// Makes a token for a tenant. It permits nothing that the caller's own does not.
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
    let limits = tidy(new.limits);
    check_limits(&limits, &scopes)?;
    check_narrower(&caller.limits, &limits)?;
    let secret = TokenSecret::generate(app.entropy());
    let token = Token {
        id: TokenId::generate(now, app.entropy()),
        tenant_id: caller.tenant,
        name: new.name,
        scopes: scopes.into_iter().map(Stored::from).collect(),
        limits,
        created_at: now,
        expires_at: new.expires_at,
        last_used_at: None,
        last_used_from: None,
        revoked_at: None,
    };
    let mut change = app.change(caller).await?;
    tokens::insert(&mut change, &token, &authenticate::hash(&secret)).await?;
    let act = Act::new(Action::TokenCreate, token.id).after(text(&token));
    change.commit(act).await?;
    Ok(IssuedToken { token, secret })
}

/// All of a token that its maker chose, for the audit log.
fn text(token: &Token) -> String {
    let words: Vec<&str> = token.scopes.iter().map(Stored::as_str).collect();
    let plain = format!("{} {}", words.join(" "), token.name);
    if token.limits.is_none() { plain } else { format!("{plain} {:?}", token.limits) }
}

fn tidy(limits: TokenLimits) -> TokenLimits {
    let TokenLimits { mut networks, mut roles } = limits;
    if let Some(networks) = &mut networks {
        networks.sort_unstable();
        networks.dedup();
    }
    if let Some(roles) = &mut roles {
        roles.sort_unstable();
        roles.dedup();
    }
    TokenLimits { networks, roles }
}

fn check_limits(limits: &TokenLimits, scopes: &[Scope]) -> Result<(), ServiceError> {
    let lengths = [
        ("networks", limits.networks.as_ref().map(Vec::len)),
        ("roles", limits.roles.as_ref().map(Vec::len)),
    ];
    for (field, length) in lengths {
        if length.is_some_and(|length| !(1..=MOST_LIMITS).contains(&length)) {
            let problem = format!("must name 1 to {MOST_LIMITS}, or be left out for no limit");
            return Err(ServiceError::field(field, problem));
        }
    }
    if limits.roles.is_some() && scopes.iter().max() != Some(&Scope::Issue) {
        let problem = "limits what `pki:issue` permits, so it needs that scope and not `pki:admin`, which can change roles";
        return Err(ServiceError::field("roles", problem));
    }
    Ok(())
}

/// A token cannot be used to make one that can do more.
fn check_narrower(own: &TokenLimits, new: &TokenLimits) -> Result<(), ServiceError> {
    let (field, what) = match own.exceeded_by(new) {
        None => return Ok(()),
        Some(Limited::Networks) => ("networks", "the networks"),
        Some(Limited::Roles) => ("roles", "the roles"),
    };
    let problem =
        format!("must lie within {what} of the token that makes it: GET /v1/auth/whoami shows them");
    Err(ServiceError::field(field, problem))
}

/// The tenant's tokens, newest first.
pub async fn list(app: &App, tenant: TenantId, page: &PageRequest) -> Result<Page<Token>, ServiceError> {
    let (limit, before) = (page.rows()?, page.key::<TokenId>()?);
    let mut session = app.database().read(tenant).await?;
    let rows = tokens::list(&mut session, before, limit).await?;
    Ok(Page::of(rows, |token| token.id.to_string()))
}

/// A token of the tenant.
pub async fn find(app: &App, tenant: TenantId, id: TokenId) -> Result<Token, ServiceError> {
    let mut session = app.database().read(tenant).await?;
    tokens::find(&mut session, id).await?.ok_or_else(|| ServiceError::not_found(Noun::Token, id))
}

/// The token that a caller uses, and its tenant.
pub async fn of_caller(app: &App, caller: &Caller) -> Result<(Token, Tenant), ServiceError> {
    let Identity::Token(id) = caller.identity else {
        return Err(ServiceError::internal("whoever calls through the API has a token"));
    };
    let token = find(app, caller.tenant, id).await?;
    let mut session = app.database().read(caller.tenant).await?;
    let tenant = tenants::own(&mut session).await?;
    Ok((token, tenant))
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
