//! Searches among more certificates than one call looks at, compared with what each certificate says of itself.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use certmill_service::domain::{
    CaId, CertificateId, CertificateSource, CertificateStatus, Clock as _, Sans, TenantId, Timestamp,
};
use certmill_storage::certificates::search::{self, Filter, Page};
use certmill_storage::certificates::text as text_index;
use certmill_storage::{Database, Session};
use tests::both_modes;

use crate::ca::text;
use crate::jobs::sql::Sql;

/// More than a call looks at, and lists on both sides of what is read as a whole.
const PLANTED: u32 = 6_500;
const HOUR: i64 = 3_600_000_000;

/// A certificate by its number: everything about it follows from that.
struct Planted(u32);

impl Planted {
    fn id(&self) -> String {
        format!("cert_{:026}", self.0 + 1)
    }

    fn common_name(&self) -> String {
        format!("svc-{}.team-{}.example.com", self.0, self.0 % 7)
    }

    fn names(&self) -> Vec<String> {
        let shared = self.0.is_multiple_of(3).then(|| "shared.example.net".to_owned());
        std::iter::once(self.common_name()).chain(shared).collect()
    }

    fn role(&self) -> Option<&'static str> {
        match self.0 {
            number if number % 650 == 1 => Some("rare"),
            number if number % 10 == 9 => None,
            number if number % 2 == 0 => Some("web"),
            _ => Some("database"),
        }
    }

    fn source(&self) -> CertificateSource {
        match self.0 {
            number if number % 97 == 2 => CertificateSource::Imported,
            number if number % 4 == 1 => CertificateSource::Acme,
            _ => CertificateSource::Issued,
        }
    }

    fn tag(&self) -> Option<(&'static str, &'static str)> {
        match self.0 {
            number if number % 101 == 0 => Some(("env", "Test")),
            number if number % 5 == 0 => Some(("env", "prod \"1\"")),
            _ => None,
        }
    }

    /// In hours from now; several end together.
    fn end(&self) -> i64 {
        i64::from(self.0 * 7_919 % PLANTED / 3) - 1_000
    }

    fn is_revoked(&self) -> bool {
        self.0 % 11 == 3
    }

    /// What is stored; marks come late, so that some that have ended have none.
    fn mark(&self) -> &'static str {
        match self {
            _ if self.is_revoked() => "revoked",
            _ if self.end() < -24 => "expired",
            _ => "active",
        }
    }

    fn has_other_ca(&self) -> bool {
        self.0.is_multiple_of(13)
    }

    fn is_found(&self, filter: &Filter, other_ca: CaId) -> bool {
        let is = |matches: Option<bool>| matches.unwrap_or(true);
        let has_ended = self.end() < 0;
        let in_state = match filter.status {
            Some(CertificateStatus::Active) => !self.is_revoked() && !has_ended,
            Some(CertificateStatus::Expired) => !self.is_revoked() && has_ended,
            Some(CertificateStatus::Revoked) => self.is_revoked(),
            None => filter.include_revoked || !self.is_revoked(),
        };
        let has = |san: &str| match san.strip_prefix('*') {
            Some(suffix) => self.names().iter().any(|name| name.ends_with(suffix)),
            None => self.names().iter().any(|name| name == san),
        };
        in_state
            && is(filter.ca_id.map(|ca| (ca == other_ca) == self.has_other_ca()))
            && is(filter.role.as_deref().map(|role| self.role() == Some(role)))
            && is(filter.source.map(|source| self.source() == source))
            && is(filter
                .common_name
                .as_ref()
                .map(|text| self.common_name().contains(&text.to_ascii_lowercase())))
            && is(filter.san.as_deref().map(has))
            && is(filter.tag.as_ref().map(|(key, value)| self.tag() == Some((key.as_str(), value.as_str()))))
            && is(filter.expires_before.map(|_| (0..=WITHIN).contains(&self.end())))
    }
}

/// What `expires_before` asks for, in hours from now.
const WITHIN: i64 = 100;

/// Writes the certificates behind the service's back, many to a statement.
async fn plant(sql: &Sql, database: &Database, tenant: &str, cas: [&str; 2], now: i64) {
    let numbers: Vec<u32> = (0..PLANTED).collect();
    for (number, piece) in numbers.chunks(500).enumerate() {
        // The names of half of them are indexed, the others wait.
        if number == 6 {
            text_index::catch_up(database).await.unwrap();
        }
        let (mut rows, mut names) = (String::new(), String::new());
        for certificate in piece.iter().copied().map(Planted) {
            let (id, name, end) =
                (certificate.id(), certificate.common_name(), now + certificate.end() * HOUR);
            let sans = Sans { dns: certificate.names(), ..Sans::default() };
            let blob = match sql {
                Sql::Sqlite(_) => format!("X'7f{:038x}'", certificate.0),
                Sql::Postgres(_) => format!("'\\x7f{:038x}'", certificate.0),
            };
            let comma = if rows.is_empty() { "" } else { ", " };
            let role = certificate.role().map_or("NULL".to_owned(), |role| format!("'{role}'"));
            let revoked = if certificate.is_revoked() { "5, 1" } else { "NULL, NULL" };
            write!(
                rows,
                "{comma}('{tenant}', '{id}', '{}', {blob}, '{name}', 'CN={name}', '{}', {role}, '{}', 'ec', 256, \
                 '{:064x}', '', 0, {end}, '{}', {revoked}, '{}', 0, {blob})",
                cas[usize::from(certificate.has_other_ca())],
                serde_json::to_string(&sans).unwrap(),
                certificate.source().as_str(),
                certificate.0,
                certificate.mark(),
                certificate.0,
            )
            .unwrap();
            for name in certificate.names() {
                let comma = if names.is_empty() { "" } else { ", " };
                let reversed: String = name.chars().rev().collect();
                write!(names, "{comma}('{tenant}', '{reversed}', '{id}')").unwrap();
            }
        }
        sql.run(&format!(
            "INSERT INTO certificates (tenant_id, id, ca_id, serial_number, common_name, subject, sans, role, source, \
             key_type, key_size, fingerprint_sha256, spki_sha256, not_before, not_after, status, revoked_at, \
             revocation_reason, description, created_at, der) VALUES {rows}"
        ))
        .await;
        sql.run(&format!(
            "INSERT INTO certificate_names (tenant_id, reversed_name, certificate_id) VALUES {names}"
        ))
        .await;
    }
    // As the service does it: afterwards.
    for (every, tags) in [(5, r#"{"a":"b","env":"prod \"1\""}"#), (101, r#"{"env":"Test"}"#)] {
        sql.run(&format!(
            "UPDATE certificates SET tags = '{tags}' WHERE tenant_id = '{tenant}' AND id LIKE 'cert_0000000%' \
             AND CAST(description AS BIGINT) % {every} = 0"
        ))
        .await;
    }
}

/// Every page of a search: the ids, and how many calls it took.
async fn all_pages(
    session: &mut Session,
    filter: &Filter,
    first: Page,
    now: Timestamp,
) -> (Vec<CertificateId>, usize) {
    let (mut ids, mut page, mut calls) = (Vec::new(), first, 0);
    loop {
        let found = search::search(session, filter, page, 700.into(), now).await.unwrap();
        calls += 1;
        assert!(found.certificates.len() <= 700 && calls < 100, "{filter:?}");
        ids.extend(found.certificates.iter().map(|certificate| certificate.id));
        match found.next {
            Some(next) => page = next,
            None => return (ids, calls),
        }
    }
}

/// Filters with one part each, short and long, with an index and without; they are tried alone and in pairs.
fn paired([one, other]: [CaId; 2], now: Timestamp) -> Vec<Filter> {
    let filter = Filter::default;
    let hours = u64::try_from(WITHIN).unwrap();
    let mut parts = vec![
        Filter { ca_id: Some(one), ..filter() },
        Filter { ca_id: Some(other), ..filter() },
        Filter { expires_before: Some(now.plus(std::time::Duration::from_secs(hours * 3_600))), ..filter() },
        tagged("prod \"1\""),
        tagged("Test"),
        named("team-3"),
        named("example"),
    ];
    parts.extend(["web", "rare"].map(|role| Filter { role: Some(role.to_owned()), ..filter() }));
    parts.extend(
        [CertificateStatus::Active, CertificateStatus::Expired, CertificateStatus::Revoked]
            .map(|status| Filter { status: Some(status), ..filter() }),
    );
    parts.extend(
        [CertificateSource::Acme, CertificateSource::Imported]
            .map(|source| Filter { source: Some(source), ..filter() }),
    );
    parts.extend(["shared.example.net", "*.team-3.example.com"].map(with_san));
    parts
}

/// Filters with one part each, tried alone.
fn alone() -> Vec<Filter> {
    let filter = Filter::default;
    let mut parts = vec![Filter { include_revoked: true, ..filter() }, tagged("test")];
    parts.push(Filter { role: Some("none".to_owned()), ..filter() });
    parts.extend(
        [CertificateSource::Issued, CertificateSource::Csr]
            .map(|source| Filter { source: Some(source), ..filter() }),
    );
    parts.extend(["SVC-12", "m", "c-6499", "svc_1", "%", "svc\\1"].map(named));
    parts.extend(["svc-7.team-0.example.com", "*.example.com", "dns"].map(with_san));
    parts
}

fn tagged(env: &str) -> Filter {
    Filter { tag: Some(("env".to_owned(), env.to_owned())), ..Filter::default() }
}

fn named(part: &str) -> Filter {
    Filter { common_name: Some(part.to_owned()), ..Filter::default() }
}

fn with_san(san: &str) -> Filter {
    Filter { san: Some(san.to_owned()), ..Filter::default() }
}

both_modes! {
    async fn every_pair_of_filters_finds_what_it_says(app: TestApp) {
        let root = app.root_ca("root").await;
        let second = app.root_ca("second").await;
        let sql = Sql::open(app.database_url()).await;
        let tenants = sql.texts("SELECT tenant_id FROM certificate_authorities LIMIT 1").await;
        let now = app.clock.now();
        let cas = [text(&root["id"]), text(&second["id"])];
        let database = Database::open(app.database_url(), 2).await.unwrap();
        plant(&sql, &database, &tenants[0], cas, now.unix_micros()).await;

        let tenant: TenantId = tenants[0].parse().unwrap();
        let mut session = database.read(tenant).await.unwrap();
        let cas = cas.map(|id| id.parse().unwrap());
        let parts = paired(cas, now);
        let pairs = parts.iter().enumerate().flat_map(|(number, one)| {
            parts[number..].iter().filter_map(move |other| one.and(other))
        });
        let single = alone().len() + parts.len();
        for (number, filter) in alone().into_iter().chain(parts.iter().cloned()).chain(pairs).enumerate() {
            let found: Vec<Planted> =
                (0..PLANTED).map(Planted).filter(|certificate| certificate.is_found(&filter, cas[1])).collect();
            let newest: Vec<String> = found.iter().rev().map(Planted::id).collect();
            let mut by_end: Vec<(i64, String)> = found.iter().map(|it| (it.end(), it.id())).collect();
            by_end.sort();
            let soonest: Vec<String> = by_end.into_iter().map(|(_, id)| id).collect();
            let orders = [(Page::Newest(None), newest), (Page::SoonestEnd(None), soonest)];
            // One part in both orders, every other pair in the same one.
            let orders = orders.into_iter().enumerate().filter(|(order, _)| number < single || number % 2 == *order);
            for (_, (page, expected)) in orders {
                let (ids, _) = all_pages(&mut session, &filter, page, now).await;
                let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
                let planted: Vec<&String> = ids.iter().filter(|id| id.starts_with("cert_0000000")).collect();
                assert!(planted.iter().copied().eq(expected.iter()), "{page:?} {filter:?}: {} of {}", planted.len(), expected.len());
                assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "{filter:?}: one came twice");
            }
        }

        // It is the same once all names are indexed.
        for part in ["team-3", "SVC-12", "c-6499"].map(named) {
            let waiting = all_pages(&mut session, &part, Page::Newest(None), now).await;
            assert!(text_index::catch_up(&database).await.unwrap());
            let mut later = database.read(tenant).await.unwrap();
            let indexed = all_pages(&mut later, &part, Page::Newest(None), now).await;
            assert_eq!(waiting.0, indexed.0, "{part:?}");
        }

        // What no index serves is looked for in pieces, and a piece may have nothing.
        let filter = Filter { common_name: Some("zz".to_owned()), ..Filter::default() };
        let (none, calls) = all_pages(&mut session, &filter, Page::Newest(None), now).await;
        assert_eq!((none.len(), calls), (0, 2));
        for (number, by) in [(4_712, "serial number"), (6_499, "fingerprint")] {
            let planted = Planted(number);
            let filter = match by {
                "serial number" => Filter {
                    serial_number: Some(format!("7f{number:038x}").parse().unwrap()),
                    ..Filter::default()
                },
                _ => Filter { fingerprint_sha256: Some(format!("{number:064x}")), ..Filter::default() },
            };
            let (ids, calls) = all_pages(&mut session, &filter, Page::Newest(None), now).await;
            assert_eq!((ids.len(), calls), (1, 1), "{by}");
            assert_eq!(ids[0].to_string(), planted.id());
        }
    }
}
