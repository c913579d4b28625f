//! `/v1/pki/certificates/{id}/private-key`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use certmill_service::certificates::{self, Pkcs12Request};
use certmill_service::{App, ServiceError};
use poem::web::Data;
use poem_openapi::param::Path;
use poem_openapi::{Object, OpenApi};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::acts::{PrivateKeyRetrieve, Unkept};
use crate::auth::{Authorized, IssueUnderRole};
use crate::body::{OptionalBody, Reply};
use crate::error::ApiError;
use crate::openapi::Group;
use crate::secret_text::{self, SecretText};
use crate::words::{KeyFormat, KeyType, Word};

pub(crate) struct PrivateKeyApi;

/// In which form the key is wanted; everything may be left out.
#[derive(Object, Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct PrivateKeyRequest {
    /// `pem` (default): PKCS#8 in PEM. `pkcs12`: a bundle with the certificate and its chain, which needs `password`.
    format: Option<Word<KeyFormat>>,
    /// The password of the PKCS#12 bundle: at least 8 characters.
    password: Option<String>,
    /// What stores show the PKCS#12 bundle as; the common name when absent.
    friendly_name: Option<String>,
    /// How the PKCS#12 bundle is encrypted. `modern` (default): AES-256, PBKDF2 and SHA-256. `compatible`: triple DES and
    /// SHA-1, for Windows Server 2016, macOS before 15, Java before 8u301 and appliances; choose a long random password then.
    encryption: Option<String>,
}

/// A stored private key.
#[derive(Object, Serialize)]
struct PrivateKeyView {
    /// `cert_…`
    certificate_id: String,
    /// `pem` or `pkcs12`.
    format: Word<KeyFormat>,
    /// PKCS#8 in PEM, with `format` `pem`.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "secret_text::answer_some")]
    private_key: Option<SecretText>,
    /// `rsa`, `ec` or `ed25519`, with `format` `pem`.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    private_key_type: Option<Word<KeyType>>,
    /// The bundle in base64, with `format` `pkcs12`.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "secret_text::answer_some")]
    pkcs12: Option<SecretText>,
}

#[OpenApi(prefix_path = "/v1/pki", tag = "Group::Certificates")]
impl PrivateKeyApi {
    /// Retrieve a stored private key
    ///
    /// A key is stored when the role has `store_private_keys`, when the CSR was generated here, or when
    /// it was imported. The bundle is encrypted with AES-256 and PBKDF2, which OpenSSL 3, Java 17 and macOS open. Every
    /// retrieval is in the audit log before the key leaves.
    #[oai(path = "/certificates/:id/private-key", method = "post", operation_id = "retrievePrivateKey")]
    async fn retrieve(
        &self,
        caller: Authorized<IssueUnderRole, Unkept<PrivateKeyRetrieve>>,
        app: Data<&App>,
        id: Path<String>,
        body: OptionalBody<PrivateKeyRequest>,
    ) -> Result<Reply<PrivateKeyView>, ApiError> {
        let PrivateKeyRequest { format, password, friendly_name, encryption } = body.0;
        let password = password.map(Zeroizing::new);
        let id = certificates::parse_id(&id)?;
        let format = format.unwrap_or_else(|| Word::shown("pem"));
        let mut view = PrivateKeyView {
            certificate_id: id.to_string(),
            format: format.clone(),
            private_key: None,
            private_key_type: None,
            pkcs12: None,
        };
        if &*format == "pem" {
            for (field, given) in [("friendly_name", &friendly_name), ("encryption", &encryption)] {
                if given.is_some() {
                    let problem = "is for format `pkcs12` only: leave it out";
                    return Err(ServiceError::field(field, problem).into());
                }
            }
        }
        match (&*format, password) {
            ("pem", None) => {
                let key = certificates::private_key(&app, &caller, id).await?;
                view.private_key = Some(key.pem.into());
                view.private_key_type = Some(Word::shown(key.key_type));
            }
            ("pkcs12", Some(password)) => {
                let bundle = certificates::pkcs12(
                    &app,
                    &caller,
                    id,
                    Pkcs12Request { password, friendly_name, encryption },
                )
                .await?;
                view.pkcs12 = Some(Zeroizing::new(BASE64.encode(&bundle)).into());
            }
            ("pem", Some(_)) => {
                return Err(
                    ServiceError::field("password", "is for format `pkcs12` only: leave it out").into()
                );
            }
            ("pkcs12", None) => {
                return Err(ServiceError::field("password", "is required for format `pkcs12`").into());
            }
            (other, _) => {
                let problem = format!("`{other}` is unknown: use `pem` or `pkcs12`");
                return Err(ServiceError::field("format", problem).into());
            }
        }
        Ok(Reply(view))
    }
}
