//! Searching certificates: filters, two orders, keyset pages.
//!
//! What a search costs does not grow with the number of certificates. Each part of a filter that an index serves has a
//! [`List`] of the certificates that it can find. If one of them is short, its certificates are looked at. If all are long,
//! certificates are looked at in the order of the page, a bounded number of them per call.

mod conditions;
mod filter;
mod lists;

use std::collections::BTreeSet;

use certmill_domain::{Certificate, CertificateId, Sans, Timestamp};

use super::{OCTETS, TABLE};
use crate::error::parsed;
use crate::listing::{Extent, LISTED_OCTETS, MOST_COUNTED};
use crate::query::Query;
use crate::row::row;
use crate::{Session, StorageError, WithLink};
use lists::List;

pub use filter::Filter;

/// In which order, and from where on.
#[derive(Debug, Clone, Copy)]
pub enum Page {
    /// Newest first, after this one.
    Newest(Option<CertificateId>),
    /// Soonest to end first, after this end and id.
    SoonestEnd(Option<(Timestamp, CertificateId)>),
}

/// What a call has found.
#[derive(Debug, Clone)]
pub struct Found {
    /// At most as many as were wanted. Fewer, or none, when they are large, or when the call has looked at as many
    /// certificates as it may.
    pub certificates: Vec<Certificate>,
    /// Where the next call goes on; absent when there is nothing more.
    pub next: Option<Page>,
    /// How many there are in all pages, if that was asked and is found out by looking at [`COUNTED_AMONG`] certificates.
    pub total: Option<i64>,
}

/// Lists up to this length are read as a whole.
const SHORT: usize = 1_000;
/// So many certificates are looked at per call when every list is longer.
const LOOKED_AT: usize = 5_000;
/// So many certificates are looked at to count what a filter finds when every list is long.
pub const COUNTED_AMONG: usize = 20_000;
/// Certificates that are looked at together, so that a page that fills at once costs little.
const PIECE: usize = 250;
/// With so few candidates, further lists are not worth a query.
const FEW: usize = 50;

/// The certificates of the tenant that the filter finds.
pub async fn search(
    session: &mut Session,
    filter: &Filter,
    page: Page,
    wanted: Extent,
    now: Timestamp,
) -> Result<Found, StorageError> {
    let limit = usize::try_from(wanted.rows).unwrap_or(0);
    let ca = filter.ca_id.map(|id| id.to_string());
    let lists = List::all(filter, ca.as_deref(), now);
    let mut search = Search { session, filter, now, wanted: limit.saturating_add(1) };
    let after = match page {
        Page::Newest(after) => after,
        // The lists are not in this order, so that nothing is known to be behind.
        Page::SoonestEnd(_) => None,
    };
    let hits = match (search.start(&lists, after).await?, page) {
        (Start::Few(ids), page) => search.few(&ids, page).await?,
        (Start::Long(list, ids), Page::Newest(_)) => search.along(list, ids).await?,
        (Start::Long(..) | Start::Anywhere, page) => search.in_order(page).await?,
    };
    let found = search.page_of(hits, page, limit).await?;
    let total = if wanted.count { search.total(&lists).await? } else { None };
    Ok(Found { total, ..found })
}

// A certificate that the filter finds, as far as a page needs it to know where it ends.
row! {
    struct Hit {
        id: String,
        not_after: i64,
        octets: i64,
        sans: String,
    }
}

impl Hit {
    fn id(&self) -> Result<CertificateId, StorageError> {
        parsed(TABLE, "id", &self.id)
    }

    /// The place after it, in the order of a page.
    fn place(&self, page: Page) -> Result<Page, StorageError> {
        Ok(match page {
            Page::Newest(_) => Page::Newest(Some(self.id()?)),
            Page::SoonestEnd(_) => {
                Page::SoonestEnd(Some((Timestamp::from_unix_micros(self.not_after), self.id()?)))
            }
        })
    }
}

/// What was found, in the order of the page.
struct Hits {
    rows: Vec<Hit>,
    /// Where to go on when all rows are on the page; absent when everything was looked at.
    rest: Option<Page>,
}

/// Where a search begins.
enum Start<'a> {
    /// Only these can be found.
    Few(BTreeSet<CertificateId>),
    /// Only those of this list can be found, of which these are the next ones.
    Long(List<'a>, Vec<CertificateId>),
    /// Every certificate may be found.
    Anywhere,
}

struct Search<'a> {
    session: &'a mut Session,
    filter: &'a Filter,
    now: Timestamp,
    /// One row more than a page has, which tells whether others follow.
    wanted: usize,
}

impl Search<'_> {
    /// Looks how long the lists are.
    async fn start<'l>(
        &mut self,
        lists: &[List<'l>],
        after: Option<CertificateId>,
    ) -> Result<Start<'l>, StorageError> {
        let mut few: Option<BTreeSet<CertificateId>> = None;
        let mut long = None;
        for &list in lists {
            let listing = list.read(self.session, after, SHORT).await?;
            if listing.is_whole {
                let ids = listing.ids.into_iter();
                let both = match few {
                    Some(few) => ids.filter(|id| few.contains(id)).collect(),
                    None => ids.collect::<BTreeSet<_>>(),
                };
                if both.len() <= FEW {
                    return Ok(Start::Few(both));
                }
                few = Some(both);
            } else if list.is_ordered() && long.is_none() {
                long = Some((list, listing.ids));
            }
        }
        Ok(match (few, long) {
            (Some(few), _) => Start::Few(few),
            (None, Some((list, ids))) => Start::Long(list, ids),
            (None, None) => Start::Anywhere,
        })
    }

    /// Looks at all of a few candidates, or at as many as fill a page.
    async fn few(&mut self, ids: &BTreeSet<CertificateId>, page: Page) -> Result<Hits, StorageError> {
        let newest_first: Vec<CertificateId> = ids.iter().rev().copied().collect();
        let rows = match page {
            Page::Newest(after) => {
                let behind = newest_first.iter().position(|id| after.is_none_or(|after| *id < after));
                self.among(
                    newest_first.get(behind.unwrap_or(newest_first.len())..).unwrap_or_default(),
                    self.wanted,
                )
                .await?
            }
            Page::SoonestEnd(after) => {
                let mut rows = self.among(&newest_first, usize::MAX).await?;
                rows.sort_unstable_by(|one, other| {
                    (one.not_after, &one.id).cmp(&(other.not_after, &other.id))
                });
                let after = after.map(|(end, id)| (end.unix_micros(), id.to_string()));
                rows.retain(|row| {
                    after.as_ref().is_none_or(|(end, id)| (row.not_after, &row.id) > (*end, id))
                });
                rows
            }
        };
        Ok(Hits { rows, rest: None })
    }

    /// Reads on in a list whose next ids are these, newest first.
    async fn along(&mut self, list: List<'_>, mut ids: Vec<CertificateId>) -> Result<Hits, StorageError> {
        let mut rows = Vec::new();
        let mut looked_at = 0;
        let mut is_whole = false;
        loop {
            rows.extend(self.among(&ids, self.wanted).await?);
            looked_at += ids.len();
            let last = ids.last().copied();
            if is_whole || last.is_none() {
                return Ok(Hits { rows, rest: None });
            }
            if rows.len() >= self.wanted || looked_at >= LOOKED_AT {
                return Ok(Hits { rows, rest: Some(Page::Newest(last)) });
            }
            let listing = list.read(self.session, last, SHORT).await?;
            (ids, is_whole) = (listing.ids, listing.is_whole);
        }
    }

    /// Those of these certificates that the filter finds, in this order, until there are enough.
    async fn among(&mut self, ids: &[CertificateId], enough: usize) -> Result<Vec<Hit>, StorageError> {
        let mut rows = Vec::new();
        for piece in ids.chunks(PIECE) {
            let mut query = self.hits();
            query.push(" AND c.id IN (");
            for (number, id) in piece.iter().enumerate() {
                query.push(if number == 0 { "" } else { ", " }).push_bind(id.to_string());
            }
            query.push(")");
            let mut found = self.session.link().fetch_all::<Hit>(query).await?;
            found.retain(|hit| self.has_san(hit));
            found.sort_unstable_by(|one, other| other.id.cmp(&one.id));
            rows.extend(found);
            if rows.len() >= enough {
                break;
            }
        }
        Ok(rows)
    }

    /// Looks at the tenant's certificates in the order of the page.
    async fn in_order(&mut self, mut from: Page) -> Result<Hits, StorageError> {
        let mut rows = Vec::new();
        for piece in [2 * PIECE, LOOKED_AT - 2 * PIECE] {
            let to = self.place(from, piece).await?;
            let missing = self.wanted - rows.len();
            let mut found = self.between(from, to, missing).await?;
            let last = found.get(missing - 1).map(|hit| hit.place(from)).transpose()?;
            found.retain(|hit| self.has_san(hit));
            rows.extend(found);
            match last.or(to) {
                Some(place) if last.is_some() => return Ok(Hits { rows, rest: Some(place) }),
                Some(place) => from = place,
                None => return Ok(Hits { rows, rest: None }),
            }
        }
        Ok(Hits { rows, rest: Some(from) })
    }

    /// The place so many certificates further on; absent when there are fewer. The index alone tells.
    async fn place(&mut self, from: Page, further: usize) -> Result<Option<Page>, StorageError> {
        let mut query = Query::new("SELECT c.not_after, c.id FROM certificates c WHERE c.tenant_id = ");
        if matches!(from, Page::Newest(_)) {
            query = Query::new("SELECT CAST(0 AS BIGINT), c.id FROM certificates c WHERE c.tenant_id = ");
        }
        query.push_bind(self.session.tenant_key());
        self.push_span(&mut query, from);
        push_order(&mut query, from);
        query.push(" LIMIT 1 OFFSET ").push_bind(i64::try_from(further - 1).unwrap_or(i64::MAX));
        let row = self.session.link().fetch_optional::<(i64, String)>(query).await?;
        row.map(|(not_after, id)| Hit { id, not_after, octets: 0, sans: String::new() }.place(from))
            .transpose()
    }

    /// Up to `limit` of those that the filter finds from a place to another, which is included.
    async fn between(
        &mut self,
        from: Page,
        to: Option<Page>,
        limit: usize,
    ) -> Result<Vec<Hit>, StorageError> {
        let mut query = self.hits();
        self.push_span(&mut query, from);
        match to {
            Some(Page::Newest(Some(id))) => {
                query.push(" AND c.id >= ").push_bind(id.to_string());
            }
            Some(Page::SoonestEnd(Some((end, id)))) => {
                query.push(" AND (c.not_after, c.id) <= (").push_bind(end.unix_micros());
                query.push(", ").push_bind(id.to_string()).push(")");
            }
            Some(Page::Newest(None) | Page::SoonestEnd(None)) | None => {}
        }
        push_order(&mut query, from);
        query.push(" LIMIT ").push_bind(i64::try_from(limit).unwrap_or(i64::MAX));
        self.session.link().fetch_all::<Hit>(query).await
    }

    /// How many the filter finds, whichever page it is; nothing when that would take too long to say.
    async fn total(&mut self, lists: &[List<'_>]) -> Result<Option<i64>, StorageError> {
        if let Start::Few(ids) = self.start(lists, None).await? {
            let ids: Vec<CertificateId> = ids.into_iter().collect();
            return Ok(i64::try_from(self.among(&ids, usize::MAX).await?.len()).ok());
        }
        let bound = self.place(Page::Newest(None), COUNTED_AMONG).await?;
        let mut query = Query::new("SELECT COUNT(*) FROM (SELECT 1 FROM certificates c WHERE c.tenant_id = ");
        query.push_bind(self.session.tenant_key());
        conditions::push(&mut query, self.filter, self.now);
        if let Some(Page::Newest(Some(id))) = bound {
            query.push(" AND c.id >= ").push_bind(id.to_string());
        }
        query.push(" LIMIT ").push_bind(MOST_COUNTED + 1).push(") AS counted");
        let row = self.session.link().fetch_optional::<(i64,)>(query).await?;
        Ok(row.map(|(total,)| total).filter(|total| bound.is_none() || *total > MOST_COUNTED))
    }

    /// What an index that has the order of the page can leave out.
    fn push_span(&self, query: &mut Query, from: Page) {
        match from {
            Page::Newest(after) => {
                if let Some(id) = after {
                    query.push(" AND c.id < ").push_bind(id.to_string());
                }
            }
            Page::SoonestEnd(after) => {
                if let Some((end, id)) = after {
                    query.push(" AND (c.not_after, c.id) > (").push_bind(end.unix_micros());
                    query.push(", ").push_bind(id.to_string()).push(")");
                }
                if let Some(role) = &self.filter.role {
                    query.push(" AND c.role = ").push_bind(role.clone());
                }
                conditions::push_end(query, self.filter, self.now);
            }
        }
    }

    /// The beginning of a query for what the filter finds.
    fn hits(&self) -> Query {
        let mut query = Query::new("SELECT c.id, c.not_after, CAST(");
        query.push(OCTETS).push(" AS BIGINT) AS octets, c.sans FROM certificates c WHERE c.tenant_id = ");
        query.push_bind(self.session.tenant_key());
        conditions::push(&mut query, self.filter, self.now);
        query
    }

    /// Whether a row has the name that is sought; the database lets a few pass that have not.
    fn has_san(&self, hit: &Hit) -> bool {
        self.filter.san.as_deref().is_none_or(|san| {
            serde_json::from_str::<Sans>(&hit.sans).is_ok_and(|sans| conditions::has_san(sans.iter(), san))
        })
    }

    /// The first rows: as many as were wanted, and as many as it takes to reach [`LISTED_OCTETS`].
    async fn page_of(&mut self, hits: Hits, page: Page, limit: usize) -> Result<Found, StorageError> {
        let mut octets = 0;
        let mut ids = Vec::new();
        let mut last = None;
        for hit in hits.rows.iter().take(limit) {
            if octets >= LISTED_OCTETS {
                break;
            }
            octets += usize::try_from(hit.octets).unwrap_or(0);
            ids.push(hit.id()?);
            last = Some(hit);
        }
        let next = match last {
            Some(last) if ids.len() < hits.rows.len() => Some(last.place(page)?),
            _ => hits.rest,
        };
        let mut certificates =
            if ids.is_empty() { Vec::new() } else { super::find_all(self.session, &ids).await? };
        match page {
            Page::Newest(_) => certificates.sort_unstable_by_key(|it| std::cmp::Reverse(it.id)),
            Page::SoonestEnd(_) => certificates.sort_unstable_by_key(|it| (it.not_after, it.id)),
        }
        Ok(Found { certificates, next, total: None })
    }
}

fn push_order(query: &mut Query, page: Page) {
    query.push(match page {
        Page::Newest(_) => " ORDER BY c.id DESC",
        Page::SoonestEnd(_) => " ORDER BY c.not_after, c.id",
    });
}
