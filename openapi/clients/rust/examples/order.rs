//! One order at an ACME server by the Rust client: an account, an order, its certificate.

use anyhow::{Context, ensure};
use certmill_client::Api;
use certmill_client::types::{
    AcmeProvider, ChallengeType, OrderRequest, OrderStatus, RegisterAccountRequest,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let token = std::env::var("CERTMILL_TOKEN")?;
    let api = Api::new(&std::env::var("CERTMILL_URL")?, &token.into(), None)?;
    let client = api.client();
    let account = RegisterAccountRequest {
        name: format!("rust-{}", std::process::id()),
        provider: AcmeProvider::CUSTOM.into(),
        directory_url: Some(std::env::var("CERTMILL_ACME_DIRECTORY")?),
        terms_of_service_agreed: Some(true),
        ..Default::default()
    };
    let account = client.create_acme_account(None, &account).await?.into_inner();

    // The server looks for the answer to its challenge at this machine. Other programs have ordered for the same name.
    let wish = OrderRequest {
        account_id: account.id.clone(),
        domains: Some(vec!["127.0.0.1".to_owned()]),
        challenge_type: Some(ChallengeType::HTTP_01.into()),
        auto_renew: Some(false),
        force: Some(true),
        ..Default::default()
    };
    let order = client.create_acme_order(Some("30s"), None, &wish).await?.into_inner();
    ensure!(order.status.0 == OrderStatus::VALID, "the order is not valid: {order:?}");
    let certificate = order.certificate_id.context("a valid order has a certificate")?;
    let certificate = client.get_certificate(&certificate).await?.into_inner();
    ensure!(certificate.sans.ip == ["127.0.0.1"], "the certificate is for other names: {certificate:?}");
    client.deactivate_acme_account(&account.id, None).await?;
    println!("rust: the order {} is valid", order.id);
    Ok(())
}
