//! From a secret to a caller.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use certmill_domain::{Identity, Scope, Timestamp, Token, TokenId, TokenSecret};
use certmill_storage::tokens::{self, TokenUse};
use moka::sync::Cache;
use subtle::ConstantTimeEq;

use crate::{App, Caller, Counted, ServiceError};

/// How long a process may go on with what it knows of a token: the time until a revocation made by another
/// process takes effect.
pub const TRUST: Duration = Duration::from_secs(1);

/// A token and the hash of its secret.
type Known = Arc<(Token, [u8; 32])>;

/// Tokens seen lately, found by a part of the hash, and when and from where each was last used.
pub(crate) struct TokenCache {
    known: Cache<[u8; 8], Known>,
    uses: Mutex<HashMap<TokenId, Uses>>,
}

/// What is not written yet of a token's uses, and when something was written last.
#[derive(Default)]
struct Uses {
    latest: Option<TokenUse>,
    written_at: Option<Timestamp>,
}

/// How often the uses of one token are written.
const WRITTEN_EVERY: Duration = Duration::from_mins(1);

impl TokenCache {
    pub(crate) fn new() -> Self {
        let known = Cache::builder().max_capacity(10_000).time_to_live(TRUST).build();
        Self { known, uses: Mutex::new(HashMap::new()) }
    }

    pub(crate) fn clear(&self) {
        self.known.invalidate_all();
    }

    fn record(&self, id: TokenId, used: TokenUse) {
        self.uses.lock().unwrap_or_else(PoisonError::into_inner).entry(id).or_default().latest = Some(used);
    }

    /// Takes out what is to be written now: of tokens of which nothing was written within a minute, or of `all`.
    fn take_uses(&self, now: Timestamp, all: bool) -> Vec<(TokenId, TokenUse)> {
        let mut taken = Vec::new();
        self.uses.lock().unwrap_or_else(PoisonError::into_inner).retain(|id, uses| {
            // A clock that was put back does not keep them for long.
            let recent = |at: Timestamp| now >= at && now.since(at) < WRITTEN_EVERY;
            let recent = uses.written_at.is_some_and(recent);
            if !recent || all {
                let latest = uses.latest.take();
                uses.written_at = latest.map(|_| now);
                taken.extend(latest.map(|latest| (*id, latest)));
            }
            uses.written_at.is_some() || uses.latest.is_some()
        });
        taken
    }
}

/// The call that is authenticated.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The scope that it needs.
    pub needed: Scope,
    /// The client's address, where it is known.
    pub from: Option<IpAddr>,
    /// The request, as logs and the audit log name it.
    pub request_id: &'a str,
}

/// Finds out who shows this secret, and whether its token permits the call: from where it comes, and what it needs. Where
/// is judged first, so that the holder of a stolen token does not learn what has become of it.
///
/// # Errors
/// The token errors of [`ServiceError`], [`ServiceError::InsufficientScope`], [`ServiceError::TokenNotAllowedHere`],
/// [`ServiceError::Unavailable`].
pub async fn authenticate(app: &App, secret: Option<&str>, asked: Asked<'_>) -> Result<Caller, ServiceError> {
    let secret = secret.ok_or(ServiceError::AuthenticationRequired)?;
    let secret = TokenSecret::parse(secret).ok_or(ServiceError::AuthenticationRequired)?;
    let hash = hash(&secret);
    let known = match app.tokens().known.get(&lookup_key(&hash)) {
        Some(known) => known,
        None => load(app, hash).await?,
    };
    let (token, stored_hash) = &*known;
    if !bool::from(stored_hash.as_slice().ct_eq(hash.as_slice())) {
        return Err(ServiceError::TokenInvalid);
    }
    let now = app.now();
    let caller = |scope| Caller {
        tenant: token.tenant_id,
        identity: Identity::Token(token.id),
        scope,
        limits: token.limits.clone(),
        counted: Counted::Token(token.id),
        request_id: asked.request_id.to_owned(),
        source_address: asked.from,
        hold: None,
        if_match: None,
    };
    if !token.limits.permit_address(asked.from) {
        return Err(ServiceError::TokenNotAllowedHere(Box::new(caller(Scope::Read))));
    }
    if token.revoked_at.is_some() {
        return Err(ServiceError::TokenRevoked);
    }
    if let Some(end) = token.expires_at.filter(|end| *end <= now) {
        return Err(ServiceError::TokenExpired(end));
    }
    let scope = token.strongest_scope().filter(|scope| *scope >= asked.needed);
    let scope = scope.ok_or(ServiceError::InsufficientScope(asked.needed))?;
    app.tokens().record(token.id, TokenUse { at: now, from: asked.from });
    Ok(caller(scope))
}

async fn load(app: &App, hash: [u8; 32]) -> Result<Known, ServiceError> {
    let mut session = app.database().read_system().await?;
    let token = tokens::find_by_hash(&mut session, &hash).await?.ok_or(ServiceError::TokenInvalid)?;
    let known = Arc::new((token, hash));
    app.tokens().known.insert(lookup_key(&hash), Arc::clone(&known));
    Ok(known)
}

fn lookup_key(hash: &[u8; 32]) -> [u8; 8] {
    // Invariant: a hash has more than 8 octets.
    hash.first_chunk().copied().unwrap_or_default()
}

/// Writes the last uses of tokens, of each at most once a minute; or of `all` that are not written yet, as a process does
/// before it ends.
pub async fn flush_uses(app: &App, all: bool) -> Result<(), ServiceError> {
    let uses = app.tokens().take_uses(app.now(), all);
    if uses.is_empty() {
        return Ok(());
    }
    let mut tx = app.database().begin_system().await?;
    tokens::record_uses(&mut tx, &uses).await?;
    tx.commit().await?;
    Ok(())
}

/// What is stored of a secret. The secret has 256 random bits, so a plain hash cannot be searched.
pub(super) fn hash(secret: &TokenSecret) -> [u8; 32] {
    openssl::sha::sha256(secret.expose().as_bytes())
}
