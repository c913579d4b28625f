//! What an order is at, whose key it is for and what it renews, out of the columns that say so.

use certmill_domain::{OrderAtCa, OrderKey, OrderProgress, OrderState, Renewed, Stored, Timestamp};

use super::{Row, TABLE, optional};
use crate::StorageError;
use crate::error::corrupt;
use crate::words::ORDER_STATE;

/// What an order is at. A row without what is known in its state was written by no version.
pub(super) fn read(row: &Row) -> Result<OrderProgress, StorageError> {
    let state = match ORDER_STATE.read(&row.state) {
        Stored::Known(state) => state,
        Stored::Unknown(word) => return Ok(OrderProgress::Unknown(word)),
    };
    let time = Timestamp::from_unix_micros;
    let missing = |column| corrupt(TABLE, column, format!("is missing in the state {state}"));
    let at_ca = row.order_url.clone().map(|url| OrderAtCa {
        url,
        finalize_url: row.finalize_url.clone(),
        expires_at: row.expires_at.map(time),
    });
    let known = || at_ca.clone().ok_or_else(|| missing("order_url"));
    let csr = || row.csr_der.clone().ok_or_else(|| missing("csr_der"));
    let completed_at = time(row.completed_at.unwrap_or(row.updated_at));
    Ok(match state {
        OrderState::New => OrderProgress::New,
        OrderState::Authorizing => OrderProgress::Authorizing(known()?),
        OrderState::Challenging => OrderProgress::Challenging(known()?),
        OrderState::Finalizing => OrderProgress::Finalizing { at_ca: known()?, csr: csr()? },
        OrderState::Issuing => OrderProgress::Issuing {
            at_ca: known()?,
            csr: csr()?,
            certificate_url: row.certificate_url.clone(),
        },
        OrderState::Issued => {
            let id = optional(TABLE, "certificate_id", row.certificate_id.as_deref())?;
            let certificate_id = id.ok_or_else(|| missing("certificate_id"))?;
            OrderProgress::Issued { at_ca: known()?, certificate_id, completed_at }
        }
        OrderState::Failed => {
            let successor = optional(TABLE, "fallback_order_id", row.fallback_order_id.as_deref())?;
            OrderProgress::Failed { at_ca, completed_at, successor }
        }
    })
}

/// Whose key the certificate of an order is for.
pub(super) fn key(row: &Row) -> Result<OrderKey, StorageError> {
    let csr = row.csr_der.clone();
    if !row.own_key {
        return Ok(OrderKey::Ours { csr });
    }
    let missing = || corrupt(TABLE, "csr_der", "is missing although the key is the caller's");
    Ok(OrderKey::Callers { csr: csr.ok_or_else(missing)? })
}

/// The certificate that an order renews.
pub(super) fn renews(row: &Row) -> Result<Option<Renewed>, StorageError> {
    let certificate_id = optional(TABLE, "renewal_of", row.renewal_of.as_deref())?;
    let replaces = row.replaces.clone();
    Ok(certificate_id.map(|certificate_id| Renewed { certificate_id, replaces }))
}
