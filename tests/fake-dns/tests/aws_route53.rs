//! What is particular about Route 53: roles, private zones, and an implementation of its API that is not ours.

use certmill_dns::{ChangeState, DnsError};
use fake_dns::Lab;
use fake_dns::vendors::aws_route53::{EXTERNAL_ID, ROLE_ARN, lab};
use launch::Moto;
use serde_json::json;

#[tokio::test]
async fn a_role_is_taken_on_first() {
    let lab = lab().await;
    let config = lab.config_with(json!({ "role_arn": ROLE_ARN, "external_id": EXTERNAL_ID }));
    let provider = lab.open_with(&config).unwrap();
    assert_eq!(provider.verify().await.unwrap().len(), 253);
    let calls = lab.fake().requests();
    assert_eq!(calls.iter().filter(|call| *call == "POST /?").count(), 1, "once for all pages: {calls:?}");
    let config = lab.config_with(json!({ "role_arn": ROLE_ARN, "external_id": "of-another-tenant" }));
    let error = lab.open_with(&config).unwrap().verify().await.unwrap_err();
    assert!(matches!(&error, DnsError::NotAllowed(_)), "{error:?}");
}

#[tokio::test]
async fn private_zones_are_used_when_they_are_meant() {
    let lab = lab().await;
    let public = lab.open().unwrap().find_zone(Lab::KEPT_AT).await.unwrap();
    let provider = lab.open_with(&lab.config_with(json!({ "private_zone": true }))).unwrap();
    let private = provider.find_zone(Lab::KEPT_AT).await.unwrap();
    assert_eq!(public.apex, private.apex);
    assert_ne!(public.id, private.id);
    assert_eq!(provider.verify().await.unwrap(), [Lab::ZONE]);
    // A zone that is named is not looked for: the credentials may not be allowed to list.
    let provider = lab.open_with(&lab.config_with(json!({ "hosted_zone_id": public.id }))).unwrap();
    assert_eq!(provider.find_zone(Lab::KEPT_AT).await.unwrap(), public);
    assert!(!lab.fake().requests().last().unwrap().contains("hostedzonesbyname"));
}

#[tokio::test]
async fn a_change_is_pending_until_it_is_in_sync() {
    let lab = lab().await;
    let provider = lab.open().unwrap();
    let zone = provider.find_zone(Lab::KEPT_AT).await.unwrap();
    let change = provider.add_txt(&zone, Lab::KEPT_AT, "new").await.unwrap();
    let id = change.pending.unwrap();
    assert!(matches!(provider.poll(&id).await.unwrap(), ChangeState::Pending { .. }));
    assert_eq!(lab.txt(Lab::KEPT_AT).await, [Lab::KEPT]);
    let mut looks = 0;
    while provider.poll(&id).await.unwrap() != ChangeState::Done {
        looks += 1;
        assert!(looks < 10);
    }
    assert_eq!(lab.txt(Lab::KEPT_AT).await, ["new", Lab::KEPT]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn moto_understands_it() {
    let moto = tokio::task::spawn_blocking(|| {
        let moto = Moto::start();
        for number in 0..120 {
            moto.hosted_zone(&format!("zone-{number}.test."), false);
        }
        moto.hosted_zone("example.test.", true);
        moto.hosted_zone("example.test.", false);
        moto
    })
    .await
    .unwrap();
    let lab = lab().await;
    let provider = lab.open_with(&lab.config_with(json!({ "base_url": moto.url() }))).unwrap();
    let zones = provider.verify().await.unwrap();
    assert!(zones.contains(&"example.test".to_owned()), "{zones:?}");
    assert_eq!(zones.len(), 121);
    for name in ["_acme-challenge.example.test", "*.wild.example.test"] {
        let zone = provider.find_zone(name).await.unwrap();
        for value in ["one", "two \"quoted\"", "one"] {
            provider.add_txt(&zone, name, value).await.unwrap();
        }
        assert_eq!(provider.list_txt(&zone, name).await.unwrap(), ["one", "two \"quoted\""]);
        provider.remove_txt(&zone, name, "one").await.unwrap();
        assert_eq!(provider.list_txt(&zone, name).await.unwrap(), ["two \"quoted\""]);
        provider.remove_txt(&zone, name, "two \"quoted\"").await.unwrap();
        assert!(provider.list_txt(&zone, name).await.unwrap().is_empty());
    }
}
