//! CRLs as they are handed out: one copy of each in a process, whoever reads it and however slowly.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use certmill_domain::{Crl, CrlId, CrlInfo};

use crate::{App, ServiceError};

/// Octets of CRLs that are kept although nobody reads them now.
const KEPT_OCTETS: usize = 128 << 20;
/// How many CRLs are kept so.
const KEPT: usize = 1_024;
/// Lists that are remembered before those are forgotten that nobody has.
const SLOTS: usize = 4_096;

/// The copy of one list. Whoever holds the lock fetches it, and the others wait for that.
type Slot = Arc<tokio::sync::Mutex<Weak<Crl>>>;

/// The copies of a process.
#[derive(Default)]
pub(crate) struct CrlCopies {
    slots: Mutex<HashMap<CrlId, Slot>>,
    /// Those that were read last, at the end.
    kept: Mutex<VecDeque<(CrlId, Arc<Crl>)>>,
}

impl CrlCopies {
    /// A present list whose figures were just read.
    pub(super) async fn present(
        &self,
        app: &App,
        list: CrlId,
        figures: &CrlInfo,
    ) -> Result<Arc<Crl>, ServiceError> {
        let slot = self.slot(list);
        let mut held = slot.lock().await;
        let is_present = |copy: &Arc<Crl>, figures: &CrlInfo| copy.info == *figures;
        let mut copy = held.upgrade().filter(|copy| is_present(copy, figures));
        if copy.is_none() {
            // While this call waited, another one may have fetched a newer one than its own figures are of.
            let now = super::public_info(app, list).await?;
            copy = held.upgrade().filter(|copy| is_present(copy, &now));
        }
        let copy = match copy {
            Some(copy) => copy,
            None => Arc::new(super::public(app, list).await?),
        };
        *held = Arc::downgrade(&copy);
        drop(held);
        self.keep(list, &copy);
        Ok(copy)
    }

    fn slot(&self, list: CrlId) -> Slot {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if slots.len() >= SLOTS && !slots.contains_key(&list) {
            let in_use = |slot: &Slot| {
                Arc::strong_count(slot) > 1 || slot.try_lock().map_or(true, |copy| copy.strong_count() > 0)
            };
            slots.retain(|_, slot| in_use(slot));
        }
        Arc::clone(slots.entry(list).or_default())
    }

    /// Keeps a copy beyond its readers, in the place of those that nobody has read for longest.
    fn keep(&self, list: CrlId, copy: &Arc<Crl>) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.back().is_some_and(|(_, last)| Arc::ptr_eq(last, copy)) {
            return;
        }
        kept.retain(|(of, _)| *of != list);
        kept.push_back((list, Arc::clone(copy)));
        let mut octets: usize = kept.iter().map(|(_, copy)| copy.der.len()).sum();
        while octets > KEPT_OCTETS || kept.len() > KEPT {
            let Some((_, oldest)) = kept.pop_front() else { break };
            octets -= oldest.der.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use certmill_domain::{CaId, SystemEntropy, Timestamp};

    use super::*;

    fn crl(octets: usize) -> Arc<Crl> {
        let at = Timestamp::from_unix_seconds(0);
        let info = CrlInfo { number: 1, this_update: at, next_update: at, entries: 0, builds: 1 };
        Arc::new(Crl { info, der: vec![0; octets] })
    }

    #[test]
    fn what_is_kept_is_bounded_in_octets_and_goes_by_the_last_use() {
        let copies = CrlCopies::default();
        let id = |second| CrlId::full(CaId::generate(Timestamp::from_unix_seconds(second), &SystemEntropy));
        let (a, b, c) = (id(1), id(2), id(3));
        let (large, other, third) = (crl(KEPT_OCTETS / 2), crl(KEPT_OCTETS / 2), crl(1));
        let kept = || copies.kept.lock().unwrap().iter().map(|(ca, _)| *ca).collect::<Vec<_>>();
        copies.keep(a, &large);
        copies.keep(b, &other);
        copies.keep(a, &large);
        assert_eq!(kept(), [b, a]);
        copies.keep(c, &third);
        assert_eq!(kept(), [a, c], "the one that was not read for longest makes room");
        copies.keep(b, &crl(KEPT_OCTETS + 1));
        assert_eq!(kept(), [], "what is too large alone is only shared, not kept");
    }
}
