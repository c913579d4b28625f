//! Credentials of the machine in the place of written ones: against the metadata services and token endpoints as the vendors
//! document them, and only where the operator allows it.

#![expect(clippy::unwrap_used, reason = "the helpers of a test may fail it")]

mod log;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use certmill_dns::{AmbientAllowance, AmbientSettings, DnsError, DnsProvider, DnsSettings, Providers};
use certmill_domain::SystemClock;
use certmill_egress::{Egress, EgressPolicy};
use fake_dns::vendors::{aws_route53, azure_dns, google_cloud_dns};
use fake_dns::{FakeDns, Fault, Lab};
use serde_json::{Value, json};

use self::log::Log;

const NAME: &str = Lab::KEPT_AT;

/// A file with a token.
struct TokenFile(PathBuf);

impl TokenFile {
    fn with(token: &str) -> Self {
        let name = format!("certmill-token-{}-{}", std::process::id(), token.len());
        let path = std::env::temp_dir().join(name);
        writeln!(std::fs::File::create(&path).unwrap(), "{token}").unwrap();
        Self(path)
    }
}

impl Drop for TokenFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// What the operator says, with everything at one fake.
fn settings(kind: &str, tenant: Option<&str>, fake: &FakeDns) -> AmbientSettings {
    let own = ["https://route53.amazonaws.com", "https://dns.googleapis.com", "https://management.azure.com"];
    AmbientSettings {
        allowed: vec![AmbientAllowance { kind: kind.to_owned(), tenant: tenant.map(str::to_owned) }],
        vendor_urls: own.map(|own| (own.to_owned(), fake.url())).into_iter().collect::<BTreeMap<_, _>>(),
        aws_metadata_url: Some(fake.url()),
        aws_sts_url: Some(fake.url()),
        google_metadata_url: Some(fake.url()),
        azure_metadata_url: Some(fake.url()),
        azure_authority_url: Some(fake.url()),
        ..AmbientSettings::default()
    }
}

fn open(
    ambient: AmbientSettings,
    tenant: &str,
    (kind, config): (&str, &Value),
) -> Result<Box<dyn DnsProvider>, DnsError> {
    let parsed =
        certmill_dns::parse_config(kind, config).map_err(|error| DnsError::Invalid(error.to_string()))?;
    let policy = EgressPolicy::allowing(vec!["127.0.0.1/32".parse().unwrap()]);
    let egress = Egress::new(policy.clone()).unwrap();
    let settings = DnsSettings { ambient, ..DnsSettings::default() };
    let providers = Providers::new(settings, policy, egress, Arc::new(SystemClock)).for_tenant(tenant);
    providers.open(kind, &parsed.public, &parsed.secret)
}

/// Adds a value and takes it away again.
async fn works(lab: &Lab, provider: &dyn DnsProvider) {
    let zones = provider.verify().await.unwrap();
    assert!(zones.contains(&Lab::ZONE.to_owned()), "{zones:?}");
    let zone = provider.find_zone(NAME).await.unwrap();
    provider.add_txt(&zone, NAME, "ambient").await.unwrap();
    assert!(lab.fake().zones().txt(NAME).contains(&"ambient".to_owned()));
    provider.remove_txt(&zone, NAME, "ambient").await.unwrap();
    assert_eq!(lab.fake().zones().txt(NAME), [Lab::KEPT]);
}

#[tokio::test]
async fn aws_by_the_role_of_an_instance() {
    let lab = aws_route53::lab().await;
    let ambient = settings("aws_route53", None, lab.fake());
    let provider = open(ambient, "shop", ("aws_route53", &json!({ "ambient": "instance" }))).unwrap();
    works(&lab, &*provider).await;
    let requests = lab.fake().requests();
    assert!(requests[0].starts_with("PUT /latest/api/token"), "{requests:?}");
}

#[tokio::test]
async fn aws_by_a_web_identity() {
    let lab = aws_route53::lab().await;
    let file = TokenFile::with(aws_route53::WEB_IDENTITY);
    let own = AmbientSettings {
        aws_role_arn: Some(aws_route53::ROLE_ARN.to_owned()),
        aws_token_file: Some(file.0.clone()),
        ..settings("aws_route53", None, lab.fake())
    };
    let config = json!({ "ambient": "web_identity" });
    works(&lab, &*open(own.clone(), "shop", ("aws_route53", &config)).unwrap()).await;
    let other = TokenFile::with("eyJ0.another.identity");
    let wrong = AmbientSettings { aws_token_file: Some(other.0.clone()), ..own.clone() };
    let error = open(wrong, "shop", ("aws_route53", &config)).unwrap().verify().await.unwrap_err();
    assert!(matches!(error, DnsError::Auth(_)), "{error:?}");
    let unset = AmbientSettings { aws_role_arn: None, ..own };
    let error = open(unset, "shop", ("aws_route53", &config)).unwrap().verify().await.unwrap_err();
    assert!(error.to_string().contains("AWS_ROLE_ARN"), "{error}");
}

#[tokio::test]
async fn google_by_the_metadata_server() {
    let lab = google_cloud_dns::lab().await;
    let ambient = settings("google_cloud_dns", None, lab.fake());
    let provider = open(ambient, "shop", ("google_cloud_dns", &json!({ "ambient": "metadata" }))).unwrap();
    works(&lab, &*provider).await;
}

#[tokio::test]
async fn azure_by_a_managed_identity() {
    let lab = azure_dns::lab().await;
    let ambient = settings("azure_dns", None, lab.fake());
    let config = json!({ "ambient": "managed_identity", "subscription_id": azure_dns::SUBSCRIPTION });
    works(&lab, &*open(ambient.clone(), "shop", ("azure_dns", &config)).unwrap()).await;
    let other = json!({ "ambient": "managed_identity", "subscription_id": azure_dns::SUBSCRIPTION, "client_id": "0-0" });
    let error = open(ambient, "shop", ("azure_dns", &other)).unwrap().verify().await.unwrap_err();
    assert!(matches!(error, DnsError::Auth(_)), "{error:?}");
}

#[tokio::test]
async fn azure_by_a_workload_identity() {
    let lab = azure_dns::lab().await;
    let file = TokenFile::with(azure_dns::FEDERATED);
    let ambient = AmbientSettings {
        azure_token_file: Some(file.0.clone()),
        azure_client_id: Some(azure_dns::CLIENT.to_owned()),
        azure_tenant_id: Some(azure_dns::TENANT.to_owned()),
        ..settings("azure_dns", None, lab.fake())
    };
    let config = json!({ "ambient": "workload_identity", "subscription_id": azure_dns::SUBSCRIPTION });
    works(&lab, &*open(ambient, "shop", ("azure_dns", &config)).unwrap()).await;
}

/// What is said to the identity of the machine is for the operator, and its tokens are for nobody.
#[tokio::test]
async fn refusals_are_logged_without_the_token() {
    let (aws, azure) = (aws_route53::lab().await, azure_dns::lab().await);
    let token = "eyJ0.a-token/of.the+machine=";
    let file = TokenFile::with(token);
    let by_aws = AmbientSettings {
        aws_role_arn: Some(aws_route53::ROLE_ARN.to_owned()),
        aws_token_file: Some(file.0.clone()),
        ..settings("aws_route53", None, aws.fake())
    };
    let by_azure = AmbientSettings {
        azure_token_file: Some(file.0.clone()),
        azure_client_id: Some(azure_dns::CLIENT.to_owned()),
        azure_tenant_id: Some(azure_dns::TENANT.to_owned()),
        ..settings("azure_dns", None, azure.fake())
    };
    let of_azure = json!({ "ambient": "workload_identity", "subscription_id": azure_dns::SUBSCRIPTION });
    for (lab, ambient, kind, config) in [
        (&aws, by_aws, "aws_route53", json!({ "ambient": "web_identity" })),
        (&azure, by_azure, "azure_dns", of_azure),
    ] {
        let provider = open(ambient, "shop", (kind, &config)).unwrap();
        lab.fake().fail(Fault::Echo);
        let (log, guard) = Log::capture();
        let error = provider.verify().await.unwrap_err().to_string();
        drop(guard);
        assert!(!error.contains("bad request") && error.contains("the log of certmill"), "{error}");
        let logged = log.text();
        assert!(logged.contains("bad request"), "{logged}");
        let escaped = "eyJ0.a-token%2Fof.the%2Bmachine%3D";
        assert!(!logged.contains(token) && !logged.contains(escaped), "{logged}");
    }
}

#[tokio::test]
async fn the_operator_allows_it_by_type_and_tenant() {
    let lab = aws_route53::lab().await;
    let config = json!({ "ambient": "instance" });
    let refused = |ambient: AmbientSettings, tenant: &str| {
        let error = open(ambient, tenant, ("aws_route53", &config)).err().unwrap();
        assert!(error.to_string().contains("acme.ambient_credentials"), "{error}");
    };
    refused(AmbientSettings::default(), "shop");
    refused(settings("google_cloud_dns", None, lab.fake()), "shop");
    refused(settings("aws_route53", Some("shop"), lab.fake()), "stall");
    assert!(
        open(settings("aws_route53", Some("shop"), lab.fake()), "shop", ("aws_route53", &config)).is_ok()
    );
    assert!(lab.fake().requests().is_empty());
}

/// Whoever configures a provider does not choose where the machine's credentials go.
#[test]
fn they_go_to_the_vendor_alone() {
    for (kind, config, field) in [
        ("aws_route53", json!({ "ambient": "instance", "base_url": "https://x.example" }), "base_url"),
        ("aws_route53", json!({ "ambient": "instance", "sts_url": "https://x.example" }), "sts_url"),
        ("aws_route53", json!({ "ambient": "instance", "secret_access_key": "x" }), "secret_access_key"),
        ("google_cloud_dns", json!({ "ambient": "metadata", "token_url": "https://x.example" }), "token_url"),
        (
            "azure_dns",
            json!({ "ambient": "workload_identity", "subscription_id": "0-0", "login_url": "https://x.example" }),
            "login_url",
        ),
        ("azure_dns", json!({ "ambient": "instance", "subscription_id": "0-0" }), "ambient"),
    ] {
        let error = certmill_dns::parse_config(kind, &config).unwrap_err();
        let certmill_dns::ConfigError::Fields(fields) = error else { panic!("{kind}") };
        assert!(fields.contains_key(field), "{kind} {field}: {fields:?}");
    }
}
