//! The secrets of a webhook: what its receiver knows what is sent by. They are sealed together.

use std::fmt::Write;

use certmill_domain::{TenantId, Timestamp, WebhookId};
use certmill_keys::{SealPlace, hmac_sha256};
use certmill_storage::webhooks::{self as rows, SealedSecrets};
use certmill_x509::hex;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

use crate::{App, Noun, ServiceError};

const SHORTEST: usize = 32;
const LONGEST: usize = 256;
/// Secrets that count beside the present one. There can be several, since the answer with a new one can get lost.
const MOST_PREVIOUS: usize = 3;

/// The present secret, and those before it that still count, newest first.
#[derive(Serialize, Deserialize)]
pub(super) struct Secrets {
    present: String,
    previous: Vec<Previous>,
}

#[derive(Serialize, Deserialize)]
struct Previous {
    secret: String,
    /// µs since 1970.
    until: i64,
}

impl Drop for Secrets {
    fn drop(&mut self) {
        self.present.zeroize();
    }
}

impl Drop for Previous {
    fn drop(&mut self) {
        self.secret.zeroize();
    }
}

/// The secret that was sent, or a new one, which then is also answered.
pub(super) fn given_or_made(
    app: &App,
    given: Option<Zeroizing<String>>,
) -> Result<(Zeroizing<String>, Option<Zeroizing<String>>), ServiceError> {
    if let Some(given) = given {
        let is_text = given.bytes().all(|octet| octet.is_ascii_graphic());
        if !is_text || !(SHORTEST..=LONGEST).contains(&given.len()) {
            let problem =
                format!("must have {SHORTEST} to {LONGEST} printable ASCII characters without spaces");
            return Err(ServiceError::field("secret", problem));
        }
        return Ok((given, None));
    }
    let mut random = Zeroizing::new([0u8; 32]);
    app.entropy().fill(&mut *random);
    let mut text = Zeroizing::new(String::with_capacity(70));
    text.push_str("whsec_");
    for octet in random.iter() {
        // Invariant: writing to a String cannot fail.
        let _ = write!(*text, "{octet:02x}");
    }
    Ok((text.clone(), Some(text)))
}

impl Secrets {
    pub(super) fn new(secret: Zeroizing<String>) -> Self {
        Self { present: secret.as_str().to_owned(), previous: Vec::new() }
    }

    /// Those of a webhook.
    pub(super) async fn stored(app: &App, tenant: TenantId, id: WebhookId) -> Result<Self, ServiceError> {
        let mut session = app.database().read(tenant).await?;
        let sealed = rows::sealed_secrets(&mut session, id).await?;
        drop(session);
        let sealed = sealed.ok_or_else(|| ServiceError::not_found(Noun::Webhook, id))?;
        let row = row(id, sealed.sealed_at);
        let text = app.keyring().open(app, &place(tenant, &row), &sealed.value).await?;
        serde_json::from_slice(&text).map_err(|_| ServiceError::internal("sealed secrets are JSON"))
    }

    pub(super) async fn seal(
        &self,
        app: &App,
        tenant: TenantId,
        (id, now): (WebhookId, Timestamp),
    ) -> Result<SealedSecrets, ServiceError> {
        let text = serde_json::to_vec(self).map_err(|error| ServiceError::Internal(Box::new(error)))?;
        let text = Zeroizing::new(text);
        let value = app.keyring().seal(app, &place(tenant, &row(id, now)), &text).await?;
        Ok(SealedSecrets { value, sealed_at: now })
    }

    /// Takes another secret, beside which the present one counts for a while.
    pub(super) fn replace(&mut self, secret: Zeroizing<String>, until: Timestamp, now: Timestamp) {
        let present = std::mem::replace(&mut self.present, secret.as_str().to_owned());
        self.previous.insert(0, Previous { secret: present, until: until.unix_micros() });
        self.previous.retain(|previous| previous.until > now.unix_micros());
        self.previous.truncate(MOST_PREVIOUS);
    }

    /// Until when a secret before the present one counts.
    pub(super) fn previous_until(&self, now: Timestamp) -> Option<Timestamp> {
        let times =
            self.previous.iter().map(|previous| previous.until).filter(|until| *until > now.unix_micros());
        times.max().map(Timestamp::from_unix_micros)
    }

    /// The value of `X-Certmill-Signature`: a signature by every secret that counts, that of the present one first.
    pub(super) fn signatures(&self, body: &[u8], now: Timestamp) -> Result<String, ServiceError> {
        let mut signed = format!("{}.", now.unix_seconds()).into_bytes();
        signed.extend_from_slice(body);
        let previous = self.previous.iter().filter(|previous| previous.until > now.unix_micros());
        let secrets = std::iter::once(&self.present).chain(previous.map(|previous| &previous.secret));
        let signatures = secrets.map(|secret| {
            let mac = hmac_sha256(secret.as_bytes(), &signed)?;
            Ok(format!("sha256={}", hex(&mac)))
        });
        Ok(signatures.collect::<Result<Vec<_>, ServiceError>>()?.join(", "))
    }
}

/// The row as the seal names it: what was replaced does not open when it is put back.
fn row(id: WebhookId, sealed_at: Timestamp) -> String {
    format!("{id} at {}", sealed_at.unix_micros())
}

fn place(tenant: TenantId, row: &str) -> SealPlace<'_> {
    SealPlace { tenant, table: "webhooks", row, column: "sealed_secrets" }
}
