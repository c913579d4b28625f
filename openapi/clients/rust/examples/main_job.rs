//! The main job of certmill by the Rust client: CAs, a role, certificates, search, revocation, a CRL, a refusal.

use anyhow::{bail, ensure};
use certmill_client::queries::ListCertificates;
use certmill_client::types::{CaKind, CreateCaRequest, CreateRoleRequest, IssueCertificateRequest};
use certmill_client::types::{RevocationReason, RevokeCertificateRequest};
use certmill_client::{Api, Error};

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let token = std::env::var("CERTMILL_TOKEN")?;
    let api = Api::new(&std::env::var("CERTMILL_URL")?, &token.into(), None)?;
    let client = api.client();
    let run = format!("rust-{}", std::process::id());
    let key_type = Some("ec".into());

    let (name, common_name) = (format!("{run}-root"), "Rust Root".to_owned());
    let root =
        CreateCaRequest { name, common_name, ca_type: CaKind::ROOT.into(), key_type, ..Default::default() };
    let root = client.create_ca(None, &root).await?;
    let (name, common_name, ca_type) = (run.clone(), "Rust CA".to_owned(), CaKind::INTERMEDIATE.into());
    let below = CreateCaRequest { name, common_name, ca_type, ..Default::default() };
    let ca =
        client.create_ca(None, &CreateCaRequest { parent_ca_id: Some(root.id.clone()), ..below }).await?;
    let (ca_id, domain) = (ca.id.clone(), format!("{run}.test"));
    let role = CreateRoleRequest { name: run.clone(), ca_id: ca_id.clone(), ..Default::default() };
    let domains = Some(vec![domain.clone()]);
    let role = CreateRoleRequest { allowed_domains: domains, allow_subdomains: Some(true), ..role };
    client.create_role(None, &role).await?;

    let wish = |name: String| IssueCertificateRequest { common_name: Some(name), ..Default::default() };
    for host in ["a", "b", "c"] {
        client.issue_certificate(&run, None, &wish(format!("{host}.{domain}"))).await?;
    }
    let (mut found, mut cursor, san) = (Vec::new(), None::<String>, format!("*.{domain}"));
    loop {
        let wanted = ListCertificates { san: Some(&san), limit: Some(2), ..Default::default() };
        let wanted = ListCertificates { cursor: cursor.as_deref(), ..wanted };
        let page = client.list_certificates(wanted).await?.into_inner();
        found.extend(page.certificates);
        let Some(next) = page.cursor else { break };
        cursor = Some(next);
    }
    ensure!(found.len() == 3, "{} certificates instead of 3", found.len());
    let (serial_number, reason) = (found[0].serial_number.clone(), Some(RevocationReason::SUPERSEDED.into()));
    let revocation = RevokeCertificateRequest { serial_number, reason, ..Default::default() };
    for _ in 0..2 {
        client.revoke_certificate(Some(&run), &revocation).await?;
    }
    let crl = api.octets(&["v1", "pki", "ca", &ca_id, "crl"], &[], "application/pkix-crl").await?;
    ensure!(crl.first() == Some(&0x30), "the CRL is not DER");
    let Err(Error::ErrorResponse(refused)) =
        client.issue_certificate(&run, None, &wish("www.example.com".to_owned())).await
    else {
        bail!("a name that the role does not allow was not refused");
    };
    println!("rust: {} certificates, refused with {}", found.len(), refused.error.code);
    Ok(())
}
