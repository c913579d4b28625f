//! Where the credentials of a DNS provider are: sealed in its row, or in the secret store at the path that its configuration
//! names.

use certmill_dns::{ConfigError, DnsError, DnsProvider as Client, Field, FieldType, Providers};
use certmill_domain::{DnsProvider, DnsProviderId, SecretPath, TenantId, Timestamp};
use certmill_keys::SealPlace;
use certmill_storage::dns_providers::SealedCredentials;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::config_error;
use crate::{App, ServiceError, secrets};

/// The field of a configuration that names a secret.
const PATH: &str = "credentials_path";
/// The same where fields are described.
pub(super) const PATH_IN_CATALOGUE: Field = Field {
    name: PATH,
    kind: FieldType::Text,
    required: false,
    unless: None,
    secret: false,
    description: "The path of a secret (`PUT /v1/secrets/{path}`) that has the credentials by their names, in the place of \
                  credentials here; its newest version is used.",
};
/// The path as a stored credential.
const PATH_AS_SECRET: &[u8] = br#"{"credentials_path":""}"#;
const PATH_FIELD: &str = "config.credentials_path";

/// A configuration that was found good.
pub(super) struct Configuration {
    /// The type, in its own spelling.
    pub(super) kind: &'static str,
    /// What is stored and may be shown: everything but credentials, the path of a secret included.
    pub(super) public: Value,
    /// The credentials that are stored with it: a JSON object.
    pub(super) secret: Zeroizing<Vec<u8>>,
    /// The secret that has the credentials, when they are not stored with it.
    pub(super) path: Option<SecretPath>,
    /// Both parts as a client takes them.
    whole: (Value, Zeroizing<Vec<u8>>),
    providers: Providers,
}

impl Configuration {
    /// Reads a configuration as it is sent, and the secret that it names.
    pub(super) async fn parse(
        app: &App,
        tenant: TenantId,
        kind: &str,
        config: &Value,
    ) -> Result<Self, ServiceError> {
        let providers = app.dns(tenant).await?;
        let own = config.as_object().ok_or_else(|| ServiceError::field("config", "must be a JSON object"))?;
        let Some(path) = own.get(PATH) else {
            let parsed = certmill_dns::parse_config(kind, config).map_err(config_error)?;
            let whole = (parsed.public.clone(), parsed.secret.clone());
            return Ok(Self {
                kind: parsed.kind,
                public: parsed.public,
                secret: parsed.secret,
                path: None,
                whole,
                providers,
            });
        };
        let path: SecretPath = path
            .as_str()
            .ok_or_else(|| "must be a text, the path of a secret".to_owned())
            .and_then(str::parse)
            .map_err(|problem| ServiceError::field(PATH_FIELD, problem))?;
        let credentials = certmill_dns::credentials(kind).map_err(config_error)?;
        if let Some(inline) = credentials.iter().find(|name| own.contains_key(**name)) {
            let problem = format!("and `{inline}` are both there: give the credentials in one place");
            return Err(ServiceError::field(PATH_FIELD, problem));
        }
        let data = secrets::referred(app, tenant, &path).await?.ok_or_else(|| no_secret(&path))?;
        let data: Map<String, Value> = serde_json::from_slice(&data)
            .map_err(|_| ServiceError::internal("a stored secret is a JSON object"))?;
        let mut full = own.clone();
        full.remove(PATH);
        full.extend(data);
        let parsed = certmill_dns::parse_config(kind, &Value::Object(full)).map_err(config_error)?;
        Ok(Self {
            kind: parsed.kind,
            public: config.clone(),
            secret: Zeroizing::new(b"{}".to_vec()),
            path: Some(path),
            whole: (parsed.public, parsed.secret),
            providers,
        })
    }

    /// A client with these settings and credentials.
    pub(super) fn open(&self) -> Result<Box<dyn Client>, DnsError> {
        let (public, secret) = &self.whole;
        self.providers.open(self.kind, public, secret)
    }
}

/// A configuration with some fields changed. Credentials in the one place take the place of those in the other.
pub(super) fn merge(old: &DnsProvider, secret: &[u8], changes: &Value) -> Result<Value, ServiceError> {
    let mut merged = certmill_dns::merge(&old.config, secret, changes).map_err(config_error)?;
    let credentials = certmill_dns::credentials(&old.kind).map_err(config_error)?;
    if let Value::Object(fields) = &mut merged {
        if changes.get(PATH).is_some_and(Value::is_string) {
            fields.retain(|name, _| {
                !credentials.contains(&name.as_str()) || changes.get(name).is_some_and(|sent| !sent.is_null())
            });
        } else if credentials.iter().any(|name| changes.get(*name).is_some_and(|sent| !sent.is_null())) {
            fields.remove(PATH);
        }
    }
    let mut missing = certmill_dns::led_away(&old.config, &merged, secret, changes);
    // Credentials at a path would be sent to the new address as well, unless the call names the path again.
    let elsewhere = certmill_dns::led_away(&old.config, &merged, PATH_AS_SECRET, changes);
    if merged.get(PATH).is_some() {
        missing.extend(elsewhere);
    }
    if !missing.is_empty() {
        return Err(config_error(ConfigError::Fields(missing)));
    }
    Ok(merged)
}

pub(super) fn no_secret(path: &SecretPath) -> ServiceError {
    let problem = format!("there is no secret at {path}: write it with PUT /v1/secrets/{path} first");
    ServiceError::field(PATH_FIELD, problem)
}

/// Seals credentials for the row that is written at this time.
pub(super) async fn seal(
    app: &App,
    tenant: TenantId,
    (id, updated_at): (DnsProviderId, Timestamp),
    secret: &[u8],
) -> Result<Vec<u8>, ServiceError> {
    app.keyring().seal(app, &place(tenant, &row(id, Some(updated_at))), secret).await
}

pub(super) async fn unseal(
    app: &App,
    tenant: TenantId,
    id: DnsProviderId,
    sealed: Option<SealedCredentials>,
) -> Result<Zeroizing<Vec<u8>>, ServiceError> {
    match sealed {
        Some(sealed) => {
            app.keyring().open(app, &place(tenant, &row(id, sealed.sealed_at)), &sealed.value).await
        }
        None => Ok(Zeroizing::new(Vec::new())),
    }
}

/// The row as the seal names it. It is the one sealed value that is replaced in its place, so its time is part of the name:
/// credentials that were replaced do not open when they are put back.
fn row(id: DnsProviderId, sealed_at: Option<Timestamp>) -> String {
    match sealed_at {
        Some(at) => format!("{id} at {}", at.unix_micros()),
        None => id.to_string(),
    }
}

fn place(tenant: TenantId, row: &str) -> SealPlace<'_> {
    SealPlace { tenant, table: "dns_providers", row, column: "sealed_credentials" }
}
