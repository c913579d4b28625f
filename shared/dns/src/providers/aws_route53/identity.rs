//! The credentials of the machine.

use serde::Deserialize;

use super::wire::ByWebIdentity;
use super::{good, xml};
use crate::DnsError;
use crate::ambient;
use crate::http::Api;
use crate::sigv4::Credentials;

/// Where they come from.
#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "snake_case")]
pub(super) enum Ambient {
    Instance,
    WebIdentity,
}

/// The credentials of this machine.
pub(super) async fn fetch(api: &Api, source: Ambient) -> Result<Credentials, DnsError> {
    let given = match source {
        Ambient::Instance => ambient::aws_instance(api).await?,
        Ambient::WebIdentity => {
            let call = ambient::aws_web_identity(api).await?;
            let answer: ByWebIdentity = xml(&good(api.send(call).await?)?)?;
            let given = answer.assume_role_with_web_identity_result.credentials;
            ambient::AwsCredentials {
                access_key_id: given.access_key_id,
                secret_access_key: given.secret_access_key,
                session_token: given.session_token,
            }
        }
    };
    Ok(Credentials {
        access_key_id: given.access_key_id,
        secret_access_key: given.secret_access_key,
        session_token: Some(given.session_token),
    })
}
