//! Connections in the name of a tenant: to what the operator has opened for this purpose and tenant, without telling what
//! there is inside.

use certmill_egress::{Allowance, EgressPolicy, Purpose};
use fake_acme::{FakeAcme, FakeAcmeOptions};
use fake_dns::vendors;
use poem::http::{Method, StatusCode};
use serde_json::{Value, json};
use tests::{Mode, TestApp, TestOptions, both_modes};

use crate::ca::text;

const PATH: &str = "/v1/pki/dns-providers";

async fn start(mode: Mode, policy: EgressPolicy) -> (TestApp, FakeAcme) {
    let ca = FakeAcme::start(FakeAcmeOptions::default()).await;
    let trusted_pem = Some(ca.ca_pem().to_owned());
    let options = TestOptions { trusted_pem, egress: Some(policy), ..TestOptions::default() };
    (TestApp::start_with(mode, options).await, ca)
}

async fn post(app: &TestApp, token: &str, path: &str, body: &Value) -> tests::Answer {
    let body = Some(("application/json", body.to_string().into_bytes()));
    app.send(Method::POST, path, Some(token), &[], body).await
}

fn this_machine() -> Allowance {
    Allowance::from("127.0.0.1/32".parse::<ipnet::IpNet>().unwrap())
}

both_modes! {
    /// A network that one team needs for its name servers is open to every tenant's providers and accounts.
    async fn an_allowance_is_for_its_tenant_and_purpose(mode: Mode) {
        let lab = vendors::powerdns::lab().await;
        let port: u16 = lab.fake().url().rsplit(':').next().unwrap().parse().unwrap();
        let limited = Allowance {
            purposes: vec![Purpose::Dns],
            ports: vec![port],
            tenants: vec!["first".to_owned()],
            ..this_machine()
        };
        let (app, ca) = start(mode, EgressPolicy::limited(vec![limited])).await;
        let (_, stranger) = app.another_tenant("second").await;
        let provider = json!({ "name": "pdns", "type": "powerdns", "config": lab.config });
        post(&app, &app.admin, PATH, &provider).await.json_with(StatusCode::CREATED);
        // Another tenant, while there is a connection; another port; another purpose.
        let before = lab.fake().requests().len();
        let error = post(&app, &stranger, PATH, &provider).await.error(400, "invalid_config");
        assert!(text(&error["message"]).contains("egress policy"), "{error}");
        let webhook = vendors::webhook::lab().await;
        let other =
            json!({ "name": "hook", "type": "webhook", "config": webhook.config, "zones": ["example.test"] });
        post(&app, &app.admin, PATH, &other).await.error(400, "invalid_config");
        let account = json!({ "name": "a", "provider": "custom", "directory_url": ca.directory_url() });
        let answer = post(&app, &app.admin, "/v1/pki/acme/accounts", &account).await;
        assert!(answer.status.is_client_error() || answer.status == StatusCode::BAD_GATEWAY, "{}", answer.text());
        assert!(ca.log().requests().is_empty());
        assert_eq!((lab.fake().requests().len(), webhook.fake().requests().len()), (before, 0));
    }

    /// The same port of the same machine for another purpose: the webhook's.
    async fn a_webhook_needs_an_allowance_of_its_own(mode: Mode) {
        let webhook = vendors::webhook::lab().await;
        let other =
            json!({ "name": "hook", "type": "webhook", "config": webhook.config, "zones": ["example.test"] });
        for (purpose, is_allowed) in [(Purpose::Dns, false), (Purpose::Acme, false), (Purpose::Webhook, true)] {
            let allowance = Allowance { purposes: vec![purpose], ..this_machine() };
            let (app, _ca) = start(mode, EgressPolicy::limited(vec![allowance])).await;
            let answer = post(&app, &app.admin, PATH, &other).await;
            assert_eq!(answer.status == StatusCode::CREATED, is_allowed, "{purpose:?}: {}", answer.text());
        }
    }

    /// Somebody lists the names inside by asking for one after the other and looking whether it is a private address or none.
    async fn errors_do_not_tell_which_names_there_are_inside(mode: Mode) {
        let (app, _ca) = start(mode, EgressPolicy::public_only()).await;
        // The one is a name of this machine, the other one is none (RFC 6761).
        let (inside, absent) = ("localhost", "no-such-host.invalid");
        let bodies = |host: &str| {
            [
                (
                    PATH,
                    json!({ "name": "x", "type": "powerdns", "config": { "api_key": "key", "base_url": format!("https://{host}") } }),
                ),
                (
                    PATH,
                    json!({ "name": "x", "type": "rfc2136", "zones": ["example.test"], "config": {
                    "nameserver": host, "tsig_key": "k", "tsig_secret": "c2VjcmV0LW9mLXRoZS16b25l",
                } }),
                ),
                (
                    "/v1/pki/acme/accounts",
                    json!({ "name": "x", "provider": "custom", "directory_url": format!("https://{host}/dir") }),
                ),
            ]
        };
        for ((path, one), (_, other)) in bodies(inside).into_iter().zip(bodies(absent)) {
            let (one, other) =
                (post(&app, &app.admin, path, &one).await, post(&app, &app.admin, path, &other).await);
            assert!(!one.status.is_success(), "{}", one.text());
            let told = |answer: &tests::Answer, host: &str| {
                let mut error = answer.json()["error"].clone();
                error.as_object_mut().unwrap().remove("request_id");
                (answer.status, error.to_string().replace(host, "HOST"))
            };
            assert_eq!(told(&one, inside), told(&other, absent));
            assert!(!one.text().contains("127.0.0.1") && !one.text().contains("loopback"), "{}", one.text());
        }
    }
}
