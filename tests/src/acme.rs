//! ACME servers, name servers and the responders that they ask, around a service in this process.

use std::net::SocketAddr;
use std::time::Duration;

use certmill_egress::EgressPolicy;
use certmill_listen::{Limits, Listener, Room};
use launch::{Bind, BindOptions, ChallTestSrv, Pebble, PebbleOptions, TsigKey, ZoneSpec};
use poem::http::StatusCode;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::{Mode, TestApp, TestOptions};

/// The zone that the name server of [`AcmeLab::with_dns`] serves.
pub const ZONE: &str = "example.test";
/// The secret of the key that may change it.
pub const TSIG_SECRET: &str = "c2VjcmV0LW9mLXRoZS16b25lLWtleS1mb3ItdGVzdHMhIQ==";

/// A service, an ACME server that trusts nobody, and the names and ports between them.
pub struct AcmeLab {
    /// The service.
    pub app: TestApp,
    /// The ACME server.
    pub pebble: Pebble,
    /// The name server of [`ZONE`], where there is one.
    pub bind: Option<Bind>,
    _names: Option<ChallTestSrv>,
    stop: CancellationToken,
}

impl AcmeLab {
    /// Every name leads to this machine, and nonces are refused now and then.
    pub async fn start(mode: Mode) -> Self {
        Self::with(mode, PebbleOptions { nonce_reject: 20, ..PebbleOptions::default() }, false).await
    }

    /// With a name server that takes changes.
    pub async fn with_dns(mode: Mode) -> Self {
        Self::with(mode, PebbleOptions { nonce_reject: 20, ..PebbleOptions::default() }, true).await
    }

    /// With a name server that runs already.
    pub async fn behind(mode: Mode, name_server: SocketAddr) -> Self {
        let options =
            PebbleOptions { nonce_reject: 20, dns_server: Some(name_server), ..PebbleOptions::default() };
        Self::with(mode, options, false).await
    }

    /// With name servers that run already at addresses of this machine, all on the port of the first one, which is the resolver
    /// of the service and of the ACME server.
    pub async fn among(mode: Mode, name_server: SocketAddr) -> Self {
        let pebble =
            PebbleOptions { nonce_reject: 20, dns_server: Some(name_server), ..PebbleOptions::default() };
        let networks = ["127.0.0.0/8", "::1/128"].map(|network| network.parse().unwrap());
        let options = TestOptions {
            egress: Some(EgressPolicy::allowing(networks.to_vec())),
            authoritative_port: Some(name_server.port()),
            ..TestOptions::default()
        };
        Self::with_options(mode, (pebble, false), options).await
    }

    /// With an ACME server of these options.
    pub async fn with(mode: Mode, options: PebbleOptions, dns: bool) -> Self {
        Self::with_options(mode, (options, dns), TestOptions::default()).await
    }

    /// With an ACME server and a service of these options.
    pub async fn with_options(
        mode: Mode,
        (options, dns): (PebbleOptions, bool),
        service: TestOptions,
    ) -> Self {
        let outside = options.dns_server;
        let (pebble, names, bind) = tokio::task::spawn_blocking(move || {
            let bind = dns.then(name_server);
            let known = options.dns_server.or_else(|| bind.as_ref().map(Bind::address));
            let names = known.is_none().then(ChallTestSrv::start);
            let address = known.or_else(|| names.as_ref().map(ChallTestSrv::dns));
            let pebble = Pebble::start(PebbleOptions { dns_server: address, ..options });
            (pebble, names, bind)
        })
        .await
        .unwrap();
        let options = TestOptions {
            http01_port: Some(pebble.http_port()),
            trusted_pem: Some(pebble.ca_pem().to_owned()),
            resolvers: if service.resolvers.is_empty() {
                bind.iter().map(Bind::address).chain(outside).collect()
            } else {
                service.resolvers.clone()
            },
            ..service
        };
        let app = TestApp::start_with(mode, options).await;
        let stop = CancellationToken::new();
        answer_on_ports(&app, (pebble.http_port(), pebble.tls_port()), &stop).await;
        Self { app, pebble, bind, _names: names, stop }
    }

    /// Registers an account; answers its id.
    pub async fn account(&self) -> String {
        let body = json!({
            "name": "pebble", "provider": "custom", "directory_url": self.pebble.directory_url(),
            "email": "pki@example.com"
        });
        let account = self.app.post("/v1/pki/acme/accounts", body).await.json_with(StatusCode::CREATED);
        assert_eq!(account["status"], "valid", "{account}");
        account["id"].as_str().unwrap().to_owned()
    }

    /// Adds the name server as a DNS provider; answers its id.
    pub async fn provider(&self) -> String {
        add_provider(&self.app, self.bind.as_ref().unwrap()).await
    }

    /// Orders; answers the order.
    pub async fn order(&self, body: Value) -> Value {
        self.app.post("/v1/pki/acme/issue", body).await.json_with(StatusCode::ACCEPTED)
    }

    /// Waits until an order has ended; answers it.
    pub async fn ended(&self, order: &Value) -> Value {
        let path = format!("/v1/pki/acme/orders/{}", order["order_id"].as_str().unwrap());
        self.app.eventually(&path, |order| order["status"] == "valid" || order["status"] == "invalid").await
    }

    /// Waits until an order is valid; answers its certificate.
    pub async fn certificate(&self, order: &Value) -> Value {
        let order = self.ended(order).await;
        assert_eq!(order["status"], "valid", "{order:#}");
        let path = format!("/v1/pki/certificates/{}", order["certificate_id"].as_str().unwrap());
        self.app.get(&path).await.json_with(StatusCode::OK)
    }
}

impl Drop for AcmeLab {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Starts the responders where an ACME server looks for answers over HTTP and in TLS handshakes.
pub async fn answer_on_ports(app: &TestApp, (http, tls): (u16, u16), stop: &CancellationToken) {
    let bind = async |name, port| {
        let limits = Limits { grace: Duration::ZERO, ..Limits::default() };
        let room = Room::for_files(1024);
        Listener::bind(name, ([127, 0, 0, 1], port).into(), limits, &room).await.unwrap()
    };
    let (http, tls) = (bind("http-01", http).await, bind("tls-alpn-01", tls).await);
    let responder = certmill_api::acme_responder(app.app.clone());
    tokio::spawn(certmill_listen::serve(http, None, responder, stop.clone()));
    tokio::spawn(certmill_api::tls_alpn::serve(app.app.clone(), tls, stop.clone()));
}

/// Adds a name server of [`ZONE`] as a DNS provider; answers its id.
pub async fn add_provider(app: &TestApp, bind: &Bind) -> String {
    let body = json!({
        "name": "bind", "type": "rfc2136", "zones": [ZONE],
        "config": {
            "nameserver": bind.address().to_string(), "tsig_key": "certmill", "tsig_secret": TSIG_SECRET,
            "tsig_algorithm": "hmac-sha256",
            "propagation": { "nameservers": [bind.address().to_string()], "settle_seconds": 0 }
        }
    });
    let provider = app.post("/v1/pki/dns-providers", body).await.json_with(StatusCode::CREATED);
    provider["id"].as_str().unwrap().to_owned()
}

/// A name server of [`ZONE`], which can be changed; every name in it leads to this machine.
pub fn name_server() -> Bind {
    let key = TsigKey {
        name: "certmill".to_owned(),
        algorithm: "hmac-sha256".to_owned(),
        secret_base64: TSIG_SECRET.to_owned(),
    };
    Bind::start(BindOptions {
        zones: vec![ZoneSpec {
            name: ZONE.to_owned(),
            update_keys: vec![key.name.clone()],
            ..ZoneSpec::default()
        }],
        keys: vec![key],
    })
}
