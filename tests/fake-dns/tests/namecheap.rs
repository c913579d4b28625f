//! What a provider must not lose whose API only writes whole domains.

#![expect(clippy::unwrap_used, reason = "the helpers of a test may fail it")]

use fake_dns::vendors::namecheap::{self, MAIL};
use fake_dns::{Fault, Lab};

const NAME: &str = Lab::KEPT_AT;

/// Everything of the zone but the value: names, types, values and times to live.
fn others(lab: &Lab, value: &str) -> Vec<String> {
    let mut state = lab.fake().zones().lock();
    let zone = state.zone(Lab::ZONE).unwrap();
    let sets = zone.sets.iter().flat_map(|((name, kind), set)| {
        set.records.iter().map(move |record| format!("{name} {kind} {} {}", set.ttl, record.value))
    });
    sets.filter(|record| !record.ends_with(value)).collect()
}

async fn lab_with_records() -> Lab {
    let lab = namecheap::lab().await;
    let mut state = lab.fake().zones().lock();
    let zone = state.zone(Lab::ZONE).unwrap().id;
    for (name, kind, ttl, value) in [
        ("www.example.test", "A", 120, "192.0.2.1"),
        ("example.test", "MX", 300, "20 mail.example.test."),
        ("example.test", "MX", 300, "30 mail2.example.test."),
        ("alias.example.test", "CNAME", 60, "www.example.test."),
        ("old.example.test", "URL301", 1_800, "https://www.example.test/?a=1&b=\"2\""),
        ("example.test", MAIL, 60, "MX"),
    ] {
        state.add_record(zone, (name, kind), ttl, value).unwrap();
    }
    drop(state);
    lab
}

#[tokio::test]
async fn everything_else_of_the_domain_stays() {
    let lab = lab_with_records().await;
    let before = others(&lab, "challenge-value");
    let provider = lab.open().unwrap();
    let zone = provider.find_zone(NAME).await.unwrap();
    provider.add_txt(&zone, NAME, "challenge-value").await.unwrap();
    assert_eq!(others(&lab, "challenge-value"), before);
    assert_eq!(lab.txt(NAME).await.len(), 2);
    provider.remove_txt(&zone, NAME, "challenge-value").await.unwrap();
    assert_eq!(others(&lab, "challenge-value"), before);
    assert_eq!(lab.txt(NAME).await, [Lab::KEPT]);
}

/// Somebody who read the domain before a change writes it afterwards: what is lost is written again, with what they wrote.
#[tokio::test]
async fn what_is_pushed_out_is_written_again() {
    let lab = lab_with_records().await;
    let before = others(&lab, "challenge-value");
    let provider = lab.open().unwrap();
    let zone = provider.find_zone(NAME).await.unwrap();
    for _ in 0..3 {
        lab.fake().fail(Fault::ChangeOverwritten);
    }
    provider.add_txt(&zone, NAME, "challenge-value").await.unwrap();
    assert_eq!(others(&lab, "challenge-value"), before);
    assert_eq!(lab.txt(NAME).await.len(), 2);
    // Not for ever.
    for _ in 0..20 {
        lab.fake().fail(Fault::ChangeOverwritten);
    }
    let error = provider.add_txt(&zone, NAME, "another-value").await.unwrap_err();
    assert!(matches!(error, certmill_dns::DnsError::Conflict(_)), "{error:?}");
}

#[tokio::test]
async fn an_address_that_is_not_on_the_list_is_told() {
    let lab = namecheap::lab().await;
    let config = lab.config_with(serde_json::json!({ "client_ip": "198.51.100.8" }));
    let error = lab.open_with(&config).unwrap().verify().await.unwrap_err();
    assert!(matches!(error, certmill_dns::DnsError::Auth(_)), "{error:?}");
}
