//! Stored private keys. Every retrieval is in the audit log before the key leaves.

use certmill_domain::{Action, Certificate, CertificateId};
use certmill_keys::PrivateKey;
use certmill_keys::pkcs12::{self as bundle, Encryption};
use certmill_storage::certificates;
use zeroize::Zeroizing;

use super::pipeline::key_place;
use crate::app::off_thread;
use crate::change::Act;
use crate::{App, Caller, Noun, ServiceError};

/// The shortest password of a bundle, in characters.
const SHORTEST_PASSWORD: usize = 8;
/// Characters of a friendly name.
const LONGEST_NAME: usize = 128;
/// The longest, in octets.
const LONGEST_PASSWORD: usize = 256;

/// A private key that was stored.
pub struct StoredKey {
    /// PKCS#8 in PEM.
    pub pem: Zeroizing<String>,
    /// `rsa`, `ec` or `ed25519`.
    pub key_type: &'static str,
}

/// How to wrap a key, its certificate and its chain.
pub struct Pkcs12Request {
    /// The password of the bundle.
    pub password: Zeroizing<String>,
    /// What stores show it as; the common name, else the certificate's id, when absent.
    pub friendly_name: Option<String>,
    /// `modern` (default) or `compatible`.
    pub encryption: Option<String>,
}

/// The stored private key of a certificate.
pub async fn private_key(app: &App, caller: &Caller, id: CertificateId) -> Result<StoredKey, ServiceError> {
    let (_, key) = retrieve(app, caller, id).await?;
    let stored = StoredKey { pem: key.to_pkcs8_pem()?, key_type: key.algorithm().key_type() };
    record(app, caller, id, "pkcs8").await?;
    Ok(stored)
}

/// The stored private key of a certificate in a PKCS#12 bundle with the certificate and its chain.
pub async fn pkcs12(
    app: &App,
    caller: &Caller,
    id: CertificateId,
    request: Pkcs12Request,
) -> Result<Vec<u8>, ServiceError> {
    let password = request.password;
    let too_short = password.chars().count() < SHORTEST_PASSWORD;
    if too_short || password.len() > LONGEST_PASSWORD || password.contains('\0') {
        let problem = format!(
            "must have at least {SHORTEST_PASSWORD} characters, none of them NUL, and at most {LONGEST_PASSWORD} octets"
        );
        return Err(ServiceError::field("password", problem));
    }
    let encryption = match request.encryption.as_deref() {
        None | Some("modern") => Encryption::Modern,
        Some("compatible") => Encryption::Compatible,
        Some(other) => {
            let shown: String = other.chars().take(64).collect();
            let problem = format!("`{shown}` is unknown: use `modern` or `compatible`");
            return Err(ServiceError::field("encryption", problem));
        }
    };
    let name = request.friendly_name;
    let legal = |name: &String| {
        (1..=LONGEST_NAME).contains(&name.chars().count()) && !name.chars().any(char::is_control)
    };
    if name.as_ref().is_some_and(|name| !legal(name)) {
        let problem = format!("must have 1 to {LONGEST_NAME} characters, none of them a control character");
        return Err(ServiceError::field("friendly_name", problem));
    }
    let (certificate, key) = retrieve(app, caller, id).await?;
    let chain = super::read::chain_der(app, caller, &certificate).await?;
    let bundle = off_thread(move || {
        let name = name.or(certificate.common_name).unwrap_or_else(|| certificate.id.to_string());
        let chain: Vec<&[u8]> = chain.iter().map(Vec::as_slice).collect();
        Ok(bundle::write_as(&key, &certificate.der, &chain, (&name, &password), encryption)?)
    })
    .await?;
    record(app, caller, id, "pkcs12").await?;
    Ok(bundle)
}

/// Opens the key first and records the retrieval last: nothing waits for a key inside of a transaction.
async fn retrieve(
    app: &App,
    caller: &Caller,
    id: CertificateId,
) -> Result<(Certificate, PrivateKey), ServiceError> {
    let mut session = app.database().read(caller.tenant).await?;
    let certificate = certificates::find(&mut session, id)
        .await?
        .ok_or_else(|| ServiceError::not_found(Noun::Certificate, id))?;
    caller.check_role(certificate.role.as_deref())?;
    let sealed = certificates::sealed_key(&mut session, id).await?;
    drop(session);
    let Some(sealed) = sealed else {
        return Err(ServiceError::InvalidState {
            message: format!(
                "no private key is stored for {id}: a role with store_private_keys, a generated CSR or an import \
                 with private_key_pem stores one"
            ),
            state: "not_stored",
            possible_from: &["stored"],
        });
    };
    let row = id.to_string();
    let pkcs8 = app.keyring().open(app, &key_place(caller, &row), &sealed).await?;
    let key = off_thread(move || Ok(PrivateKey::from_pkcs8_der(&pkcs8)?)).await?;
    Ok((certificate, key))
}

async fn record(app: &App, caller: &Caller, id: CertificateId, format: &str) -> Result<(), ServiceError> {
    let change = app.change(caller).await?;
    change.commit(Act::new(Action::PrivateKeyRetrieve, id).after(format)).await
}
