//! The server as clients see it that are not ours: `instant-acme`, and a plain one on OpenSSL alone. That one is itself judged
//! by Pebble.

mod client;
mod honest;
mod knobs;
mod refused;

use fake_acme::{FakeAcme, FakeAcmeOptions};
use serde_json::json;

use crate::client::Client;

async fn start() -> (FakeAcme, Client) {
    start_with(FakeAcmeOptions::default()).await
}

/// With an account unless the server wants more than a key.
async fn start_with(options: FakeAcmeOptions) -> (FakeAcme, Client) {
    let plain = options.eab_keys.is_empty() && options.terms_of_service.is_none();
    let server = FakeAcme::start(options).await;
    let mut client = Client::new(&server.directory_url(), server.ca_pem());
    if plain {
        assert_eq!(client.register(&json!({ "contact": ["mailto:a@b.example"] })).status, 201);
    }
    (server, client)
}
