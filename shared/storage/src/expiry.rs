//! What comes to its end, in the order of the ends. Up to where that was told is a row, so that nothing is written to what ends,
//! and nothing is read twice.

use certmill_domain::Timestamp;

use crate::query::Query;
use crate::row::row;
use crate::{Session, StorageError, Tx, WithLink};

/// What can end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Certificates that are active, were not renewed, and are not renewed of themselves.
    Certificates,
    /// CAs that are not revoked.
    Cas,
    /// Trust anchors.
    TrustAnchors,
    /// Tokens that are not revoked.
    Tokens,
}

impl Ending {
    /// Everything that can.
    pub const ALL: [Self; 4] = [Self::Certificates, Self::Cas, Self::TrustAnchors, Self::Tokens];

    const fn word(self) -> &'static str {
        match self {
            Self::Certificates => "certificates",
            Self::Cas => "certificate_authorities",
            Self::TrustAnchors => "trust_anchors",
            Self::Tokens => "tokens",
        }
    }

    /// Its rows: id, name, beginning and end, in this order.
    const fn rows(self) -> &'static str {
        match self {
            Self::Certificates => {
                "SELECT id, COALESCE(common_name, subject) AS name, serial_number, not_before AS starts, not_after AS ends \
                 FROM certificates c WHERE status = 'active' AND renewed_by IS NULL AND NOT (source = 'acme' AND EXISTS \
                 (SELECT 1 FROM acme_renewals r WHERE r.tenant_id = c.tenant_id AND r.certificate_id = c.id \
                 AND r.auto_renew = TRUE AND r.is_over = FALSE)) AND tenant_id = "
            }
            Self::Cas => {
                "SELECT id, name, serial_number, not_before AS starts, not_after AS ends FROM certificate_authorities \
                 WHERE revoked_at IS NULL AND tenant_id = "
            }
            Self::TrustAnchors => {
                "SELECT id, name, serial_number, not_before AS starts, not_after AS ends FROM trust_anchors \
                 WHERE tenant_id = "
            }
            Self::Tokens => {
                "SELECT id, name, NULL AS serial_number, created_at AS starts, expires_at AS ends FROM tokens \
                 WHERE revoked_at IS NULL AND tenant_id = "
            }
        }
    }

    /// The column with the end.
    const fn end(self) -> &'static str {
        match self {
            Self::Certificates | Self::Cas | Self::TrustAnchors => "not_after",
            Self::Tokens => "expires_at",
        }
    }
}

/// A place in the order of the ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The end.
    pub at: Timestamp,
    /// Of those that end then, those up to this id.
    pub id: String,
}

row! {
    struct Row {
        id: String,
        name: String,
        serial_number: Option<Vec<u8>>,
        starts: i64,
        ends: i64,
    }
}

/// Something that ends.
#[derive(Debug, Clone)]
pub struct Ends {
    /// Its id.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Its serial number, where it has one.
    pub serial_number: Option<Vec<u8>>,
    /// Since when it counts.
    pub starts: Timestamp,
    /// Until when.
    pub ends: Timestamp,
}

/// Up to where it was told that the tenant's things of a kind come within a threshold (in seconds); none before the first time.
pub async fn place(
    session: &mut Session,
    what: Ending,
    threshold: i64,
) -> Result<Option<Place>, StorageError> {
    let query = Query::new(
        "SELECT ends, id FROM expiry_places WHERE tenant_id = $1 AND subject = $2 AND threshold = $3",
    )
    .bind(session.tenant_key())
    .bind(what.word())
    .bind(threshold);
    let row = session.link().fetch_optional::<(i64, String)>(query).await?;
    Ok(row.map(|(at, id)| Place { at: Timestamp::from_unix_micros(at), id }))
}

/// Notes up to where it was told.
pub async fn set_place(
    tx: &mut Tx,
    (what, threshold): (Ending, i64),
    place: &Place,
) -> Result<(), StorageError> {
    let query = Query::new(
        "INSERT INTO expiry_places (tenant_id, subject, threshold, ends, id) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (tenant_id, subject, threshold) DO UPDATE SET ends = excluded.ends, id = excluded.id",
    )
    .bind(tx.tenant_key())
    .bind(what.word())
    .bind(threshold)
    .bind(place.at.unix_micros())
    .bind(place.id.clone());
    tx.link().execute(query).await.map(drop)
}

/// What of the tenant's ends after a place and at a time at the latest, up to `limit` of it.
pub async fn between(
    session: &mut Session,
    what: Ending,
    (after, last): (&Place, Timestamp),
    limit: i64,
) -> Result<Vec<Ends>, StorageError> {
    let mut query = Query::new(what.rows());
    query.push_bind(session.tenant_key());
    query.push(" AND (").push(what.end()).push(", id) > (");
    query.push_bind(after.at.unix_micros()).push(", ").push_bind(after.id.clone()).push(") AND ");
    query.push(what.end()).push(" <= ").push_bind(last.unix_micros());
    query.push(" ORDER BY ").push(what.end()).push(", id LIMIT ").push_bind(limit);
    let rows: Vec<Row> = session.link().fetch_all(query).await?;
    Ok(rows
        .into_iter()
        .map(|row| Ends {
            id: row.id,
            name: row.name,
            serial_number: row.serial_number,
            starts: Timestamp::from_unix_micros(row.starts),
            ends: Timestamp::from_unix_micros(row.ends),
        })
        .collect())
}
