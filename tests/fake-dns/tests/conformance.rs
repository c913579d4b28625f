//! What every DNS provider has to do, judged one by one against the vendor's API: the records are looked for by real DNS.

#![expect(clippy::unwrap_used, reason = "the helpers of a test may fail it")]

mod log;

use std::time::Duration;

use certmill_dns::{ChangeState, DnsError, DnsProvider, Zone};
use fake_dns::{Fault, Lab};
use futures_util::future::join_all;

use self::log::Log;

/// Every test for every vendor.
macro_rules! every_vendor {
    ($($vendor:ident),* $(,)?) => {$(
        mod $vendor {
            every_test!($vendor:
                two_values_live_on_one_name,
                what_is_missing_is_no_error,
                long_values_arrive_whole,
                the_longest_zone_is_found,
                every_zone_is_listed,
                names_may_be_wildcards_and_apexes,
                twenty_at_once_lose_nothing,
                wrong_credentials_are_told,
                patience_is_asked_for,
                a_broken_server_changes_nothing,
                an_answer_that_is_lost_is_made_good,
                a_removal_that_somebody_else_made_is_no_error,
                credentials_that_are_repeated_are_hidden,
            );
        }
    )*};
}

macro_rules! every_test {
    ($vendor:ident: $($test:ident),* $(,)?) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $test() {
            super::$test(&fake_dns::vendors::$vendor::lab().await).await;
        }
    )*};
}

/// The tests that need no failures on demand.
macro_rules! every_test_for_a_real_server {
    ($module:ident::$lab:ident) => {
        real_test!($module::$lab, two_values_live_on_one_name);
        real_test!($module::$lab, what_is_missing_is_no_error);
        real_test!($module::$lab, long_values_arrive_whole);
        real_test!($module::$lab, the_longest_zone_is_found);
        real_test!($module::$lab, every_zone_is_listed);
        real_test!($module::$lab, names_may_be_wildcards_and_apexes);
        real_test!($module::$lab, twenty_at_once_lose_nothing);
        real_test!($module::$lab, wrong_credentials_are_told);
    };
}

macro_rules! real_test {
    ($module:ident::$lab:ident, $test:ident) => {
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $test() {
            let lab = tokio::task::spawn_blocking(fake_dns::vendors::$module::$lab).await.unwrap();
            super::$test(&lab).await;
        }
    };
}

macro_rules! every_overwritten {
    ($($vendor:ident),*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $vendor() {
            super::a_change_that_was_overwritten_is_made_again(&fake_dns::vendors::$vendor::lab().await).await;
        }
    )*};
}

every_vendor! {
    aws_route53,
    azure_dns,
    bunny,
    cloudflare,
    desec,
    digitalocean,
    gandi,
    godaddy,
    google_cloud_dns,
    hetzner,
    linode,
    namecheap,
    ovh,
    porkbun,
    powerdns,
    scaleway,
    vultr,
}

/// Real servers.
mod rfc2136_on_bind {
    every_test_for_a_real_server!(rfc2136::on_bind);
}

mod rfc2136_on_knot {
    every_test_for_a_real_server!(rfc2136::on_knot);
}

mod powerdns_itself {
    every_test_for_a_real_server!(powerdns::itself);
}

/// Where a write is not bound to what was read, it is looked afterwards whether it has held.
mod overwritten {
    every_overwritten!(desec, gandi, godaddy, namecheap, powerdns);
}

/// A webhook has no zones and cannot be asked.
mod webhook {
    every_test!(webhook:
        two_values_live_on_one_name,
        what_is_missing_is_no_error,
        long_values_arrive_whole,
        names_may_be_wildcards_and_apexes,
        twenty_at_once_lose_nothing,
        wrong_credentials_are_told,
        patience_is_asked_for,
        a_broken_server_changes_nothing,
        an_answer_that_is_lost_is_made_good,
    );
}

/// Where most values go.
const NAME: &str = Lab::KEPT_AT;

async fn zone(provider: &dyn DnsProvider, name: &str) -> Zone {
    provider.find_zone(name).await.unwrap()
}

/// Adds a value as the service does: conflicts are tried again, and it is done when the provider has applied it.
async fn add(provider: &dyn DnsProvider, name: &str, value: &str) {
    settle(provider, || async { provider.add_txt(&zone(provider, name).await, name, value).await }).await;
}

async fn remove(provider: &dyn DnsProvider, name: &str, value: &str) {
    settle(provider, || async { provider.remove_txt(&zone(provider, name).await, name, value).await }).await;
}

async fn settle<F>(provider: &dyn DnsProvider, change: impl Fn() -> F)
where
    F: Future<Output = Result<certmill_dns::Change, DnsError>>,
{
    let made = loop {
        match change().await {
            Ok(made) => break made,
            Err(DnsError::Conflict(_)) => tokio::task::yield_now().await,
            Err(error) => panic!("{error}"),
        }
    };
    while let Some(pending) = &made.pending {
        match provider.poll(pending).await.unwrap() {
            ChangeState::Done => break,
            ChangeState::Pending { after } => {
                assert!(after > Duration::ZERO && after <= Duration::from_mins(1));
            }
        }
    }
}

/// `values` and the one that is there from the beginning, sorted.
fn with_kept(values: &[&str]) -> Vec<String> {
    let mut values: Vec<String> =
        values.iter().chain([&Lab::KEPT]).map(|value| (*value).to_owned()).collect();
    values.sort_unstable();
    values
}

async fn two_values_live_on_one_name(lab: &Lab) {
    let provider = lab.open().unwrap();
    let provider = &*provider;
    assert_eq!(lab.txt(NAME).await, with_kept(&[]));
    add(provider, NAME, "first").await;
    add(provider, NAME, "second").await;
    add(provider, NAME, "second").await;
    assert_eq!(lab.txt(NAME).await, with_kept(&["first", "second"]));
    if lab.can_list {
        let mut listed = provider.list_txt(&zone(provider, NAME).await, NAME).await.unwrap();
        listed.sort_unstable();
        assert_eq!(listed, with_kept(&["first", "second"]));
    }
    remove(provider, NAME, "first").await;
    assert_eq!(lab.txt(NAME).await, with_kept(&["second"]));
    remove(provider, NAME, "first").await;
    remove(provider, NAME, "second").await;
    assert_eq!(lab.txt(NAME).await, with_kept(&[]));
    // The last value of a name takes the name along.
    let alone = "_acme-challenge.alone.example.test";
    add(provider, alone, "only").await;
    assert_eq!(lab.txt(alone).await, ["only"]);
    remove(provider, alone, "only").await;
    assert!(lab.txt(alone).await.is_empty());
    add(provider, alone, "again").await;
    assert_eq!(lab.txt(alone).await, ["again"]);
}

async fn what_is_missing_is_no_error(lab: &Lab) {
    let provider = lab.open().unwrap();
    let provider = &*provider;
    let name = "_acme-challenge.nothing.example.test";
    assert!(provider.list_txt(&zone(provider, name).await, name).await.unwrap().is_empty());
    remove(provider, name, "nothing").await;
    remove(provider, NAME, "nothing").await;
    assert_eq!(lab.txt(NAME).await, with_kept(&[]));
}

async fn long_values_arrive_whole(lab: &Lab) {
    let provider = lab.open().unwrap();
    let provider = &*provider;
    let long = format!("{} \"quoted\" back\\slash; {}", "x".repeat(250), "y".repeat(200));
    let name = "_acme-challenge.long.example.test";
    add(provider, name, &long).await;
    add(provider, name, &long).await;
    assert_eq!(lab.txt(name).await, [long.as_str()]);
    if lab.can_list {
        assert_eq!(provider.list_txt(&zone(provider, name).await, name).await.unwrap(), [long.as_str()]);
    }
    remove(provider, name, &long).await;
    assert!(lab.txt(name).await.is_empty());
}

async fn the_longest_zone_is_found(lab: &Lab) {
    let provider = lab.open().unwrap();
    let provider = &*provider;
    for (name, apex) in [
        (NAME, Lab::ZONE),
        ("example.test", Lab::ZONE),
        ("_acme-challenge.example.test", Lab::ZONE),
        ("_acme-challenge.a.b.sub.example.test", Lab::BELOW),
        ("xsub.example.test", Lab::ZONE),
    ] {
        assert_eq!(zone(provider, name).await.apex, apex, "{name}");
    }
    // An alias leads to another zone of the account; the value goes there.
    let target = "validation.sub.example.test";
    add(provider, target, "delegated").await;
    assert_eq!(lab.txt(target).await, ["delegated"]);
    remove(provider, target, "delegated").await;
    for foreign in ["_acme-challenge.example.org", "badexample.test"] {
        let error = provider.find_zone(foreign).await.unwrap_err();
        assert!(matches!(error, DnsError::ZoneNotFound(_)), "{foreign}: {error}");
    }
}

async fn every_zone_is_listed(lab: &Lab) {
    let provider = lab.open().unwrap();
    let mut zones = provider.verify().await.unwrap();
    zones.sort_unstable();
    zones.dedup();
    assert!(zones.contains(&Lab::ZONE.to_owned()) && zones.contains(&Lab::BELOW.to_owned()), "{zones:?}");
    if lab.fake.is_some() {
        assert_eq!(zones.len(), 253, "{zones:?}");
        // Each is found, whichever page it is on.
        for apex in ["zone-0.test", "zone-97.test", "zone-249.test"] {
            assert_eq!(zone(&*provider, &format!("_acme-challenge.{apex}")).await.apex, apex);
        }
    }
}

async fn names_may_be_wildcards_and_apexes(lab: &Lab) {
    let provider = lab.open().unwrap();
    let provider = &*provider;
    for name in ["*.wild.example.test", "example.test", "_acme-challenge.example.test"] {
        add(provider, name, "one").await;
        add(provider, name, "two").await;
        add(provider, name, "one").await;
        assert_eq!(lab.txt(name).await, ["one", "two"], "{name}");
        remove(provider, name, "one").await;
        assert_eq!(lab.txt(name).await, ["two"], "{name}");
        remove(provider, name, "two").await;
        assert!(lab.txt(name).await.is_empty(), "{name}");
    }
}

async fn twenty_at_once_lose_nothing(lab: &Lab) {
    let provider = lab.open().unwrap();
    let provider = &*provider;
    // What the service does where changes of one name need a lock.
    let lock = tokio::sync::Semaphore::new(if provider.traits().needs_lock { 1 } else { 20 });
    let values: Vec<String> = (0..20).map(|number| format!("value-{number}")).collect();
    join_all(values.iter().map(|value| async {
        let _held = lock.acquire().await.unwrap();
        add(provider, NAME, value).await;
    }))
    .await;
    let all: Vec<&str> = values.iter().map(String::as_str).collect();
    assert_eq!(lab.txt(NAME).await, with_kept(&all));
    join_all(values.iter().map(|value| async {
        let _held = lock.acquire().await.unwrap();
        remove(provider, NAME, value).await;
    }))
    .await;
    assert_eq!(lab.txt(NAME).await, with_kept(&[]));
}

async fn wrong_credentials_are_told(lab: &Lab) {
    let provider = lab.open_with(&lab.wrong).unwrap();
    let error = provider.verify().await.unwrap_err();
    assert!(matches!(error, DnsError::Auth(_) | DnsError::NotAllowed(_)), "{error:?}");
    for shown in [error.to_string(), format!("{error:?}")] {
        assert!(!shown.contains("wrong-secret"), "{shown}");
        assert!(shown.len() > 40, "it says what the provider says: {shown}");
    }
}

async fn patience_is_asked_for(lab: &Lab) {
    let Some(fake) = &lab.fake else { return };
    let provider = lab.open().unwrap();
    let found = zone(&*provider, NAME).await;
    fake.fail(Fault::Status(429));
    match provider.add_txt(&found, NAME, "patient").await.unwrap_err() {
        DnsError::RateLimited { after, .. } => assert_eq!(after, Some(Duration::from_secs(7))),
        other => panic!("{other:?}"),
    }
    assert_eq!(lab.txt(NAME).await, with_kept(&[]));
    add(&*provider, NAME, "patient").await;
    assert_eq!(lab.txt(NAME).await, with_kept(&["patient"]));
}

async fn a_broken_server_changes_nothing(lab: &Lab) {
    let Some(fake) = &lab.fake else { return };
    let provider = lab.open().unwrap();
    let found = zone(&*provider, NAME).await;
    fake.fail(Fault::ChangeStatus(500));
    let error = provider.add_txt(&found, NAME, "broken").await.unwrap_err();
    assert!(matches!(error, DnsError::OutcomeUnknown(_)), "{error:?}");
    if lab.can_list {
        fake.fail(Fault::Status(503));
        let error = provider.list_txt(&found, NAME).await.unwrap_err();
        assert!(matches!(error, DnsError::Unavailable(_)), "{error:?}");
    }
    assert_eq!(lab.txt(NAME).await, with_kept(&[]));
}

async fn an_answer_that_is_lost_is_made_good(lab: &Lab) {
    let Some(fake) = &lab.fake else { return };
    let provider = lab.open().unwrap();
    let found = zone(&*provider, NAME).await;
    fake.fail(Fault::ChangeWithoutAnswer);
    let error = provider.add_txt(&found, NAME, "once").await.unwrap_err();
    assert!(matches!(error, DnsError::OutcomeUnknown(_)), "{error:?}");
    add(&*provider, NAME, "once").await;
    assert_eq!(lab.txt(NAME).await, with_kept(&["once"]));
    fake.fail(Fault::ChangeWithoutAnswer);
    let error = provider.remove_txt(&found, NAME, "once").await.unwrap_err();
    assert!(matches!(error, DnsError::OutcomeUnknown(_)), "{error:?}");
    remove(&*provider, NAME, "once").await;
    assert_eq!(lab.txt(NAME).await, with_kept(&[]));
}

async fn a_change_that_was_overwritten_is_made_again(lab: &Lab) {
    let provider = lab.open().unwrap();
    let found = zone(&*provider, NAME).await;
    lab.fake().fail(Fault::ChangeOverwritten);
    provider.add_txt(&found, NAME, "ours").await.unwrap();
    assert_eq!(lab.txt(NAME).await, with_kept(&["ours"]));
    lab.fake().fail(Fault::ChangeOverwritten);
    provider.remove_txt(&found, NAME, "ours").await.unwrap();
    assert_eq!(lab.txt(NAME).await, with_kept(&[]));
}

async fn a_removal_that_somebody_else_made_is_no_error(lab: &Lab) {
    let provider = lab.open().unwrap();
    add(&*provider, NAME, "ours").await;
    lab.fake().fail(Fault::ChangeMadeBefore);
    remove(&*provider, NAME, "ours").await;
    // Served is what the other one's change has come to.
    assert_eq!(lab.fake().zones().txt(NAME), with_kept(&[]));
}

async fn credentials_that_are_repeated_are_hidden(lab: &Lab) {
    let provider = lab.open_with(&lab.wrong).unwrap();
    lab.fake().fail(Fault::Echo);
    let (log, _guard) = Log::capture();
    let error = provider.verify().await.unwrap_err();
    // What somebody answers who is not the vendor stands in the log alone.
    let logged = log.text();
    assert!(logged.contains("bad request"), "{logged}");
    for shown in [error.to_string(), format!("{error:?}")] {
        assert!(!shown.contains("bad request"), "{shown}");
        assert!(!shown.to_ascii_lowercase().contains("wrong-secret"), "{shown}");
    }
    assert!(!logged.to_ascii_lowercase().contains("wrong-secret"), "{logged}");
}
