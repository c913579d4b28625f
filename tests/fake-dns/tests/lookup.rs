//! Looking for a value as name servers really are: with addresses that nobody answers at, hosts that cannot be looked up, views
//! that differ inside and outside.

#![expect(clippy::unwrap_used, reason = "the helpers of a test may fail it")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use certmill_dns::{
    CaaVerdict, CaaWish, DnsSettings, MinSuccess, PropagationCheck, PropagationMode, PropagationSettings,
    Providers, Seen,
};
use certmill_domain::SystemClock;
use certmill_egress::{Egress, EgressPolicy};
use fake_dns::{NameServer, Zones};

const ZONE: &str = "example.test";
const NAME: &str = "_acme-challenge.example.test";

/// Name servers at 127.0.0.1, .2 and .3 with one port, each with zones of its own; the first one is the resolver.
struct Servers {
    zones: [Zones; 3],
    servers: Vec<NameServer>,
}

impl Servers {
    async fn start() -> Self {
        let zones = [(); 3].map(|()| Zones::new([ZONE]));
        loop {
            let first = NameServer::start(vec![zones[0].clone()]).await;
            let port = first.address().port();
            let second = NameServer::start_at(([127, 0, 0, 2], port).into(), vec![zones[1].clone()]).await;
            let third = NameServer::start_at(([127, 0, 0, 3], port).into(), vec![zones[2].clone()]).await;
            // Another process may have the port at one of them.
            if let (Ok(second), Ok(third)) = (second, third) {
                return Self { zones, servers: vec![first, second, third] };
            }
        }
    }

    fn resolver(&self) -> SocketAddr {
        self.servers[0].address()
    }

    /// Adds records to what the resolver answers.
    fn publish(&self, records: &[(&str, &str, &str)]) {
        for (name, kind, value) in records {
            add(&self.zones[0], name, kind, value);
        }
    }

    /// Puts the value into the zones of some of the servers.
    fn have_value(&self, which: &[usize]) {
        for server in which {
            add(&self.zones[*server], NAME, "TXT", "the value");
        }
    }

    fn providers(&self, resolvers: Vec<SocketAddr>, allowed: &[&str]) -> Providers {
        let networks = allowed.iter().map(|network| network.parse().unwrap()).collect();
        let policy = EgressPolicy::allowing(networks);
        let settings = DnsSettings {
            resolvers,
            authoritative_port: Some(self.resolver().port()),
            ..DnsSettings::default()
        };
        Providers::new(settings, policy.clone(), Egress::new(policy).unwrap(), Arc::new(SystemClock))
    }

    async fn look(&self, settings: PropagationSettings, waited: u64) -> certmill_dns::Propagation {
        let providers = self.providers(vec![self.resolver()], &["127.0.0.0/8", "::1/128"]);
        providers.propagation(&check(settings, waited)).await.unwrap()
    }
}

fn add(zones: &Zones, name: &str, kind: &str, value: &str) {
    let mut state = zones.lock();
    let zone = state.zone(ZONE).unwrap().id;
    state.add_record(zone, (name, kind), 60, value).unwrap();
}

fn check(settings: PropagationSettings, waited: u64) -> PropagationCheck {
    PropagationCheck {
        name: NAME.to_owned(),
        value: "the value".to_owned(),
        zone: Some(ZONE.to_owned()),
        settings,
        waited: Duration::from_secs(waited),
    }
}

fn mode(mode: PropagationMode) -> PropagationSettings {
    PropagationSettings { mode, ..PropagationSettings::default() }
}

/// Two name servers, `ns1` and `ns2`, at the first and the second address.
const TWO: [(&str, &str, &str); 4] = [
    (ZONE, "NS", "ns1.example.test"),
    (ZONE, "NS", "ns2.example.test"),
    ("ns1.example.test", "A", "127.0.0.1"),
    ("ns2.example.test", "A", "127.0.0.2"),
];

#[tokio::test]
async fn a_server_is_good_by_one_of_its_addresses_and_counts_once() {
    let servers = Servers::start().await;
    servers.publish(&TWO);
    // Nobody answers there.
    servers.publish(&[("ns1.example.test", "AAAA", "::1"), ("ns2.example.test", "AAAA", "::1")]);
    servers.have_value(&[0, 1]);
    let seen = servers.look(PropagationSettings::default(), 0).await;
    assert!(seen.complete, "{seen}");
    assert_eq!(seen.to_string(), "seen at 2 of 2 name servers");
    assert_eq!(seen.servers[0].addresses.len(), 2);
    let (first, second) = (&seen.servers[0].addresses[0], &seen.servers[0].addresses[1]);
    assert_eq!(first.seen, Seen::Value);
    // A machine without IPv6 has no route there.
    assert!(matches!(second.seen, Seen::Failed(_) | Seen::NoRoute) && second.address.is_ipv6(), "{second:?}");
}

#[tokio::test]
async fn a_family_that_cannot_be_looked_up_leaves_the_other() {
    let servers = Servers::start().await;
    servers.publish(&TWO);
    servers.publish(&[("ns1.example.test", "SERVFAIL AAAA", ""), ("ns2.example.test", "SERVFAIL AAAA", "")]);
    servers.have_value(&[0, 1]);
    let seen = servers.look(PropagationSettings::default(), 0).await;
    assert!(seen.complete, "{seen}");
}

#[tokio::test]
async fn a_host_that_cannot_be_looked_up_is_waited_for_and_not_for_ever() {
    let servers = Servers::start().await;
    servers.publish(&TWO);
    servers.publish(&[
        (ZONE, "NS", "ns3.example.test"),
        ("ns3.example.test", "SERVFAIL A", ""),
        ("ns3.example.test", "SERVFAIL AAAA", ""),
    ]);
    servers.have_value(&[0, 1]);
    let seen = servers.look(PropagationSettings::default(), 60).await;
    assert!(!seen.complete && seen.to_string().starts_with("seen at 2 of 3 name servers; ns3"), "{seen}");
    assert!(seen.servers[2].addresses.is_empty());
    assert!(servers.look(PropagationSettings::default(), 61).await.complete);
    // Half of the time that the value has is waited at the most.
    let short = PropagationSettings { timeout_seconds: 40, ..PropagationSettings::default() };
    assert!(servers.look(short, 21).await.complete);
}

/// What is inside, and what is nowhere, is left out alike: nobody learns from it which names there are inside.
#[tokio::test]
async fn a_host_that_may_not_be_asked_is_left_out() {
    let servers = Servers::start().await;
    servers.publish(&TWO);
    servers.publish(&[
        (ZONE, "NS", "ns3.example.test"),
        ("ns3.example.test", "A", "10.0.0.3"),
        (ZONE, "NS", "ns4.example.test"),
    ]);
    servers.have_value(&[0, 1]);
    let seen = servers.look(PropagationSettings::default(), 0).await;
    let left_out = "is left out: it has no address, or none that the egress policy allows";
    assert_eq!(
        seen.to_string(),
        format!("seen at 2 of 2 name servers; ns3.example.test {left_out}; ns4.example.test {left_out}")
    );
    assert!(seen.complete);
    assert_eq!(seen.servers[2].seen, seen.servers[3].seen);
}

#[tokio::test]
async fn a_server_that_lags_is_waited_for_unless_a_majority_is_enough() {
    let servers = Servers::start().await;
    servers.publish(&TWO);
    servers.publish(&[(ZONE, "NS", "ns3.example.test"), ("ns3.example.test", "A", "127.0.0.3")]);
    servers.have_value(&[0, 1]);
    let seen = servers.look(PropagationSettings::default(), 10_000).await;
    assert!(!seen.complete && seen.to_string().contains("ns3.example.test (127.0.0.3) has none"), "{seen}");
    assert!(servers.look(mode(PropagationMode::Majority), 0).await.complete);
    let older = PropagationSettings { min_success: MinSuccess::Majority, ..PropagationSettings::default() };
    assert!(servers.look(older, 0).await.complete);
}

#[tokio::test]
async fn two_of_four_are_no_majority() {
    let servers = Servers::start().await;
    servers.publish(&TWO);
    servers.publish(&[
        (ZONE, "NS", "ns3.example.test"),
        ("ns3.example.test", "A", "127.0.0.3"),
        (ZONE, "NS", "ns4.example.test"),
        ("ns4.example.test", "A", "127.0.0.3"),
    ]);
    servers.have_value(&[0, 1]);
    let seen = servers.look(mode(PropagationMode::Majority), 10_000).await;
    assert!(!seen.complete, "{seen}");
}

#[tokio::test]
async fn resolvers_of_a_provider_know_what_the_usual_ones_do_not() {
    let servers = Servers::start().await;
    let inside = servers.resolver();
    servers.publish(&TWO);
    servers.publish(&[("_acme-challenge.alias.example.test", "CNAME", NAME)]);
    servers.have_value(&[0, 1]);
    // The usual one knows another zone of the same name, and no alias.
    let outside = NameServer::start(vec![Zones::new([ZONE])]).await;
    let providers = servers.providers(vec![outside.address()], &["127.0.0.0/8"]);
    let settings =
        PropagationSettings { resolvers: vec![inside.to_string()], ..PropagationSettings::default() };
    let seen = providers.propagation(&check(settings.clone(), 0)).await.unwrap();
    assert!(seen.complete && seen.servers.len() == 2, "{seen}");
    let usual = providers.propagation(&check(PropagationSettings::default(), 0)).await.unwrap();
    assert_eq!(usual.servers.len(), 1, "{usual}");
    let alias = "_acme-challenge.alias.example.test";
    assert_eq!(providers.effective_name(&settings.own_resolvers(), alias).await.unwrap(), NAME);
    assert_eq!(providers.effective_name(&[], alias).await.unwrap(), alias);

    // They are asked for the value in the mode recursive.
    let recursive = PropagationSettings { mode: PropagationMode::Recursive, ..settings };
    let seen = providers.propagation(&check(recursive, 0)).await.unwrap();
    assert!(seen.complete, "{seen}");
    assert_eq!(seen.servers[0].name, inside.to_string());
}

#[tokio::test]
async fn resolvers_that_the_policy_does_not_allow_are_not_asked() {
    let servers = Servers::start().await;
    servers.publish(&TWO);
    let resolver = servers.resolver();
    let settings =
        PropagationSettings { resolvers: vec![resolver.to_string()], ..PropagationSettings::default() };
    let public = servers.providers(vec![resolver], &[]);
    let error = public.propagation(&check(settings, 0)).await.unwrap_err();
    assert!(error.to_string().contains("is not asked"), "{error}");
    let error = public.effective_name(&[resolver], NAME).await.unwrap_err();
    assert!(error.to_string().contains("is not asked"), "{error}");
    // The operator's own resolver is, and the addresses that it tells of are judged.
    let error = public.propagation(&check(PropagationSettings::default(), 0)).await.unwrap_err();
    assert!(error.to_string().contains("the egress policy does not allow"), "{error}");
}

#[tokio::test]
async fn caa_records_above_many_names_are_asked_for_once() {
    let servers = Servers::start().await;
    let providers = servers.providers(vec![servers.resolver()], &[]);
    let issuers = ["ca.test".to_owned()];
    let wish = CaaWish { issuers: &issuers, wildcard: false, account: None, method: "dns-01" };
    add(&servers.zones[0], "top.example.test", "CAA", "0 issue \"ca.test\"");
    let look = providers.caa();
    assert_eq!(look.judge("a.top.example.test", &wish).await, CaaVerdict::Allowed);
    add(&servers.zones[0], "b.top.example.test", "CAA", "0 issue \";\"");
    servers.zones[0].lock().zones[0].sets.remove(&("top.example.test".to_owned(), "CAA".to_owned()));
    add(&servers.zones[0], "top.example.test", "CAA", "0 issue \"other.test\"");
    assert_eq!(look.judge("c.top.example.test", &wish).await, CaaVerdict::Allowed);
    for denied in ["b.top.example.test", "a.b.top.example.test"] {
        assert!(matches!(look.judge(denied, &wish).await, CaaVerdict::Denied(_)), "{denied}");
    }
    let later = providers.caa().judge("c.top.example.test", &wish).await;
    assert!(matches!(later, CaaVerdict::Denied(_)), "{later:?}");
    // A CA goes up to the top, and we do not.
    let deep = format!("{}top.example.test", "x.".repeat(20));
    let verdict = providers.caa().judge(&deep, &wish).await;
    assert!(matches!(&verdict, CaaVerdict::Unknown(reason) if reason.contains("labels")), "{verdict:?}");
}

#[tokio::test]
async fn nobody_is_asked_where_a_time_is_all_there_is() {
    let servers = Servers::start().await;
    for alone in [PropagationMode::Wait, PropagationMode::None] {
        let seen = servers.look(mode(alone), 0).await;
        assert!(seen.complete && seen.servers.is_empty());
    }
    let wait = PropagationSettings { wait_seconds: 90, ..mode(PropagationMode::Wait) };
    assert_eq!(wait.settle(), Duration::from_secs(90));
    assert_eq!(mode(PropagationMode::None).settle(), Duration::from_secs(5));
}
