//! Adding and removing one value where a provider only takes whole record sets: the set is read, changed and written. Where
//! the write is bound to what was read, a conflict is seen and tried again; where it is not, the caller holds a lock, and the
//! set is read once more afterwards, since others may write too.

use std::time::{Duration, Instant};

use crate::DnsError;
use crate::http::Api;
use crate::provider::{Change, Zone};
use crate::vendor::Vendor;

/// The rounds of a change, of which each but the first restores what another writer has overwritten. There are few, and none
/// begins to write later than the lock of a change allows, which has to outlast a call after that.
pub(crate) struct Rounds {
    end: Instant,
    left: usize,
}

impl Rounds {
    const LAST_WRITE: Duration = Duration::from_secs(150);

    pub(crate) fn begin() -> Self {
        Self { end: Instant::now() + Self::LAST_WRITE, left: 5 }
    }

    /// Whether there is time to write, and once more.
    pub(crate) fn another(&mut self) -> bool {
        let is_in_time = Instant::now() < self.end;
        let left = self.left.checked_sub(1).filter(|_| is_in_time);
        self.left = left.unwrap_or_default();
        left.is_some()
    }
}

/// A TXT record set as the provider has it. The one of a name without a set has no values.
#[derive(Debug, Clone, Default)]
pub(crate) struct RecordSet {
    /// The values as plain text.
    pub(crate) values: Vec<String>,
    /// Each of the values as the provider wrote it; then those that are kept and not in use.
    pub(crate) verbatim: Vec<String>,
    /// The time to live, where there is a set.
    pub(crate) ttl: Option<u32>,
    /// What the provider calls this state of it.
    pub(crate) tag: Option<String>,
}

impl RecordSet {
    /// What is written for these values: those that are there as they are, for they may be other people's and have another
    /// form than ours, and new ones as `form` makes them.
    pub(crate) fn contents(&self, values: &[String], form: impl Fn(&str) -> String) -> Vec<String> {
        let present = self.values.iter().zip(&self.verbatim);
        let kept = present.filter(|(value, _)| values.contains(value)).map(|(_, verbatim)| verbatim.clone());
        let new = values.iter().filter(|value| !self.values.contains(value)).map(|value| form(value));
        kept.chain(new).collect()
    }
}

/// A provider that takes whole record sets.
pub(crate) trait WholeSets: Vendor {
    /// Reads the set of a name.
    fn read(
        &self,
        api: &Api,
        zone: &Zone,
        name: &str,
    ) -> impl Future<Output = Result<RecordSet, DnsError>> + Send;

    /// Puts these values in the place of `old`; none at all removes the set. A set that is not `old` any more is a
    /// [`DnsError::Conflict`] where the provider can tell.
    fn write(
        &self,
        api: &Api,
        place: (&Zone, &str),
        old: &RecordSet,
        values: &[String],
    ) -> impl Future<Output = Result<Change, DnsError>> + Send;
}

/// Adds a value.
pub(crate) async fn add<V: WholeSets>(
    vendor: &V,
    api: &Api,
    (zone, name): (&Zone, &str),
    value: &str,
) -> Result<Change, DnsError> {
    change(vendor, api, (zone, name), |set| {
        (!set.values.iter().any(|present| present == value))
            .then(|| set.values.iter().cloned().chain([value.to_owned()]).collect())
    })
    .await
}

/// Removes a value.
pub(crate) async fn remove<V: WholeSets>(
    vendor: &V,
    api: &Api,
    (zone, name): (&Zone, &str),
    value: &str,
) -> Result<Change, DnsError> {
    change(vendor, api, (zone, name), |set| {
        let rest: Vec<String> = set.values.iter().filter(|present| *present != value).cloned().collect();
        (rest.len() < set.values.len()).then_some(rest)
    })
    .await
}

/// Makes the values what `wish` makes of them; none when nothing is to be done.
async fn change<V: WholeSets>(
    vendor: &V,
    api: &Api,
    (zone, name): (&Zone, &str),
    wish: impl Fn(&RecordSet) -> Option<Vec<String>> + Send,
) -> Result<Change, DnsError> {
    let mut conflict = format!("{}: the record set at {name} takes too long to read", V::NAME);
    let mut rounds = Rounds::begin();
    loop {
        let old = vendor.read(api, zone, name).await?;
        let Some(values) = wish(&old) else { return Ok(Change::default()) };
        if !rounds.another() {
            return Err(DnsError::Conflict(conflict));
        }
        match vendor.write(api, (zone, name), &old, &values).await {
            Err(DnsError::Conflict(message)) => conflict = message,
            Err(error) => return Err(error),
            Ok(_) if V::NEEDS_LOCK && wish(&vendor.read(api, zone, name).await?).is_some() => {
                conflict = format!("{}: somebody else wrote the record set at {name}", V::NAME);
            }
            Ok(change) => return Ok(change),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_is_written_as_it_is() {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let old = RecordSet {
            values: texts(&["a", "ab", "a"]),
            verbatim: texts(&["a", r#""a" "b""#, r#""a""#]),
            ..RecordSet::default()
        };
        let contents = |values: &[&str]| old.contents(&texts(values), crate::http::quoted);
        assert_eq!(contents(&["a", "ab", "a", "c"]), ["a", r#""a" "b""#, r#""a""#, r#""c""#]);
        assert_eq!(contents(&["ab"]), [r#""a" "b""#]);
        assert!(contents(&[]).is_empty());
    }

    #[test]
    fn rounds_end_by_number_and_by_time() {
        let mut rounds = Rounds::begin();
        assert_eq!((0..9).filter(|_| rounds.another()).count(), 5);
        assert!(!Rounds { end: Instant::now(), left: 5 }.another());
    }
}
