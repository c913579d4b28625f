//! Name servers that take dynamic updates: BIND and Knot DNS, the real ones.

use launch::{Bind, BindOptions, Knot, TsigKey, ZoneSpec};
use serde_json::{Value, json};

use crate::Lab;

const SECRET: &str = "c2VjcmV0LW9mLXRoZS16b25lLWtleS1mb3ItdGVzdHMhIQ==";
/// `wrong-secret` in base64.
const WRONG: &str = "d3Jvbmctc2VjcmV0LXdyb25nLXNlY3JldC13cm9uZyE=";

fn zones() -> Vec<ZoneSpec> {
    let kept = format!("_acme-challenge.www TXT \"{}\"", Lab::KEPT.replace('"', "\\\""));
    let zone = |name: &str, records: Vec<String>| ZoneSpec {
        name: name.to_owned(),
        records,
        update_keys: vec!["certmill".to_owned()],
        challenge_keys: Vec::new(),
    };
    vec![zone(Lab::ZONE, vec![kept]), zone(Lab::BELOW, Vec::new())]
}

fn keys(algorithm: &str) -> Vec<TsigKey> {
    vec![TsigKey {
        name: "certmill".to_owned(),
        algorithm: algorithm.to_owned(),
        secret_base64: SECRET.to_owned(),
    }]
}

fn config(server: std::net::SocketAddr, (algorithm, protocol): (&str, &str), secret: &str) -> Value {
    json!({
        "nameserver": server.to_string(), "tsig_key": "certmill", "tsig_secret": secret, "tsig_algorithm": algorithm,
        "protocol": protocol, "zones": [Lab::ZONE, Lab::BELOW], "propagation": { "settle_seconds": 0 }
    })
}

fn lab(server: std::net::SocketAddr, way: (&str, &str), guard: Box<dyn std::any::Any + Send + Sync>) -> Lab {
    Lab {
        kind: "rfc2136",
        config: config(server, way, SECRET),
        wrong: config(server, way, WRONG),
        name_server: server,
        fake: None,
        can_list: true,
        guard: Some(guard),
    }
}

/// BIND, over TCP with HMAC-SHA256.
pub fn on_bind() -> Lab {
    let bind = Bind::start(BindOptions { zones: zones(), keys: keys("hmac-sha256") });
    lab(bind.address(), ("hmac-sha256", "tcp"), Box::new(std::sync::Mutex::new(bind)))
}

/// Knot DNS, over UDP with HMAC-SHA512.
pub fn on_knot() -> Lab {
    let knot = Knot::start(&zones(), &keys("hmac-sha512"));
    lab(knot.address(), ("hmac-sha512", "udp"), Box::new(std::sync::Mutex::new(knot)))
}
