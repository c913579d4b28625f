//! Secrets in the memory of a process after it has given them out: somebody who gets a copy of it, by a bug that reads beyond a
//! buffer, a snapshot of the machine or the swap file, finds what it still has.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::time::Duration;

use openssl::pkey::PKey;
use reqwest::Method;
use serde_json::{Value, json};

use crate::site::{Site, stop, until};

/// How much is read at a time; the last page of it once more, so that nothing is cut in two.
const PIECE: usize = 4 << 20;
const PAGE: usize = 4_096;

/// Everything that a process has written to its memory.
struct Memory {
    regions: Vec<(u64, u64)>,
    file: File,
}

impl Memory {
    /// A process that is not dumpable shows its memory to nobody without the capability CAP_SYS_PTRACE.
    fn of(pid: u32) -> Self {
        let path = |name: &str| format!("/proc/{pid}/{name}");
        let file = File::open(path("mem")).unwrap();
        let maps = std::fs::read_to_string(path("maps")).unwrap();
        let regions = maps.lines().filter_map(|line| {
            let mut words = line.split_whitespace();
            let (range, rights) = (words.next()?, words.next()?);
            let (from, to) = range.split_once('-')?;
            let address = |text| u64::from_str_radix(text, 16).ok();
            rights.starts_with("rw").then_some((address(from)?, address(to)?))
        });
        Self { regions: regions.collect(), file }
    }

    /// How often any of these, of at least two octets, is there.
    fn count(&self, wanted: &[Vec<u8>]) -> usize {
        let mut begins = vec![false; 1 << 16];
        for secret in wanted {
            begins[pair(secret, 0)] = true;
        }
        let mut found = 0;
        for (from, to) in &self.regions {
            let mut at = *from;
            while at < *to {
                let length = usize::try_from(to - at).unwrap().min(PIECE);
                found += occurrences(&self.read(at, length), wanted, &begins);
                at += if length == PIECE { (PIECE - PAGE) as u64 } else { length as u64 };
            }
        }
        found
    }

    /// What cannot be read, because it is gone meanwhile, is empty.
    fn read(&self, at: u64, length: usize) -> Vec<u8> {
        let mut piece = vec![0; length];
        self.file.read_exact_at(&mut piece, at).map_or_else(|_| Vec::new(), |()| piece)
    }
}

/// Page by page, because most of what a process reserves it has never written to.
fn occurrences(piece: &[u8], wanted: &[Vec<u8>], begins: &[bool]) -> usize {
    const UNTOUCHED: [u8; PAGE] = [0; PAGE];
    let mut count = 0;
    for start in (0..piece.len()).step_by(PAGE) {
        let end = piece.len().min(start + PAGE);
        if piece[start..end] == UNTOUCHED[..end - start] {
            continue;
        }
        for at in start..end.min(piece.len() - 1) {
            if begins[pair(piece, at)] {
                count += wanted.iter().filter(|secret| piece[at..].starts_with(secret)).count();
            }
        }
    }
    count
}

/// Two octets as an index.
fn pair(octets: &[u8], at: usize) -> usize {
    usize::from(octets[at]) << 8 | usize::from(octets[at + 1])
}

/// The forms in which a private key may be in memory: the two lines of its text that have the scalar, and the scalar.
fn forms(pem: &str) -> Vec<Vec<u8>> {
    let key = PKey::private_key_from_pem(pem.as_bytes()).unwrap().ec_key().unwrap();
    let scalar = key.private_key().to_vec_padded(32).unwrap();
    let lines =
        pem.lines().filter(|line| !line.starts_with("-----")).take(2).map(|line| line.as_bytes().to_vec());
    lines.chain([scalar]).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs the capability CAP_SYS_PTRACE; tests/run runs it where there is that"]
async fn no_private_key_token_or_secret_stays_in_memory_once_it_was_answered() {
    let site = Site::embedded();
    let mut api = site.dev().await;
    let ca = api.root_ca("Remembered Root").await;
    api.role("web", &ca).await;
    api.patch("/v1/pki/roles/web", json!({ "store_private_keys": true })).await;
    let mut secrets = Vec::new();
    for number in 0..20 {
        let issued = api.issue("web", &format!("n{number}")).await;
        let pem = issued["private_key"].as_str().unwrap().to_owned();
        if number % 4 == 0 {
            let path =
                format!("/v1/pki/certificates/{}/private-key", issued["certificate_id"].as_str().unwrap());
            assert_eq!(api.post(&path, json!({}), 200).await["private_key"], pem);
        }
        secrets.extend(forms(&pem));
    }
    // An answer that is kept, sealed, for the repetition of its call.
    let mut repeated = Vec::new();
    for _ in 0..2 {
        repeated.push(api.issue_under_key("web", "repeated", "key-1").await);
    }
    assert_eq!(repeated[0], repeated[1]);
    let first = &repeated[0];
    secrets.extend(forms(first["private_key"].as_str().unwrap()));
    let token = api.post("/v1/tokens", json!({ "name": "other", "scopes": ["pki:read"] }), 201).await;
    secrets.push(token["token"].as_str().unwrap().as_bytes().to_vec());
    let planted =
        json!({ "data": { "api_token": "planted-in-the-store", "deep": [{ "x": "planted-deeper" }] } });
    let put = api.send(Method::PUT, "/v1/secrets/planted/token", Some(planted)).await;
    assert_eq!(put.status.as_u16(), 201);
    let read: Value = api.get("/v1/secrets/planted/token").await;
    assert_eq!(read["data"]["api_token"], "planted-in-the-store");
    secrets.extend(["planted-in-the-store", "planted-deeper"].map(|text| text.as_bytes().to_vec()));
    secrets.push(api.token.clone().into_bytes());

    let pid = api.process.id();
    // What is looked for can be found: a name that the process has cached with its CA.
    assert!(Memory::of(pid).count(&[b"Remembered Root".to_vec()]) > 0);
    api.hang_up();
    // The buffers of connections go with them, when the process has noticed the end.
    until("no secret is left in memory", Duration::from_secs(30), async || {
        let left = Memory::of(pid).count(&secrets);
        if left > 0 {
            eprintln!("still {left} times in memory");
        }
        (left == 0).then_some(())
    })
    .await;
    stop(&mut api.process);
}
