//! Moto: an implementation of the APIs of Amazon Web Services that is not ours.

use std::path::{Path, PathBuf};

use crate::{
    free_port,
    guard::{Guard, READY_WITHIN, becomes_ready},
    http, search_path,
};

/// Where `tests/run` puts it when the machine has none.
const OWN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/tools/moto/bin/moto_server");

/// A running server. Dropping it stops it.
#[derive(Debug)]
pub struct Moto {
    /// Kills the server when it is dropped.
    _guard: Guard,
    port: u16,
}

impl Moto {
    /// Starts a server on a free port of 127.0.0.1 and returns when it answers.
    ///
    /// # Panics
    /// When `moto_server` is missing or it does not start; the message says what to do or what it logged.
    pub fn start() -> Self {
        let port = free_port();
        let folder = tempfile::Builder::new()
            .prefix("certmill-moto-")
            .tempdir()
            .unwrap_or_else(|error| panic!("cannot make a temporary folder: {error}"));
        let binary = Some(PathBuf::from(OWN))
            .filter(|path| Path::is_file(path))
            .or_else(|| search_path("moto_server"))
            .unwrap_or_else(|| panic!("moto_server was not found: `tests/run --prepare` provides it"));
        let line = [
            binary.display().to_string(),
            "-H".to_owned(),
            "127.0.0.1".to_owned(),
            "-p".to_owned(),
            port.to_string(),
        ];
        let mut guard = Guard::new(folder.path(), "KILL", None, &line);
        let _ = folder.keep();
        guard.start();
        let ready = becomes_ready(READY_WITHIN, || {
            http::request(port, "GET", "/moto-api/data.json", (&[], ""))
                .is_ok_and(|answer| answer.status == 200)
        });
        assert!(ready, "moto_server did not start:\n{}", guard.log());
        Self { _guard: guard, port }
    }

    /// What the URLs of every API begin with.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Makes a bucket of S3.
    ///
    /// # Panics
    /// When it does not make one.
    pub fn bucket(&self, name: &str) {
        let authorization = authorization("s3");
        let headers = [("Authorization", authorization.as_str())];
        let answer = http::request(self.port, "PUT", &format!("/{name}"), (&headers, ""))
            .unwrap_or_else(|error| panic!("moto does not answer: {error}"));
        assert_eq!(answer.status, 200, "{answer:?}");
    }

    /// Makes a user who may do these things with all buckets; answers the id of an access key and its secret.
    ///
    /// # Panics
    /// When it does not make one.
    pub fn access_key(&self, user: &str, actions: &[&str]) -> (String, String) {
        self.iam(user, "Action=CreateUser");
        self.allow(user, actions);
        let made = self.iam(user, "Action=CreateAccessKey");
        let part = |name: &str| {
            let inside = made.split_once(&format!("<{name}>")).and_then(|(_, rest)| rest.split('<').next());
            inside.unwrap_or_else(|| panic!("no {name}: {made}")).to_owned()
        };
        (part("AccessKeyId"), part("SecretAccessKey"))
    }

    /// Has a user be allowed these things with all buckets, and nothing else.
    ///
    /// # Panics
    /// When it does not answer.
    pub fn allow(&self, user: &str, actions: &[&str]) {
        let actions = actions.iter().map(|action| format!("%22{action}%22")).collect::<Vec<_>>().join(",");
        let policy = format!(
            "%7B%22Version%22:%222012-10-17%22,%22Statement%22:%5B%7B%22Effect%22:%22Allow%22,%22Action%22:%5B{actions}%5D,\
             %22Resource%22:%22*%22%7D%5D%7D"
        );
        self.iam(user, &format!("Action=PutUserPolicy&PolicyName=tests&PolicyDocument={policy}"));
    }

    fn iam(&self, user: &str, form: &str) -> String {
        let authorization = authorization("iam");
        let headers = [
            ("Authorization", authorization.as_str()),
            ("Content-Type", "application/x-www-form-urlencoded"),
        ];
        let form = format!("Version=2010-05-08&UserName={user}&{form}");
        let answer = http::request(self.port, "POST", "/", (&headers, &form))
            .unwrap_or_else(|error| panic!("moto does not answer: {error}"));
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.body
    }

    /// Whether signatures and rights are looked at from now on; moto does not do so at first.
    ///
    /// # Panics
    /// When it does not answer.
    pub fn check_signatures(&self, check: bool) {
        let unchecked = if check { "0" } else { "1000000" };
        let answer = http::request(self.port, "POST", "/moto-api/reset-auth", (&[], unchecked))
            .unwrap_or_else(|error| panic!("moto does not answer: {error}"));
        assert_eq!(answer.status, 200, "{answer:?}");
    }

    /// Makes a hosted zone of Route 53; answers its id. Moto does not look at signatures.
    ///
    /// # Panics
    /// When it does not make one.
    pub fn hosted_zone(&self, apex: &str, private: bool) -> String {
        let vpc =
            if private { "<VPC><VPCRegion>us-east-1</VPCRegion><VPCId>vpc-1</VPCId></VPC>" } else { "" };
        let body = format!(
            "<CreateHostedZoneRequest xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><Name>{apex}</Name>{vpc}\
             <CallerReference>{apex}-{private}</CallerReference><HostedZoneConfig><PrivateZone>{private}</PrivateZone>\
             </HostedZoneConfig></CreateHostedZoneRequest>"
        );
        let authorization = authorization("route53");
        let headers = [("Authorization", authorization.as_str()), ("Content-Type", "application/xml")];
        let answer = http::request(self.port, "POST", "/2013-04-01/hostedzone", (&headers, &body))
            .unwrap_or_else(|error| panic!("moto does not answer: {error}"));
        let id = answer.body.split_once("<Id>/hostedzone/").and_then(|(_, rest)| rest.split('<').next());
        id.unwrap_or_else(|| panic!("no hosted zone: {answer:?}")).to_owned()
    }
}

/// What tells moto which service is meant, and is no signature.
fn authorization(service: &str) -> String {
    format!(
        "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/{service}/aws4_request, SignedHeaders=host, Signature=none"
    )
}
