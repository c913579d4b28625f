//! Where a search can begin: what an index knows to be the only certificates that a part of a filter may find.

use certmill_domain::{CertificateId, CertificateSource, CertificateStatus, Timestamp};
use certmill_x509::SerialNumber;

use super::Filter;
use crate::certificates::{TABLE, push_fingerprint, push_serial_number, reversed};
use crate::error::parsed;
use crate::query::Query;
use crate::{Session, StorageError, WithLink};

/// Rows of `certificate_text` that are looked at. It is an index of all tenants' names.
const TEXT_ROWS: i64 = 2_000;
/// So many letters and digits in a row have a trigram of their own in both databases: SQLite cannot look for what stands
/// between wildcards, Postgres leaves signs away.
const TRIGRAM: usize = 3;

/// Certificates of the tenant that one part of a filter may find: all that it finds, and perhaps some others.
#[derive(Debug, Clone, Copy)]
pub(super) enum List<'a> {
    SerialNumber(&'a SerialNumber),
    Fingerprint(&'a str),
    Tag(&'a str, &'a str),
    /// With this subject alternative name.
    San(&'a str),
    /// With a subject alternative name that ends so, the dot included.
    SanSuffix(&'a str),
    /// With a part of the common name.
    Text(&'a str),
    Role(&'a str),
    Source(CertificateSource),
    Revoked,
    /// Marked as expired, or ended before this time and not marked yet.
    Expired(Timestamp),
    /// That end in this span.
    Ending(Timestamp, Timestamp),
    Ca(&'a str),
}

/// Ids of a list.
pub(super) struct Listing {
    /// As many as were asked for, or all.
    pub(super) ids: Vec<CertificateId>,
    /// Whether these are all.
    pub(super) is_whole: bool,
}

impl<'a> List<'a> {
    /// Those that a filter has, the shortest first as far as can be said without looking. `ca` is the filter's, as text.
    pub(super) fn all(filter: &'a Filter, ca: Option<&'a str>, now: Timestamp) -> Vec<Self> {
        let mut lists = Vec::new();
        lists.extend(filter.serial_number.as_ref().map(Self::SerialNumber));
        lists.extend(filter.fingerprint_sha256.as_deref().map(Self::Fingerprint));
        lists.extend(filter.san.as_deref().map(|san| match san.strip_prefix('*') {
            Some(suffix) if suffix.starts_with('.') => Self::SanSuffix(suffix),
            _ => Self::San(san),
        }));
        lists.extend(filter.tag.as_ref().map(|(key, value)| Self::Tag(key, value)));
        lists.extend(filter.common_name.as_deref().filter(|text| has_trigram(text)).map(Self::Text));
        lists.extend(filter.role.as_deref().map(Self::Role));
        lists.extend(filter.source.filter(|source| is_rare(*source)).map(Self::Source));
        lists.extend(match filter.status {
            Some(CertificateStatus::Revoked) => Some(Self::Revoked),
            Some(CertificateStatus::Expired) => Some(Self::Expired(now)),
            Some(CertificateStatus::Active) | None => None,
        });
        lists.extend(filter.expires_before.map(|before| Self::Ending(now, before)));
        lists.extend(ca.map(Self::Ca));
        lists
    }

    /// Whether its ids come newest first, so that they can be read piece by piece.
    pub(super) fn is_ordered(self) -> bool {
        match self {
            Self::Tag(..)
            | Self::San(_)
            | Self::Role(_)
            | Self::Source(_)
            | Self::Revoked
            | Self::Expired(_)
            | Self::Ca(_) => true,
            Self::SerialNumber(_)
            | Self::Fingerprint(_)
            | Self::SanSuffix(_)
            | Self::Text(_)
            | Self::Ending(..) => false,
        }
    }

    /// Up to `limit` ids; of an ordered list the next ones after an id.
    pub(super) async fn read(
        self,
        session: &mut Session,
        after: Option<CertificateId>,
        limit: usize,
    ) -> Result<Listing, StorageError> {
        // One more tells whether there are others.
        let wanted = limit.saturating_add(1);
        let mut ids = match self {
            Self::Text(_) => return read_text(session, self.query(session, after, limit), limit).await,
            Self::Expired(now) => {
                let mut ids = fetch(session, self.query(session, after, wanted)).await?;
                ids.extend(fetch(session, Self::unmarked(session, now, after, wanted)).await?);
                // Newest first. One that was marked in between is in both.
                ids.sort_unstable_by(|one, other| other.cmp(one));
                ids.dedup();
                ids
            }
            _ => fetch(session, self.query(session, after, wanted)).await?,
        };
        let is_whole = ids.len() <= limit;
        ids.truncate(limit);
        Ok(Listing { ids, is_whole })
    }

    /// The ids of every list that is one index.
    fn query(self, session: &Session, after: Option<CertificateId>, limit: usize) -> Query {
        let tenant = session.tenant_key();
        match self {
            Self::SerialNumber(serial_number) => {
                let mut query = Query::new(CERTIFICATES);
                query.push_bind(tenant);
                push_serial_number(&mut query, serial_number);
                limited(query, limit)
            }
            Self::Fingerprint(fingerprint) => {
                let mut query = Query::new(CERTIFICATES);
                query.push_bind(tenant);
                push_fingerprint(&mut query, fingerprint);
                limited(query, limit)
            }
            Self::San(name) => {
                let mut query = Query::new(NAMES);
                query.push_bind(tenant).push(" AND n.reversed_name = ").push_bind(reversed(name));
                newest(query, "n.certificate_id", after, limit)
            }
            Self::SanSuffix(suffix) => {
                // Reversed, every name that ends with `.suffix` starts with it; '/' follows '.' in ASCII.
                let start = reversed(suffix);
                let end = format!("{}/", start.strip_suffix('.').unwrap_or(&start));
                let mut query = Query::new(NAMES);
                query.push_bind(tenant).push(" AND n.reversed_name >= ").push_bind(start);
                query.push(" AND n.reversed_name < ").push_bind(end);
                limited(query, limit)
            }
            Self::Tag(key, value) => {
                let mut query =
                    Query::new("SELECT t.certificate_id FROM certificate_tags t WHERE t.tenant_id = ");
                query.push_bind(tenant).push(" AND t.tag_key = ").push_bind(key.to_owned());
                query.push(" AND t.tag_value = ").push_bind(value.to_owned());
                newest(query, "t.certificate_id", after, limit)
            }
            Self::Ending(from, to) => {
                let mut query = Query::new(CERTIFICATES);
                query.push_bind(tenant).push(" AND c.not_after >= ").push_bind(from.unix_micros());
                query.push(" AND c.not_after <= ").push_bind(to.unix_micros());
                limited(query, limit)
            }
            Self::Role(role) => {
                let mut query = Query::new(CERTIFICATES);
                query.push_bind(tenant).push(" AND c.role = ").push_bind(role.to_owned());
                newest(query, "c.id", after, limit)
            }
            Self::Source(source) => {
                let mut query = Query::new(CERTIFICATES);
                // The second condition is that of the index.
                query.push_bind(tenant).push(" AND c.source = ").push_bind(source.as_str());
                query.push(" AND c.source IN ('csr', 'acme', 'imported')");
                newest(query, "c.id", after, limit)
            }
            Self::Revoked => {
                let mut query = Query::new(CERTIFICATES);
                query.push_bind(tenant).push(" AND c.revoked_at IS NOT NULL");
                newest(query, "c.id", after, limit)
            }
            Self::Ca(ca) => {
                let mut query = Query::new(CERTIFICATES);
                query.push_bind(tenant).push(" AND c.ca_id = ").push_bind(ca.to_owned());
                newest(query, "c.id", after, limit)
            }
            // Those that are marked.
            Self::Expired(_) => {
                let mut query = Query::new(CERTIFICATES);
                query.push_bind(tenant).push(" AND c.status = 'expired'");
                newest(query, "c.id", after, limit)
            }
            Self::Text(text) => text_rows(text),
        }
    }

    /// Those that ended since the last time that they were marked: few, so that they can be sorted. `LIMIT` keeps the
    /// planner from reading all certificates in the order of their ids.
    fn unmarked(session: &Session, now: Timestamp, after: Option<CertificateId>, limit: usize) -> Query {
        let mut query = Query::new("SELECT c.id FROM (SELECT id FROM certificates WHERE tenant_id = ");
        query.push_bind(session.tenant_key()).push(" AND status = 'active' AND not_after < ");
        query.push_bind(now.unix_micros()).push(" LIMIT 1000000) c WHERE 1 = 1");
        newest(query, "c.id", after, limit)
    }
}

const CERTIFICATES: &str = "SELECT c.id FROM certificates c WHERE c.tenant_id = ";
const NAMES: &str = "SELECT n.certificate_id FROM certificate_names n WHERE n.tenant_id = ";

fn has_trigram(text: &str) -> bool {
    text.split(|letter: char| !letter.is_alphanumeric()).any(|run| run.chars().count() >= TRIGRAM)
}

/// Whether few certificates of a tenant come from there, as the index has it.
fn is_rare(source: CertificateSource) -> bool {
    match source {
        CertificateSource::Csr | CertificateSource::Acme | CertificateSource::Imported => true,
        CertificateSource::Issued | CertificateSource::Signed | CertificateSource::Renewed => false,
    }
}

/// Ends a query with the order of a list whose `column` is the id.
fn newest(mut query: Query, column: &'static str, after: Option<CertificateId>, limit: usize) -> Query {
    if let Some(id) = after {
        query.push(" AND ").push(column).push(" < ").push_bind(id.to_string());
    }
    query.push(" ORDER BY ").push(column).push(" DESC");
    limited(query, limit)
}

fn limited(mut query: Query, limit: usize) -> Query {
    query.push(" LIMIT ").push_bind(i64::try_from(limit).unwrap_or(i64::MAX));
    query
}

async fn fetch(session: &mut Session, query: Query) -> Result<Vec<CertificateId>, StorageError> {
    let rows = session.link().fetch_all::<(String,)>(query).await?;
    rows.iter().map(|(id,)| parsed(TABLE, "id", id)).collect()
}

/// Tenants and ids of the certificates with a part of a common name. Wildcards stand in for what means something else to the
/// one database or the other, so that a few may be found too much. What is not indexed yet is looked at as it is.
fn text_rows(text: &str) -> Query {
    let pattern = format!("%{}%", text.to_ascii_lowercase().replace('\\', "_"));
    let mut query =
        Query::new("SELECT tenant_id, certificate_id FROM certificate_text WHERE common_name LIKE ");
    query.push_bind(pattern.clone());
    query.push(
        " UNION ALL SELECT tenant_id, certificate_id FROM certificate_text_waiting WHERE common_name LIKE ",
    );
    query.push_bind(pattern).push(" LIMIT ").push_bind(TEXT_ROWS + 1);
    query
}

/// The tenant's among the rows of a text.
async fn read_text(session: &mut Session, query: Query, limit: usize) -> Result<Listing, StorageError> {
    let tenant = session.tenant_key();
    let rows = session.link().fetch_all::<(String, String)>(query).await?;
    let is_whole = i64::try_from(rows.len()).is_ok_and(|found| found <= TEXT_ROWS);
    let ids: Vec<CertificateId> = rows
        .iter()
        .filter(|(of, _)| *of == tenant)
        .map(|(_, id)| parsed(TABLE, "id", id))
        .collect::<Result<_, _>>()?;
    let is_whole = is_whole && ids.len() <= limit;
    Ok(Listing { ids, is_whole })
}
