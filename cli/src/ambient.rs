//! Where this machine's own credentials are, by the variables that the vendors' own programs read.

use certmill_config::{Config, S3Credentials};
use certmill_dns::{AmbientAllowance, AmbientSettings};

/// What the operator allows, and where it is found.
pub(crate) fn settings(config: &Config) -> AmbientSettings {
    let allowed = config.acme.ambient_credentials.iter();
    let allowed: Vec<AmbientAllowance> = allowed
        .map(|allowed| AmbientAllowance { kind: allowed.kind.clone(), tenant: allowed.tenant.clone() })
        .collect();
    let for_operator =
        matches!(config.publish.s3.as_ref().map(|s3| &s3.credentials), Some(S3Credentials::Ambient(_)));
    if allowed.is_empty() && !for_operator {
        return AmbientSettings::default();
    }
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    AmbientSettings {
        allowed,
        for_operator,
        vendor_urls: std::collections::BTreeMap::new(),
        aws_metadata_url: variable("AWS_EC2_METADATA_SERVICE_ENDPOINT"),
        aws_sts_url: variable("AWS_ENDPOINT_URL_STS"),
        aws_role_arn: variable("AWS_ROLE_ARN"),
        aws_token_file: variable("AWS_WEB_IDENTITY_TOKEN_FILE").map(Into::into),
        google_metadata_url: variable("GCE_METADATA_HOST").map(|host| format!("http://{host}")),
        azure_metadata_url: None,
        azure_authority_url: variable("AZURE_AUTHORITY_HOST"),
        azure_tenant_id: variable("AZURE_TENANT_ID"),
        azure_client_id: variable("AZURE_CLIENT_ID"),
        azure_token_file: variable("AZURE_FEDERATED_TOKEN_FILE").map(Into::into),
    }
}
