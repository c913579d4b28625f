//! Rate limits: what one token may do in which time, over several processes, with and without Redis; and refused calls
//! that do not fill the audit log.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use certmill_acme::Acme;
use certmill_dns::{DnsSettings, Providers};
use certmill_domain::{Clock, RateLimits, Scope, SystemClock, SystemEntropy, Timestamp};
use certmill_egress::{Egress, EgressPolicy};
use certmill_keys::{KeyPool, PoolSizes, RootKey, RootKeys};
use certmill_queue::{Queue, SharedBuckets};
use certmill_service::audit::{self, Verdict};
use certmill_service::{App, Limiter, Parts, Settings};
use certmill_storage::Database;
use launch::Redis;
use poem::endpoint::BoxEndpoint;
use poem::http::{Method, StatusCode};
use poem::test::TestClient;
use poem::{EndpointExt, Response};
use serde_json::Value;
use tests::{Answer, TestApp, both_modes};

/// However busy the machine is, a Redis that is there answers in this time.
const PATIENCE: Duration = Duration::from_secs(20);
/// Rows of a token's refused calls in a minute.
const ROWS: usize = 20;

/// A clock that stands still until it is moved.
struct HandClock(AtomicI64);

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_micros(self.0.load(Ordering::SeqCst))
    }
}

impl HandClock {
    fn advance(&self, time: Duration) {
        self.0.fetch_add(i64::try_from(time.as_micros()).unwrap(), Ordering::SeqCst);
    }
}

/// One more API process on the database of a test, with limits.
struct Process {
    app: App,
    client: TestClient<BoxEndpoint<'static, Response>>,
    clock: Arc<HandClock>,
}

impl Process {
    async fn start(beside: &TestApp, limits: RateLimits, redis: Option<&Redis>) -> Self {
        let clock = Arc::new(HandClock(AtomicI64::new(beside.app.now().whole_seconds().unix_micros())));
        let entropy = Arc::new(SystemEntropy);
        let policy = EgressPolicy::allowing(Vec::new());
        let egress = || Egress::new(policy.clone()).unwrap();
        let dns = DnsSettings::default();
        let shared = redis
            .map(|redis| SharedBuckets::open(&redis.url(), "limits").unwrap().answering_within(PATIENCE));
        let app = App::new(Parts {
            mailer: None,
            database: Database::open(beside.database_url(), 4).await.unwrap(),
            queue: Queue::in_process(),
            root_keys: RootKeys::new(RootKey::generate(&*entropy), Vec::new()),
            key_pool: KeyPool::new(PoolSizes { rsa_2048: 0, rsa_3072: 0, rsa_4096: 0 }),
            clock: clock.clone(),
            entropy,
            egress: egress(),
            acme: Acme::new(egress(), Arc::new(SystemClock)),
            dns: Providers::new(dns, policy.clone(), egress(), Arc::new(SystemClock)),
            limiter: Limiter::new(limits, shared),
            publisher: certmill_service::publish::Publisher::none(),
            settings: Settings::default(),
        });
        let client = TestClient::new(certmill_api::service(app.clone(), None).boxed());
        Self { app, client, clock }
    }

    async fn call(&self, method: Method, path: &str, token: &str) -> Answer {
        let request = self.client.request(method, path).header("authorization", format!("Bearer {token}"));
        let response = request.send().await.0;
        let (status, headers) = (response.status(), response.headers().clone());
        Answer { status, headers, body: response.into_body().into_vec().await.unwrap() }
    }

    async fn get(&self, token: &str) -> Answer {
        self.call(Method::GET, "/v1/pki/roles", token).await
    }

    /// Calls until Redis counts again, which a call of the category `validate` shows: its limit is one call, and a
    /// process that counts alone has given that already.
    async fn until_shared(&self, token: &str) {
        let shared = async {
            while self.judge(token).await.status == StatusCode::TOO_MANY_REQUESTS {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), shared).await.expect("Redis is never used again");
    }

    async fn judge(&self, token: &str) -> Answer {
        self.call(Method::POST, "/v1/pki/roles/web/check", token).await
    }
}

fn limits(read: &str) -> RateLimits {
    RateLimits { read: Some(read.parse().unwrap()), ..RateLimits::default() }
}

/// A Redis for limits, in the mode that has one.
async fn redis(app: &TestApp) -> Option<Redis> {
    if app.database_url().starts_with("sqlite:") {
        return None;
    }
    Some(tokio::task::spawn_blocking(Redis::start).await.unwrap())
}

fn number(answer: &Answer, header: &str) -> i64 {
    let text = answer.header(header);
    text.parse().unwrap_or_else(|_| panic!("{header} is {text:?}: {:?}", answer.headers))
}

fn limit_headers(answer: &Answer) -> Vec<String> {
    let names = answer.headers.keys().map(ToString::to_string);
    names.filter(|name| name.starts_with("x-ratelimit") || name == "retry-after").collect()
}

/// Rows of refused calls, newest first.
async fn refusals(app: &TestApp) -> Vec<Value> {
    let body = app.get("/v1/audit/logs?success=false&limit=1000").await.json_with(StatusCode::OK);
    body["logs"].as_array().unwrap().clone()
}

async fn assert_intact(app: &TestApp) {
    let verdict = audit::verify(&app.app, app.tenant.id, None).await.unwrap();
    assert!(matches!(verdict, Verdict::Intact(_)), "{verdict:?}");
}

both_modes! {
    async fn a_limit_is_told_enforced_and_over_after_retry_after(app: TestApp) {
        let redis = redis(&app).await;
        let process = Process::start(&app, limits("20/m burst 2"), redis.as_ref()).await;
        let reader = app.token(Scope::Read).await;
        let before = SystemClock.now().unix_seconds();
        for (remaining, status) in [(1, 200), (0, 200), (0, 429)] {
            let answer = process.get(&reader).await;
            assert_eq!(answer.status.as_u16(), status, "{}", answer.text());
            assert_eq!(number(&answer, "x-ratelimit-limit"), 2);
            assert_eq!(number(&answer, "x-ratelimit-remaining"), remaining);
            // Three seconds for each call that is missing.
            let full_in = if remaining == 1 { 3 } else { 6 };
            let reset = number(&answer, "x-ratelimit-reset");
            if redis.is_none() {
                assert_eq!(reset, process.app.now().unix_seconds() + full_in);
            } else {
                let now = SystemClock.now().unix_seconds();
                assert!((before + full_in..=now + 1 + full_in).contains(&reset), "{before} {now} {reset}");
            }
            if status != 429 {
                assert_eq!(answer.header("retry-after"), "");
                continue;
            }
            let error = answer.error(429, "rate_limited");
            let wait = number(&answer, "retry-after");
            assert!(if redis.is_none() { wait == 3 } else { (1..=3).contains(&wait) }, "{wait}");
            assert_eq!(error["details"]["category"], "read");
            assert_eq!(error["details"]["retry_after"], wait);
        }
        // Asking again while it lasts makes it no longer.
        if redis.is_none() {
            process.clock.advance(Duration::from_millis(2_999));
            assert_eq!(number(&process.get(&reader).await, "retry-after"), 1);
            process.clock.advance(Duration::from_millis(1));
            process.get(&reader).await.json_with(StatusCode::OK);
        } else {
            let refused = process.get(&reader).await;
            let wait = Duration::from_secs(number(&refused, "retry-after").unsigned_abs());
            // Waiting as long as the answer says, by the clock of Redis, is what is tested.
            tokio::time::sleep(wait).await;
            process.get(&reader).await.json_with(StatusCode::OK);
        }
        process.get(&reader).await.error(429, "rate_limited");
    }

    async fn tokens_and_categories_do_not_influence_each_other(app: TestApp) {
        let redis = redis(&app).await;
        let two = |text: &str| Some(text.parse().unwrap());
        let limits =
            RateLimits { read: two("1/h"), admin: two("2/h"), acme: two("1/h"), ..RateLimits::default() };
        let process = Process::start(&app, limits, redis.as_ref()).await;
        let (one, other) = (app.token(Scope::Read).await, app.token(Scope::Read).await);
        process.get(&one).await.json_with(StatusCode::OK);
        process.get(&one).await.error(429, "rate_limited");
        process.get(&other).await.json_with(StatusCode::OK);
        // What is refused for want of a scope counts as well, in the category of the call.
        let delete = || process.call(Method::DELETE, "/v1/pki/roles/web", &one);
        let answer = delete().await;
        answer.error(403, "insufficient_scope");
        assert_eq!(number(&answer, "x-ratelimit-remaining"), 1);
        delete().await.error(403, "insufficient_scope");
        delete().await.error(429, "rate_limited");
        let order = process.call(Method::POST, "/v1/pki/acme/issue", &one).await;
        assert_eq!(number(&order, "x-ratelimit-remaining"), 0);
        // Categories without a limit, open routes and strangers have no figures.
        for (method, path, token) in [
            (Method::POST, "/v1/pki/issue/web", one.as_str()),
            (Method::GET, "/v1/version", one.as_str()),
            (Method::GET, "/v1/pki/roles", "cmt_nobody"),
        ] {
            let answer = process.call(method, path, token).await;
            assert_ne!(answer.status, StatusCode::TOO_MANY_REQUESTS, "{path}");
            assert_eq!(limit_headers(&answer), Vec::<String>::new(), "{path}");
        }
        // The service beside it has no limits.
        assert_eq!(limit_headers(&app.get("/v1/pki/roles").await), Vec::<String>::new());
    }

    async fn a_flood_of_refused_calls_leaves_few_rows_that_count_all(app: TestApp) {
        let admin = Some("490/h".parse().unwrap());
        let limits = RateLimits { admin, ..RateLimits::default() };
        let process = Process::start(&app, limits, None).await;
        let (reader, other) = (app.token(Scope::Read).await, app.token(Scope::Read).await);
        let flood = |token: String, calls: usize| {
            let process = &process;
            let calls = (0..calls).map(move |at| {
                let token = token.clone();
                async move { process.call(Method::DELETE, &format!("/v1/pki/roles/r{at}"), &token).await.status }
            });
            futures_util::future::join_all(calls)
        };
        let statuses = flood(reader.clone(), 500).await;
        let count = |wanted| statuses.iter().filter(|status| **status == wanted).count();
        assert_eq!((count(StatusCode::FORBIDDEN), count(StatusCode::TOO_MANY_REQUESTS)), (490, 10));
        flood(other, 3).await;

        // The minute is not over.
        audit::write_refusals(&process.app, false).await.unwrap();
        assert_eq!(refusals(&app).await.len(), ROWS + 3);
        process.clock.advance(Duration::from_mins(1));
        audit::write_refusals(&process.app, false).await.unwrap();
        let rows = refusals(&app).await;
        assert_eq!(rows.len(), ROWS + 3 + 1);
        let counted = &rows[0];
        assert_eq!(counted["action"], "calls.refused");
        assert_eq!(counted["identity"], rows[ROWS + 3]["identity"]);
        assert_eq!(counted["error_code"], "insufficient_scope");
        assert_eq!(counted["request_id"], Value::Null);
        let told = counted["object"].as_str().unwrap();
        assert!(told.starts_with("480 refused calls from 20"), "{told}");
        let codes = told.rsplit_once(": ").unwrap().1;
        let numbers: Vec<usize> = codes.split(", ").map(|code| code.split_once(' ').unwrap().1.parse().unwrap()).collect();
        assert_eq!(numbers.iter().sum::<usize>(), 480, "{told}");
        assert!(codes.contains("insufficient_scope 4"), "{told}");

        // The next minute has rows of its own; the end of the process writes what is left.
        flood(reader, ROWS + 5).await;
        audit::write_refusals(&process.app, true).await.unwrap();
        audit::write_refusals(&process.app, true).await.unwrap();
        let rows = refusals(&app).await;
        assert_eq!(rows.len(), 2 * ROWS + 3 + 2);
        assert!(rows[0]["object"].as_str().unwrap().starts_with("5 refused calls"), "{}", rows[0]);
        let found = app.get("/v1/audit/logs?action=calls.refused").await.json_with(StatusCode::OK);
        assert_eq!(found["logs"].as_array().unwrap().len(), 2);
        assert_intact(&app).await;
    }

    async fn numbers_that_could_not_be_written_are_kept(app: TestApp) {
        let process = Process::start(&app, RateLimits::default(), None).await;
        let reader = app.token(Scope::Read).await;
        for _ in 0..ROWS + 7 {
            process.call(Method::DELETE, "/v1/pki/roles/web", &reader).await.error(403, "insufficient_scope");
        }
        process.app.database().close().await;
        audit::write_refusals(&process.app, true).await.unwrap_err();
        audit::write_refusals(&process.app, true).await.unwrap_err();
        assert_eq!(refusals(&app).await.len(), ROWS);
        assert_intact(&app).await;
    }
}

fn shared_limits() -> RateLimits {
    let of = |text: &str| Some(text.parse().unwrap());
    RateLimits { read: of("6/h"), validate: of("1/h"), ..RateLimits::default() }
}

/// Two processes count together; without Redis each counts on its own and nothing fails; when Redis is back, they count
/// together again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fleet_counts_together_and_goes_on_when_redis_is_lost() {
    let app = TestApp::without_worker(tests::Mode::Fleet).await;
    let mut redis = tokio::task::spawn_blocking(Redis::start).await.unwrap();
    let one = Process::start(&app, shared_limits(), Some(&redis)).await;
    let two = Process::start(&app, shared_limits(), Some(&redis)).await;
    let reader = app.token(Scope::Read).await;
    for remaining in [5, 3, 1] {
        assert_eq!(number(&one.get(&reader).await, "x-ratelimit-remaining"), remaining);
        assert_eq!(number(&two.get(&reader).await, "x-ratelimit-remaining"), remaining - 1);
    }
    for process in [&one, &two] {
        process.get(&reader).await.error(429, "rate_limited");
    }

    let redis = tokio::task::spawn_blocking(move || {
        redis.stop();
        redis
    });
    let mut redis = redis.await.unwrap();
    for process in [&one, &two] {
        let statuses = [(); 8].map(|()| process.get(&reader));
        let answers = futures_util::future::join_all(statuses).await;
        let count = |wanted| answers.iter().filter(|answer| answer.status == wanted).count();
        assert_eq!((count(StatusCode::OK), count(StatusCode::TOO_MANY_REQUESTS)), (6, 2));
        assert!(answers.iter().all(|answer| !limit_headers(answer).is_empty()));
        assert_ne!(process.judge(&reader).await.status, StatusCode::TOO_MANY_REQUESTS);
        process.judge(&reader).await.error(429, "rate_limited");
    }

    let redis = tokio::task::spawn_blocking(move || {
        redis.start_again();
        redis
    });
    let redis = redis.await.unwrap();
    one.until_shared(&reader).await;
    redis.flush_all();
    two.until_shared(&reader).await;
    for remaining in [5, 3, 1] {
        assert_eq!(number(&one.get(&reader).await, "x-ratelimit-remaining"), remaining);
        assert_eq!(number(&two.get(&reader).await, "x-ratelimit-remaining"), remaining - 1);
    }
}
