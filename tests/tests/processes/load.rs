//! Clients that issue certificates without a pause and remember what they were promised.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use tokio::task::JoinHandle;

use crate::api::{Api, client, request};
use crate::site::until;

/// What clients were answered.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    /// Ids of the certificates of the answers 201.
    pub(crate) acknowledged: Vec<String>,
    /// Other answers: status and code.
    pub(crate) refused: Vec<(u16, String)>,
    /// Requests without an answer.
    pub(crate) broken: Vec<String>,
}

/// Clients at work.
pub(crate) struct Load {
    tally: Arc<Mutex<Tally>>,
    stopping: Arc<AtomicBool>,
    clients: Vec<JoinHandle<()>>,
}

impl Load {
    /// Starts this many clients of each API, which issue under the role `web`.
    pub(crate) fn start(apis: &[&Api], clients: usize) -> Self {
        let tally = Arc::<Mutex<Tally>>::default();
        let stopping = Arc::<AtomicBool>::default();
        let number = Arc::<AtomicU64>::default();
        let clients = apis.iter().flat_map(|api| (0..clients).map(|_| (api.url.clone(), api.token.clone())));
        let clients = clients
            .map(|target| {
                tokio::spawn(issue(target, Arc::clone(&number), Arc::clone(&tally), Arc::clone(&stopping)))
            })
            .collect();
        Self { tally, stopping, clients }
    }

    /// What was answered so far.
    pub(crate) fn tally(&self) -> Tally {
        self.tally.lock().unwrap().clone()
    }

    /// Waits until this many more certificates were acknowledged.
    pub(crate) async fn acknowledges(&self, more: usize, within: Duration) {
        let wanted = self.tally().acknowledged.len() + more;
        until(&format!("{more} more certificates"), within, async || {
            (self.tally().acknowledged.len() >= wanted).then_some(())
        })
        .await;
    }

    /// Waits until something else than a certificate was answered, or nothing at all.
    pub(crate) async fn fails(&self, within: Duration) {
        let failures = |tally: Tally| tally.refused.len() + tally.broken.len();
        let before = failures(self.tally());
        until("a failure", within, async || (failures(self.tally()) > before).then_some(())).await;
    }

    /// Lets every client finish its request.
    pub(crate) async fn stop(self) -> Tally {
        self.stopping.store(true, Ordering::Relaxed);
        for client in self.clients {
            client.await.unwrap();
        }
        self.tally.lock().unwrap().clone()
    }
}

async fn issue(
    (url, token): (String, String),
    number: Arc<AtomicU64>,
    tally: Arc<Mutex<Tally>>,
    stopping: Arc<AtomicBool>,
) {
    let client = client();
    while !stopping.load(Ordering::Relaxed) {
        let name = format!("n{}.example.internal", number.fetch_add(1, Ordering::Relaxed));
        let body = Some(json!({ "common_name": name }));
        let answer = request(&client, (&url, &token), Method::POST, "/v1/pki/issue/web", body).await;
        let failed = {
            let mut tally = tally.lock().unwrap();
            match &answer {
                Ok(answer) if answer.status == 201 => {
                    let issued = answer.json(201);
                    tally.acknowledged.push(issued["certificate_id"].as_str().unwrap().to_owned());
                }
                Ok(answer) => tally.refused.push((answer.status.as_u16(), answer.error_code())),
                Err(error) => tally.broken.push(format!("{error:?}")),
            }
            !matches!(&answer, Ok(answer) if answer.status == 201)
        };
        if failed {
            // A client that is refused does not hammer.
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// Every certificate that was acknowledged is listed, and the CA has counted exactly those that are.
pub(crate) async fn assert_nothing_lost(api: &Api, ca: &str, tally: &Tally) {
    let listed = api.certificate_ids().await;
    let present: std::collections::HashSet<&String> = listed.iter().collect();
    assert_eq!(present.len(), listed.len(), "a certificate is listed twice");
    let lost: Vec<_> = tally.acknowledged.iter().filter(|id| !present.contains(id)).collect();
    assert!(
        lost.is_empty(),
        "{} of {} acknowledged are gone: {lost:?}",
        lost.len(),
        tally.acknowledged.len()
    );
    assert_eq!(api.ca(ca).await["certificates_issued"], listed.len(), "counted and stored together");
}
