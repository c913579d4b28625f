//! An account, an order that has ended and a challenge of it, written as rows: no ACME server is needed for who may see them.

use certmill_domain::{
    AccountStatus, AcmeAccount, AcmeAccountId, AcmeChallenge, AcmeChallengeId, AcmeEnvironment,
    AcmeIdentifiers, AcmeOrder, AcmeOrderId, AcmeProvider, ChallengeProgress, ChallengeType, Failure,
    OrderCause, OrderKey, OrderProgress,
};
use certmill_storage::acme_accounts::SealedSecrets;
use certmill_storage::{acme_accounts, acme_challenges, acme_orders};
use tests::TestApp;

/// Writes them; answers the ids of account, order and challenge.
pub(crate) async fn write(app: &TestApp) -> (String, String, String) {
    let (now, entropy) = (app.app.now(), app.app.entropy());
    let account = AcmeAccount {
        id: AcmeAccountId::generate(now, entropy),
        name: "theirs".to_owned(),
        provider: AcmeProvider::Custom.into(),
        environment: AcmeEnvironment::Production.into(),
        directory_url: "https://127.0.0.1:1/directory".to_owned(),
        email: String::new(),
        status: AccountStatus::Deactivated.into(),
        account_url: Some("https://127.0.0.1:1/account".to_owned()),
        eab_kid: None,
        terms_of_service: None,
        error: None,
        created_at: now,
        updated_at: now,
        fallback_account_ids: Vec::new(),
        default_fallback: false,
        key_generation: 0,
        key_change_pending: false,
    };
    let order = AcmeOrder {
        id: AcmeOrderId::generate(now, entropy),
        account_id: account.id,
        progress: OrderProgress::Failed { at_ca: None, completed_at: now, successor: None },
        cause: OrderCause::Api.into(),
        identifiers: AcmeIdentifiers::parse(&["www.example.org"]).unwrap(),
        challenge_type: ChallengeType::Http01.into(),
        dns_provider_id: None,
        auto_renew: true,
        key_type: "ec".to_owned(),
        key_size: 256,
        profile: None,
        preferred_chain: None,
        common_name: None,
        reuse_key: false,
        key: OrderKey::Ours { csr: None },
        fallback_of: None,
        first_account_id: None,
        renews: None,
        deadline_at: now,
        error: None,
        attempts: 0,
        failures: 0,
        next_attempt_at: None,
        refreshed_at: None,
        created_at: now,
        updated_at: now,
        warnings: None,
    };
    let challenge = AcmeChallenge {
        id: AcmeChallengeId::generate(now, entropy),
        order_id: order.id,
        authorization_url: "https://127.0.0.1:1/authorization".to_owned(),
        url: "https://127.0.0.1:1/challenge".to_owned(),
        identifier: "www.example.org".to_owned(),
        wildcard: false,
        kind: ChallengeType::Http01.into(),
        token: "token".to_owned(),
        key_authorization: "token.thumbprint".to_owned(),
        progress: ChallengeProgress::Waiting.failed(Failure::new("timed_out", "it took too long")),
        failures: 0,
        forced: false,
        note: None,
        dns_servers: Vec::new(),
        attempts: 0,
        next_attempt_at: None,
        deadline_at: now,
        created_at: now,
        updated_at: now,
    };
    let ids = (account.id.to_string(), order.id.to_string(), challenge.id.to_string());
    let mut tx = app.app.database().begin(app.tenant.id).await.unwrap();
    let secrets = SealedSecrets { key: vec![0], eab_key: None };
    acme_accounts::insert(&mut tx, &account, secrets).await.unwrap();
    acme_orders::insert(&mut tx, &order).await.unwrap();
    acme_challenges::insert(&mut tx, &[challenge]).await.unwrap();
    tx.commit().await.unwrap();
    ids
}
