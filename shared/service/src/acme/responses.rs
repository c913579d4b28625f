//! What the http-01 and tls-alpn-01 responders answer. Any replica can: the answers are rows.

use std::time::Duration;

use certmill_domain::ChallengeType;
use certmill_storage::acme_challenges;
use zeroize::Zeroizing;

use crate::app::off_thread;
use crate::{App, ServiceError};

/// How long a database that is away is waited for, and how long between two looks.
const PATIENCE: Duration = Duration::from_secs(8);
const PAUSE: Duration = Duration::from_millis(200);

/// The certificate of a tls-alpn-01 answer.
pub struct TlsAlpnAnswer {
    /// The certificate.
    pub certificate_der: Vec<u8>,
    /// Its private key.
    pub key_pkcs8_der: Zeroizing<Vec<u8>>,
}

/// The key authorization that `http://<host>/.well-known/acme-challenge/<token>` answers (RFC 8555 section 8.3).
pub async fn http01(app: &App, host: &str, token: &str) -> Result<Option<String>, ServiceError> {
    find(app, ChallengeType::Http01, host, token).await
}

/// The certificate for a handshake about `host`, a name or an address (RFC 8737 section 3). Each handshake has its own,
/// so nothing has to be kept.
pub async fn tls_alpn01(app: &App, host: &str) -> Result<Option<TlsAlpnAnswer>, ServiceError> {
    let Some(key_authorization) = find(app, ChallengeType::TlsAlpn01, host, "").await? else {
        return Ok(None);
    };
    let host = host.to_owned();
    off_thread(move || {
        let digest = certmill_acme::tls_alpn_digest(&key_authorization);
        let (certificate_der, key_pkcs8_der) = certmill_acme::tls_alpn_certificate(&host, &digest)
            .map_err(|error| ServiceError::Internal(Box::new(error)))?;
        Ok(Some(TlsAlpnAnswer { certificate_der, key_pkcs8_der }))
    })
    .await
}

async fn find(
    app: &App,
    kind: ChallengeType,
    host: &str,
    token: &str,
) -> Result<Option<String>, ServiceError> {
    if [host, token].iter().any(|text| text.contains('\0')) {
        return Ok(None);
    }
    let end = tokio::time::Instant::now() + PATIENCE;
    loop {
        match look(app, kind, host, token).await {
            // A CA takes a refusal for the end of the order, and waits for some seconds for an answer.
            Err(ServiceError::Unavailable(_)) if tokio::time::Instant::now() < end => {
                tokio::time::sleep(PAUSE).await;
            }
            other => return other,
        }
    }
}

async fn look(
    app: &App,
    kind: ChallengeType,
    host: &str,
    token: &str,
) -> Result<Option<String>, ServiceError> {
    let mut session = app.database().read_system().await?;
    Ok(acme_challenges::response(&mut session, kind, (host, token), app.now()).await?)
}
