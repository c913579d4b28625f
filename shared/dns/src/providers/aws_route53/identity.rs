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
    match source {
        Ambient::Instance => ambient::aws_instance(api).await,
        Ambient::WebIdentity => {
            let answer: ByWebIdentity = xml(&good(ambient::aws_web_identity(api).await?)?)?;
            Ok(answer.assume_role_with_web_identity_result.credentials)
        }
    }
}
