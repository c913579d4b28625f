//! Calls that carry an `Idempotency-Key`: the first one is carried out, later ones get its answer.
//!
//! The key is taken before the call, the object that the call changes is noted in the transaction of the change, and
//! the answer is kept after it. A call that is killed on the way therefore leaves one of three things: nothing, after
//! which its repetition is carried out; a change, which its repetition is told about; or an answer.

use std::time::Duration;

use certmill_domain::{Digest, RequestId, Timestamp};
use certmill_keys::SealPlace;
use certmill_storage::idempotency::{self, Known, NewHold, StoredAnswer};
use certmill_x509::{hex, sha256};
use zeroize::Zeroizing;

pub use certmill_storage::idempotency::Hold;

use crate::{App, Caller, ServiceError};

/// How long an answer is repeated.
const KEPT: Duration = Duration::from_hours(24);
/// How long private keys and token secrets are part of the repeated answer.
const SECRETS_KEPT: Duration = Duration::from_mins(10);
/// How long a call may take before another one with its key may take over.
const HELD: Duration = Duration::from_mins(2);
/// Expired rows that are deleted at a time.
const PRUNED: i64 = 500;
/// So many times per sweep, so that no number of calls outgrows it.
const PRUNED_AT_ONCE: usize = 200;
/// The largest answer that is kept, in octets.
const LARGEST_KEPT: usize = 1 << 20;
/// The longest key, in characters.
const LONGEST_KEY: usize = 255;

/// An answer as it goes over the wire.
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The `Location` header.
    pub location: Option<String>,
    /// The body.
    pub body: Zeroizing<Vec<u8>>,
}

/// An answer that was kept.
pub struct Kept {
    /// The answer.
    pub answer: Answer,
    /// Whether a private key or a token's secret is in it.
    pub has_secret: bool,
    /// The object that the call changed.
    pub effect: Option<String>,
}

/// What a key stands for.
pub enum Begun {
    /// A new call, which is to be carried out.
    Fresh(Hold),
    /// A call that was answered.
    Answered(Kept),
}

/// Takes the key for a call. `request` is method, path and body.
///
/// # Errors
/// [`ServiceError::Validation`] when the key is not legal or stood for another request,
/// [`ServiceError::CallInProgress`] while its first call runs, [`ServiceError::InvalidState`] when that call was
/// carried out but ended before its answer was kept.
pub async fn begin(
    app: &App,
    caller: &Caller,
    key: &str,
    request: [&[u8]; 3],
) -> Result<Begun, ServiceError> {
    let legal = |byte: u8| byte.is_ascii_graphic() || byte == b' ';
    if key.is_empty() || key.len() > LONGEST_KEY || !key.bytes().all(legal) {
        let problem = format!("must have 1 to {LONGEST_KEY} printable ASCII characters, such as a UUID");
        return Err(ServiceError::field("Idempotency-Key", problem));
    }
    let now = app.now();
    let hold = Hold {
        key_sha256: digest([caller.identity.to_string().as_bytes(), key.as_bytes(), b""]),
        holder: RequestId::generate(now, app.entropy()).to_string(),
    };
    let request_sha256 = digest(request);
    let new = NewHold { hold, request_sha256, held_until: now.plus(HELD), expires_at: now.plus(KEPT), now };
    let mut tx = app.database().begin(caller.tenant).await?;
    let taken = idempotency::take(&mut tx, &new).await?;
    tx.commit().await?;
    if taken {
        return Ok(Begun::Fresh(new.hold));
    }
    let mut session = app.database().read(caller.tenant).await?;
    let known = idempotency::find(&mut session, &new.hold.key_sha256).await?;
    drop(session);
    match known {
        Some(known) => known_call(app, caller, &new, known).await,
        // The key was given back in between.
        None => Err(ServiceError::CallInProgress { seconds: 1 }),
    }
}

async fn known_call(app: &App, caller: &Caller, new: &NewHold, known: Known) -> Result<Begun, ServiceError> {
    if known.request_sha256 != new.request_sha256 {
        let problem = "was used for another request in the last 24 hours: use a new key for a new request";
        return Err(ServiceError::field("Idempotency-Key", problem));
    }
    match (known.answer, known.effect) {
        (Some(answer), effect) => {
            let (answer, has_secret) = open(app, caller, &new.hold.key_sha256, answer, new.now).await?;
            Ok(Begun::Answered(Kept { answer, has_secret, effect }))
        }
        (None, Some(object)) if known.held_until <= new.now => Err(ServiceError::InvalidState {
            message: format!(
                "the first call with this Idempotency-Key was carried out, but ended before its answer was kept: \
                 see `{object}`"
            ),
            state: "done",
            possible_from: &[],
        }),
        (None, _) => {
            let seconds = known.held_until.since(new.now).as_secs().clamp(1, 5);
            Err(ServiceError::CallInProgress { seconds })
        }
    }
}

async fn open(
    app: &App,
    caller: &Caller,
    key_sha256: &Digest,
    answer: StoredAnswer,
    now: Timestamp,
) -> Result<(Answer, bool), ServiceError> {
    let row = hex(key_sha256);
    let secret = answer.sealed_secret.filter(|(_, until)| *until > now);
    let has_secret = secret.is_some();
    let (column, sealed) = match secret {
        Some((sealed, _)) => ("sealed_secret_answer", sealed),
        None => ("sealed_answer", answer.sealed),
    };
    let body = app.keyring().open(app, &place(caller, &row, column), &sealed).await?;
    let status = u16::try_from(answer.status)
        .map_err(|_| ServiceError::internal("a kept answer has a status beyond HTTP"))?;
    Ok((Answer { status, location: answer.location, body }, has_secret))
}

/// Keeps the answer of a call; `without_secrets` is its body as it is repeated once the secrets' time is over, when
/// that differs.
pub async fn keep(
    app: &App,
    caller: &Caller,
    hold: &Hold,
    answer: &Answer,
    without_secrets: Option<&[u8]>,
) -> Result<(), ServiceError> {
    if answer.body.len() > LARGEST_KEPT {
        // The repetition is told what the call did, instead of repeating megabytes for a day.
        return Ok(());
    }
    let row = hex(&hold.key_sha256);
    let lasting = without_secrets.unwrap_or(&answer.body);
    let sealed = app.keyring().seal(app, &place(caller, &row, "sealed_answer"), lasting).await?;
    let sealed_secret = match without_secrets {
        Some(_) => {
            let place = place(caller, &row, "sealed_secret_answer");
            let sealed = app.keyring().seal(app, &place, &answer.body).await?;
            Some((sealed, app.now().plus(SECRETS_KEPT)))
        }
        None => None,
    };
    let stored = StoredAnswer {
        status: i64::from(answer.status),
        location: answer.location.clone(),
        sealed,
        sealed_secret,
    };
    let mut tx = app.database().begin(caller.tenant).await?;
    idempotency::keep(&mut tx, hold, &stored).await?;
    Ok(tx.commit().await?)
}

/// Gives a key back whose call was refused, so that the call can be repeated when its reason is gone.
pub async fn release(app: &App, caller: &Caller, hold: &Hold) -> Result<(), ServiceError> {
    let mut tx = app.database().begin(caller.tenant).await?;
    idempotency::release(&mut tx, hold).await?;
    Ok(tx.commit().await?)
}

/// Deletes keys that have expired, and secrets whose time is over.
pub async fn prune(app: &App) -> Result<(), ServiceError> {
    for _ in 0..PRUNED_AT_ONCE {
        let mut tx = app.database().begin_system().await?;
        let pruned = idempotency::prune(&mut tx, app.now(), PRUNED).await?;
        tx.commit().await?;
        if pruned < PRUNED.unsigned_abs() {
            break;
        }
    }
    Ok(())
}

fn place<'a>(caller: &Caller, row: &'a str, column: &'static str) -> SealPlace<'a> {
    SealPlace { tenant: caller.tenant, table: "idempotency_keys", row, column }
}

/// Each part with its length, so that no two lists of parts read the same.
fn digest(parts: [&[u8]; 3]) -> Digest {
    let mut text = Vec::new();
    for part in parts {
        text.extend_from_slice(&(part.len() as u64).to_be_bytes());
        text.extend_from_slice(part);
    }
    sha256(&text)
}
