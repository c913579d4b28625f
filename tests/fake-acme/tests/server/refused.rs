//! What a correct server refuses.

use std::collections::BTreeMap;

use fake_acme::{FakeAcmeOptions, Finalizations};
use openssl::x509::X509Req;
use serde_json::json;

use crate::{
    client::{Client, Tweak, base64url, binding, csr, new_key},
    start, start_with,
};

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_are_not_what_they_should_be() {
    let (_server, mut client) = start().await;
    let kid = client.kid.clone();
    let mut refused = |tweak: Tweak| client.try_post(&kid, None, &tweak).unwrap();
    let tweak = Tweak::default;

    assert_eq!(refused(Tweak { break_signature: true, ..tweak() }).problem(), "malformed");
    assert_eq!(refused(Tweak { nonce: Some("made-up".to_owned()), ..tweak() }).problem(), "badNonce");
    assert_eq!(refused(Tweak { url: Some(format!("{kid}/orders")), ..tweak() }).problem(), "unauthorized");
    assert_eq!(refused(Tweak { kid: Some(format!("{kid}0")), ..tweak() }).problem(), "accountDoesNotExist");
    assert_eq!(refused(Tweak { bare_key: true, ..tweak() }).problem(), "malformed");
    assert_eq!(refused(Tweak { content_type: Some("application/json"), ..tweak() }).status, 415);
    assert_eq!(refused(Tweak { no_user_agent: true, ..tweak() }).problem(), "malformed");
    let algorithm = refused(Tweak { algorithm: Some("HS256"), ..tweak() });
    assert_eq!(algorithm.problem(), "badSignatureAlgorithm");
    assert!(algorithm.json()["algorithms"].is_array());
    assert_eq!(refused(tweak()).status, 200);

    let replayed = Tweak { nonce: Some(client.last_nonce.clone()), ..tweak() };
    assert_eq!(client.try_post(&kid, None, &replayed).unwrap().problem(), "badNonce");
    assert_eq!(client.get(&kid).status, 405);
    assert_eq!(client.get(&format!("{kid}/nowhere")).status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_objects_of_other_accounts() {
    let (server, mut client) = start().await;
    let (order, _, _) = client.issue(&["a.example"]);
    let document = client.read(&order).json();
    let authorization = document["authorizations"][0].as_str().unwrap().to_owned();
    let challenge = client.read(&authorization).json()["challenges"][0]["url"].as_str().unwrap().to_owned();
    let certificate = document["certificate"].as_str().unwrap().to_owned();

    let mut stranger = Client::new(&server.directory_url(), server.ca_pem());
    stranger.register(&json!({}));
    for url in [&client.kid, &order, &authorization, &challenge, &certificate] {
        assert_eq!(stranger.read(url).problem(), "unauthorized", "{url}");
    }
    let finalize = format!("{order}/finalize");
    assert_eq!(stranger.post(&finalize, &json!({ "csr": "" })).problem(), "unauthorized");
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_for_certificates_that_do_not_fit_their_order() {
    let (server, mut client) = start().await;
    let order = client.order(&["a.example", "b.example"]).location();
    let (key, good) = (new_key(), ["a.example", "b.example"]);
    assert_eq!(client.finalize(&order, &csr(&key, &good)).problem(), "orderNotReady");
    client.authorize(&order, "dns-01", |_, _, _| {});

    for names in [&["a.example"][..], &["a.example", "b.example", "c.example"], &["a.example", "c.example"]] {
        assert_eq!(client.finalize(&order, &csr(&key, names)).problem(), "badCSR", "{names:?}");
    }
    let account_key = client.key.clone();
    assert_eq!(client.finalize(&order, &csr(&account_key, &good)).problem(), "badCSR");
    let mut der = csr(&key, &good).to_der().unwrap();
    *der.last_mut().unwrap() ^= 1;
    assert_eq!(client.finalize(&order, &X509Req::from_der(&der).unwrap()).problem(), "badCSR");
    let url = client.read(&order).text("finalize");
    assert_eq!(client.post(&url, &json!({ "csr": base64url(b"nothing") })).problem(), "badCSR");
    assert!(server.log().issued().is_empty());

    assert_eq!(client.finalize(&order, &csr(&key, &good)).status, 200);
    assert_eq!(client.finalize(&order, &csr(&key, &good)).problem(), "orderNotReady");
    assert_eq!(server.log().finalizations()[&order], Finalizations { asked: 9, accepted: 1 });
    assert_eq!(server.log().issued_for(&["b.example", "a.example"]), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_for_what_is_not_a_name() {
    let (_server, mut client) = start().await;
    for name in
        ["UPPER.example", "a.example.", "a..example", "a_b.example", "a.*.example", "192.0.2.1.example.-"]
    {
        assert_eq!(client.order(&[name]).problem(), "malformed", "{name}");
    }
    assert_eq!(client.order(&[]).problem(), "malformed");
    let url = client.url("newOrder");
    let mail = json!({ "identifiers": [{ "type": "email", "value": "a@b.example" }] });
    assert_eq!(client.post(&url, &mail).problem(), "unsupportedIdentifier");
    assert_eq!(client.order_with(&["a.example"], json!({ "notAfter": "2030-01-01T00:00:00Z" })).status, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_without_what_the_server_wants() {
    let secret = b"an external account's secret key";
    let terms = Some("https://ca.example/terms".to_owned());
    let (server, mut client) = start_with(FakeAcmeOptions {
        eab_keys: BTreeMap::from([("kid-1".to_owned(), base64url(secret))]),
        eab_single_use: true,
        terms_of_service: terms,
        ..Default::default()
    })
    .await;
    let url = client.url("newAccount");
    let only = json!({ "onlyReturnExisting": true });
    assert_eq!(client.register(&only).problem(), "accountDoesNotExist");
    let refused = client.register(&json!({}));
    assert_eq!(refused.problem(), "userActionRequired");
    assert_eq!(refused.links("terms-of-service"), ["https://ca.example/terms"]);
    let agreed = json!({ "termsOfServiceAgreed": true });
    assert_eq!(client.register(&agreed).problem(), "externalAccountRequired");
    let contact = |contact: &str| json!({ "termsOfServiceAgreed": true, "contact": [contact] });
    assert_eq!(client.register(&contact("tel:+1")).problem(), "unsupportedContact");
    assert_eq!(client.register(&contact("mailto:nobody")).problem(), "invalidContact");

    let bound = |binding| json!({ "termsOfServiceAgreed": true, "externalAccountBinding": binding });
    let key = client.key.clone();
    for (kid, secret, url, key) in [
        ("kid-2", &secret[..], url.as_str(), &key),
        ("kid-1", b"wrong", &url, &key),
        ("kid-1", secret, "https://elsewhere.example/", &key),
        ("kid-1", secret, &url, &new_key()),
    ] {
        let answer = client.register(&bound(binding(kid, secret, url, key)));
        assert!(["unauthorized", "malformed"].contains(&answer.problem().as_str()), "{kid} {url}");
    }
    assert_eq!(client.register(&bound(binding("kid-1", secret, &url, &key))).status, 201);

    let mut second = Client::new(&server.directory_url(), server.ca_pem());
    let key = second.key.clone();
    assert_eq!(second.register(&bound(binding("kid-1", secret, &url, &key))).problem(), "unauthorized");
    assert_eq!(server.log().accounts_created(), [client.kid]);
}
