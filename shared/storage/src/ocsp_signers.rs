//! The certificates of delegated OCSP responders. The present one of a CA has its key, those before it have none.

use certmill_domain::{CaId, TenantId, Timestamp};
use certmill_x509::SerialNumber;

use crate::error::{corrupt, parsed};
use crate::query::Query;
use crate::{Session, StorageError, SystemSession, SystemTx, Tx, WithLink, jobs};

const TABLE: &str = "ocsp_signers";

/// The certificate of a responder.
#[derive(Debug, Clone)]
pub struct SignerCertificate {
    /// The CA for which it answers, and which has issued it.
    pub ca: CaId,
    /// Its serial number.
    pub serial_number: SerialNumber,
    /// The certificate.
    pub certificate_der: Vec<u8>,
    /// Start of its validity.
    pub not_before: Timestamp,
    /// End of its validity, inclusive.
    pub not_after: Timestamp,
    /// When the next one is to be made.
    pub renew_at: Timestamp,
}

/// Stores the present responder of a CA with its sealed key, and takes the key of the one before it away.
pub async fn replace(tx: &mut Tx, new: &SignerCertificate, sealed_key: Vec<u8>) -> Result<(), StorageError> {
    retire(tx, new.ca).await?;
    let query = Query::new(
        "INSERT INTO ocsp_signers (tenant_id, ca_id, serial_number, certificate_der, sealed_key, not_before, not_after, \
         renew_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(tx.tenant_key())
    .bind(new.ca.to_string())
    .bind(new.serial_number.as_bytes())
    .bind(new.certificate_der.clone())
    .bind(sealed_key)
    .bind(new.not_before.unix_micros())
    .bind(new.not_after.unix_micros())
    .bind(new.renew_at.unix_micros());
    tx.link().execute(query).await.map(drop)
}

/// Takes the key of a CA's present responder away, so that there is none.
pub async fn retire(tx: &mut Tx, ca: CaId) -> Result<(), StorageError> {
    let query = Query::new(
        "UPDATE ocsp_signers SET sealed_key = NULL WHERE tenant_id = $1 AND ca_id = $2 AND sealed_key IS NOT NULL",
    )
    .bind(tx.tenant_key())
    .bind(ca.to_string());
    tx.link().execute(query).await.map(drop)
}

/// The present responder of a CA, and its sealed key.
pub async fn present(
    session: &mut Session,
    ca: CaId,
) -> Result<Option<(SignerCertificate, Vec<u8>)>, StorageError> {
    type Columns = (Vec<u8>, Vec<u8>, Vec<u8>, i64, i64, i64);
    let query = Query::new(
        "SELECT serial_number, certificate_der, sealed_key, not_before, not_after, renew_at FROM ocsp_signers \
         WHERE tenant_id = $1 AND ca_id = $2 AND sealed_key IS NOT NULL",
    )
    .bind(session.tenant_key())
    .bind(ca.to_string());
    let row = session.link().fetch_optional::<Columns>(query).await?;
    row.map(|(serial_number, certificate_der, sealed_key, not_before, not_after, renew_at)| {
        let certificate = SignerCertificate {
            ca,
            serial_number: SerialNumber::from_bytes(&serial_number)
                .map_err(|error| corrupt(TABLE, "serial_number", error))?,
            certificate_der,
            not_before: Timestamp::from_unix_micros(not_before),
            not_after: Timestamp::from_unix_micros(not_after),
            renew_at: Timestamp::from_unix_micros(renew_at),
        };
        Ok((certificate, sealed_key))
    })
    .transpose()
}

/// CAs, of any tenant, that are to have a responder with a new certificate. One that ends with its CA has no successor. (The
/// word is written out because the index is for it.)
pub async fn due(
    session: &mut SystemSession,
    kind: &'static str,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<(TenantId, CaId)>, StorageError> {
    let mut query = Query::new(
        "SELECT ca.tenant_id, ca.id FROM certificate_authorities ca \
         WHERE ca.ocsp_signer = 'delegated' AND ca.revoked_at IS NULL AND ca.not_after >= ",
    );
    query.push_bind(now.unix_micros());
    query.push(
        " AND NOT EXISTS (SELECT 1 FROM ocsp_signers s WHERE s.tenant_id = ca.tenant_id AND s.ca_id = ca.id \
         AND s.sealed_key IS NOT NULL AND (s.not_after >= ca.not_after OR s.renew_at > ",
    );
    query.push_bind(now.unix_micros()).push(")) AND ");
    jobs::push_has_none(&mut query, kind, "ca.id");
    query.push(" ORDER BY ca.tenant_id, ca.id LIMIT ").push_bind(limit);
    let rows: Vec<(String, String)> = session.link().fetch_all(query).await?;
    rows.iter()
        .map(|(tenant, ca)| Ok((parsed(TABLE, "tenant_id", tenant)?, parsed(TABLE, "ca_id", ca)?)))
        .collect()
}

/// Deletes what has ended, and takes away the keys of those whose CAs are revoked.
pub async fn prune(tx: &mut SystemTx, now: Timestamp) -> Result<(), StorageError> {
    let query = Query::new("DELETE FROM ocsp_signers WHERE not_after < $1").bind(now.unix_micros());
    tx.link().execute(query).await?;
    let query = Query::new(
        "UPDATE ocsp_signers SET sealed_key = NULL WHERE sealed_key IS NOT NULL AND EXISTS (\
           SELECT 1 FROM certificate_authorities ca WHERE ca.tenant_id = ocsp_signers.tenant_id \
           AND ca.id = ocsp_signers.ca_id AND ca.revoked_at IS NOT NULL)",
    );
    tx.link().execute(query).await.map(drop)
}
