//! What a challenge is at, out of the columns that say so, and back.

use certmill_domain::{
    Added, ChallengeAnswer, ChallengeProgress, ChallengeState, Exposure, Failure, Stored, Timestamp, Told,
    TxtAnswer, TxtRecord,
};

use super::{Row, TABLE};
use crate::StorageError;
use crate::acme_orders::optional;
use crate::error::{corrupt, from_json};
use crate::words::{CHALLENGE_EXPOSURE, CHALLENGE_STATE};

/// The code of a failure of which nothing was kept.
const FAILED: &str = "validation_failed";

/// What a challenge is at. A row without what is known in its state was written by no version.
pub(super) fn read(row: &Row) -> Result<ChallengeProgress, StorageError> {
    let (state, exposure) = (CHALLENGE_STATE.read(&row.state), CHALLENGE_EXPOSURE.read(&row.exposure));
    let (state, exposure) = match (state, exposure) {
        (Stored::Known(state), Stored::Known(exposure)) => (state, exposure),
        (state, exposure) => return Ok(ChallengeProgress::Unknown { state, exposure }),
    };
    let time = Timestamp::from_unix_micros;
    // Between these two columns the process may have died: the time is written before the CA is asked, the count afterwards.
    let told = (row.submissions > 0 || row.submitted_at.is_some())
        .then(|| Told { times: row.submissions, last: time(row.submitted_at.unwrap_or(row.updated_at)) });
    let txt = txt(row, exposure)?;
    let is_placed = || txt.clone().ok_or_else(|| missing("record_name", state));
    let answer = || match (&txt, exposure) {
        (Some(txt), _) => ChallengeAnswer::Txt(txt.clone()),
        (None, Exposure::None) => ChallengeAnswer::Nowhere,
        (None, _) => ChallengeAnswer::AtResponders {
            since: time(row.published_at.unwrap_or(row.updated_at)),
            is_removed: exposure == Exposure::Removed,
        },
    };
    Ok(match state {
        ChallengeState::Waiting => ChallengeProgress::Waiting,
        ChallengeState::Publishing => ChallengeProgress::Publishing(is_placed()?),
        ChallengeState::Published => {
            let change = row.pending_change.clone().ok_or_else(|| missing("pending_change", state))?;
            ChallengeProgress::Published { txt: is_placed()?, change }
        }
        ChallengeState::Propagating => {
            ChallengeProgress::Propagating { txt: is_placed()?, confirmations: row.confirmations }
        }
        ChallengeState::Submitted => ChallengeProgress::Submitted { answer: answer(), told },
        ChallengeState::Valid => {
            let validated_at = time(row.validated_at.unwrap_or(row.updated_at));
            ChallengeProgress::Valid { answer: answer(), told, validated_at }
        }
        ChallengeState::Invalid => {
            let failure = from_json(TABLE, "error", row.error.as_deref())?;
            let failure = failure.unwrap_or_else(|| {
                Failure::new(FAILED, format!("control of {} was not proven", row.identifier))
            });
            ChallengeProgress::Invalid { answer: answer(), told, failure }
        }
    })
}

fn missing(column: &'static str, state: ChallengeState) -> StorageError {
    corrupt(TABLE, column, format!("is missing in the state {state}"))
}

/// The TXT value of a row, which has all of its columns or none.
fn txt(row: &Row, exposure: Exposure) -> Result<Option<TxtAnswer>, StorageError> {
    let Some(name) = row.record_name.clone() else { return Ok(None) };
    let missing = |column| corrupt(TABLE, column, "is missing beside a record_name".to_owned());
    let provider = optional(TABLE, "dns_provider_id", row.dns_provider_id.as_deref())?;
    let record = TxtRecord {
        name,
        value: row.record_value.clone().ok_or_else(|| missing("record_value"))?,
        provider: provider.ok_or_else(|| missing("dns_provider_id"))?,
        zone: row.zone.clone().ok_or_else(|| missing("zone"))?,
    };
    let since = row.published_at.map(Timestamp::from_unix_micros);
    let added = since.map(|since| Added { since, times: row.additions });
    Ok(Some(TxtAnswer { record, exposure, added }))
}

/// The columns that say what a challenge is at.
pub(super) struct Columns {
    pub(super) state: &'static str,
    pub(super) exposure: &'static str,
    pub(super) txt: Option<TxtAnswer>,
    pub(super) pending_change: Option<String>,
    pub(super) confirmations: i64,
    pub(super) told: Option<Told>,
    pub(super) failure: Option<Failure>,
    pub(super) published_at: Option<Timestamp>,
    pub(super) validated_at: Option<Timestamp>,
}

/// What is written for it.
///
/// # Errors
/// Words of a newer version are not written.
pub(super) fn write(progress: &ChallengeProgress) -> Result<Columns, StorageError> {
    let pending_change = match progress {
        ChallengeProgress::Published { change, .. } => Some(change.clone()),
        _ => None,
    };
    let confirmations = match progress {
        ChallengeProgress::Propagating { confirmations, .. } => *confirmations,
        _ => 0,
    };
    Ok(Columns {
        state: CHALLENGE_STATE.write(&progress.state())?,
        exposure: CHALLENGE_EXPOSURE.write(&progress.exposure())?,
        txt: progress.txt().cloned(),
        pending_change,
        confirmations,
        told: progress.told(),
        failure: progress.failure().cloned(),
        published_at: progress.answer().since(),
        validated_at: progress.validated_at(),
    })
}
