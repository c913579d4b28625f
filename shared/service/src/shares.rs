//! Places that tenants share in one process: for what takes long or much of the processor. Each tenant has a queue of its own,
//! and the queues are served in turn, so that no tenant waits longer because another one asks more.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use certmill_domain::TenantId;
use tokio::sync::oneshot;

use crate::ServiceError;

/// How many places one tenant may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Holding {
    /// All that are free while no other tenant waits: for work whose length we decide.
    All,
    /// As many as are free beside them, as in a worker's lanes: one alone gets half, two get a third each. For work whose
    /// length depends on others, so that the next tenant finds a place at once.
    AsManyAsAreFree,
}

/// Places and who has them. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Shares(Arc<Inner>);

struct Inner {
    /// What waits for a place, in the words of an error.
    what: &'static str,
    holding: Holding,
    /// How many calls of one tenant may wait.
    most_waiting: usize,
    state: Mutex<State>,
}

struct State {
    free: usize,
    held: HashMap<TenantId, usize>,
    waiting: HashMap<TenantId, VecDeque<oneshot::Sender<Place>>>,
    /// The tenants that wait, the one whose turn is next first.
    turns: VecDeque<TenantId>,
}

/// A place, which is given back when this is dropped.
pub(crate) struct Place {
    shares: Shares,
    tenant: TenantId,
}

impl Shares {
    pub(crate) fn new(what: &'static str, places: usize, holding: Holding, most_waiting: usize) -> Self {
        let state =
            State { free: places, held: HashMap::new(), waiting: HashMap::new(), turns: VecDeque::new() };
        Self(Arc::new(Inner { what, holding, most_waiting, state: Mutex::new(state) }))
    }

    /// Waits for a place. A caller that stops waiting leaves the queue.
    ///
    /// # Errors
    /// [`ServiceError::Busy`] when too many calls of the tenant wait already.
    pub(crate) async fn take(&self, tenant: TenantId) -> Result<Place, ServiceError> {
        let turn = {
            let mut state = self.lock();
            if state.may_take(tenant, self.0.holding) && !state.waiting.contains_key(&tenant) {
                state.give(tenant);
                return Ok(Place { shares: self.clone(), tenant });
            }
            let queue = state.waiting.entry(tenant).or_default();
            queue.retain(|waiting| !waiting.is_closed());
            if queue.len() >= self.0.most_waiting {
                return Err(ServiceError::Busy { what: self.0.what, most: self.0.most_waiting });
            }
            let (sender, turn) = oneshot::channel();
            queue.push_back(sender);
            if !state.turns.contains(&tenant) {
                state.turns.push_back(tenant);
            }
            turn
        };
        turn.await.map_err(|_| ServiceError::internal("a queue for places was dropped while a call waited"))
    }

    fn give_back(&self, tenant: TenantId) {
        let mut state = self.lock();
        state.free += 1;
        if let Some(held) = state.held.get_mut(&tenant) {
            *held -= 1;
            if *held == 0 {
                state.held.remove(&tenant);
            }
        }
        let mut given = Vec::new();
        while let Some((tenant, turn)) = state.next(self.0.holding) {
            given.push((turn, Place { shares: self.clone(), tenant }));
        }
        drop(state);
        for (turn, place) in given {
            // A caller that has just gone drops the place, which gives it back.
            let _ = turn.send(place);
        }
    }

    /// No change here can panic halfway, so what a panicked thread left is whole.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn may_take(&self, tenant: TenantId, holding: Holding) -> bool {
        let held = self.held.get(&tenant).copied().unwrap_or_default();
        match holding {
            Holding::All => self.free > 0,
            Holding::AsManyAsAreFree => held < self.free,
        }
    }

    fn give(&mut self, tenant: TenantId) {
        self.free -= 1;
        *self.held.entry(tenant).or_default() += 1;
    }

    /// Gives a place to the call whose turn it is, if there is a place for it.
    fn next(&mut self, holding: Holding) -> Option<(TenantId, oneshot::Sender<Place>)> {
        for _ in 0..self.turns.len() {
            let tenant = self.turns.pop_front()?;
            let Some(queue) = self.waiting.get_mut(&tenant) else { continue };
            queue.retain(|waiting| !waiting.is_closed());
            if queue.is_empty() {
                self.waiting.remove(&tenant);
                continue;
            }
            self.turns.push_back(tenant);
            if self.may_take(tenant, holding) {
                let turn = self.waiting.get_mut(&tenant)?.pop_front()?;
                if self.waiting.get(&tenant).is_some_and(VecDeque::is_empty) {
                    self.waiting.remove(&tenant);
                    self.turns.pop_back();
                }
                self.give(tenant);
                return Some((tenant, turn));
            }
        }
        None
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.shares.give_back(self.tenant);
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use certmill_domain::{Clock, SystemClock, SystemEntropy};

    use super::*;

    fn tenant() -> TenantId {
        TenantId::generate(SystemClock.now(), &SystemEntropy)
    }

    /// A call that waits on its own task, and its place once it has one.
    fn waits(shares: &Shares, tenant: TenantId) -> tokio::task::JoinHandle<Place> {
        let shares = shares.clone();
        tokio::spawn(async move { shares.take(tenant).await.unwrap_or_else(|error| panic!("{error}")) })
    }

    fn waiting(shares: &Shares) -> usize {
        shares.lock().waiting.values().map(VecDeque::len).sum()
    }

    async fn until_waiting(shares: &Shares, calls: usize) {
        while waiting(shares) < calls {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn queues_are_served_in_turn() {
        let shares = Shares::new("work", 2, Holding::All, 100);
        let (many, few) = (tenant(), tenant());
        let held = [shares.take(many).await.unwrap(), shares.take(many).await.unwrap()];
        let crowd: Vec<_> = (0..50).map(|_| waits(&shares, many)).collect();
        until_waiting(&shares, 50).await;
        let single = waits(&shares, few);
        until_waiting(&shares, 51).await;
        // Two places come free: one of them is for the tenant that came last and has asked once.
        drop(held);
        let place = single.await.unwrap();
        assert_eq!(place.tenant, few);
        assert_eq!(waiting(&shares), 49);
        drop(place);
        for call in crowd {
            drop(call.await.unwrap());
        }
        let state = shares.lock();
        assert_eq!((state.free, state.held.len(), state.waiting.len(), state.turns.len()), (2, 0, 0, 0));
    }

    #[tokio::test]
    async fn a_tenant_holds_as_many_as_are_free_beside_them() {
        let shares = Shares::new("work", 8, Holding::AsManyAsAreFree, 100);
        let (one, two, three) = (tenant(), tenant(), tenant());
        let mut held = Vec::new();
        for _ in 0..4 {
            held.push(shares.take(one).await.unwrap());
        }
        let fifth = waits(&shares, one);
        until_waiting(&shares, 1).await;
        held.push(shares.take(two).await.unwrap());
        held.push(shares.take(two).await.unwrap());
        let third = waits(&shares, two);
        until_waiting(&shares, 2).await;
        let place = shares.take(three).await.unwrap();
        assert_eq!(waiting(&shares), 2);
        drop((place, held));
        drop((fifth.await.unwrap(), third.await.unwrap()));
        assert_eq!(shares.lock().free, 8);
    }

    #[tokio::test]
    async fn a_queue_is_bounded_and_whoever_goes_away_leaves_it() {
        let shares = Shares::new("work", 2, Holding::All, 3);
        let tenant = tenant();
        let held = [shares.take(tenant).await.unwrap(), shares.take(tenant).await.unwrap()];
        let crowd: Vec<_> = (0..3).map(|_| waits(&shares, tenant)).collect();
        until_waiting(&shares, 3).await;
        assert!(matches!(shares.take(tenant).await, Err(ServiceError::Busy { most: 3, .. })));
        for call in crowd {
            call.abort();
            assert!(call.await.is_err_and(|error| error.is_cancelled()));
        }
        {
            let mut again = pin!(shares.take(tenant));
            assert!(matches!(again.as_mut().poll(&mut Context::from_waker(Waker::noop())), Poll::Pending));
            // The place is on its way when the call goes away.
            drop(held);
        }
        assert_eq!(shares.lock().free, 2);
        drop(shares.take(tenant).await.unwrap());
        assert_eq!(shares.lock().free, 2);
    }
}
