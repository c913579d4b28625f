//! From a secret to a caller.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use certmill_domain::{Identity, Scope, Timestamp, Token, TokenId, TokenSecret};
use certmill_storage::tokens;
use moka::sync::Cache;
use subtle::ConstantTimeEq;

use crate::{App, Caller, ServiceError};

/// How long a process may go on with what it knows of a token: the time until a revocation made by another
/// process takes effect.
const TRUST: Duration = Duration::from_secs(1);

/// A token and the hash of its secret.
type Known = Arc<(Token, [u8; 32])>;

/// Tokens seen lately, found by a part of the hash, and when each was last used.
pub(crate) struct TokenCache {
    known: Cache<[u8; 8], Known>,
    uses: Mutex<HashMap<TokenId, Timestamp>>,
}

impl TokenCache {
    pub(crate) fn new() -> Self {
        let known = Cache::builder().max_capacity(10_000).time_to_live(TRUST).build();
        Self { known, uses: Mutex::new(HashMap::new()) }
    }

    pub(crate) fn clear(&self) {
        self.known.invalidate_all();
    }

    fn record(&self, id: TokenId, now: Timestamp) {
        self.uses.lock().unwrap_or_else(PoisonError::into_inner).insert(id, now);
    }

    fn take_uses(&self) -> Vec<(TokenId, Timestamp)> {
        self.uses.lock().unwrap_or_else(PoisonError::into_inner).drain().collect()
    }
}

/// Finds out who shows this secret, and whether its token permits what needs `needed`.
///
/// # Errors
/// The token errors of [`ServiceError`], [`ServiceError::InsufficientScope`], [`ServiceError::Unavailable`].
pub async fn authenticate(
    app: &App,
    secret: Option<&str>,
    needed: Scope,
    request_id: &str,
) -> Result<Caller, ServiceError> {
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
    if token.revoked_at.is_some() {
        return Err(ServiceError::TokenRevoked);
    }
    if let Some(end) = token.expires_at.filter(|end| *end <= now) {
        return Err(ServiceError::TokenExpired(end));
    }
    let scope = token.strongest_scope().filter(|scope| *scope >= needed);
    let scope = scope.ok_or(ServiceError::InsufficientScope(needed))?;
    app.tokens().record(token.id, now);
    Ok(Caller {
        tenant: token.tenant_id,
        identity: Identity::Token(token.id),
        scope,
        request_id: request_id.to_owned(),
        source_address: None,
        hold: None,
    })
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

/// Writes the last uses of tokens that were noted since the last call.
pub async fn flush_uses(app: &App) -> Result<(), ServiceError> {
    let uses = app.tokens().take_uses();
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
