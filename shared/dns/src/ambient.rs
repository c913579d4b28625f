//! Credentials of the machine itself, which clouds give to what runs on them. Only what the operator
//! allows is used, for whom the operator allows it; the metadata services are asked at the operator's addresses, whatever a
//! configuration says, and with these credentials only the vendor itself is spoken to.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use certmill_aws::Credentials;
use certmill_egress::{Egress, EgressOptions, EgressPolicy};
use ipnet::IpNet;
use serde::Deserialize;
use serde_json::Value;
use zeroize::Zeroizing;

use crate::DnsError;
use crate::config::ConfigError;
use crate::http::{Api, Call, Reply, escaped};

/// The field of a configuration that says where ambient credentials come from.
pub(crate) const FIELD: &str = "ambient";
/// Where clouds answer what runs on them.
const METADATA: &str = "http://169.254.169.254";
/// The most octets of a token that is read from a file.
const LARGEST_TOKEN: u64 = 64 * 1024;
/// How long a session with the metadata service of AWS lasts, in seconds.
const SESSION: &str = "60";

/// What the operator allows, and where this machine's credentials are. The names of the vendors' own variables are in
/// brackets.
#[derive(Debug, Clone, Default)]
pub struct AmbientSettings {
    /// Which types of providers may use them, and for which tenant where not for all.
    pub allowed: Vec<AmbientAllowance>,
    /// Whether the operator uses them for something of the service's own.
    pub for_operator: bool,
    /// Addresses that take the place of vendors' own, by these.
    pub vendor_urls: BTreeMap<String, String>,
    /// The metadata service of AWS (`AWS_EC2_METADATA_SERVICE_ENDPOINT`).
    pub aws_metadata_url: Option<String>,
    /// STS (`AWS_ENDPOINT_URL_STS`).
    pub aws_sts_url: Option<String>,
    /// The role of a web identity (`AWS_ROLE_ARN`).
    pub aws_role_arn: Option<String>,
    /// The file that has the token of a web identity (`AWS_WEB_IDENTITY_TOKEN_FILE`).
    pub aws_token_file: Option<PathBuf>,
    /// The metadata server of Google (`GCE_METADATA_HOST`).
    pub google_metadata_url: Option<String>,
    /// The metadata service of Azure.
    pub azure_metadata_url: Option<String>,
    /// Where Azure gives out tokens (`AZURE_AUTHORITY_HOST`).
    pub azure_authority_url: Option<String>,
    /// The directory of a workload identity (`AZURE_TENANT_ID`).
    pub azure_tenant_id: Option<String>,
    /// The client of a workload identity, or of a managed one where there are several (`AZURE_CLIENT_ID`).
    pub azure_client_id: Option<String>,
    /// The file that has the token of a workload identity (`AZURE_FEDERATED_TOKEN_FILE`).
    pub azure_token_file: Option<PathBuf>,
}

/// Where the credentials of this machine at Amazon come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AwsIdentity {
    /// The role of an EC2 instance.
    Instance,
    /// The token of a web identity, as on EKS.
    WebIdentity,
}

/// A type of provider that may use the machine's credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AmbientAllowance {
    /// The type.
    pub kind: String,
    /// The tenant, where not all may.
    pub tenant: Option<String>,
}

impl AmbientSettings {
    /// Whether it depends on the tenant what is allowed.
    pub(crate) fn tells_tenants_apart(&self) -> bool {
        self.allowed.iter().any(|allowance| allowance.tenant.is_some())
    }

    fn allows(&self, kind: &str, tenant: Option<&str>) -> bool {
        self.allowed.iter().any(|allowance| {
            allowance.kind == kind && allowance.tenant.as_deref().is_none_or(|own| Some(own) == tenant)
        })
    }
}

/// The way to this machine's credentials.
pub(crate) struct Ambient {
    pub(crate) settings: AmbientSettings,
    client: Option<Egress>,
}

impl Ambient {
    pub(crate) fn new(settings: AmbientSettings) -> Self {
        let is_used = settings.for_operator || !settings.allowed.is_empty();
        let client = if is_used { client(&settings) } else { None };
        Self { settings, client }
    }

    /// Refuses a provider of this type whose configuration wants what the operator does not allow.
    pub(crate) fn check(&self, kind: &str, config: &Value, tenant: Option<&str>) -> Result<(), DnsError> {
        if config.get(FIELD).is_none() || self.settings.allows(kind, tenant) {
            return Ok(());
        }
        Err(DnsError::Invalid(format!(
            "the operator does not allow {kind} to use this machine's own credentials (acme.ambient_credentials): give it \
             credentials of its own"
        )))
    }

    /// The address that takes the place of a vendor's own.
    pub(crate) fn vendor_url<'a>(&'a self, own: &'a str) -> &'a str {
        self.settings.vendor_urls.get(own).map_or(own, String::as_str)
    }
}

/// A client for the metadata services alone. Beyond the public internet it goes to them and nowhere else, and nobody else goes
/// there; STS and Entra are asked by the provider's own client.
fn client(settings: &AmbientSettings) -> Option<Egress> {
    let urls = [&settings.aws_metadata_url, &settings.google_metadata_url, &settings.azure_metadata_url];
    let hosts = urls.into_iter().flatten().map(String::as_str).chain([METADATA, "http://[fd00:ec2::254]"]);
    let addresses = hosts.filter_map(|url| {
        let rest = url.split_once("://")?.1.split('/').next()?;
        let host = match rest.strip_prefix('[') {
            Some(v6) => v6.split(']').next()?,
            None => rest.split(':').next()?,
        };
        host.parse::<IpAddr>().ok().map(IpNet::from)
    });
    let policy = EgressPolicy::allowing(addresses.collect());
    match Egress::with_options(policy, &EgressOptions::default()) {
        Ok(client) => Some(client.with_credentials()),
        Err(error) => {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "the metadata services cannot be asked"
            );
            None
        }
    }
}

/// What is wrong with a configuration that wants ambient credentials: others beside them, or an address to which they would go
/// in the place of the vendor's.
pub(crate) fn check_config(config: &Value, credentials: &[&str]) -> Result<(), ConfigError> {
    if config.get(FIELD).is_none() {
        return Ok(());
    }
    let Value::Object(fields) = config else { return Ok(()) };
    let wrong = fields.keys().filter(|name| name.ends_with("_url") || credentials.contains(&name.as_str()));
    let problem = |name: &String| {
        let why = if name.ends_with("_url") {
            "cannot go with `ambient`: these credentials go to the vendor alone"
        } else {
            "cannot go with `ambient`: there are credentials already"
        };
        (name.clone(), why.to_owned())
    };
    let wrong: BTreeMap<String, String> = wrong.map(problem).collect();
    if wrong.is_empty() { Ok(()) } else { Err(ConfigError::Fields(wrong)) }
}

/// The credentials of the role of an instance, by version 2 of the metadata service:
/// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html>.
pub(crate) async fn aws_instance(api: &Api) -> Result<Credentials, DnsError> {
    let metadata = metadata(api, api.ambient.settings.aws_metadata_url.as_deref())?;
    let call = Call::new("PUT", metadata.url("/latest/api/token", &[]))
        .header("x-aws-ec2-metadata-token-ttl-seconds", SESSION)
        .reading();
    let session = Zeroizing::new(read(&metadata, call).await?.text());
    let get =
        |path: &str| Call::get(metadata.url(path, &[])).header("x-aws-ec2-metadata-token", session.as_str());
    let roles = read(&metadata, get("/latest/meta-data/iam/security-credentials/")).await?.text();
    let role = roles.lines().next().map(str::trim).filter(|role| !role.is_empty());
    let role = role.ok_or_else(|| DnsError::Auth("the instance has no role".to_owned()))?;
    let path = format!("/latest/meta-data/iam/security-credentials/{}", escaped(role));
    read(&metadata, get(&path)).await?.json()
}

/// What STS answers to whoever brings the token of a web identity:
/// <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html>.
pub(crate) async fn aws_web_identity(api: &Api) -> Result<Reply, DnsError> {
    let settings = &api.ambient.settings;
    let role = settings.aws_role_arn.as_deref().ok_or_else(|| unset("AWS_ROLE_ARN"))?;
    let file = settings.aws_token_file.as_deref().ok_or_else(|| unset("AWS_WEB_IDENTITY_TOKEN_FILE"))?;
    let token = token_file(file).await?;
    let form = format!(
        "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleSessionName=certmill&DurationSeconds=900&RoleArn={}\
         &WebIdentityToken={}",
        escaped(role),
        escaped(&token)
    );
    let url = settings.aws_sts_url.as_deref().unwrap_or("https://sts.amazonaws.com").trim_end_matches('/');
    let call = Call::new("POST", format!("{url}/"))
        .header("accept", "text/xml")
        .body("application/x-www-form-urlencoded", form.into_bytes())
        .reading();
    hiding(api, token).send(call).await
}

/// An access token of the service account of a machine at Google, and the machine's project:
/// <https://cloud.google.com/compute/docs/access/authenticate-workloads>.
pub(crate) async fn google(api: &Api) -> Result<(Zeroizing<String>, String), DnsError> {
    let metadata = metadata(api, api.ambient.settings.google_metadata_url.as_deref())?;
    let token = "/computeMetadata/v1/instance/service-accounts/default/token";
    let given: Token = of_google(&metadata, token).await?.json()?;
    let project = of_google(&metadata, "/computeMetadata/v1/project/project-id").await?.text();
    Ok((given.access_token, project.trim().to_owned()))
}

async fn of_google(metadata: &Api, path: &str) -> Result<Reply, DnsError> {
    let call = Call::get(metadata.url(path, &[])).header("metadata-flavor", "Google");
    let reply = read(metadata, call).await?;
    if reply.header("metadata-flavor") != Some("Google") {
        return Err(reply.unreadable("it is not Google's"));
    }
    Ok(reply)
}

/// An access token of the managed identity of a machine at Azure:
/// <https://learn.microsoft.com/en-us/entra/identity/managed-identities-azure-resources/how-to-use-vm-token>.
pub(crate) async fn azure_managed(
    api: &Api,
    (resource, client): (&str, Option<&str>),
) -> Result<Zeroizing<String>, DnsError> {
    let settings = &api.ambient.settings;
    let metadata = metadata(api, settings.azure_metadata_url.as_deref())?;
    let resource = format!("{resource}/");
    let mut query = vec![("api-version", "2018-02-01"), ("resource", resource.as_str())];
    query.extend(client.or(settings.azure_client_id.as_deref()).map(|id| ("client_id", id)));
    let call = Call::get(metadata.url("/metadata/identity/oauth2/token", &query)).header("metadata", "true");
    Ok(read(&metadata, call).await?.json::<Token>()?.access_token)
}

/// An access token for the token that Kubernetes has put into a file:
/// <https://learn.microsoft.com/en-us/entra/workload-id/workload-identity-federation>.
pub(crate) async fn azure_workload(
    api: &Api,
    (resource, login): (&str, &str),
    (tenant, client): (Option<&str>, Option<&str>),
) -> Result<Zeroizing<String>, DnsError> {
    let settings = &api.ambient.settings;
    let tenant = tenant.or(settings.azure_tenant_id.as_deref()).ok_or_else(|| unset("AZURE_TENANT_ID"))?;
    let client = client.or(settings.azure_client_id.as_deref()).ok_or_else(|| unset("AZURE_CLIENT_ID"))?;
    let file = settings.azure_token_file.as_deref().ok_or_else(|| unset("AZURE_FEDERATED_TOKEN_FILE"))?;
    let token = token_file(file).await?;
    let form = format!(
        "grant_type=client_credentials&client_id={}&scope={}&client_assertion_type={}&client_assertion={}",
        escaped(client),
        escaped(&format!("{resource}/.default")),
        escaped("urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
        escaped(&token)
    );
    let login = settings.azure_authority_url.as_deref().unwrap_or(login).trim_end_matches('/');
    let call = Call::new("POST", format!("{login}/{}/oauth2/v2.0/token", escaped(tenant)))
        .body("application/x-www-form-urlencoded", form.into_bytes())
        .reading();
    let reply = hiding(api, token).send(call).await?;
    if matches!(reply.status, 400 | 401 | 403) {
        return Err(reply.error_as(401));
    }
    Ok(reply.good()?.json::<Token>()?.access_token)
}

#[derive(Deserialize)]
struct Token {
    access_token: Zeroizing<String>,
}

/// The way to the metadata service, with the settings of the provider.
fn metadata(api: &Api, url: Option<&str>) -> Result<Api, DnsError> {
    let none = || DnsError::Unavailable("the metadata service cannot be asked".to_owned());
    Ok(Api {
        egress: api.ambient.client.clone().ok_or_else(none)?,
        vendor: "the metadata service",
        base_url: url.unwrap_or(METADATA).trim_end_matches('/').to_owned(),
        ..api.clone()
    })
}

/// The same way for a request that carries a token of this machine, which is in no message.
fn hiding(api: &Api, token: Zeroizing<String>) -> Api {
    let mut api = api.clone();
    api.secrets.push(token);
    api
}

/// A good answer; that there is nothing to be had is a matter of credentials.
async fn read(metadata: &Api, call: Call) -> Result<Reply, DnsError> {
    let reply = metadata.send(call).await?;
    if matches!(reply.status, 400 | 401 | 403 | 404) {
        return Err(reply.error_as(401));
    }
    reply.good()
}

async fn token_file(path: &Path) -> Result<Zeroizing<String>, DnsError> {
    let unreadable = |error: std::io::Error| {
        tracing::error!(file = %path.display(), error = &error as &dyn std::error::Error, "the token of this machine's identity cannot be read");
        DnsError::Unavailable(
            "the token of this machine's identity cannot be read; the log says why".to_owned(),
        )
    };
    let size = tokio::fs::metadata(path).await.map_err(unreadable)?.len();
    if size > LARGEST_TOKEN {
        return Err(DnsError::Invalid("the token of this machine's identity is too large".to_owned()));
    }
    let text = Zeroizing::new(tokio::fs::read_to_string(path).await.map_err(unreadable)?);
    Ok(Zeroizing::new(text.trim().to_owned()))
}

fn unset(variable: &str) -> DnsError {
    DnsError::Invalid(format!("this machine has no such identity: {variable} is not set for certmill"))
}
