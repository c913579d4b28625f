//! What can be wished about the certificate of an order and its renewals: a key of one's own, a common name, the same key again,
//! another CA.

use std::time::Duration;

use fake_acme::{Behaviour, FakeAcme, FakeAcmeOptions, Renewal};
use poem::http::StatusCode;
use serde_json::{Value, json};
use tests::openssl::Judge;
use tests::{Mode, TestApp, TestOptions, both_modes};

use crate::acme::by_and_by;
use crate::acme_faults::Lab;
use crate::blocked_keys::published;

const ISSUE: &str = "/v1/pki/acme/issue";
const P256: &str = "ec -pkeyopt ec_paramgen_curve:P-256";

/// A CSR by OpenSSL.
fn csr(key: &str, arguments: &str) -> String {
    let judge = Judge::new();
    judge.run(&format!("req -new -newkey {key} -nodes -keyout new.key -out new.csr {arguments}"));
    judge.read("new.csr")
}

fn key_of_csr(pem: &str) -> String {
    let judge = Judge::new();
    judge.write("a.csr", pem);
    judge.run("req -in a.csr -pubkey -noout")
}

fn key_of(certificate: &Value) -> String {
    let judge = Judge::new();
    judge.write("a.pem", certificate["certificate_pem"].as_str().unwrap());
    judge.run("x509 -in a.pem -pubkey -noout")
}

fn path_of(certificate: &Value) -> String {
    format!("/v1/pki/certificates/{}", certificate["id"].as_str().unwrap())
}

async fn certificate(lab: &Lab, body: Value) -> Value {
    let order = lab.app.post(ISSUE, body).await.json_with(StatusCode::ACCEPTED);
    lab.issued(&format!("/v1/pki/acme/orders/{}", order["id"].as_str().unwrap())).await
}

async fn renewed(lab: &Lab, certificate: &Value, body: Value) -> Value {
    let order =
        lab.app.post(&format!("{}/renew", path_of(certificate)), body).await.json_with(StatusCode::ACCEPTED);
    lab.issued(&format!("/v1/pki/acme/orders/{}", order["id"].as_str().unwrap())).await
}

both_modes! {
    async fn a_csr_of_one_s_own_is_certified(lab: Lab) {
        let account = lab.account().await;
        let names = "-addext subjectAltName=DNS:own.example.org,DNS:www.own.example.org";
        let own = csr(P256, &format!("-subj / {names}"));
        // The names may be left out: the CSR has them.
        let first = certificate(&lab, json!({ "account_id": account, "csr_pem": own })).await;
        assert_eq!(key_of(&first), key_of_csr(&own));
        assert_eq!(first["sans"]["dns"], json!(["own.example.org", "www.own.example.org"]));
        assert_eq!((&first["has_private_key"], &first["renewal"]["auto_renew"]), (&json!(false), &json!(false)));
        lab.app.post(&format!("{}/private-key", path_of(&first)), json!({})).await.error(409, "invalid_state");
        lab.app.patch(&path_of(&first), json!({ "auto_renew": true })).await.error(422, "validation_error");

        // The next one takes the next CSR.
        let renew = format!("{}/renew", path_of(&first));
        let error = lab.app.post(&renew, json!({})).await.error(422, "validation_error");
        assert!(error["details"]["fields"]["csr_pem"].is_string(), "{error}");
        let other = csr(P256, "-subj / -addext subjectAltName=DNS:other.example.org");
        lab.app.post(&renew, json!({ "csr_pem": other })).await.error(422, "validation_error");
        let next = csr("rsa:2048", &format!("-subj /CN=own.example.org {names}"));
        let second = renewed(&lab, &first, json!({ "csr_pem": next })).await;
        assert_eq!((key_of(&second), &second["renewed_from"]), (key_of_csr(&next), &first["id"]));
    }

    async fn a_csr_may_be_certified_again_where_that_is_wished(lab: Lab) {
        let account = lab.account().await;
        lab.ca.knobs().set(|behaviour| {
            behaviour.renewal = Renewal::Window { start: 3_600, end: 7_200, explanation: None };
        });
        let own = csr(P256, "-subj / -addext subjectAltName=DNS:pinned.example.org");
        let body = json!({ "account_id": account, "csr_pem": own, "reuse_key": true });
        let first = certificate(&lab, body).await;
        assert_eq!(first["renewal"]["auto_renew"], true);
        by_and_by(&lab.app, &path_of(&first), |certificate| !certificate["renewal"]["window"].is_null()).await;
        lab.app.advance(Duration::from_hours(2)).await;
        let first = by_and_by(&lab.app, &path_of(&first), |certificate| !certificate["renewed_by"].is_null()).await;
        let second = lab.app.get(&format!("/v1/pki/certificates/{}", first["renewed_by"].as_str().unwrap())).await.json();
        assert_eq!(key_of(&second), key_of_csr(&own));
    }

    async fn what_does_not_go_with_a_csr_is_refused(lab: Lab) {
        let account = lab.account().await;
        let own = csr(P256, "-subj / -addext subjectAltName=DNS:own.example.org");
        let refused = async |field: &str, extra: Value| {
            let mut body = json!({ "account_id": account, "csr_pem": own });
            body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
            let error = lab.app.post(ISSUE, body).await.error(422, "validation_error");
            assert!(error["details"]["fields"][field].is_string(), "{field}: {error}");
        };
        refused("csr_pem", json!({ "domains": ["own.example.org", "more.example.org"] })).await;
        refused("key_type", json!({ "key_type": "ec" })).await;
        refused("common_name", json!({ "common_name": true })).await;
        refused("auto_renew", json!({ "auto_renew": true })).await;
        // Its signature is another one.
        let mut broken = own.clone().into_bytes();
        let place = own.rfind("\n-----END").unwrap() - 10;
        broken[place] = if broken[place] == b'A' { b'B' } else { b'A' };
        let broken = String::from_utf8(broken).unwrap();
        for bad in [
            "no CSR".to_owned(),
            broken,
            // Its key is in print.
            published(),
            csr("ed25519", "-subj / -addext subjectAltName=DNS:own.example.org"),
            csr(P256, "-subj / -addext subjectAltName=DNS:own.example.org,email:a@example.org"),
        ] {
            lab.app.post(ISSUE, json!({ "account_id": account, "csr_pem": bad })).await.error(422, "csr_invalid");
        }
        assert!(lab.app.post(ISSUE, json!({ "account_id": account })).await.status == StatusCode::UNPROCESSABLE_ENTITY);
    }

    async fn a_common_name_is_in_the_csr_where_it_is_wanted(lab: Lab) {
        let account = lab.account().await;
        lab.ca.knobs().set(|behaviour| behaviour.need_common_name = true);
        let without = lab.ended(&lab.order(&account, "cn.example.org").await).await;
        assert_eq!(without["error"]["upstream"]["type"], "urn:ietf:params:acme:error:badCSR", "{without:#}");
        let long = format!("{}.example.org", "x".repeat(60));
        let body = json!({ "account_id": account, "domains": [long, "cn.example.org", "a.example.org"], "common_name": true });
        let order = lab.app.post(ISSUE, body).await.json_with(StatusCode::ACCEPTED);
        assert_eq!(order["common_name"], "cn.example.org", "the first that has room: {order}");
        let first = lab.issued(&format!("/v1/pki/acme/orders/{}", order["id"].as_str().unwrap())).await;
        // Renewals are for the same CA.
        renewed(&lab, &first, json!({})).await;
        let body = json!({ "account_id": account, "domains": [long], "common_name": true });
        let error = lab.app.post(ISSUE, body).await.error(422, "validation_error");
        assert!(error["details"]["fields"]["common_name"].as_str().unwrap().contains("64"), "{error}");
    }

    async fn renewals_keep_the_key_where_that_is_wished(lab: Lab) {
        let account = lab.account().await;
        for (reuse, domain) in [(true, "kept.example.org"), (false, "fresh.example.org")] {
            let body = json!({ "account_id": account, "domains": [domain], "reuse_key": reuse });
            let first = certificate(&lab, body).await;
            let second = renewed(&lab, &first, json!({})).await;
            let third = renewed(&lab, &second, json!({})).await;
            assert_eq!(first["spki_sha256"] == second["spki_sha256"], reuse);
            assert_eq!(second["spki_sha256"] == third["spki_sha256"], reuse);
            let key = lab.app.post(&format!("{}/private-key", path_of(&third)), json!({})).await.json_with(StatusCode::OK);
            let judge = Judge::new();
            judge.write("new.key", key["private_key"].as_str().unwrap());
            assert_eq!(judge.run("pkey -in new.key -pubout"), key_of(&third));
        }
    }
}

/// Two CAs, and an account at each.
pub(crate) struct Two {
    pub(crate) app: TestApp,
    pub(crate) cas: [FakeAcme; 2],
    pub(crate) accounts: [String; 2],
}

impl Two {
    pub(crate) async fn start(mode: Mode) -> Self {
        Self::start_with(mode, TestOptions::default()).await
    }

    pub(crate) async fn start_with(mode: Mode, options: TestOptions) -> Self {
        let profiles = [("short".to_owned(), "six days".to_owned())].into();
        let cas = [
            FakeAcme::start(FakeAcmeOptions { profiles, ..FakeAcmeOptions::default() }).await,
            FakeAcme::start(FakeAcmeOptions::default()).await,
        ];
        let trusted_pem = Some(cas.iter().map(FakeAcme::ca_pem).collect::<String>());
        let app = TestApp::start_with(mode, TestOptions { trusted_pem, ..options }).await;
        let mut accounts = [String::new(), String::new()];
        for (name, (ca, account)) in ["one", "two"].iter().zip(cas.iter().zip(&mut accounts)) {
            let body = json!({ "name": name, "provider": "custom", "directory_url": ca.directory_url() });
            let made = app.post("/v1/pki/acme/accounts", body).await.json_with(StatusCode::CREATED);
            made["id"].as_str().unwrap().clone_into(account);
        }
        Self { app, cas, accounts }
    }

    pub(crate) async fn ordered(&self, body: Value) -> Value {
        let order = self.app.post(ISSUE, body).await.json_with(StatusCode::ACCEPTED);
        let path = format!("/v1/pki/acme/orders/{}", order["id"].as_str().unwrap());
        let order = self.app.eventually(&path, |order| order["status"] == "valid").await;
        let path = format!("/v1/pki/certificates/{}", order["certificate_id"].as_str().unwrap());
        self.app.get(&path).await.json_with(StatusCode::OK)
    }
}

both_modes! {
    async fn what_is_renewed_moves_to_another_ca(lab: Two) {
        let [one, two] = &lab.accounts;
        let body = json!({ "account_id": one, "domains": ["moves.example.org"], "profile": "short" });
        let first = lab.ordered(body).await;
        let path = path_of(&first);
        assert_eq!((&first["renewal"]["account_id"], &first["renewal"]["profile"]), (&json!(one), &json!("short")));
        // It closes.
        lab.cas[0].knobs().set(|behaviour| behaviour.down = true);
        let change = json!({ "renewal": { "account_id": two, "challenge_type": "tls-alpn-01" } });
        let moved = lab.app.patch(&path, change).await.json_with(StatusCode::OK);
        let renewal = &moved["renewal"];
        assert_eq!((&renewal["account_id"], &renewal["issued_by_account_id"]), (&json!(two), &json!(one)));
        assert_eq!((&renewal["challenge_type"], &renewal["profile"]), (&json!("tls-alpn-01"), &Value::Null));
        let order = lab.app.post(&format!("{path}/renew"), json!({})).await.json_with(StatusCode::ACCEPTED);
        assert_eq!((&order["account_id"], &order["challenge_type"]), (&json!(two), &json!("tls-alpn-01")));
        let first = by_and_by(&lab.app, &path, |certificate| !certificate["renewed_by"].is_null()).await;
        let issued = lab.cas[1].log().issued();
        assert_eq!((issued.len(), &issued[0].replaces), (1, &None), "another CA's certificate is not replaced");
        let second = format!("/v1/pki/certificates/{}", first["renewed_by"].as_str().unwrap());
        let second = lab.app.get(&second).await.json();
        let renewal = &second["renewal"];
        assert_eq!((&renewal["issued_by_account_id"], &renewal["account_id"]), (&json!(two), &json!(two)));

        lab.app.patch(&path, json!({ "renewal": { "account_id": one } })).await.error(409, "invalid_state");
        lab.cas[0].knobs().set(|behaviour| *behaviour = Behaviour::default());
    }

    async fn a_renewal_only_moves_to_where_it_can_be_ordered(lab: Two) {
        let [one, _] = &lab.accounts;
        let first = lab.ordered(json!({ "account_id": one, "domains": ["stays.example.org"] })).await;
        let path = path_of(&first);
        let unknown = "acct_01ARZ3NDEKTSV4RRFFQ69G5FAV";
        lab.app.patch(&path, json!({ "renewal": { "account_id": unknown } })).await.error(404, "acme_account_not_found");
        for (field, change) in [
            ("challenge_type", json!({ "challenge_type": "http-02" })),
            ("profile", json!({ "profile": "unknown" })),
            ("dns_provider_id", json!({ "dns_provider_id": "dnsp_01ARZ3NDEKTSV4RRFFQ69G5FAV" })),
        ] {
            let error = lab.app.patch(&path, json!({ "renewal": change })).await.error(422, "validation_error");
            assert!(error["details"]["fields"][field].is_string(), "{error}");
        }
        let profile = json!({ "renewal": { "profile": "short" } });
        assert_eq!(lab.app.patch(&path, profile).await.json_with(StatusCode::OK)["renewal"]["profile"], "short");
        let none = json!({ "renewal": { "profile": null } });
        assert_eq!(lab.app.patch(&path, none).await.json_with(StatusCode::OK)["renewal"]["profile"], Value::Null);
        let ca = lab.app.root_ca("own").await;
        lab.app.role("web", ca["id"].as_str().unwrap()).await;
        let own = lab.app.issue("web", "a.example.internal").await;
        let path = format!("/v1/pki/certificates/{}", own["certificate_id"].as_str().unwrap());
        lab.app.patch(&path, json!({ "renewal": {} })).await.error(422, "validation_error");
    }
}
