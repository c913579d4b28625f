//! Certificates of our own CAs: our records say what is revoked.

use poem::http::StatusCode;
use serde_json::{Value, json};
use tests::{TestApp, both_modes};

use super::workshop::{CA, Workshop, server};
use super::{PATH, are, ask, subjects, trust, verdict};
use crate::ca::{changed, text};
use crate::jobs::sql::Sql;

/// A root, a CA below it, and a certificate of that one.
struct Tree {
    root: Value,
    sub: Value,
    leaf: Value,
}

impl Tree {
    async fn plant(app: &TestApp) -> Self {
        let root = app.root_ca("root").await;
        let body = json!({ "name": "sub", "common_name": "sub", "ca_type": "intermediate", "parent_ca_id": root["id"], "key_type": "ec" });
        let sub = app.post("/v1/pki/ca", body).await.json_with(StatusCode::CREATED);
        app.role("web", text(&sub["id"])).await;
        let leaf = app.issue("web", "a.example.internal").await;
        Self { root, sub, leaf }
    }

    fn question(&self) -> Value {
        json!({ "certificate_pem": self.leaf["certificate"], "check_revocation": true })
    }
}

async fn revoke(app: &TestApp, leaf: &Value) {
    let body = json!({ "serial_number": leaf["serial_number"], "reason": "superseded" });
    app.post("/v1/pki/revoke", body).await.json_with(StatusCode::OK);
}

async fn revoke_ca(app: &TestApp, ca: &Value) {
    let path = format!("/v1/pki/ca/{}/revoke", text(&ca["id"]));
    app.post(&path, json!({ "reason": "cACompromise" })).await.json_with(StatusCode::ACCEPTED);
}

async fn certificate_of(app: &TestApp, ca: &Value) -> String {
    let path = format!("/v1/pki/ca/{}/certificate", text(&ca["id"]));
    text(&app.get(&path).await.json_with(StatusCode::OK)["certificate_pem"]).to_owned()
}

/// Takes the row of a certificate out of the database, as if a backup from before were restored.
async fn forget(app: &TestApp, leaf: &Value) {
    let id = text(&leaf["certificate_id"]);
    let names = format!("DELETE FROM certificate_names WHERE certificate_id = '{id}'");
    let row = format!("DELETE FROM certificates WHERE id = '{id}'");
    Sql::open(app.database_url()).await.run(&format!("{names}; {row}")).await;
}

both_modes! {
    async fn a_certificate_is_valid_until_it_is_revoked(app: TestApp) {
        let tree = Tree::plant(&app).await;
        let alone = ask(&app, tree.question()).await;
        assert_eq!(verdict(&alone), (true, true, true, Some(true)), "{alone}");
        assert!(are(&alone["warnings"], &[]), "{alone}");
        assert_eq!(subjects(&alone), ["CN=a.example.internal", "CN=sub", "CN=root CA"]);
        let anchor = &alone["trusted_anchor"];
        assert_eq!((&anchor["id"], &anchor["name"], &anchor["source"]), (&tree.root["id"], &json!("root"), &json!("root_ca")));
        assert_eq!(anchor["fingerprint_sha256"], alone["chain"][2]["fingerprint_sha256"]);
        assert_eq!(alone["chain"][0]["not_after"], tree.leaf["not_after"]);
        let (sub, root) = (certificate_of(&app, &tree.sub).await, certificate_of(&app, &tree.root).await);
        for chain in [sub.clone(), format!("{root}{sub}")] {
            let mut question = tree.question();
            question["chain_pem"] = json!(chain);
            assert_eq!(ask(&app, question).await, alone);
        }
        let unasked = json!({ "certificate_pem": tree.leaf["certificate"] });
        // Our own records cost nothing to look at.
        assert_eq!(ask(&app, unasked.clone()).await, alone);

        revoke(&app, &tree.leaf).await;
        let revoked = ask(&app, tree.question()).await;
        assert_eq!(verdict(&revoked), (false, true, true, Some(false)), "{revoked}");
        assert!(are(&revoked["errors"], &["revoked"]), "{revoked}");
        assert_eq!(revoked["errors"][0]["certificate"]["fingerprint_sha256"], revoked["chain"][0]["fingerprint_sha256"]);
        assert!(text(&revoked["errors"][0]["message"]).contains("superseded"), "{revoked}");
        assert_eq!(ask(&app, unasked).await, revoked);
        // The CAs are what they were.
        let sub = ask(&app, json!({ "certificate_pem": sub, "check_revocation": true })).await;
        assert_eq!(verdict(&sub), (true, true, true, Some(true)), "{sub}");
        let root = ask(&app, json!({ "certificate_pem": root, "check_revocation": true })).await;
        assert_eq!((verdict(&root), subjects(&root)), ((true, true, true, Some(true)), vec!["CN=root CA"]));
    }

    async fn below_a_revoked_ca_nothing_is_valid(app: TestApp) {
        let tree = Tree::plant(&app).await;
        let sub = certificate_of(&app, &tree.sub).await;
        revoke_ca(&app, &tree.sub).await;
        let question = json!({ "certificate_pem": sub, "check_revocation": true });
        let refused = ask(&app, question.clone()).await;
        assert_eq!(verdict(&refused), (false, true, true, Some(false)), "{refused}");
        // The leaf counts at once, whether the cascade has reached it or not.
        let leaf = ask(&app, tree.question()).await;
        assert_eq!(verdict(&leaf), (false, true, true, Some(false)), "{leaf}");
        let told = leaf["errors"].as_array().unwrap();
        let about_sub = |problem: &Value| problem["certificate"]["fingerprint_sha256"] == leaf["chain"][1]["fingerprint_sha256"];
        assert!(told.iter().any(about_sub) && are(&leaf["errors"], &["revoked"]), "{leaf}");
    }

    async fn every_certificate_that_a_ca_had_is_known(app: TestApp) {
        let shop = Workshop::new();
        let (former_top, former) = (shop.root("top"), shop.ca("top", "between", ""));
        let import = async |name: &str, certificate: &str| {
            let key = shop.judge().read(&format!("{name}.key"));
            let body = json!({ "name": name, "certificate_pem": certificate, "private_key_pem": key, "chain_pem": former_top });
            let body = if name == "top" { changed(body, &json!({ "chain_pem": null })) } else { body };
            app.post("/v1/pki/ca/import", body).await.json_with(StatusCode::CREATED)
        };
        let (top, between) = (import("top", &former_top).await, import("between", &former).await);
        let leaf = shop.leaf("between", "a.example", &server("a.example", ""));
        for ca in [&top, &between] {
            app.post(&format!("/v1/pki/ca/{}/reissue", text(&ca["id"])), json!({})).await.json_with(StatusCode::OK);
        }
        let present = certificate_of(&app, &between).await;
        let about = async |certificate: &str, chain: &str| {
            ask(&app, json!({ "certificate_pem": certificate, "chain_pem": chain, "check_revocation": true })).await
        };
        for chain in [&former, &present] {
            assert_eq!(verdict(&about(&leaf, chain).await), (true, true, true, None));
        }
        assert_eq!(verdict(&about(&former, &former_top).await), (true, true, true, Some(true)));
        // By a certificate that it had, a root is trusted as by its present one.
        let by_former = about(&former_top, &former_top).await;
        let anchor = &by_former["trusted_anchor"];
        assert_eq!((verdict(&by_former), &anchor["id"]), ((true, true, true, Some(true)), &top["id"]));
        assert_eq!(anchor["fingerprint_sha256"], by_former["chain"][0]["fingerprint_sha256"]);

        let revoke = async |ca: &Value| {
            let path = format!("/v1/pki/ca/{}/revoke", text(&ca["id"]));
            app.post(&path, json!({ "reason": "keyCompromise" })).await.json_with(StatusCode::ACCEPTED);
        };
        revoke(&between).await;
        for (certificate, chain) in [(&leaf, &present), (&leaf, &former), (&present, &former_top), (&former, &former_top)] {
            let refused = about(certificate, chain).await;
            assert_eq!(verdict(&refused), (false, true, true, Some(false)), "{refused}");
            assert!(are(&refused["errors"], &["revoked"]), "{refused}");
        }
        revoke(&top).await;
        for certificate in [&former_top, &former] {
            let refused = about(certificate, &former_top).await;
            assert!(refused["valid"] == json!(false) && refused["trusted_anchor"].is_null(), "{refused}");
        }
    }

    async fn a_revoked_root_is_trusted_no_more(app: TestApp) {
        let tree = Tree::plant(&app).await;
        let root = certificate_of(&app, &tree.root).await;
        assert_eq!(verdict(&ask(&app, tree.question()).await), (true, true, true, Some(true)));
        revoke_ca(&app, &tree.root).await;
        for question in [tree.question(), json!({ "certificate_pem": tree.leaf["certificate"] }), json!({ "certificate_pem": root })] {
            let refused = ask(&app, question).await;
            assert!(refused["valid"] == json!(false) && refused["chain_valid"] == json!(false), "{refused}");
            assert!(refused["trusted_anchor"].is_null(), "{refused}");
        }
        // Another root of ours is not touched.
        let other = app.root_ca("other").await;
        let other = ask(&app, json!({ "certificate_pem": certificate_of(&app, &other).await })).await;
        assert_eq!(other["valid"], json!(true));
    }

    async fn another_tenants_ca_is_a_stranger(app: TestApp) {
        let tree = Tree::plant(&app).await;
        let chain = format!("{}{}", certificate_of(&app, &tree.sub).await, certificate_of(&app, &tree.root).await);
        let (_, stranger) = app.another_tenant("second").await;
        let mut question = tree.question();
        question["chain_pem"] = json!(chain);
        for question in [question.clone(), json!({ "certificate_pem": tree.leaf["certificate"], "chain_pem": chain })] {
            let refused = app.post_as(&stranger, PATH, question).await.json_with(StatusCode::OK);
            assert_eq!(verdict(&refused), (false, false, true, None), "{refused}");
            assert!(are(&refused["errors"], &["unknown_issuer"]) && refused["trusted_anchor"].is_null(), "{refused}");
        }
        // Who trusts it all the same gets no answer out of our records: it is a stranger's CA, whose CRL is out of reach.
        let anchor = json!({ "name": "theirs", "certificate_pem": certificate_of(&app, &tree.root).await });
        app.post_as(&stranger, "/v1/pki/trust-anchors", anchor).await.json_with(StatusCode::CREATED);
        revoke(&app, &tree.leaf).await;
        let trusted = app.post_as(&stranger, PATH, question).await.json_with(StatusCode::OK);
        assert_eq!(verdict(&trusted), (true, true, true, None), "{trusted}");
        assert_eq!(trusted["trusted_anchor"]["source"], "trust_anchor");
        assert!(super::super::codes(&trusted["warnings"]).contains("crl_unavailable"), "{trusted}");
    }

    async fn what_we_have_no_record_of_is_not_vouched_for(app: TestApp) {
        let tree = Tree::plant(&app).await;
        forget(&app, &tree.leaf).await;
        let answer = ask(&app, tree.question()).await;
        assert_eq!(verdict(&answer), (true, true, true, None), "{answer}");
        assert!(are(&answer["warnings"], &["no_record"]), "{answer}");
        assert!(text(&answer["warnings"][0]["message"]).contains(text(&tree.sub["id"])), "{answer}");
        // What is known of others on the path still counts.
        revoke_ca(&app, &tree.sub).await;
        let answer = ask(&app, tree.question()).await;
        assert_eq!(verdict(&answer), (false, true, true, Some(false)), "{answer}");
    }

    async fn a_path_around_our_ca_does_not_hide_a_revocation(app: TestApp) {
        let tree = Tree::plant(&app).await;
        let theirs = Workshop::new();
        let anchor = theirs.root("theirs");
        let judge = theirs.judge();
        judge.write("sub.pem", certificate_of(&app, &tree.sub).await);
        judge.write("key", judge.run("x509 -in sub.pem -noout -pubkey"));
        judge.write("extensions", CA);
        judge.run("x509 -new -force_pubkey key -subj /CN=sub -CA theirs.pem -CAkey theirs.key -extfile extensions -set_serial 77 -days 300 -out cross.pem");
        let mut question = tree.question();
        question["chain_pem"] = json!(theirs.judge().read("cross.pem"));
        trust(&app, "theirs", &anchor).await;
        let answer = ask(&app, question.clone()).await;
        assert_eq!(verdict(&answer), (true, true, true, Some(true)), "{answer}");
        revoke(&app, &tree.leaf).await;
        let answer = ask(&app, question.clone()).await;
        assert_eq!(verdict(&answer), (false, true, true, Some(false)), "{answer}");
        // Nor when the other path is the only one.
        revoke_ca(&app, &tree.root).await;
        let answer = ask(&app, question).await;
        assert_eq!(subjects(&answer), ["CN=a.example.internal", "CN=sub", "CN=theirs,O=Theirs"], "{answer}");
        assert_eq!(verdict(&answer), (false, true, true, Some(false)), "{answer}");
    }

    async fn an_imported_certificate_is_judged_by_its_own_issuer(app: TestApp) {
        // Being in our store says nothing about who revokes it.
        let theirs = Workshop::new();
        let anchor = theirs.root("theirs");
        let leaf = theirs.leaf("theirs", "leaf", &server("b.example.com", ""));
        trust(&app, "theirs", &anchor).await;
        app.post("/v1/pki/certificates/import", json!({ "certificate_pem": leaf })).await.json_with(StatusCode::CREATED);
        let question = json!({ "certificate_pem": leaf, "check_revocation": true });
        let answer = ask(&app, question.clone()).await;
        assert_eq!(verdict(&answer), (true, true, true, None), "{answer}");
        assert!(are(&answer["warnings"], &["no_revocation_source"]), "{answer}");
        let unasked = ask(&app, json!({ "certificate_pem": leaf })).await;
        assert_eq!(verdict(&unasked), (true, true, true, None), "{unasked}");
        assert!(are(&unasked["warnings"], &["revocation_not_checked"]), "{unasked}");
        // Who needs to know takes no maybe.
        let required = ask(&app, json!({ "certificate_pem": leaf, "require_revocation": true })).await;
        assert_eq!(verdict(&required), (false, true, true, None), "{required}");
        assert!(are(&required["errors"], &["revocation_not_determined"]), "{required}");
        assert!(are(&required["warnings"], &["no_revocation_source"]), "{required}");
        let given = json!({ "certificate_pem": leaf, "require_revocation": true, "crl_pem": theirs.crl("theirs") });
        assert_eq!(verdict(&ask(&app, given).await), (true, true, true, Some(true)));
        theirs.revoke("theirs", "leaf");
        let mut question = question;
        question["crl_pem"] = json!(theirs.crl("theirs"));
        assert_eq!(verdict(&ask(&app, question).await), (false, true, true, Some(false)));
    }
}
