//! The whole service in one process for tests, in either mode, and the tools that judge what it makes.

#![expect(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "what goes wrong here fails the test that calls"
)]

pub mod acme;
pub mod authority;
mod both_modes;
pub mod clock;
mod databases;
mod leftovers;
pub mod openssl;
mod options;
pub mod receiver;
pub mod tls_server;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use certmill_acme::Acme;
use certmill_dns::Providers;
use certmill_domain::{Clock, Scope, SystemClock, Tenant, TokenLimits};
use certmill_egress::{Egress, EgressOptions, EgressPolicy};
use certmill_keys::{KeyPool, PoolSizes, RootKey, RootKeys};
use certmill_queue::Queue;
use certmill_service::publish::Publisher;
use certmill_service::tokens::NewToken;
use certmill_service::{App, Caller, Limiter, Parts, tenants, tokens};
use certmill_storage::Database;
use poem::endpoint::BoxEndpoint;
use poem::http::{Method, StatusCode};
use poem::test::TestClient;
use poem::{EndpointExt, Response};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::clock::{ManualClock, SeededEntropy};

pub use options::{MailTo, TestOptions};

/// Which parts the service is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// SQLite and the queue in the process.
    Embedded,
    /// Postgres and Redis.
    Fleet,
}

/// The service with a worker, a tenant and an admin token.
///
/// All of it has one clock, which runs from the present time on, so that other programs find certificates valid, and
/// randomness from one seed. [`TestApp::advance`] lets time pass. Dropping it fails the test when a job is dead, or when a
/// job that is due is not done although a worker runs.
pub struct TestApp {
    /// The use cases, for what HTTP does not show.
    pub app: App,
    /// The tenant of `admin`.
    pub tenant: Tenant,
    /// A token with `pki:admin`.
    pub admin: String,
    /// Its clock. To let time pass, see [`TestApp::advance`].
    pub clock: ManualClock,
    /// How long jobs that are due may take once the test is over.
    pub patience: Duration,
    entropy: Arc<SeededEntropy>,
    has_worker: AtomicBool,
    may_have_dead_jobs: AtomicBool,
    client: TestClient<BoxEndpoint<'static, Response>>,
    database_url: String,
    stop_worker: CancellationToken,
    root_key_text: String,
    _folder: tempfile::TempDir,
}

/// An answer of the API.
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: poem::http::HeaderMap,
    /// Its body.
    pub body: Vec<u8>,
}

static COUNTER: AtomicU64 = AtomicU64::new(0);

impl TestApp {
    /// Starts the service on a fresh database.
    pub async fn start(mode: Mode) -> Self {
        Self::start_with(mode, TestOptions::default()).await
    }

    /// Starts the service with these options on a fresh database.
    pub async fn start_with(mode: Mode, options: TestOptions) -> Self {
        let test = Self::without_worker_with(mode, options).await;
        test.start_worker();
        test
    }

    /// Starts the service without anyone who does its jobs.
    pub async fn without_worker(mode: Mode) -> Self {
        Self::without_worker_with(mode, TestOptions::default()).await
    }

    /// The same with options.
    pub async fn without_worker_with(mode: Mode, options: TestOptions) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database_url = databases::fresh(mode, folder.path()).await;
        let queue = match mode {
            Mode::Embedded => Queue::in_process(),
            Mode::Fleet => {
                let redis = tokio::task::spawn_blocking(|| launch::shared_redis().url()).await.unwrap();
                let namespace =
                    format!("t{}-{}", std::process::id(), COUNTER.fetch_add(1, Ordering::Relaxed));
                Queue::redis(&redis, &namespace).unwrap()
            }
        };
        let database = Database::open(&database_url, 6).await.unwrap();
        let entropy = Arc::new(SeededEntropy::from_environment());
        let clock = ManualClock::running_from(SystemClock.now());
        let shared_clock = || Arc::new(clock.clone());
        // Tests reach servers of their own on this machine, and nothing else that is private.
        let this_machine = || EgressPolicy::allowing(vec!["127.0.0.1/32".parse().unwrap()]);
        let policy = options.egress.clone().unwrap_or_else(this_machine);
        let client = |keep_alive| {
            let options = EgressOptions { trusted_pem: options.trusted_pem.clone(), keep_alive };
            Egress::with_options(policy.clone(), &options).unwrap()
        };
        let root_key = RootKey::generate(&*entropy);
        let root_key_text = root_key.to_text().to_string();
        let app = App::new(Parts {
            database,
            queue,
            root_keys: RootKeys::new(root_key, Vec::new()),
            // Tests that need RSA keys make them on demand; a full pool per test would only burn the processor.
            key_pool: KeyPool::new(PoolSizes { rsa_2048: 0, rsa_3072: 0, rsa_4096: 0 }),
            clock: shared_clock(),
            entropy: entropy.clone(),
            egress: client(false),
            acme: Acme::new(client(true), shared_clock()),
            dns: Providers::new(options.dns(), policy.clone(), client(true), shared_clock()),
            mailer: options.mailer(),
            limiter: Limiter::off(),
            publisher: options.publisher.clone().unwrap_or_else(Publisher::none),
            settings: options.settings(),
        });
        let tenant = tenants::create(&app, "first".parse().unwrap()).await.unwrap().tenant;
        let admin = token_of(&app, &tenant, Scope::Admin).await;
        let client = TestClient::new(certmill_api::service(app.clone(), None).boxed());
        Self {
            app,
            tenant,
            admin,
            clock,
            patience: leftovers::PATIENCE,
            entropy,
            has_worker: AtomicBool::new(false),
            may_have_dead_jobs: AtomicBool::new(false),
            client,
            database_url,
            stop_worker: CancellationToken::new(),
            root_key_text,
            _folder: folder,
        }
    }

    /// Starts a worker in this process.
    pub fn start_worker(&self) {
        self.has_worker.store(true, Ordering::Relaxed);
        let options =
            certmill_worker::Options { concurrency: 8, grace: Duration::from_secs(5), alone: false };
        tokio::spawn(certmill_worker::run(self.app.clone(), options, self.stop_worker.clone()));
    }

    /// The URL of its database.
    pub fn database_url(&self) -> &str {
        &self.database_url
    }

    /// Its root key, for a test that seals something as an older version did.
    pub fn root_key(&self) -> RootKey {
        RootKey::from_text(&self.root_key_text).unwrap()
    }

    /// Another tenant and an admin token of it.
    pub async fn another_tenant(&self, name: &str) -> (Tenant, String) {
        let tenant = tenants::create(&self.app, name.parse().unwrap()).await.unwrap().tenant;
        let token = token_of(&self.app, &tenant, Scope::Admin).await;
        (tenant, token)
    }

    /// A token of the first tenant with one scope.
    pub async fn token(&self, scope: Scope) -> String {
        token_of(&self.app, &self.tenant, scope).await
    }

    #[expect(clippy::too_many_arguments, reason = "each is a part of a request")]
    /// Sends a request as it is: a token or none, headers, and a body with its media type or none.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        token: Option<&str>,
        headers: &[(&str, &str)],
        body: Option<(&str, Vec<u8>)>,
    ) -> Answer {
        let mut request = self.client.request(method, path);
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some((media_type, body)) = body {
            request = request.content_type(media_type).body(body);
        }
        let response = request.send().await.0;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = response.into_body().into_vec().await.unwrap();
        Answer { status, headers, body }
    }

    /// `GET` as admin of what is sent bit by bit: the answer without its body having been read.
    pub async fn open(&self, path: &str, headers: &[(&str, &str)]) -> poem::Response {
        let mut request = self.client.get(path).header("authorization", format!("Bearer {}", self.admin));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send().await.0
    }

    /// `GET` as admin.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, Some(&self.admin), &[], None).await
    }

    /// `POST` of JSON as admin.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.json(Method::POST, path, body).await
    }

    /// Several `POST`s of JSON as admin, all under way at the same time; answers in their order.
    pub async fn post_at_once(&self, calls: Vec<(String, Value)>) -> Vec<Answer> {
        let calls = calls.into_iter().map(|(path, body)| async move { self.post(&path, body).await });
        futures_util::future::join_all(calls).await
    }

    /// `POST` of JSON with another token.
    pub async fn post_as(&self, token: &str, path: &str, body: Value) -> Answer {
        let body = serde_json::to_vec(&body).unwrap();
        self.send(Method::POST, path, Some(token), &[], Some(("application/json", body))).await
    }

    /// `PATCH` of JSON as admin.
    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        self.json(Method::PATCH, path, body).await
    }

    /// `PUT` of JSON as admin.
    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.json(Method::PUT, path, body).await
    }

    /// `DELETE` as admin.
    pub async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, Some(&self.admin), &[], None).await
    }

    async fn json(&self, method: Method, path: &str, body: Value) -> Answer {
        let body = serde_json::to_vec(&body).unwrap();
        self.send(method, path, Some(&self.admin), &[], Some(("application/json", body))).await
    }

    /// Makes a P-256 root CA; answers it.
    pub async fn root_ca(&self, name: &str) -> Value {
        let body = serde_json::json!({
            "name": name, "common_name": format!("{name} CA"), "ca_type": "root", "key_type": "ec"
        });
        self.post("/v1/pki/ca", body).await.json_with(StatusCode::CREATED)
    }

    /// Makes a P-256 intermediate CA; answers it.
    pub async fn intermediate_ca(&self, name: &str, parent: &str) -> Value {
        let body = serde_json::json!({
            "name": name, "common_name": format!("{name} CA"), "ca_type": "intermediate",
            "parent_ca_id": parent, "key_type": "ec"
        });
        self.post("/v1/pki/ca", body).await.json_with(StatusCode::CREATED)
    }

    /// Makes a role for P-256 keys and names below `example.internal`; answers it.
    pub async fn role(&self, name: &str, ca_id: &str) -> Value {
        let body = serde_json::json!({
            "name": name, "ca_id": ca_id, "allowed_domains": ["example.internal"],
            "allow_subdomains": true, "key_type": "ec", "max_ttl": "90d"
        });
        self.post("/v1/pki/roles", body).await.json_with(StatusCode::CREATED)
    }

    /// Issues a certificate for `name` under `role`; answers it.
    pub async fn issue(&self, role: &str, name: &str) -> Value {
        let body = serde_json::json!({ "common_name": name });
        self.post(&format!("/v1/pki/issue/{role}"), body).await.json_with(StatusCode::CREATED)
    }

    /// Reads `path` until `wanted` holds of its JSON; fails the test after 30 s.
    pub async fn eventually(&self, path: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let arrived = async {
            loop {
                let value = self.get(path).await.json_with(StatusCode::OK);
                if wanted(&value) {
                    return value;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        match tokio::time::timeout(Duration::from_secs(30), arrived).await {
            Ok(value) => value,
            Err(tokio::time::error::Elapsed { .. }) => {
                panic!("{path} never became as wanted: {}", self.get(path).await.text())
            }
        }
    }
}

async fn token_of(app: &App, tenant: &Tenant, scope: Scope) -> String {
    let (name, scopes) = (scope.to_string(), vec![scope]);
    let new = NewToken { name, scopes, expires_at: None, limits: TokenLimits::default() };
    tokens::create(app, &Caller::operator(app, tenant.id), new).await.unwrap().secret.expose().to_owned()
}

impl Answer {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|_| panic!("not JSON ({}): {}", self.status, self.text()))
    }

    /// The body as JSON, after checking the status.
    pub fn json_with(&self, status: StatusCode) -> Value {
        assert_eq!(self.status, status, "{}", self.text());
        self.json()
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// A header's text; empty when it is absent.
    pub fn header(&self, name: &str) -> String {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
    }

    /// Checks that this is the contract's error with this status and code; answers `error`.
    pub fn error(&self, status: u16, code: &str) -> Value {
        let body = self.json_with(StatusCode::from_u16(status).unwrap());
        let error = body.get("error").unwrap_or_else(|| panic!("no `error` in {body}")).clone();
        assert_eq!(error["code"], code, "{body}");
        assert!(error["message"].as_str().is_some_and(|message| !message.is_empty()), "{body}");
        assert_eq!(error["request_id"], self.header("x-request-id"), "{body}");
        error
    }
}
