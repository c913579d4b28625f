//! `propagation.timeout_seconds`: how long a TXT value may take until it is seen, whatever keeps it from being seen.

use std::time::Duration;

use certmill_domain::Timestamp;
use fake_acme::FakeAcmeOptions;
use fake_dns::{Lab as DnsLab, NameServer, RecordSet, vendors};
use poem::http::StatusCode;
use serde_json::{Value, json};
use tests::{Mode, both_modes};

use crate::acme_faults::Lab;
use crate::ca::seconds;

const NAME: &str = "_acme-challenge.shop.example.test";

/// A service that asks `resolver`, with an order that is proven through the vendor's API; answers the order's path.
async fn ordered(
    mode: Mode,
    dns: &DnsLab,
    resolver: std::net::SocketAddr,
    propagation: Value,
) -> (Lab, String) {
    let lab = Lab::with(mode, FakeAcmeOptions::default(), vec![resolver]).await;
    let account = lab.account().await;
    let config = dns.config_with(json!({ "propagation": propagation }));
    let body = json!({ "name": "dns", "type": dns.kind, "config": config });
    let provider = lab.app.post("/v1/pki/dns-providers", body).await.json_with(StatusCode::CREATED);
    let body = json!({
        "account_id": account, "domains": ["shop.example.test"], "challenge_type": "dns-01",
        "dns_provider_id": provider["id"]
    });
    let order = lab.app.post("/v1/pki/acme/issue", body).await.json_with(StatusCode::ACCEPTED);
    (lab, format!("/v1/pki/acme/orders/{}", order["id"].as_str().unwrap()))
}

/// Lets time pass until the order has failed because its value was not seen; answers the order and how long it took. Somebody
/// removes the value whenever it was added.
async fn not_propagated(lab: &Lab, dns: &DnsLab, order: &str) -> (Value, Duration) {
    let time = |value: &Value| Timestamp::from_unix_seconds(seconds(value));
    for _ in 0..60 {
        lab.app.settled().await;
        let order = lab.app.get(order).await.json_with(StatusCode::OK);
        if order["status"] == "invalid" {
            assert_eq!(order["error"]["code"], "dns_not_propagated", "{order:#}");
            let took = time(&order["completed_at"]).since(time(&order["created_at"]));
            return (order, took);
        }
        {
            let mut state = dns.fake().zones().lock();
            let zone = state.zone(DnsLab::ZONE).unwrap().id;
            state.replace(zone, (NAME, "TXT"), 0, &[]);
        }
        lab.app.advance(Duration::from_secs(20)).await;
    }
    panic!("it goes on: {:#}", lab.app.get(order).await.json());
}

/// How often the vendor was asked to add a value.
fn additions(dns: &DnsLab) -> usize {
    dns.fake().requests().iter().filter(|request| request.starts_with("POST")).count()
}

async fn a_value_that_nobody_sees_is_added_twice_and_ends_in_time(mode: Mode, timeout: u64) {
    let dns = vendors::digitalocean::lab().await;
    // The servers that are asked never get what the vendor gets.
    let elsewhere = NameServer::start(vec![DnsLab::zones()]).await;
    let servers = json!([elsewhere.address().to_string()]);
    let propagation = json!({ "settle_seconds": 0, "timeout_seconds": timeout, "nameservers": servers });
    let (lab, order) = ordered(mode, &dns, dns.name_server, propagation).await;
    let (order, took) = not_propagated(&lab, &dns, &order).await;
    let limit = Duration::from_secs(timeout);
    assert!((limit..limit + Duration::from_secs(80)).contains(&took), "it took {took:?}: {order:#}");
    assert_eq!(additions(&dns), 2, "{:#?}", dns.fake().requests());
    assert!(order["error"]["message"].as_str().unwrap().contains("seen at 0 of 1"), "{order:#}");
    assert_eq!(lab.ca.log().count(fake_acme::Endpoint::Challenge), 0, "the CA was told");
    lab.app.settled().await;
    assert!(dns.txt(NAME).await.is_empty(), "the value is still there");
}

async fn a_look_that_fails_itself_ends_in_time(mode: Mode) {
    let dns = vendors::digitalocean::lab().await;
    let resolver = NameServer::start(vec![dns.fake().zones().clone()]).await;
    let propagation = json!({ "settle_seconds": 0, "timeout_seconds": 170 });
    let (lab, order) = ordered(mode, &dns, resolver.address(), propagation).await;
    lab.app.eventually(&order, |order| order["challenges"][0]["progress"] == "propagating").await;
    // The name servers of the zone cannot be looked up any more.
    drop(resolver);
    let (order, took) = not_propagated(&lab, &dns, &order).await;
    assert!((170..260).contains(&took.as_secs()), "it took {took:?}: {order:#}");
    assert!(additions(&dns) <= 2, "{:#?}", dns.fake().requests());
}

async fn a_name_whose_alias_cannot_be_looked_up_ends_in_time(mode: Mode) {
    let dns = vendors::digitalocean::lab().await;
    let propagation = json!({ "settle_seconds": 0, "timeout_seconds": 60 });
    // Nobody answers there.
    let (lab, order) = ordered(mode, &dns, ([127, 0, 0, 1], 1).into(), propagation).await;
    let (order, took) = not_propagated(&lab, &dns, &order).await;
    assert!((60..200).contains(&took.as_secs()), "it took {took:?}: {order:#}");
    assert_eq!(additions(&dns), 0);
}

/// The resolver says about `name` that it has no records of a type, or that it cannot find out; answers how often
/// the value was added.
async fn a_zone_of_which_is_said(mode: Mode, name: &str, kind: &str) -> usize {
    let dns = vendors::digitalocean::lab().await;
    {
        let mut state = dns.fake().zones().lock();
        let zone = state.zone(DnsLab::ZONE).unwrap();
        zone.sets.insert((name.to_owned(), kind.to_owned()), RecordSet::default());
    }
    let propagation = json!({ "settle_seconds": 0, "timeout_seconds": 60 });
    let (lab, order) = ordered(mode, &dns, dns.name_server, propagation).await;
    let (order, took) = not_propagated(&lab, &dns, &order).await;
    assert!((60..200).contains(&took.as_secs()), "{name} {kind}: it took {took:?}: {order:#}");
    assert_eq!(lab.ca.log().count(fake_acme::Endpoint::Challenge), 0, "the CA was told");
    lab.app.settled().await;
    assert!(dns.txt(NAME).await.is_empty(), "the value is still there");
    additions(&dns)
}

/// The value was added, and the look for it never gets as far as the name servers.
async fn a_zone_without_known_name_servers(mode: Mode, name: &str, kind: &str) {
    let additions = a_zone_of_which_is_said(mode, name, kind).await;
    assert!((1..=2).contains(&additions), "{name} {kind}: {additions}");
}

both_modes! {
    async fn a_short_limit(mode: Mode) {
        a_value_that_nobody_sees_is_added_twice_and_ends_in_time(mode, 170).await;
    }

    async fn the_default_limit(mode: Mode) {
        a_value_that_nobody_sees_is_added_twice_and_ends_in_time(mode, 600).await;
    }

    async fn a_look_that_fails(mode: Mode) {
        a_look_that_fails_itself_ends_in_time(mode).await;
    }

    async fn a_zone_without_name_servers(mode: Mode) {
        a_zone_without_known_name_servers(mode, DnsLab::ZONE, "NS").await;
    }

    async fn a_zone_whose_name_servers_nobody_can_tell(mode: Mode) {
        a_zone_without_known_name_servers(mode, DnsLab::ZONE, "SERVFAIL NS").await;
    }

    async fn a_name_server_whose_address_nobody_can_tell(mode: Mode) {
        a_zone_without_known_name_servers(mode, "ns.example.test", "SERVFAIL A").await;
    }

    async fn an_alias_that_nobody_can_tell(mode: Mode) {
        let additions = a_zone_of_which_is_said(mode, NAME, "SERVFAIL CNAME").await;
        assert_eq!(additions, 0, "nobody knows where the value goes");
    }

    async fn an_alias_that_cannot_be_looked_up(mode: Mode) {
        a_name_whose_alias_cannot_be_looked_up_ends_in_time(mode).await;
    }
}
