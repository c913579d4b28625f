//! What must be true in the end, whatever happened on the way.

use std::collections::BTreeSet;
use std::time::Duration;

use fake_acme::FakeAcme;
use serde_json::Value;
use tests::openssl::Judge;

use super::ledger::{Ledger, plain};
use super::load::{CSR_NAME, Client};
use crate::rows::Rows;
use crate::site::until;

/// How long it may take on a busy machine until everything that was put off is done.
const SETTLED: Duration = Duration::from_mins(3);

/// Every order has ended well, with one certificate and one finalization.
pub(crate) async fn orders(client: &Client, rows: &Rows, ledger: &Ledger, account: &str, ca: &FakeAcme) {
    let acknowledged = ledger.entries().orders.clone();
    assert!(!acknowledged.is_empty());
    let open =
        format!("SELECT count(*) FROM acme_orders WHERE account_id = '{account}' AND state <> 'issued'");
    let mut last = 0;
    let ended = async {
        until("every order is valid", SETTLED, async || {
            last = rows.number(&open).await;
            (last == 0).then_some(())
        })
        .await;
    };
    ended.await;
    let of_orders =
        rows.texts(&format!("SELECT certificate_id FROM acme_orders WHERE account_id = '{account}'")).await;
    let distinct: BTreeSet<&String> = of_orders.iter().collect();
    assert_eq!(distinct.len(), of_orders.len(), "one certificate for each order");
    let kept = rows
        .texts(&format!(
            "SELECT c.id FROM certificates c JOIN acme_orders o ON c.tenant_id = o.tenant_id AND o.account_id = '{account}' \
             AND o.certificate_id = c.id WHERE c.source = 'acme'"
        ))
        .await;
    assert_eq!(kept.len(), of_orders.len());
    for id in &acknowledged {
        let answer = client.get(&format!("/v1/pki/acme/orders/{id}")).await.unwrap();
        assert_eq!(answer.json(200)["status"], "valid");
    }
    let finalizations = ca.log().finalizations();
    assert_eq!(finalizations.len(), of_orders.len(), "orders that were finalized: {finalizations:?}");
    assert!(finalizations.values().all(|times| times.accepted == 1), "{finalizations:?}");
    assert_eq!(ca.log().issued().len(), of_orders.len(), "the CA has issued one certificate for each order");
}

/// Every certificate that was acknowledged is there, and none was made twice for one call.
pub(crate) async fn certificates(rows: &Rows, ledger: &Ledger) {
    let present: BTreeSet<String> = rows.texts("SELECT id FROM certificates").await.into_iter().collect();
    let (signed, given_up) = {
        let entries = ledger.entries();
        let acknowledged: BTreeSet<&String> = entries.certificates.iter().collect();
        assert_eq!(
            acknowledged.len(),
            entries.certificates.len(),
            "one certificate was the answer to two calls"
        );
        let lost: Vec<_> = acknowledged.iter().filter(|id| !present.contains(**id)).collect();
        assert!(lost.is_empty(), "{} of {} are gone: {lost:?}", lost.len(), acknowledged.len());
        let given_up = entries.given_up.get("sign").copied().unwrap_or(0);
        (i64::try_from(entries.signed).unwrap(), i64::try_from(given_up).unwrap())
    };
    let twice = rows
        .texts(&format!(
            "SELECT common_name FROM certificates WHERE common_name <> '{CSR_NAME}' AND source <> 'acme' \
             GROUP BY common_name HAVING count(*) > 1"
        ))
        .await;
    assert_eq!(twice, Vec::<String>::new(), "issued twice for one Idempotency-Key");
    let present =
        rows.number(&format!("SELECT count(*) FROM certificates WHERE common_name = '{CSR_NAME}'")).await;
    assert!(
        (signed..=signed + given_up).contains(&present),
        "{present} certificates for {signed} signed CSRs"
    );
}

/// Every revocation that was acknowledged is on the list of its CA.
pub(crate) async fn revocations(client: &Client, ledger: &Ledger) {
    let (revoked, cascaded) = {
        let entries = ledger.entries();
        (entries.revoked.clone(), entries.cascaded.clone())
    };
    assert!(!revoked.is_empty() && !cascaded.is_empty());
    for ca in &cascaded {
        until("everything below a revoked CA is revoked", SETTLED, async || {
            let ca: Value = client.get(&format!("/v1/pki/ca/{ca}")).await.unwrap().json(200);
            (!ca["revocation"]["completed_at"].is_null()).then_some(())
        })
        .await;
    }
    let judge = Judge::new();
    for (ca, serials) in &revoked {
        until("every revocation is on its list", SETTLED, async || {
            let list = client.get(&format!("/v1/pki/ca/{ca}/crl")).await.unwrap();
            judge.write("list.der", &list.body);
            let text = judge.run("crl -inform der -in list.der -noout -text");
            let listed: BTreeSet<String> = text
                .lines()
                .filter_map(|line| line.split_once("Serial Number: "))
                .map(|(_, serial)| plain(serial))
                .collect();
            serials.is_subset(&listed).then_some(())
        })
        .await;
    }
}

/// No job was given up, none is in hand, and the periodic work goes on in time.
pub(crate) async fn quiet(rows: &Rows) {
    let dead = rows.texts(
        "SELECT kind || ' ' || subject || ': ' || coalesce(last_error, '') FROM jobs WHERE state = 'dead'",
    );
    assert_eq!(dead.await, Vec::<String>::new(), "jobs were given up");
    until("nothing is in hand", SETTLED, async || {
        (rows.number("SELECT count(*) FROM jobs WHERE state = 'running'").await == 0).then_some(())
    })
    .await;
    schedules_in_time(rows).await;
}

/// No turn of a schedule lies further ahead than its period.
pub(crate) async fn schedules_in_time(rows: &Rows) {
    let late = rows
        .texts(
            "SELECT name FROM schedules WHERE next_run_at > (extract(epoch FROM clock_timestamp()) * 1000000)::bigint \
             + 1000000 + CASE name WHEN 'sweep' THEN 30000000 WHEN 'prune_jobs' THEN 3600000000 WHEN 'forget' THEN 3600000000 WHEN 'tell_expiry' THEN 600000000 ELSE 60000000 END",
        )
        .await;
    assert_eq!(late, Vec::<String>::new(), "schedules that were moved too far ahead");
}
