//! CRLs that are divided: which list a certificate names, what stands on it, and how a CA gets more of them.

mod members;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use poem::http::{Method, StatusCode};
use serde_json::{Value, json};
use tests::openssl::Judge;
use tests::{Mode, TestApp, both_modes};

use super::{changed, has_fields, text};
use crate::jobs::sql::Sql;

const SHARD: [&str; 6] = ["shard", "crl_url", "number", "this_update", "next_update", "entries"];

/// A root with so many shards and the role `web` on it; answers its path.
async fn divided(app: &TestApp, shards: u32) -> String {
    let body = json!({
        "name": "root", "common_name": "Root", "ca_type": "root", "key_type": "ec", "crl_shards": shards,
    });
    let ca = app.post("/v1/pki/ca", body).await.json_with(StatusCode::CREATED);
    assert_eq!(ca["crl_shards"], shards);
    app.role("web", text(&ca["id"])).await;
    format!("/v1/pki/ca/{}", text(&ca["id"]))
}

fn id(ca: &str) -> &str {
    ca.rsplit('/').next().unwrap()
}

/// Number and entries of each shard's list.
async fn shards(app: &TestApp, ca: &str) -> BTreeMap<i64, (i64, i64)> {
    let told = app.get(&format!("{ca}/crl/shards")).await.json_with(StatusCode::OK);
    let figures = |shard: &Value| {
        let number = |field: &str| shard[field].as_i64().unwrap();
        (number("shard"), (number("number"), number("entries")))
    };
    told["shards"].as_array().unwrap().iter().map(figures).collect()
}

/// The distribution point that a certificate names, as openssl reads it.
fn point(certificate: &Value) -> String {
    let judge = Judge::new();
    judge.write("leaf.pem", text(&certificate["certificate"]));
    let told = judge.run("x509 -in leaf.pem -noout -ext crlDistributionPoints");
    told.lines().find_map(|line| line.trim().strip_prefix("URI:")).unwrap().trim().to_owned()
}

/// The shard whose list a certificate names; 0 for the full list.
fn shard(certificate: &Value) -> i64 {
    let point = point(certificate);
    let name = point.strip_prefix("http://pki.test/pub/crl/ca_").unwrap().strip_suffix(".crl").unwrap();
    name.split_once('-').map_or(0, |(_, number)| number.parse().unwrap())
}

/// Certificates of so many shards of the role `web`, by shard.
async fn certificates(app: &TestApp, count: usize) -> BTreeMap<i64, Value> {
    let mut found = BTreeMap::new();
    for number in 0..1_000 {
        if found.len() == count {
            return found;
        }
        let issued = app.issue("web", &format!("a{number}.example.internal")).await;
        found.insert(shard(&issued), issued);
    }
    panic!("only the shards {:?} are used", found.keys());
}

async fn revoke(app: &TestApp, certificate: &Value, more: Value) -> Value {
    let body =
        changed(json!({ "serial_number": certificate["serial_number"], "reason": "superseded" }), &more);
    app.post("/v1/pki/revoke", body).await.json_with(StatusCode::OK)
}

/// The list at an address of the service, in PEM.
async fn list(app: &TestApp, judge: &Judge, url: &str) {
    let path = url.strip_prefix("http://pki.test").unwrap();
    let answer = app.send(Method::GET, path, None, &[], None).await;
    assert_eq!(answer.header("content-type"), "application/pkix-crl", "{path}: {}", answer.text());
    judge.write("list.der", answer.body);
    judge.run("crl -inform der -in list.der -out list.pem");
}

async fn build(app: &TestApp, ca: &str) {
    app.post(&format!("{ca}/crl"), json!({})).await.json_with(StatusCode::OK);
}

both_modes! {
    async fn a_revocation_is_on_the_list_that_the_certificate_names_and_on_the_full_one(app: TestApp) {
        let ca = divided(&app, 3).await;
        let before = shards(&app, &ca).await;
        assert_eq!(before.keys().copied().collect::<Vec<_>>(), [1, 2, 3]);
        let answer = app.get(&format!("{ca}/crl/shards")).await;
        let told = answer.json();
        has_fields(&told["shards"][0], &answer.text(), &SHARD);
        let whole = crate::ca::with_fields(&answer, StatusCode::OK, &["shards", "cursor", "has_more"]);
        assert_eq!((&whole["cursor"], &whole["has_more"]), (&Value::Null, &json!(false)));
        let known = certificates(&app, 3).await;
        let (bad, other) = (&known[&2], &known[&3]);
        let good = loop {
            let issued = app.issue("web", "good.example.internal").await;
            if shard(&issued) == 2 { break issued }
        };
        let preview = revoke(&app, bad, json!({ "dry_run": true })).await["preview"].clone();
        let (full, own) = (format!("http://pki.test/pub/crl/{}.crl", id(&ca)), point(bad));
        assert_eq!((&preview["crl_shard"], &preview["crl_urls"]), (&json!(2), &json!([full, own])));
        let ends = |told: &Value| told["shards"][1]["next_update"].clone();
        assert_eq!(preview["crl_known_by"], ends(&told), "when the list of the shard ends");
        assert_eq!(shards(&app, &ca).await, before);
        revoke(&app, bad, json!({})).await;
        app.eventually(&ca, |ca| ca["crl"]["entries"] == 1).await;
        let path = format!("{ca}/crl/shards");
        app.eventually(&path, |told| told["shards"][1]["entries"] == 1).await;
        let after = shards(&app, &ca).await;
        assert_eq!((after[&1], after[&3]), (before[&1], before[&3]), "the others are as they were");
        assert!(after[&2].0 > before[&2].0);

        let judge = Judge::new();
        judge.write("ca.pem", text(&bad["issuing_ca"]));
        for (name, certificate) in [("bad", bad), ("good", &good), ("other", other)] {
            judge.write(&format!("{name}.pem"), text(&certificate["certificate"]));
        }
        let verify = |name: &str| judge.try_run(&format!("verify -x509_strict -crl_check -CAfile ca.pem -CRLfile list.pem {name}.pem"));
        list(&app, &judge, &own).await;
        let described = judge.run("crl -in list.pem -noout -text");
        assert!(described.contains("X509v3 Issuing Distribution Point: critical"), "{described}");
        assert!(described.contains(&format!("URI:{own}\n")), "{described}");
        let (accepted, said) = verify("bad");
        assert!(!accepted && said.contains("certificate revoked"), "{said}");
        assert!(verify("good").0, "{}", verify("good").1);
        // The list says nothing about a certificate that names another one.
        let (accepted, said) = verify("other");
        assert!(!accepted && said.to_lowercase().contains("crl"), "{said}");
        list(&app, &judge, &full).await;
        let (accepted, said) = verify("bad");
        assert!(!accepted && said.contains("certificate revoked"), "{said}");
        assert!(verify("good").0 && verify("other").0, "the full list is about everything");
        // With a token, and as PEM.
        let mine = format!("{ca}/crl?shard=2");
        let pem = app.send(Method::GET, &mine, Some(&app.admin), &[("accept", "text/plain")], None).await;
        list(&app, &judge, &own).await;
        assert_eq!(pem.text().trim(), judge.read("list.pem").trim());
        assert_eq!(app.get(&format!("{ca}/crl?shard=0")).await.body, app.get(&format!("{ca}/crl")).await.body);
    }

    /// Our own validator, which is given the lists as somebody else's would be.
    async fn the_list_of_a_shard_counts_for_its_own_certificates_only(app: TestApp) {
        let ca = divided(&app, 2).await;
        let known = certificates(&app, 2).await;
        revoke(&app, &known[&1], json!({})).await;
        build(&app, &ca).await;
        let mut lists = BTreeMap::new();
        for number in [0, 1, 2] {
            let path = format!("{ca}/crl?shard={number}");
            let pem = app.send(Method::GET, &path, Some(&app.admin), &[("accept", "text/plain")], None).await;
            lists.insert(number, pem.text());
        }
        // For another tenant the CA is a stranger's.
        let (_, stranger) = app.another_tenant("second").await;
        let anchor = json!({ "name": "theirs", "certificate_pem": known[&1]["issuing_ca"] });
        app.post_as(&stranger, "/v1/pki/trust-anchors", anchor).await.json_with(StatusCode::CREATED);
        for (certificate, given, wanted) in [
            (1, 1, json!(false)), (1, 2, Value::Null), (1, 0, json!(false)),
            (2, 2, json!(true)), (2, 1, Value::Null), (2, 0, json!(true)),
        ] {
            let body = json!({
                "certificate_pem": known[&certificate]["certificate"], "crl_pem": lists[&given], "check_revocation": true,
            });
            let told = app.post_as(&stranger, "/v1/pki/certificates/validate", body).await.json_with(StatusCode::OK);
            assert_eq!(told["not_revoked"], wanted, "certificate {certificate}, list {given}: {told}");
            if wanted.is_null() {
                assert!(told["warnings"].to_string().contains("crl_out_of_scope"), "{told}");
            }
        }
    }

    async fn a_suspension_is_lifted_from_the_list_of_the_shard(app: TestApp) {
        let ca = divided(&app, 2).await;
        let known = certificates(&app, 2).await;
        revoke(&app, &known[&1], json!({ "reason": "certificateHold" })).await;
        let path = format!("{ca}/crl/shards");
        app.eventually(&path, |told| told["shards"][0]["entries"] == 1).await;
        let preview = revoke(&app, &known[&1], json!({ "reason": "certificateHold", "dry_run": true })).await;
        assert_eq!((&preview["preview"]["crl_shard"], &preview["preview"]["crl_urls"]), (&json!(1), &json!([])));
        revoke(&app, &known[&1], json!({ "reason": "removeFromCRL" })).await;
        app.eventually(&path, |told| told["shards"][0]["entries"] == 0).await;
        app.eventually(&ca, |ca| ca["crl"]["entries"] == 0).await;
        // At a time to come.
        let at = app.app.now().plus(Duration::from_mins(5)).whole_seconds().to_string();
        let preview = revoke(&app, &known[&2], json!({ "revoke_at": at, "dry_run": true })).await["preview"].clone();
        assert_eq!((&preview["crl_shard"], preview["crl_urls"].as_array().unwrap().len()), (&json!(2), 2));
        revoke(&app, &known[&2], json!({ "revoke_at": at })).await;
        app.advance(Duration::from_mins(6)).await;
        app.eventually(&path, |told| told["shards"][1]["entries"] == 1).await;
    }

    async fn shards_can_be_added_and_never_taken_away(app: TestApp) {
        let root = app.root_ca("root").await;
        let ca = format!("/v1/pki/ca/{}", text(&root["id"]));
        app.role("web", text(&root["id"])).await;
        let first = app.issue("web", "first.example.internal").await;
        assert_eq!((shard(&first), shards(&app, &ca).await.len()), (0, 0));
        app.get(&format!("{ca}/crl?shard=1")).await.error(422, "validation_error");
        let grow = async |wanted: Value| app.patch(&ca, json!({ "crl_shards": wanted })).await;
        let grown = grow(json!(2)).await.json_with(StatusCode::OK);
        assert_eq!(grown["crl_shards"], 2);
        let mut known = certificates(&app, 2).await;
        assert_eq!(known.keys().copied().collect::<Vec<_>>(), [1, 2]);
        let two = shards(&app, &ca).await;
        assert_eq!(grow(json!(2)).await.json_with(StatusCode::OK)["crl_shards"], 2, "nothing changes");
        assert_eq!(grow(json!(5)).await.json_with(StatusCode::OK)["crl_shards"], 5);
        let five = shards(&app, &ca).await;
        assert_eq!(five.keys().copied().collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
        assert_eq!((five[&1], five[&2]), (two[&1], two[&2]), "those that are there stay");
        known.extend(certificates(&app, 5).await);
        for (wrong, said) in [(json!(0), "1 to 128"), (json!(129), "1 to 128"), (json!(4), "5 already"), (json!(1), "5 already")] {
            let error = grow(wrong).await.error(422, "validation_error");
            assert!(text(&error["details"]["fields"]["crl_shards"]).contains(said), "{error}");
        }
        for wrong in [json!("2"), json!(-1), json!(1.5)] {
            let refused = grow(wrong).await;
            assert!(refused.status.is_client_error(), "{}", refused.text());
        }
        let body = json!({ "name": "b", "common_name": "B", "ca_type": "root", "key_type": "ec", "crl_shards": 129 });
        app.post("/v1/pki/ca", body).await.error(422, "validation_error");
        assert_eq!(app.get(&ca).await.json()["crl_shards"], 5);
        // What was there before is on the full list, as it says.
        revoke(&app, &first, json!({})).await;
        app.eventually(&ca, |ca| ca["crl"]["entries"] == 1).await;
        assert_eq!(shards(&app, &ca).await, five, "no shard was concerned");
        for (number, certificate) in &known {
            revoke(&app, certificate, json!({})).await;
            let at = usize::try_from(*number).unwrap() - 1;
            app.eventually(&format!("{ca}/crl/shards"), |told| told["shards"][at]["entries"] == 1).await;
        }
        app.eventually(&ca, |ca| ca["crl"]["entries"] == 6).await;
        // One that issues no more needs no further lists.
        app.post(&format!("{ca}/revoke"), json!({})).await.json_with(StatusCode::ACCEPTED);
        grow(json!(6)).await.error(409, "invalid_state");
        assert_eq!(grow(json!(5)).await.json_with(StatusCode::OK)["crl_shards"], 5);
    }

    async fn two_who_add_shards_at_once_agree(app: TestApp) {
        let ca = divided(&app, 1).await;
        let calls = [4, 7, 7, 4].map(|wanted| app.patch(&ca, json!({ "crl_shards": wanted })));
        let [a, b, c, d] = calls;
        let (a, b, c, d) = tokio::join!(a, b, c, d);
        let answers = [a, b, c, d];
        assert!(answers.iter().any(|answer| answer.status == StatusCode::OK));
        for answer in &answers {
            assert!([200, 409, 422].contains(&answer.status.as_u16()), "{}", answer.text());
        }
        let wanted = app.get(&ca).await.json()["crl_shards"].as_u64().unwrap();
        let there = shards(&app, &ca).await;
        assert_eq!(there.len() as u64, wanted, "every shard has its list");
    }

    async fn the_lists_of_shards_come_in_pages(app: TestApp) {
        let ca = divided(&app, 12).await;
        let page = async |query: &str| {
            let page = app.get(&format!("{ca}/crl/shards?{query}")).await.json_with(StatusCode::OK);
            let numbers: Vec<i64> =
                page["shards"].as_array().unwrap().iter().map(|shard| shard["shard"].as_i64().unwrap()).collect();
            (numbers, page["has_more"].as_bool().unwrap(), page["cursor"].as_str().map(ToOwned::to_owned), page["total"].clone())
        };
        // By number, not by its text: 10 comes after 9.
        let (numbers, more, cursor, total) = page("limit=9&count=true").await;
        assert_eq!((numbers, more, total), ((1..=9).collect(), true, json!(12)));
        let (numbers, more, cursor, total) = page(&format!("limit=2&cursor={}", cursor.unwrap())).await;
        assert_eq!((numbers, more, total), (vec![10, 11], true, Value::Null));
        let (numbers, more, cursor, _) = page(&format!("cursor={}", cursor.unwrap())).await;
        assert_eq!((numbers, more, cursor), (vec![12], false, None));
        app.get(&format!("{ca}/crl/shards?limit=0")).await.error(422, "validation_error");
        for cursor in ["!", "eA"] {
            app.get(&format!("{ca}/crl/shards?cursor={cursor}")).await.error(400, "invalid_cursor");
        }
    }

    async fn lists_that_are_not_there_are_not_found(app: TestApp) {
        let ca = divided(&app, 2).await;
        let own = id(&ca);
        for name in [format!("{own}-3"), format!("{own}-0"), format!("{own}-01"), format!("{own}-"), format!("{own}-x"), "ca_x-1".to_owned()] {
            let answer = app.send(Method::GET, &format!("/pub/crl/{name}.crl"), None, &[], None).await;
            answer.error(404, "ca_not_found");
        }
        let error = app.get(&format!("{ca}/crl?shard=3")).await.error(422, "validation_error");
        assert!(text(&error["details"]["fields"]["shard"]).contains("last shard of this CA is 2"), "{error}");
        app.get("/v1/pki/ca/ca_x/crl/shards").await.error(404, "ca_not_found");
        let (_, stranger) = app.another_tenant("second").await;
        for path in [format!("{ca}/crl/shards"), format!("{ca}/crl?shard=1")] {
            app.send(Method::GET, &path, Some(&stranger), &[], None).await.error(404, "ca_not_found");
        }
    }

    async fn numbers_of_shards_do_not_go_back_with_the_database(app: TestApp) {
        let ca = divided(&app, 2).await;
        let mut published = shards(&app, &ca).await;
        let now = app.app.now().unix_seconds();
        assert!(published.values().all(|(number, _)| (now - 60..=now + 1).contains(number)), "{published:?} at {now}");
        for _ in 0..2 {
            build(&app, &ca).await;
            let next = shards(&app, &ca).await;
            assert!(published.iter().all(|(shard, (number, _))| next[shard].0 > *number), "{next:?} after {published:?}");
            published = next;
        }
        let sql = Sql::open(app.database_url()).await;
        sql.run("UPDATE crl_shards SET number = 3, builds = 3").await;
        app.advance(Duration::from_secs(5)).await;
        build(&app, &ca).await;
        let next = shards(&app, &ca).await;
        assert!(published.iter().all(|(shard, (number, _))| next[shard].0 > *number), "{next:?} after {published:?}");
    }

    async fn a_list_of_a_shard_from_which_a_revocation_has_vanished_is_not_published(app: TestApp) {
        let ca = divided(&app, 2).await;
        let known = certificates(&app, 2).await;
        revoke(&app, &known[&1], json!({})).await;
        build(&app, &ca).await;
        let before = shards(&app, &ca).await;
        let sql = Sql::open(app.database_url()).await;
        sql.run("UPDATE certificates SET revoked_at = NULL, revocation_reason = NULL, status = 'active'").await;
        let more = loop {
            let issued = app.issue("web", "more.example.internal").await;
            if shard(&issued) == 1 { break issued }
        };
        revoke(&app, &more, json!({})).await;
        let refused = "SELECT count(*) FROM jobs WHERE kind = 'rebuild_crl_shard' AND last_error IS NOT NULL";
        crate::jobs::workers::until(&sql, refused, 1).await;
        assert_eq!(shards(&app, &ca).await, before, "the list from before stays");
        // A person has looked, and put it right.
        let vanished = text(&known[&1]["certificate_id"]);
        sql.run(&format!(
            "UPDATE certificates SET status = 'revoked', revocation_reason = 4, revoked_at = 1000000 WHERE id = '{vanished}'"
        ))
        .await;
        app.eventually(&format!("{ca}/crl/shards"), |told| told["shards"][0]["entries"] == 2).await;
        app.eventually(&ca, |ca| ca["crl"]["entries"] == 2).await;
    }
}

/// The numbers of shards are spread evenly enough that none is left out.
#[tokio::test]
async fn every_shard_is_used() {
    let app = TestApp::start(Mode::Embedded).await;
    divided(&app, 8).await;
    let known: BTreeSet<i64> = certificates(&app, 8).await.into_keys().collect();
    assert_eq!(known, (1..=8).collect());
}
