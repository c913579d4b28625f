//! Credentials that are planted everywhere, and looked for in everything that leaves the process or stays behind.

use fake_dns::{Fault, Lab, vendors};
use reqwest::Method;
use serde_json::{Value, json};

use crate::site::{Site, stop};

/// The texts of a configuration that nobody may see again.
fn credentials(lab: &Lab, config: &Value) -> Vec<String> {
    let names = certmill_dns::credentials(lab.kind).unwrap();
    let texts = names.iter().filter_map(|name| config[*name].as_str());
    // Of a key file, a line of the key.
    let line = |text: &str| match text.split("\\n").nth(3) {
        Some(line) => line.to_owned(),
        None => text.to_owned(),
    };
    texts.map(line).collect()
}

/// Every form in which an octet string may be written.
fn forms(secret: &str) -> [String; 3] {
    let hex = secret.bytes().map(|octet| format!("{octet:02x}")).collect::<Vec<_>>().concat();
    let base64 = openssl::base64::encode_block(secret.as_bytes());
    // The last characters depend on what follows.
    let base64 = base64.trim_end_matches('=');
    [secret.to_owned(), hex, base64.get(..base64.len() - 2).unwrap_or(base64).to_owned()]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn planted_credentials_are_seen_nowhere() {
    let site =
        Site::embedded().with("CERTMILL_LOG__FILTER", "trace").with("CERTMILL_EGRESS__ALLOW", "127.0.0.1");
    let mut api = site.dev().await;
    let mut seen = Vec::new();
    let mut planted = vec!["planted-in-the-store".to_owned()];
    let secret = json!({ "data": { "api_token": "planted-in-the-store" } });
    let put = api.send(Method::PUT, "/v1/secrets/planted/token", Some(secret)).await;
    seen.push(String::from_utf8(put.body).unwrap());
    let labs = [
        vendors::aws_route53::lab().await,
        vendors::azure_dns::lab().await,
        vendors::cloudflare::lab().await,
        vendors::desec::lab().await,
        vendors::google_cloud_dns::lab().await,
        vendors::hetzner::lab().await,
        vendors::ovh::lab().await,
        vendors::porkbun::lab().await,
        vendors::webhook::lab().await,
    ];
    for lab in &labs {
        planted.extend(credentials(lab, &lab.config));
        planted.extend(credentials(lab, &lab.wrong));
        let body = |config: &Value, name: &str| json!({ "name": name, "type": lab.kind, "config": config });
        let mut answers = Vec::new();
        // Refused by the provider, refused by us, taken, changed, tried with and without trouble, listed.
        answers.push(api.send(Method::POST, "/v1/pki/dns-providers", Some(body(&lab.wrong, "wrong"))).await);
        let odd = lab.config_with(json!({ "ttl": "soon", "no_such_field": 1 }));
        answers.push(api.send(Method::POST, "/v1/pki/dns-providers", Some(body(&odd, "odd"))).await);
        let added = api.send(Method::POST, "/v1/pki/dns-providers", Some(body(&lab.config, lab.kind))).await;
        let id = added.json(201)["id"].as_str().unwrap().to_owned();
        answers.push(added);
        let path = format!("/v1/pki/dns-providers/{id}");
        answers.push(api.send(Method::PATCH, &path, Some(json!({ "config": lab.wrong }))).await);
        answers.push(api.send(Method::PATCH, &path, Some(json!({ "config": lab.config }))).await);
        lab.fake().fail(Fault::ChangeStatus(500));
        let zone = json!({ "zone": Lab::ZONE });
        let settings = json!({ "config": { "propagation": { "mode": "none", "settle_seconds": 0 } } });
        answers.push(api.send(Method::PATCH, &path, Some(settings)).await);
        for _ in 0..2 {
            answers.push(api.send(Method::POST, &format!("{path}/test"), Some(zone.clone())).await);
        }
        answers.push(api.send(Method::GET, &path, None).await);
        seen.extend(answers.into_iter().map(|answer| String::from_utf8(answer.body).unwrap()));
    }
    for path in ["/v1/pki/dns-providers", "/v1/secrets", "/v1/audit/logs?limit=1000"] {
        seen.push(api.get(path).await.to_string());
    }
    stop(&mut api.process);
    seen.push(api.process.log());
    for entry in std::fs::read_dir(site.path().join("data")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            seen.push(String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned());
        }
    }
    let all = seen.join("\n");
    assert!(
        all.contains("cloudflare") && all.contains("dns_provider.create"),
        "what is to be searched is there"
    );
    assert!(planted.len() >= 20, "{}", planted.len());
    for secret in &planted {
        assert!(secret.len() >= 8, "{secret}");
        for form in forms(secret) {
            if let Some(at) = all.find(&form) {
                let around: String = all[at.saturating_sub(200)..at].chars().collect();
                panic!("`{form}` was seen after: {around}");
            }
        }
    }
}
