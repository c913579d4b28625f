//! What searches cost among very many certificates.

mod seed;

use std::fmt;
use std::path::Path;
use std::time::{Duration, Instant};

use certmill_domain::{CertificateSource, CertificateStatus, Clock, SystemClock, Timestamp};
use certmill_storage::certificates::search::{self, Filter, Page};
use certmill_storage::certificates::text;
use certmill_storage::{Database, Session};
use serde::Serialize;

/// Certificates on a page.
const LIMIT: i64 = 50;
/// The page that is measured beside the first.
const LATER: usize = 50;
const ROUNDS: usize = 5;

/// How long searches took.
#[derive(Serialize)]
pub(crate) struct Report {
    benchmark: &'static str,
    database: &'static str,
    certificates: u64,
    seeded_in_s: u64,
    octets_per_certificate: Option<u64>,
    /// Calls, whatever their filter, order and page.
    calls: usize,
    median_us: u128,
    p99_us: u128,
    slowest: Vec<Slow>,
}

#[derive(Serialize)]
struct Slow {
    search: String,
    page: usize,
    rows: usize,
    us: u128,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { database, certificates, seeded_in_s, calls, median_us, p99_us, .. } = self;
        writeln!(f, "{database}: {certificates} certificates, seeded in {seeded_in_s} s")?;
        if let Some(octets) = self.octets_per_certificate {
            writeln!(f, "{octets} octets on disk per certificate")?;
        }
        writeln!(f, "{calls} searches: median {median_us} us, p99 {p99_us} us; the slowest:")?;
        for Slow { search, page, rows, us } in &self.slowest {
            writeln!(f, "{us:>8} us  page {page:>2}, {rows:>2} rows  {search}")?;
        }
        Ok(())
    }
}

/// Seeds an SQLite database in a temporary folder, or a private Postgres, and searches it.
pub(crate) async fn run(certificates: u64, in_postgres: bool) -> anyhow::Result<Report> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("search.db");
    let (name, url) = if in_postgres {
        ("postgres", launch::shared_postgres().create_database())
    } else {
        ("sqlite", format!("sqlite://{}", file.display()))
    };
    let database = Database::open(&url, 4).await?;
    database.migrate().await?;
    let started = Instant::now();
    let tenant = seed::fill(&database, certificates).await?;
    while !text::catch_up(&database).await? {}
    let seeded_in_s = started.elapsed().as_secs();
    let mut session = database.read(tenant).await?;
    let mut took: Vec<Slow> = Vec::new();
    let now = SystemClock.now();
    let parts = parts(now);
    for (number, (one_name, one)) in parts.iter().enumerate() {
        for (other_name, other) in parts.get(number..).unwrap_or_default() {
            let name =
                if one_name == other_name { one_name.clone() } else { format!("{one_name} {other_name}") };
            let filter = if one_name == other_name { Some(one.clone()) } else { one.and(other) };
            let Some(filter) = filter else { continue };
            for (order, first) in [("newest", Page::Newest(None)), ("soonest end", Page::SoonestEnd(None))] {
                let search = format!("{name}, {order}");
                for _ in 0..ROUNDS {
                    took.extend(pages(&mut session, &filter, first, now, &search).await?);
                }
            }
        }
    }
    drop(session);
    took.sort_unstable_by_key(|slow| std::cmp::Reverse(slow.us));
    let at = |part: usize| took.get(took.len() * part / 100).map_or(0, |slow| slow.us);
    let (calls, median_us, p99_us) = (took.len(), at(50), at(1));
    took.truncate(20);
    Ok(Report {
        benchmark: "search",
        database: name,
        certificates,
        seeded_in_s,
        octets_per_certificate: octets(&file).map(|octets| octets / certificates),
        calls,
        median_us,
        p99_us,
        slowest: took,
    })
}

/// What the first page took, and the fiftieth if there is one.
async fn pages(
    session: &mut Session,
    filter: &Filter,
    first: Page,
    now: Timestamp,
    name: &str,
) -> anyhow::Result<Vec<Slow>> {
    let mut took = Vec::new();
    let mut page = first;
    for number in 1..=LATER {
        let started = Instant::now();
        let found = search::search(session, filter, page, LIMIT.into(), now).await?;
        let us = started.elapsed().as_micros();
        if number == 1 || number == LATER {
            took.push(Slow { search: name.to_owned(), page: number, rows: found.certificates.len(), us });
        }
        let Some(next) = found.next else { break };
        page = next;
    }
    Ok(took)
}

fn octets(file: &Path) -> Option<u64> {
    Some(std::fs::metadata(file).ok()?.len())
}

fn parts(now: Timestamp) -> Vec<(String, Filter)> {
    let filter = Filter::default;
    let mut parts = vec![
        (String::new(), filter()),
        (
            "within a day".to_owned(),
            Filter { expires_before: Some(now.plus(Duration::from_hours(24))), ..filter() },
        ),
        (
            "within 30 days".to_owned(),
            Filter { expires_before: Some(now.plus(Duration::from_hours(30 * 24))), ..filter() },
        ),
        ("revoked too".to_owned(), Filter { include_revoked: true, ..filter() }),
    ];
    for status in [CertificateStatus::Active, CertificateStatus::Expired, CertificateStatus::Revoked] {
        parts.push((format!("{status:?}"), Filter { status: Some(status), ..filter() }));
    }
    for source in [CertificateSource::Issued, CertificateSource::Acme, CertificateSource::Imported] {
        parts.push((format!("from {source:?}"), Filter { source: Some(source), ..filter() }));
    }
    for role in ["role-3", "none"] {
        parts.push((format!("role {role}"), Filter { role: Some(role.to_owned()), ..filter() }));
    }
    for text in ["service-99999.", "team-13", "nowhere", "service", "zq"] {
        parts.push((format!("name {text}"), Filter { common_name: Some(text.to_owned()), ..filter() }));
    }
    for san in
        ["service-99.team-2.example.com", "*.team-7.example.com", "*.example.com", "nowhere.example.com"]
    {
        parts.push((format!("SAN {san}"), Filter { san: Some(san.to_owned()), ..filter() }));
    }
    for (key, value) in [("env", "production"), ("team", "team-40"), ("team", "none")] {
        parts.push((
            format!("tag {key}={value}"),
            Filter { tag: Some((key.to_owned(), value.to_owned())), ..filter() },
        ));
    }
    let hex = "0123456789abcdef".repeat(4);
    parts.push(("fingerprint".to_owned(), Filter { fingerprint_sha256: Some(hex), ..filter() }));
    let serial = "0123456789abcdef0123456789abcdef01234567".parse().ok();
    parts.push(("serial number".to_owned(), Filter { serial_number: serial, ..filter() }));
    parts
}
