//! `/v1/secrets`: credentials and keys that other objects refer to by path.

use std::collections::BTreeMap;

use certmill_service::domain::{Secret, SecretType};
use certmill_service::secrets::{self, NewSecret};
use certmill_service::{App, PageRequest, ServiceError};
use poem::web::Data;
use poem_openapi::param::{Path, Query};
use poem_openapi::{Object, OpenApi};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::acts::{SecretDelete, SecretRead, SecretWrite};
use crate::auth::{Admin, Authorized};
use crate::body::{Body, Created, Either, NoContent, Reply};
use crate::error::ApiError;
use crate::openapi::Group;
use crate::secret_text::{self, SecretJson};
use crate::words::Word;

pub(crate) struct SecretsApi;

/// What to keep.
#[derive(Object, Deserialize)]
#[serde(deny_unknown_fields)]
struct PutSecretRequest {
    /// A JSON object of at most 64 KiB. `text` has the one field `value`; `certificate` has `certificate` and, where there are
    /// such, `private_key` and `chain`, all in PEM. For a DNS provider: its credentials by the names that its configuration has.
    data: BTreeMap<String, Value>,
    /// `json` (the default), `text` or `certificate`.
    secret_type: Option<Word<SecretType>>,
}

/// A secret without its data.
#[derive(Object, Serialize)]
#[oai(rename = "SecretInfo")]
struct SecretInfoView {
    path: String,
    secret_type: Word<SecretType>,
    /// The number of the newest version, counted from 1.
    version: i64,
    created_at: String,
    updated_at: String,
}

/// A secret.
#[derive(Object, Serialize)]
#[oai(rename = "Secret")]
struct SecretView {
    path: String,
    secret_type: Word<SecretType>,
    /// The number of the version that this is.
    version: i64,
    /// What is kept.
    #[serde(serialize_with = "secret_text::answer_json")]
    data: SecretJson,
    /// The versions that are kept, newest first.
    versions: Vec<SecretVersionView>,
    created_at: String,
    updated_at: String,
}

/// A version of a secret.
#[derive(Object, Serialize)]
#[oai(rename = "SecretVersion")]
struct SecretVersionView {
    version: i64,
    created_at: String,
}

/// A page of secrets without their data.
#[derive(Object, Serialize)]
struct SecretList {
    secrets: Vec<SecretInfoView>,
    /// Send it as `cursor` for the next page; null on the last one.
    cursor: Option<String>,
    has_more: bool,
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<i64>,
}

#[OpenApi(prefix_path = "/v1", tag = "Group::Secrets")]
impl SecretsApi {
    /// List secrets
    ///
    /// By path, without data; those whose paths begin with `prefix`.
    #[expect(clippy::too_many_arguments, reason = "each is a documented query parameter")]
    #[oai(path = "/secrets", method = "get", operation_id = "listSecrets")]
    async fn list(
        &self,
        caller: Authorized<Admin>,
        app: Data<&App>,
        prefix: Query<Option<String>>,
        count: Query<Option<bool>>,
        limit: Query<Option<i64>>,
        cursor: Query<Option<String>>,
    ) -> Result<Reply<SecretList>, ApiError> {
        let page = PageRequest { limit: limit.0, cursor: cursor.0, count: count.0.unwrap_or_default() };
        let page = secrets::list(&app, &caller, prefix.0.as_deref().unwrap_or_default(), &page).await?;
        let has_more = page.has_more();
        let secrets = page.items.iter().map(info).collect();
        Ok(Reply(SecretList { secrets, cursor: page.cursor, has_more, total: page.total }))
    }

    /// Write a secret
    ///
    /// `path` has up to 10 levels of `a-z`, `0-9`, `-` and `_`, with `/` between them (as it is, or escaped
    /// as `%2F`), at most 512 characters. Each call makes a new version; the last 10 are kept. What refers to the path uses the
    /// newest one from then on. The data is not answered.
    #[oai(path = "/secrets/:path", method = "put", operation_id = "writeSecret")]
    async fn put(
        &self,
        caller: Authorized<Admin, SecretWrite>,
        app: Data<&App>,
        path: Path<String>,
        body: Body<PutSecretRequest>,
    ) -> Result<Either<Created<SecretInfoView>, Reply<SecretInfoView>>, ApiError> {
        let path = secrets::parse_path(&path)?;
        let PutSecretRequest { data, secret_type } = body.0;
        let new = NewSecret { secret_type: secret_type.map(Into::into), data: data.into_iter().collect() };
        match secrets::put(&app, &caller, &path, new).await? {
            (secret, true) => Ok(Either::Left(Created::at(format!("/v1/secrets/{path}"), info(&secret)))),
            (secret, false) => Ok(Either::Right(Reply(info(&secret)))),
        }
    }

    /// Read a secret
    ///
    /// With its data, which the audit log notes; the newest version unless `version` names another one.
    #[oai(path = "/secrets/:path", method = "get", operation_id = "readSecret")]
    async fn read(
        &self,
        caller: Authorized<Admin, SecretRead>,
        app: Data<&App>,
        path: Path<String>,
        version: Query<Option<i64>>,
    ) -> Result<Reply<SecretView>, ApiError> {
        let path = secrets::parse_path(&path)?;
        let open = secrets::read(&app, &caller, &path, version.0).await?;
        let data: Value = serde_json::from_slice(&open.data)
            .map_err(|_| ServiceError::internal("a stored secret is JSON"))?;
        let versions = open.versions.into_iter().map(|version| SecretVersionView {
            version: version.number,
            created_at: version.created_at.to_string(),
        });
        let SecretInfoView { path, secret_type, created_at, updated_at, .. } = info(&open.secret);
        let versions = versions.collect();
        Ok(Reply(SecretView {
            path,
            secret_type,
            version: open.version,
            data: data.into(),
            versions,
            created_at,
            updated_at,
        }))
    }

    /// Delete a secret
    ///
    /// With all its versions. `409 in_use` while a DNS provider refers to it.
    #[oai(path = "/secrets/:path", method = "delete", operation_id = "deleteSecret")]
    async fn delete(
        &self,
        caller: Authorized<Admin, SecretDelete>,
        app: Data<&App>,
        path: Path<String>,
    ) -> Result<NoContent, ApiError> {
        secrets::delete(&app, &caller, &secrets::parse_path(&path)?).await?;
        Ok(NoContent)
    }
}

fn info(secret: &Secret) -> SecretInfoView {
    SecretInfoView {
        path: secret.path.to_string(),
        secret_type: secret.secret_type.clone().into(),
        version: secret.version,
        created_at: secret.created_at.to_string(),
        updated_at: secret.updated_at.to_string(),
    }
}
