//! The requests that are measured.

use std::{cell::RefCell, rc::Rc};

use crate::{
    client::{PostHead, Response, Target},
    load::Exercise,
    setup::DOMAIN,
};

/// Issues a certificate for another host each time.
pub struct Issue {
    head: PostHead,
    keep: Option<&'static str>,
    kept: RefCell<Vec<String>>,
}

impl Issue {
    /// `keep` names a text field of the answers to collect.
    pub fn new(target: &Target, role: &str, keep: Option<&'static str>) -> Self {
        Self { head: target.post(&format!("/v1/pki/issue/{role}")), keep, kept: RefCell::default() }
    }

    /// The collected fields, in the order of the answers.
    pub fn take_kept(&self) -> Vec<String> {
        self.kept.take()
    }
}

impl Exercise for Issue {
    fn append_request(&self, index: usize, request: &mut Vec<u8>) {
        let body = format!(r#"{{"common_name":"h{index}.{DOMAIN}","ttl":"24h"}}"#);
        self.head.append(&body, request);
    }

    fn accept(&self, response: &Response<'_>) -> bool {
        if response.status != 201 || response.text_field("certificate_id").is_none() {
            return false;
        }
        match self.keep.map(|name| response.text_field(name)) {
            None => true,
            Some(None) => false,
            Some(Some(value)) => {
                self.kept.borrow_mut().push(value.to_owned());
                true
            }
        }
    }
}

/// Revokes one certificate after the other.
pub struct Revoke {
    head: PostHead,
    serial_numbers: Vec<String>,
}

impl Revoke {
    /// Request number n revokes the n-th serial number.
    pub fn new(target: &Target, serial_numbers: Vec<String>) -> Self {
        Self { head: target.post("/v1/pki/revoke"), serial_numbers }
    }
}

impl Exercise for Revoke {
    fn append_request(&self, index: usize, request: &mut Vec<u8>) {
        let serial_number = self.serial_numbers.get(index).map_or("", String::as_str);
        let body = format!(r#"{{"serial_number":"{serial_number}","reason":"superseded"}}"#);
        self.head.append(&body, request);
    }

    fn accept(&self, response: &Response<'_>) -> bool {
        response.status == 200 && response.text_field("revoked_at").is_some()
    }
}

/// Reads certificates in turn, or the newest page of the list again and again.
pub struct Get {
    target: Rc<Target>,
    paths: Vec<String>,
    proof: &'static [u8],
}

impl Get {
    /// Each of the ids in turn.
    pub fn certificates(target: Rc<Target>, ids: &[String]) -> Self {
        let paths = ids.iter().map(|id| format!("/v1/pki/certificates/{id}"));
        Self { target, paths: paths.collect(), proof: b"\"certificate_pem\"" }
    }

    /// The first page of so many certificates.
    pub fn list(target: Rc<Target>, limit: usize) -> Self {
        Self { target, paths: vec![format!("/v1/pki/certificates?limit={limit}")], proof: b"\"has_more\"" }
    }
}

impl Exercise for Get {
    fn append_request(&self, index: usize, request: &mut Vec<u8>) {
        let turn = index % self.paths.len().max(1);
        let path = self.paths.get(turn).map_or("", String::as_str);
        self.target.append_get(path, request);
    }

    fn accept(&self, response: &Response<'_>) -> bool {
        response.status == 200
            && response.body.windows(self.proof.len()).rev().any(|window| window == self.proof)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target() -> Rc<Target> {
        Rc::new(Target::parse("http://localhost:8080", "cmt_t").unwrap())
    }

    fn request(exercise: &impl Exercise, index: usize) -> String {
        let mut request = Vec::new();
        exercise.append_request(index, &mut request);
        String::from_utf8(request).unwrap()
    }

    fn response(status: u16, body: &str) -> Response<'_> {
        Response { status, body: body.as_bytes() }
    }

    #[test]
    fn issue_asks_for_another_host_each_time() {
        let issue = Issue::new(&target(), "web", None);
        let expected = r#"{"common_name":"h41.bench.internal","ttl":"24h"}"#;
        let text = request(&issue, 41);
        assert!(text.starts_with("POST /v1/pki/issue/web HTTP/1.1\r\n"));
        let length = format!("\r\ncontent-length: {}\r\n\r\n", expected.len());
        assert!(text.ends_with(&(length + expected)), "{text}");
    }

    #[test]
    fn issue_keeps_serial_numbers_of_successes_only() {
        let issue = Issue::new(&target(), "web", Some("serial_number"));
        let good = r#"{"serial_number":"0a:0b","certificate_id":"cert_1"}"#;
        assert!(issue.accept(&response(201, good)));
        assert!(!issue.accept(&response(200, good)));
        assert!(!issue.accept(&response(201, r#"{"serial_number":"0a"}"#)));
        assert!(!issue.accept(&response(201, r#"{"certificate_id":"cert_2"}"#)));
        assert_eq!(issue.take_kept(), ["0a:0b"]);
    }

    #[test]
    fn revoke_names_each_serial_number_once() {
        let revoke = Revoke::new(&target(), vec!["0a".into(), "0b".into()]);
        assert!(request(&revoke, 0).contains(r#""serial_number":"0a""#));
        assert!(request(&revoke, 1).contains(r#""serial_number":"0b""#));
        let answer = r#"{"revoked_at":"2026-01-01T00:00:00Z","crl_update":"scheduled"}"#;
        assert!(revoke.accept(&response(200, answer)));
        assert!(!revoke.accept(&response(404, answer)));
    }

    #[test]
    fn get_goes_round_the_ids() {
        let get = Get::certificates(target(), &["cert_1".into(), "cert_2".into()]);
        for (index, id) in [(0, "cert_1"), (1, "cert_2"), (2, "cert_1")] {
            let line = format!("GET /v1/pki/certificates/{id} HTTP/1.1\r\n");
            assert!(request(&get, index).starts_with(&line));
        }
        assert!(get.accept(&response(200, r#"{"certificate_pem":"x"}"#)));
        assert!(!get.accept(&response(200, "{}")));
    }

    #[test]
    fn list_asks_for_a_page() {
        let list = Get::list(target(), 50);
        assert!(request(&list, 7).starts_with("GET /v1/pki/certificates?limit=50 HTTP/1.1\r\n"));
        assert!(list.accept(&response(200, r#"{"certificates":[],"has_more":false}"#)));
    }
}
