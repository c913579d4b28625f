//! The secret store: what other objects refer to by path. Data is sealed; its last versions are kept.

use std::collections::BTreeMap;

use certmill_domain::{Action, FieldErrors, Secret, SecretPath, SecretType, SecretVersionId, TenantId};
use certmill_keys::SealPlace;
use certmill_storage::secrets::{self as rows, SealedVersion, Version};
use certmill_storage::{Session, dns_providers};
use certmill_x509::pem;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::change::Act;
use crate::{App, Caller, Noun, Page, PageRequest, ServiceError};

/// Versions that are kept of each secret.
const KEPT: i64 = 10;
/// The most octets of a secret's data as JSON.
const LARGEST: usize = 64 * 1024;

/// A secret that is to be written.
pub struct NewSecret {
    /// What the data is; JSON when absent.
    pub secret_type: Option<String>,
    /// The data.
    pub data: Map<String, Value>,
}

/// A secret with its data.
pub struct OpenSecret {
    /// The secret.
    pub secret: Secret,
    /// The number of the version that the data is of.
    pub version: i64,
    /// The data: a JSON object.
    pub data: Zeroizing<Vec<u8>>,
    /// The versions that are kept, newest first.
    pub versions: Vec<Version>,
}

/// Reads a path.
///
/// # Errors
/// [`ServiceError::Validation`] that says what a path is.
pub fn parse_path(text: &str) -> Result<SecretPath, ServiceError> {
    text.parse().map_err(|problem: String| ServiceError::field("path", problem))
}

/// Writes a new version; the second value tells whether the path is new.
pub async fn put(
    app: &App,
    caller: &Caller,
    path: &SecretPath,
    new: NewSecret,
) -> Result<(Secret, bool), ServiceError> {
    let secret_type = checked(&new)?;
    let data = Zeroizing::new(Value::Object(new.data).to_string().into_bytes());
    if data.len() > LARGEST {
        let problem = format!("has {} octets as JSON; at most {LARGEST} are stored", data.len());
        return Err(ServiceError::field("data", problem));
    }
    let now = app.now();
    let id = SecretVersionId::generate(now, app.entropy());
    let row = id.to_string();
    let sealed = app.keyring().seal(app, &place(caller.tenant, &row), &data).await?;
    let mut change = app.change(caller).await?;
    let version = SealedVersion { id, data: sealed };
    let secret = rows::put(&mut change, (path, secret_type), version, now, KEPT).await?;
    change.commit(Act::new(Action::SecretWrite, path).after(described(&secret))).await?;
    let is_new = secret.version == 1;
    Ok((secret, is_new))
}

/// A secret with its data, which the audit log remembers. The newest version when none is named.
pub async fn read(
    app: &App,
    caller: &Caller,
    path: &SecretPath,
    version: Option<i64>,
) -> Result<OpenSecret, ServiceError> {
    let missing = || ServiceError::not_found(Noun::Secret, path);
    let mut change = app.change(caller).await?;
    let secret = rows::find(&mut change, path).await?.ok_or_else(missing)?;
    let number = version.unwrap_or(secret.version);
    let sealed = rows::version(&mut change, path, number)
        .await?
        .ok_or_else(|| ServiceError::not_found(Noun::Secret, format!("{path} in version {number}")))?;
    let versions = rows::versions(&mut change, path).await?;
    change.commit(Act::new(Action::SecretRead, path)).await?;
    let data = unsealed(app, caller.tenant, &sealed).await?;
    Ok(OpenSecret { secret, version: number, data, versions })
}

/// The tenant's secrets without their data, by path, those that begin with `prefix`.
pub async fn list(
    app: &App,
    caller: &Caller,
    prefix: &str,
    page: &PageRequest,
) -> Result<Page<Secret>, ServiceError> {
    let (limit, after) = (page.rows()?, page.key::<SecretPath>()?);
    let legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_/".contains(&byte);
    if !prefix.bytes().all(legal) {
        return Err(ServiceError::field("prefix", "must be the beginning of a path: a-z, 0-9, -, _ and /"));
    }
    let mut session = app.database().read(caller.tenant).await?;
    let secrets = rows::list(&mut session, prefix, after.as_ref(), limit).await?;
    Ok(Page::of(secrets, |secret: &Secret| secret.path.to_string()))
}

/// Deletes a secret with all versions, unless something refers to it.
pub async fn delete(app: &App, caller: &Caller, path: &SecretPath) -> Result<(), ServiceError> {
    let missing = || ServiceError::not_found(Noun::Secret, path);
    let mut change = app.change(caller).await?;
    let secret = rows::find(&mut change, path).await?.ok_or_else(missing)?;
    // The row is locked first, so that a concurrent change that begins to refer to it waits for this, or this for it.
    if !rows::delete(&mut change, path).await? {
        return Err(missing());
    }
    if let Some(id) = dns_providers::with_credentials_at(&mut change, path).await? {
        let message = format!("the DNS provider {id} has its credentials at {path}: give it others first");
        return Err(ServiceError::InUse { message, by: id.to_string() });
    }
    change.commit(Act::new(Action::SecretDelete, path).before(described(&secret))).await
}

/// The newest data of a secret that an object of the tenant refers to; none when it is gone.
pub(crate) async fn referred(
    app: &App,
    tenant: TenantId,
    path: &SecretPath,
) -> Result<Option<Zeroizing<Vec<u8>>>, ServiceError> {
    let mut session: Session = app.database().read(tenant).await?;
    let Some(secret) = rows::find(&mut session, path).await? else { return Ok(None) };
    let sealed = rows::version(&mut session, path, secret.version).await?;
    drop(session);
    match sealed {
        Some(sealed) => unsealed(app, tenant, &sealed).await.map(Some),
        None => Ok(None),
    }
}

async fn unsealed(
    app: &App,
    tenant: TenantId,
    sealed: &SealedVersion,
) -> Result<Zeroizing<Vec<u8>>, ServiceError> {
    app.keyring().open(app, &place(tenant, &sealed.id.to_string()), &sealed.data).await
}

fn place(tenant: TenantId, row: &str) -> SealPlace<'_> {
    SealPlace { tenant, table: "secret_versions", row, column: "sealed_data" }
}

/// The type, if the data has its form.
fn checked(new: &NewSecret) -> Result<SecretType, ServiceError> {
    let Some(secret_type) = SecretType::parse(new.secret_type.as_deref().unwrap_or("json")) else {
        let known: Vec<&str> = SecretType::ALL.iter().map(|known| known.as_str()).collect();
        return Err(ServiceError::field(
            "secret_type",
            format!("is unknown: use one of {}", known.join(", ")),
        ));
    };
    let mut errors = FieldErrors(BTreeMap::new());
    let text = |name: &str| new.data.get(name).and_then(Value::as_str);
    let only = |known: &[&str], errors: &mut FieldErrors| {
        for name in new.data.keys().filter(|name| !known.contains(&name.as_str())) {
            let name: String = name.chars().take(64).collect();
            let problem = format!("is no field of the type {secret_type}: it has {}", known.join(", "));
            errors.0.insert(format!("data.{name}"), problem);
        }
    };
    match secret_type {
        SecretType::Json => {}
        SecretType::Text => {
            only(&["value"], &mut errors);
            if text("value").is_none() {
                errors.0.insert("data.value".to_owned(), "must be there, and a text".to_owned());
            }
        }
        SecretType::Certificate => {
            only(&["certificate", "private_key", "chain"], &mut errors);
            let is_one =
                text("certificate").is_some_and(|text| pem::decode_one(&[pem::CERTIFICATE], text).is_ok());
            if !is_one {
                let problem = "must be there, and one certificate in PEM".to_owned();
                errors.0.insert("data.certificate".to_owned(), problem);
            }
            for name in ["private_key", "chain"] {
                if new.data.get(name).is_some_and(|value| !value.is_string()) {
                    errors.0.insert(format!("data.{name}"), "must be a text in PEM".to_owned());
                }
            }
        }
    }
    if errors.0.is_empty() { Ok(secret_type) } else { Err(ServiceError::Validation(errors)) }
}

/// What the audit log's digests are of; the data is not part of it.
fn described(secret: &Secret) -> String {
    format!("{}\n{}\n{}", secret.path, secret.secret_type, secret.version)
}
