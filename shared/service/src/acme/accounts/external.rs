//! The key of an external account in the secret store.

use serde::Deserialize;
use zeroize::Zeroizing;

use super::NewAccount;
use crate::{App, Caller, ServiceError, secrets};

const FIELD: &str = "eab_secret_path";

/// What the secret holds: both parts, or the key alone as a text.
#[derive(Deserialize)]
struct Held {
    eab_kid: Option<String>,
    #[serde(alias = "value")]
    eab_hmac_key: Zeroizing<String>,
}

/// Puts what the secret holds where it would be if it had been sent.
pub(super) async fn from_secret(
    app: &App,
    caller: &Caller,
    new: &mut NewAccount,
) -> Result<(), ServiceError> {
    let Some(text) = new.eab_secret_path.take() else { return Ok(()) };
    if new.eab_hmac_key.is_some() || new.zerossl_api_key.is_some() {
        let problem = "stands in place of eab_hmac_key and zerossl_api_key: send one of them";
        return Err(ServiceError::field(FIELD, problem));
    }
    let path = text.parse().map_err(|problem: String| ServiceError::field(FIELD, problem))?;
    let data = secrets::referred(app, caller.tenant, &path)
        .await?
        .ok_or_else(|| ServiceError::field(FIELD, format!("there is no secret at {path}")))?;
    let held: Held = serde_json::from_slice(&data).map_err(|_| {
        let problem = "must name a secret with eab_kid and eab_hmac_key, or a text that is the key";
        ServiceError::field(FIELD, problem)
    })?;
    new.eab_hmac_key = Some(held.eab_hmac_key);
    new.eab_kid = new.eab_kid.take().or(held.eab_kid);
    Ok(())
}
