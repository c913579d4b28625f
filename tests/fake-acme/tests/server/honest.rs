//! What a correct server does.

use std::{
    collections::BTreeMap,
    future::Future,
    io::Write,
    pin::Pin,
    process::{Command, Stdio},
};

use bytes::Bytes;
use fake_acme::{FakeAcme, FakeAcmeOptions, Revoked, Validation};
use http_body_util::{BodyExt, Full};
use instant_acme::{
    Account, AccountCredentials, AuthorizationStatus, BodyWrapper, BytesResponse, ChallengeType,
    ExternalAccountKey, HttpClient, Identifier, NewAccount, NewOrder, OrderStatus, RetryPolicy,
    RevocationRequest,
};
use launch::{
    Bind, BindOptions, ChallTestSrv, ChallTestSrvOptions, Pebble, PebbleOptions, TsigKey, ZoneSpec, free_port,
};
use openssl::sha::sha256;
use serde_json::json;

use crate::{
    client::{
        Client, Tweak, base64url, csr, exchange, is_trusted, jwk, jws, leaf, names, new_key, renewal_id, urls,
    },
    start, start_with,
};

/// Lets `instant-acme` trust the server's certificate, which its own client cannot without a file.
struct OverOpenssl(String);

type Exchange = Pin<Box<dyn Future<Output = Result<BytesResponse, instant_acme::Error>> + Send>>;

impl HttpClient for OverOpenssl {
    fn request(&self, request: http::Request<BodyWrapper<Bytes>>) -> Exchange {
        let ca_pem = self.0.clone();
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let body =
                body.collect().await.map_err(|error| instant_acme::Error::Other(Box::new(error)))?.to_bytes();
            let headers: Vec<(&str, &str)> = parts
                .headers
                .iter()
                .map(|(name, value)| (name.as_str(), value.to_str().expect("text")))
                .chain([("User-Agent", "instant-acme-tests")])
                .collect();
            let body = String::from_utf8_lossy(&body).into_owned();
            let answer = exchange(&ca_pem, (parts.method.as_str(), &parts.uri.to_string()), &headers, &body)
                .map_err(|error| instant_acme::Error::Other(Box::new(error)))?;
            let mut response = http::Response::builder().status(answer.status);
            for (name, value) in answer.headers {
                response = response.header(name, value);
            }
            let response = response.body(Full::new(Bytes::from(answer.body))).expect("an answer");
            Ok(BytesResponse::from(response))
        })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn instant_acme_is_served_from_account_to_revocation() {
    let secret = b"an external account's secret key";
    let server = FakeAcme::start(FakeAcmeOptions {
        eab_keys: BTreeMap::from([("kid-1".to_owned(), base64url(secret))]),
        ..FakeAcmeOptions::default()
    })
    .await;
    let http = || Box::new(OverOpenssl(server.ca_pem().to_owned()));
    let contact: NewAccount<'_> = NewAccount {
        contact: &["mailto:a@b.example"],
        terms_of_service_agreed: true,
        only_return_existing: false,
    };
    let binding = ExternalAccountKey::new("kid-1".to_owned(), secret);
    let (account, credentials): (Account, AccountCredentials) = Account::builder_with_http(http())
        .create(&contact, server.directory_url(), Some(&binding))
        .await
        .unwrap();
    let account_id = account.id().to_owned();
    drop(account);
    let account = Account::builder_with_http(http()).from_credentials(credentials).await.unwrap();
    assert_eq!(account.id(), account_id);

    let ordered = ["a.example", "*.a.example"].map(|name| Identifier::Dns(name.to_owned()));
    let mut order = account.new_order(&NewOrder::new(&ordered)).await.unwrap();
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization.unwrap();
        assert_eq!(authorization.status, AuthorizationStatus::Pending);
        let mut challenge = authorization.challenge(ChallengeType::Dns01).unwrap();
        challenge.set_ready().await.unwrap();
    }
    assert_eq!(order.poll_ready(&RetryPolicy::default()).await.unwrap(), OrderStatus::Ready);
    let key = new_key();
    order.finalize_csr(&csr(&key, &["a.example", "*.a.example"]).to_der().unwrap()).await.unwrap();
    let chain = order.poll_certificate(&RetryPolicy::default()).await.unwrap();
    assert!(is_trusted(&chain, &server.root_pem(0)));
    assert!(leaf(&chain).public_key().unwrap().public_eq(&key));

    let der = leaf(&chain).to_der().unwrap();
    let request = RevocationRequest { certificate: &der.as_slice().into(), reason: None };
    account.revoke(&request).await.unwrap();
    let again = account.revoke(&request).await.unwrap_err();
    assert!(again.to_string().contains("revoked already"), "{again}");
    let mut account = account;
    let _ = account.update_key().await.unwrap();
    account.update_contacts(&["mailto:c@d.example"]).await.unwrap();
    account.deactivate().await.unwrap();
    assert_eq!(server.log().issued_for(&["*.a.example", "a.example"]), 1);
}

/// The same steps against Pebble, so that it is not the client that is wrong with the server.
#[tokio::test(flavor = "multi_thread")]
async fn the_plain_client_is_served_by_pebble_too() {
    let pebble = Pebble::start(PebbleOptions {
        validation: launch::Validation::AlwaysValid,
        newer: true,
        ..PebbleOptions::default()
    });
    let mut client = Client::new(&pebble.directory_url(), pebble.ca_pem());
    client.register(&json!({ "termsOfServiceAgreed": true }));
    let (_, key, chain) = client.issue(&["a.example"]);
    assert!(is_trusted(&chain, &pebble.root_pem(0)));
    let leaf = leaf(&chain);
    assert!(leaf.public_key().unwrap().public_eq(&key));

    let url = format!("{}/{}", client.url("renewalInfo"), renewal_id(&leaf));
    assert!(client.get(&url).json()["suggestedWindow"].is_object());
    pebble.set_renewal_info(&String::from_utf8(leaf.to_pem().unwrap()).unwrap(), "garbage");
    assert_eq!(client.get(&url).body, "garbage");
}

#[tokio::test(flavor = "multi_thread")]
async fn challenges_are_validated_for_real() {
    let (http_port, tls_port) = (free_port(), free_port());
    let responder =
        ChallTestSrv::start_with(ChallTestSrvOptions { http01: Some(http_port), tls_alpn01: Some(tls_port) });
    let dns_server = Some(responder.dns());
    let validation = Validation::Real { http_port, tls_port, dns_server };
    let (server, mut client) = start_with(FakeAcmeOptions { validation, ..Default::default() }).await;

    let publish = |kind: &'static str| {
        let responder = &responder;
        move |name: &str, token: &str, key_authorization: &str| match kind {
            "http-01" => responder.add_http01(token, key_authorization),
            "tls-alpn-01" => responder.add_tls_alpn01(name, key_authorization),
            _ => {
                // By way of an alias, as of a delegated challenge.
                responder.set_cname(&format!("_acme-challenge.{name}"), "validation.elsewhere.example");
                responder.add_txt(
                    "validation.elsewhere.example",
                    &base64url(&sha256(key_authorization.as_bytes())),
                );
            }
        }
    };
    for kind in ["http-01", "tls-alpn-01", "dns-01"] {
        let name = format!("{kind}.example");
        let order = client.order(&[&name]).location();
        let ready = client.authorize(&order, kind, publish(kind));
        assert_eq!(ready["status"], "ready", "{kind}");

        // Nothing is there, or something else.
        let silent = client.order(&[&format!("silent.{name}")]).location();
        let silent = client.authorize(&silent, kind, |_, _, _| {});
        let wrong = client.order(&[&format!("wrong.{name}")]).location();
        let wrong =
            client.authorize(&wrong, kind, |name, token, _| publish(kind)(name, token, "token.other"));
        for failed in [&silent, &wrong] {
            assert_eq!(failed["status"], "invalid", "{kind}");
            let (authorization, challenge) = client.challenge(&urls(&failed["authorizations"])[0], kind);
            assert_eq!([&authorization["status"], &challenge["status"]], ["invalid", "invalid"]);
            let problem = challenge["error"]["type"].as_str().unwrap().rsplit(':').next().unwrap();
            let expected =
                if failed == &wrong { &["unauthorized"][..] } else { &["unauthorized", "dns", "tls"] };
            assert!(expected.contains(&problem), "{kind}: {challenge}");
        }
    }
    for kind in ["http-01", "tls-alpn-01"] {
        let order = client.order(&["192.0.2.7"]).location();
        let ready = client.authorize(&order, kind, |_, token, key_authorization| {
            publish(kind)("7.2.0.192.in-addr.arpa", token, key_authorization);
        });
        // The challenge test server does not make certificates for addresses.
        assert_eq!(ready["status"], if kind == "http-01" { "ready" } else { "invalid" });
    }
    assert_eq!(server.log().orders_created().len(), 11);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_txt_values_at_one_name_do_not_hide_the_right_one() {
    let secret_base64 = "c2VjcmV0IG9mIHRoZSB0ZXN0cw==".to_owned();
    let key = TsigKey { name: "all".to_owned(), algorithm: "hmac-sha256".to_owned(), secret_base64 };
    let bind = Bind::start(BindOptions {
        zones: vec![ZoneSpec {
            name: "a.example".to_owned(),
            records: (0..60).map(|n| format!("_acme-challenge TXT \"{n:043}\"")).collect(),
            update_keys: vec!["all".to_owned()],
            ..ZoneSpec::default()
        }],
        keys: vec![key.clone()],
    });
    let validation = Validation::Real { http_port: 1, tls_port: 1, dns_server: Some(bind.address()) };
    let (_server, mut client) = start_with(FakeAcmeOptions { validation, ..Default::default() }).await;

    let order = client.order(&["*.a.example"]).location();
    let failed = client.authorize(&order, "dns-01", |_, _, _| {});
    let (_, challenge) = client.challenge(&urls(&failed["authorizations"])[0], "dns-01");
    let detail = challenge["error"]["detail"].as_str().unwrap();
    assert!(detail.contains("none of the 60 TXT records"), "{detail}");

    let order = client.order(&["*.a.example"]).location();
    let ready = client.authorize(&order, "dns-01", |name, _, key_authorization| {
        let value = base64url(&sha256(key_authorization.as_bytes()));
        add_txt(&bind, &key, &format!("_acme-challenge.{name}"), &value);
    });
    assert_eq!(ready["status"], "ready");
    assert_eq!(bind.txt("_acme-challenge.a.example").len(), 61);
}

fn add_txt(bind: &Bind, key: &TsigKey, name: &str, value: &str) {
    let address = bind.address();
    let mut nsupdate = Command::new("nsupdate")
        .args(["-y", &format!("{}:{}:{}", key.algorithm, key.name, key.secret_base64)])
        .stdin(Stdio::piped())
        .spawn()
        .expect("nsupdate runs");
    let orders =
        format!("server {} {}\nupdate add {name} 60 TXT {value}\nsend\n", address.ip(), address.port());
    nsupdate.stdin.take().expect("a pipe").write_all(orders.as_bytes()).expect("nsupdate reads");
    assert!(nsupdate.wait().expect("nsupdate ends").success());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_made_once_changed_and_given_up() {
    let (server, mut client) = start().await;
    let kid = client.kid.clone();
    let url = client.url("newAccount");
    let bare = Tweak { bare_key: true, ..Tweak::default() };
    let again = client.try_post(&url, Some(&json!({ "onlyReturnExisting": true })), &bare).unwrap();
    assert_eq!((again.status, again.location()), (200, kid.clone()));
    assert_eq!(server.log().accounts_created(), [kid.as_str()]);

    let changed = client.post(&kid, &json!({ "contact": ["mailto:new@b.example"] }));
    assert_eq!(changed.json()["contact"], json!(["mailto:new@b.example"]));
    let order = client.order(&["a.example"]).location();
    assert_eq!(urls(&client.read(&format!("{kid}/orders")).json()["orders"]), [order]);

    let (old, new) = (client.key.clone(), new_key());
    let change = |url: &str| {
        let header = json!({ "alg": "ES256", "jwk": jwk(&new), "url": url });
        jws(&new, &header, &json!({ "account": kid, "oldKey": jwk(&old) }).to_string())
    };
    let url = client.url("keyChange");
    assert_eq!(client.post(&url, &change("https://elsewhere.example/")).problem(), "malformed");
    assert_eq!(client.post(&url, &change(&url)).status, 200);
    assert_eq!(client.read(&kid).problem(), "malformed");
    client.key = new.clone();
    assert_eq!(client.read(&kid).status, 200);
    assert_eq!(client.post(&url, &change(&url)).status, 409);

    assert_eq!(client.post(&kid, &json!({ "status": "deactivated" })).text("status"), "deactivated");
    assert_eq!(client.read(&kid).problem(), "unauthorized");
    let url = client.url("newAccount");
    assert_eq!(client.try_post(&url, Some(&json!({})), &bare).unwrap().problem(), "unauthorized");
}

#[tokio::test(flavor = "multi_thread")]
async fn chains_end_at_their_roots_and_link_to_each_other() {
    let (server, mut client) =
        start_with(FakeAcmeOptions { alternate_chains: 2, ..Default::default() }).await;
    let (order, _, _) = client.issue(&["a.example"]);
    let url = client.read(&order).text("certificate");
    let default = client.read(&url);
    assert_eq!(default.header("content-type"), Some("application/pem-certificate-chain"));
    let alternates = default.links("alternate");
    assert_eq!(alternates.len(), 2);
    for (n, url) in (0..).zip([url.clone()].iter().chain(&alternates)) {
        let answer = client.read(url);
        assert!(is_trusted(&answer.body, &server.root_pem(n)), "{n}");
        assert!(!is_trusted(&answer.body, &server.root_pem((n + 1) % 3)), "{n}");
        assert_eq!(answer.links("alternate").len(), 2);
        assert_eq!(leaf(&answer.body), leaf(&default.body));
    }
    assert_eq!(client.read(&format!("{url}/alternate/3")).status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_are_revoked_once_by_whoever_may() {
    let (server, mut client) = start().await;
    let (_, key, chain) = client.issue(&["a.example"]);
    let first = leaf(&chain);
    let by_account = Tweak::default();
    assert_eq!(client.revoke(&first, Some(2), &by_account).problem(), "badRevocationReason");
    assert_eq!(client.revoke(&first, Some(4), &by_account).status, 200);
    assert_eq!(client.revoke(&first, None, &by_account).problem(), "alreadyRevoked");
    drop(key);

    let (_, key, chain) = client.issue(&["b.example"]);
    let second = leaf(&chain);
    let mut stranger = Client::new(&server.directory_url(), server.ca_pem());
    stranger.register(&json!({}));
    assert_eq!(stranger.revoke(&second, None, &by_account).problem(), "unauthorized");
    let bare = Tweak { bare_key: true, ..Tweak::default() };
    assert_eq!(stranger.revoke(&second, None, &bare).problem(), "unauthorized");
    stranger.key = key;
    assert_eq!(stranger.revoke(&second, Some(1), &bare).status, 200);

    let (_, _, chain) = client.issue(&["c.example"]);
    let mut authorized = Client::new(&server.directory_url(), server.ca_pem());
    authorized.register(&json!({}));
    let order = authorized.order(&["c.example"]).location();
    authorized.authorize(&order, "dns-01", |_, _, _| {});
    assert_eq!(authorized.revoke(&leaf(&chain), None, &by_account).status, 200);

    let serial = |n: usize| server.log().issued()[n].serial.clone();
    let revoked = |n, reason, by_certificate_key| Revoked { serial: serial(n), reason, by_certificate_key };
    let expected = [revoked(0, Some(4), false), revoked(1, Some(1), true), revoked(2, None, false)];
    assert_eq!(server.log().revoked(), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn profiles_and_replacements_are_kept_with_the_order() {
    let profiles = BTreeMap::from([("short".to_owned(), "for six days".to_owned())]);
    let (server, mut client) = start_with(FakeAcmeOptions { profiles, ..Default::default() }).await;
    assert_eq!(client.directory["meta"]["profiles"]["short"], "for six days");
    assert_eq!(client.order_with(&["a.example"], json!({ "profile": "long" })).problem(), "invalidProfile");
    let (_, _, chain) = client.issue_with(&["a.example"], json!({ "profile": "short" }));
    let id = renewal_id(&leaf(&chain));
    let replacing = json!({ "replaces": id });

    assert_eq!(client.order_with(&["a.example"], json!({ "replaces": "x.y" })).status, 404);
    assert_eq!(client.order_with(&["b.example"], replacing.clone()).problem(), "malformed");
    let order = client.order_with(&["a.example"], replacing.clone());
    assert_eq!(order.text("replaces"), id);
    assert_eq!(client.order_with(&["a.example"], replacing.clone()).problem(), "alreadyReplaced");
    // One that fails gives it free again.
    assert_eq!(server.end_authorizations("a.example", fake_acme::Status::Revoked), 2);
    assert_eq!(client.read(&order.location()).text("status"), "invalid");
    client.issue_with(&["a.example"], replacing);
    let issued = server.log().issued();
    assert_eq!((issued[0].profile.as_deref(), issued[1].replaces.as_ref()), (Some("short"), Some(&id)));
    assert_eq!(names(&leaf(&chain)), ["a.example"]);
}
