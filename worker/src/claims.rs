//! Which jobs are claimed: those of each lane for its free places, shared between the tenants that wait.

use std::collections::{BTreeMap, BTreeSet};

use certmill_service::jobs::{JobKind, Lane};
use certmill_service::{App, ServiceError};
use certmill_storage::StorageError;
use certmill_storage::SystemTx;
use certmill_storage::jobs::{self, Claim, Claimed};

/// What is due of one kind for one tenant. The system's own work has no tenant: its name is empty.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Share {
    tenant: String,
    kind: &'static str,
}

/// The places of a lane and who has them.
#[derive(Debug)]
pub struct Places {
    lane: Lane,
    free: usize,
    taken: BTreeMap<String, usize>,
    /// The share that was served last: the next turn begins behind it.
    last: Option<Share>,
}

impl Places {
    /// So many free places.
    pub fn new(lane: Lane, count: usize) -> Self {
        Self { lane, free: count, taken: BTreeMap::new(), last: None }
    }

    pub(crate) fn lane(&self) -> Lane {
        self.lane
    }

    pub(crate) fn any_free(&self) -> bool {
        self.free > 0
    }

    /// Whether the tenant may have one more place: it may hold as many as are free beside them. One tenant alone gets
    /// half of a lane, two get a third each, and so on, so that the next tenant finds a place free at once, however
    /// long the jobs of the others take. The system's own work is bounded by its kinds.
    fn may_take(&self, tenant: &str) -> bool {
        let held = self.taken.get(tenant).copied().unwrap_or(0);
        self.free > 0 && (tenant.is_empty() || held < self.free)
    }

    fn take(&mut self, tenant: &str) {
        self.free -= 1;
        *self.taken.entry(tenant.to_owned()).or_default() += 1;
    }

    /// Gives a place of this tenant back; the system's own work has the tenant without a name.
    pub fn give_back(&mut self, tenant: &str) {
        self.free += 1;
        if let Some(held) = self.taken.get_mut(tenant) {
            *held -= 1;
            if *held == 0 {
                self.taken.remove(tenant);
            }
        }
    }

    /// Claims due jobs for the free places. Each claimed job has taken its place.
    pub async fn claim(&mut self, app: &App) -> Result<Vec<Claimed>, ServiceError> {
        let mut claimed = Vec::new();
        match self.claim_in_rounds(app, &mut claimed).await {
            Ok(()) => Ok(claimed),
            Err(error) => {
                // Whether it was committed or not: a lease without a heartbeat ends by itself.
                for job in &claimed {
                    self.give_back(&tenant_name(job));
                }
                Err(error.into())
            }
        }
    }

    async fn claim_in_rounds(&mut self, app: &App, claimed: &mut Vec<Claimed>) -> Result<(), StorageError> {
        let mut tx = app.database().begin_system().await?;
        let mut exhausted = BTreeSet::new();
        // A round serves every waiting share at most once; places that it leaves free are for the next round.
        while self.any_free() {
            let waiting = self.waiting(app, &mut tx).await?;
            let turns = self.turns(waiting, &exhausted);
            if turns.is_empty() {
                break;
            }
            for (share, limit) in turns {
                let found = self.claim_share(app, &mut tx, &share, limit).await?;
                if found.len() < limit {
                    exhausted.insert(share.clone());
                }
                for _ in &found {
                    self.take(&share.tenant);
                }
                claimed.extend(found);
                self.last = Some(share);
            }
        }
        tx.commit().await
    }

    /// The shares that wait, in the order of their turns: from the one behind the last that was served, round to it.
    async fn waiting(&self, app: &App, tx: &mut SystemTx) -> Result<Vec<Share>, StorageError> {
        let (now, limit) = (app.now(), i64::try_from(self.free).unwrap_or(i64::MAX));
        let mut shares = Vec::new();
        let last = self.last.as_ref().map(|share| share.tenant.as_str());
        for kind in self.lane.kinds().map(JobKind::as_str) {
            let mut tenants = jobs::waiting_tenants(tx, kind, last, now, limit).await?;
            if last.is_some() && tenants.len() < self.free {
                tenants.extend(jobs::waiting_tenants(tx, kind, None, now, limit).await?);
            }
            shares.extend(tenants.into_iter().map(|tenant| Share { tenant, kind }));
        }
        shares.sort();
        shares.dedup();
        let turn = shares.partition_point(|share| Some(share) <= self.last.as_ref());
        shares.rotate_left(turn);
        Ok(shares)
    }

    /// How many jobs each share may claim now: one place after the other, round and round, as long as anybody may take one.
    fn turns(&self, waiting: Vec<Share>, exhausted: &BTreeSet<Share>) -> Vec<(Share, usize)> {
        let mut plan = Self { taken: self.taken.clone(), last: None, ..*self };
        let mut turns: Vec<(Share, usize)> =
            waiting.into_iter().filter(|share| !exhausted.contains(share)).map(|share| (share, 0)).collect();
        let mut gave = true;
        while gave {
            gave = false;
            for (share, limit) in &mut turns {
                if plan.may_take(&share.tenant) {
                    plan.take(&share.tenant);
                    *limit += 1;
                    gave = true;
                }
            }
        }
        turns.retain(|(_, limit)| *limit > 0);
        turns
    }

    async fn claim_share(
        &self,
        app: &App,
        tx: &mut SystemTx,
        share: &Share,
        limit: usize,
    ) -> Result<Vec<Claimed>, StorageError> {
        let now = app.now();
        let claim = Claim {
            kind: share.kind,
            tenant: &share.tenant,
            limit: i64::try_from(limit).unwrap_or(i64::MAX),
            now,
            lease_until: now.plus(app.settings().job_lease),
        };
        jobs::claim(tx, &claim).await
    }
}

/// The tenant of a job as shares name it.
pub(crate) fn tenant_name(job: &Claimed) -> String {
    job.tenant.map(|tenant| tenant.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(tenant: &str) -> Share {
        Share { tenant: tenant.to_owned(), kind: "advance_order" }
    }

    fn turns(places: &Places, tenants: &[&str]) -> Vec<(String, usize)> {
        let waiting = tenants.iter().map(|tenant| share(tenant)).collect();
        places
            .turns(waiting, &BTreeSet::new())
            .into_iter()
            .map(|(share, limit)| (share.tenant, limit))
            .collect()
    }

    #[test]
    fn one_tenant_alone_leaves_half_of_the_places_free() {
        let mut places = Places::new(Lane::Orders, 32);
        assert_eq!(turns(&places, &["a"]), [("a".to_owned(), 16)]);
        for _ in 0..16 {
            places.take("a");
        }
        assert_eq!(turns(&places, &["a"]), []);
        assert_eq!(turns(&places, &["a", "b"]), [("b".to_owned(), 8)], "the next one finds places at once");
    }

    #[test]
    fn any_number_of_tenants_that_hold_on_leave_a_place_for_the_next() {
        let mut places = Places::new(Lane::Orders, 64);
        for number in 0..6 {
            let tenant = format!("t{number}");
            let granted = turns(&places, &[&tenant]);
            assert!(granted.first().is_some_and(|(_, limit)| *limit >= 1), "tenant {number}: {places:?}");
            for _ in 0..granted[0].1 {
                places.take(&tenant);
            }
        }
        assert!(places.any_free());
    }

    #[test]
    fn places_are_shared_evenly_between_those_who_wait() {
        let places = Places::new(Lane::Orders, 16);
        let shared: Vec<usize> =
            turns(&places, &["a", "b", "c"]).into_iter().map(|(_, limit)| limit).collect();
        assert_eq!(shared, [4, 4, 4]);
    }

    #[test]
    fn the_service_itself_may_take_every_place_of_its_lane() {
        let places = Places::new(Lane::Upkeep, 4);
        assert_eq!(turns(&places, &[""]), [(String::new(), 4)]);
    }

    #[test]
    fn a_place_that_is_given_back_is_free_again() {
        let mut places = Places::new(Lane::Challenges, 4);
        places.take("a");
        places.take("a");
        places.give_back("a");
        places.give_back("a");
        assert_eq!((places.free, places.taken.len()), (4, 0));
    }
}
