//! Clients that go on asking, and repeat under the same `Idempotency-Key` what was not answered.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use tests::openssl::Judge;
use tokio::sync::RwLock;
use tokio::task::JoinHandle;

use super::id_in;
use super::ledger::Ledger;
use crate::api::{Answer, Api, client};

/// How long a client repeats a call before it gives up.
const REPEATS: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(100);
/// The common name in the CSR that is signed again and again.
pub(crate) const CSR_NAME: &str = "csr.example.internal";

/// A client of processes that asks them by turns.
pub(crate) struct Client {
    http: reqwest::Client,
    /// Held while a call is under way.
    urls: RwLock<Vec<String>>,
    token: String,
    calls: AtomicUsize,
    ledger: Arc<Ledger>,
}

impl Client {
    pub(crate) fn new(apis: &[&Api], token: &str, ledger: &Arc<Ledger>) -> Self {
        Self {
            http: client(),
            urls: RwLock::new(urls(apis)),
            token: token.to_owned(),
            calls: AtomicUsize::new(0),
            ledger: Arc::clone(ledger),
        }
    }

    /// Asks only these from now on. No call to the others is under way when this returns.
    pub(crate) async fn turn_to(&self, apis: &[&Api]) {
        *self.urls.write().await = urls(apis);
    }

    /// `POST` until it is carried out; `None` when it was given up or refused.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> Option<Value> {
        let answer = self.ask(Method::POST, path, Some(body)).await?;
        Some(serde_json::from_slice(&answer.body).unwrap())
    }

    /// `GET`, likewise.
    pub(crate) async fn get(&self, path: &str) -> Option<Answer> {
        self.ask(Method::GET, path, None).await
    }

    async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> Option<Answer> {
        // Two clients may have the same token, to which keys belong.
        static KEYS: AtomicUsize = AtomicUsize::new(0);
        let key = format!("chaos-{}", KEYS.fetch_add(1, Ordering::Relaxed));
        let began = Instant::now();
        while began.elapsed() < REPEATS {
            let problem = match self.once(&method, path, body, &key).await {
                Ok(answer) if answer.status.is_success() => return Some(answer),
                Ok(answer) if is_excused(&answer) => None,
                Ok(answer) => Some(format!("{} {}", answer.status, String::from_utf8_lossy(&answer.body))),
                // The connection: nobody knows whether it was carried out.
                Err(_) => None,
            };
            if let Some(problem) = problem {
                self.ledger.entries().wrong.push(format!("{method} {path}: {problem}"));
                return None;
            }
            self.ledger.entries().repeated += 1;
            tokio::time::sleep(PAUSE).await;
        }
        let mut entries = self.ledger.entries();
        let what = path.split('/').nth(3).unwrap_or_default().to_owned();
        *entries.given_up.entry(what).or_default() += 1;
        None
    }

    async fn once(
        &self,
        method: &Method,
        path: &str,
        body: Option<&Value>,
        key: &str,
    ) -> reqwest::Result<Answer> {
        let urls = self.urls.read().await;
        let url = &urls[self.calls.fetch_add(1, Ordering::Relaxed) % urls.len()];
        let mut request = self.http.request(method.clone(), format!("{url}{path}")).bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.header("Idempotency-Key", key).json(body);
        }
        let response = request.send().await?;
        Ok(Answer { status: response.status(), body: response.bytes().await?.to_vec() })
    }
}

fn urls(apis: &[&Api]) -> Vec<String> {
    apis.iter().map(|api| api.url.clone()).collect()
}

/// Whether an answer only says that it cannot be done now, or that its first call is not over.
fn is_excused(answer: &Answer) -> bool {
    let of_key = answer.status == 409 && String::from_utf8_lossy(&answer.body).contains("Idempotency-Key");
    answer.status == 503 || of_key
}

/// The clients at work.
pub(crate) struct Load {
    client: Arc<Client>,
    root: String,
    stopping: Arc<AtomicBool>,
    tasks: Vec<JoinHandle<()>>,
    intermediates: AtomicUsize,
}

impl Load {
    pub(crate) fn start(client: &Arc<Client>, root: &str, account: &str) -> Self {
        let stopping = Arc::<AtomicBool>::default();
        let judge = Judge::new();
        judge.run(&format!(
            "req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout csr.key -out csr.pem -subj /CN={CSR_NAME}"
        ));
        let wishes = [
            Wish::Certificates(root.to_owned()),
            Wish::Signatures(judge.read("csr.pem")),
            Wish::Lists(root.to_owned()),
            Wish::Orders(account.to_owned()),
        ];
        let start = |wish| tokio::spawn(go_on(Arc::clone(client), wish, Arc::clone(&stopping)));
        let tasks = wishes.into_iter().map(start).collect();
        Self {
            client: Arc::clone(client),
            root: root.to_owned(),
            stopping,
            tasks,
            intermediates: AtomicUsize::new(0),
        }
    }

    /// Makes a CA, issues from it and revokes it: everything below is revoked in the background.
    pub(crate) async fn revoke_a_ca(&self) {
        let (client, ledger) = (&self.client, &self.client.ledger);
        let name = format!("sub{}", self.intermediates.fetch_add(1, Ordering::Relaxed));
        let body = json!({
            "name": name, "common_name": name, "ca_type": "intermediate", "parent_ca_id": self.root, "key_type": "ec"
        });
        let made = client.post("/v1/pki/ca", &body).await.unwrap();
        let ca = id_in(&made, "id");
        let role = json!({ "name": name, "ca_id": ca, "allowed_domains": ["example.internal"],
            "allow_subdomains": true, "key_type": "ec" });
        client.post("/v1/pki/roles", &role).await.unwrap();
        for number in 0..5 {
            let body = json!({ "common_name": format!("n{number}.{name}.example.internal") });
            let issued = client.post(&format!("/v1/pki/issue/{name}"), &body).await.unwrap();
            ledger.entries().certificates.push(id_in(&issued, "certificate_id"));
            ledger.revoked(&ca, &id_in(&issued, "serial_number"));
        }
        client.post(&format!("/v1/pki/ca/{ca}/revoke"), &json!({ "reason": "superseded" })).await.unwrap();
        ledger.revoked(&self.root, &id_in(&made, "serial_number"));
        ledger.entries().cascaded.push(ca);
    }

    /// Lets every client finish its call.
    pub(crate) async fn stop(self) {
        self.stopping.store(true, Ordering::Relaxed);
        for task in self.tasks {
            task.await.unwrap();
        }
    }
}

/// What one client asks for again and again.
enum Wish {
    /// Certificates, of which every third is revoked; the CA.
    Certificates(String),
    /// Certificates for a CSR.
    Signatures(String),
    /// The list of a CA.
    Lists(String),
    /// Orders of an account.
    Orders(String),
}

impl Wish {
    fn pause(&self) -> Duration {
        Duration::from_millis(match self {
            Self::Certificates(_) => 40,
            Self::Signatures(_) => 150,
            Self::Lists(_) => 300,
            Self::Orders(_) => 500,
        })
    }

    async fn ask(&self, client: &Client, number: usize) {
        match self {
            Self::Certificates(ca) => issue(client, ca, number).await,
            Self::Signatures(csr) => sign(client, csr).await,
            Self::Lists(ca) => build_list(client, ca, number).await,
            Self::Orders(account) => order(client, account, number).await,
        }
    }
}

async fn go_on(client: Arc<Client>, wish: Wish, stopping: Arc<AtomicBool>) {
    let mut number = 0;
    while !stopping.load(Ordering::Relaxed) {
        wish.ask(&client, number).await;
        number += 1;
        tokio::time::sleep(wish.pause()).await;
    }
}

/// Issues; revokes every third.
async fn issue(client: &Client, ca: &str, number: usize) {
    let body = json!({ "common_name": format!("n{number}.example.internal") });
    let Some(issued) = client.post("/v1/pki/issue/web", &body).await else { return };
    client.ledger.entries().certificates.push(id_in(&issued, "certificate_id"));
    let serial = id_in(&issued, "serial_number");
    if number.is_multiple_of(3) {
        let body = json!({ "serial_number": serial, "reason": "superseded" });
        if client.post("/v1/pki/revoke", &body).await.is_some() {
            client.ledger.revoked(ca, &serial);
        }
    }
}

async fn sign(client: &Client, csr: &str) {
    let Some(signed) = client.post("/v1/pki/sign/web", &json!({ "csr_pem": csr })).await else { return };
    let mut entries = client.ledger.entries();
    entries.certificates.push(id_in(&signed, "certificate_id"));
    entries.signed += 1;
}

/// Has the list built and looks at its number by turns.
async fn build_list(client: &Client, ca: &str, number: usize) {
    let path = format!("/v1/pki/ca/{ca}");
    if number.is_multiple_of(2) {
        if let Some(built) = client.post(&format!("{path}/crl"), &json!({})).await {
            client.ledger.saw_crl(built["crl_number"].as_i64().unwrap());
        }
    } else if let Some(answer) = client.get(&path).await {
        let ca: Value = serde_json::from_slice(&answer.body).unwrap();
        client.ledger.saw_crl(ca["crl"]["number"].as_i64().unwrap());
    }
}

async fn order(client: &Client, account: &str, number: usize) {
    let body = json!({ "account_id": account, "domains": [format!("n{number}.good.example")] });
    if let Some(order) = client.post("/v1/pki/acme/issue", &body).await {
        client.ledger.entries().orders.push(id_in(&order, "id"));
    }
}
