//! The credentials of the machine.

use certmill_aws::Credentials;

use super::wire::ByWebIdentity;
use super::{good, xml};
use crate::DnsError;
use crate::ambient::{self, AwsIdentity};
use crate::http::Api;

/// The credentials of this machine.
pub(crate) async fn fetch(api: &Api, identity: AwsIdentity) -> Result<Credentials, DnsError> {
    match identity {
        AwsIdentity::Instance => ambient::aws_instance(api).await,
        AwsIdentity::WebIdentity => {
            let answer: ByWebIdentity = xml(&good(ambient::aws_web_identity(api).await?)?)?;
            Ok(answer.assume_role_with_web_identity_result.credentials)
        }
    }
}
