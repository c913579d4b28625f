//! RSA keys made ahead of time, so that a request seldom waits for a prime search.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use certmill_x509::KeyAlgorithm;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use crate::{KeyError, PrivateKey};

/// How long the filler rests after a failure before it tries again.
const REST_AFTER_FAILURE: Duration = Duration::from_secs(10);

/// The filler begins a key only when at most [`QUIET_REQUESTS`] keys were asked for in this span: it uses idle time.
const QUIET: Duration = Duration::from_millis(50);
const QUIET_REQUESTS: u64 = 5;

/// How many fresh keys of each kind wait in a [`KeyPool`]; 0 keeps none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolSizes {
    /// RSA keys of 2048 bits.
    pub rsa_2048: usize,
    /// RSA keys of 3072 bits.
    pub rsa_3072: usize,
    /// RSA keys of 4096 bits.
    pub rsa_4096: usize,
}

/// Makes private keys for asynchronous code, with a store of fresh RSA keys.
///
/// One background thread fills the store in idle time, the smallest keys first. It does not begin a key while
/// keys are asked for at a high rate or a caller waits for one that the store could not give, and it ends when the last clone of the pool
/// is dropped. The keys are in memory only, and each is handed out once.
#[derive(Clone)]
pub struct KeyPool {
    store: Arc<OpenStore>,
    /// More prime searches at once than processors would only slow each other down.
    searches: Arc<Semaphore>,
}

impl Default for PoolSizes {
    /// Enough for a burst: 64, 8 and 4 keys.
    fn default() -> Self {
        Self { rsa_2048: 64, rsa_3072: 8, rsa_4096: 4 }
    }
}

impl KeyPool {
    /// An empty pool, whose thread begins to fill it at once.
    pub fn new(sizes: PoolSizes) -> Self {
        Self::start(sizes).0
    }

    /// A fresh key, which is handed out once.
    ///
    /// RSA keys come from the store at once or are made on a blocking thread. P-256 and Ed25519
    /// keys are made on the calling thread, because they take about as long as waking another one;
    /// P-384 and P-521 keys cost some ten to fifty times that and go to a blocking thread.
    ///
    /// # Errors
    /// [`KeyError::Crypto`], and [`KeyError::Interrupted`] when the runtime shuts down.
    pub async fn generate(&self, algorithm: KeyAlgorithm) -> Result<PrivateKey, KeyError> {
        match self.without_search(algorithm).await? {
            Some(key) => Ok(key),
            None => self.by_search(algorithm).await,
        }
    }

    /// A fresh key that takes no prime search: an RSA key from the store, or one of any other kind. None when the store has
    /// no such key; [`KeyPool::by_search`] makes one then.
    ///
    /// # Errors
    /// As [`KeyPool::generate`].
    pub async fn without_search(&self, algorithm: KeyAlgorithm) -> Result<Option<PrivateKey>, KeyError> {
        self.store.0.requests.fetch_add(1, Ordering::Relaxed);
        match algorithm {
            KeyAlgorithm::Rsa2048 | KeyAlgorithm::Rsa3072 | KeyAlgorithm::Rsa4096 => {
                Ok(RsaKind::of(algorithm).and_then(|kind| self.store.0.take(kind)))
            }
            KeyAlgorithm::P256 | KeyAlgorithm::Ed25519 => PrivateKey::generate(algorithm).map(Some),
            KeyAlgorithm::P384 | KeyAlgorithm::P521 => {
                spawn_blocking(move || PrivateKey::generate(algorithm).map(Some))
                    .await
                    .map_err(|_| KeyError::Interrupted)?
            }
        }
    }

    /// A fresh key, made on a blocking thread unless the store has got one meanwhile. Searches wait for each other in the
    /// order in which they come. A caller who serves several parties has them take turns first.
    ///
    /// # Errors
    /// As [`KeyPool::generate`].
    pub async fn by_search(&self, algorithm: KeyAlgorithm) -> Result<PrivateKey, KeyError> {
        let permit = Arc::clone(&self.searches).acquire_owned().await;
        let permit = permit.map_err(|_| KeyError::Interrupted)?;
        if let Some(key) = RsaKind::of(algorithm).and_then(|kind| self.store.0.take(kind)) {
            return Ok(key);
        }
        // Both move into the closure: it runs to its end even if the caller stops waiting.
        let search = Search::begin(Arc::clone(&self.store.0));
        spawn_blocking(move || {
            let _held = (permit, search);
            PrivateKey::generate(algorithm)
        })
        .await
        .map_err(|_| KeyError::Interrupted)?
    }

    /// How many keys of each kind wait in the store now, for metrics.
    pub fn available(&self) -> [(KeyAlgorithm, usize); 3] {
        let state = self.store.0.lock();
        RsaKind::ALL.map(|kind| (kind.algorithm(), state.shelf(kind).keys.len()))
    }

    fn start(sizes: PoolSizes) -> (Self, Option<JoinHandle<()>>) {
        let store = Arc::new(Store {
            state: Mutex::new(State::new(sizes)),
            changed: Condvar::new(),
            requests: AtomicU64::new(0),
        });
        let filler = {
            let store = Arc::clone(&store);
            std::thread::Builder::new().name("rsa-key-pool".to_owned()).spawn(move || store.fill())
        };
        let filler = filler
            .inspect_err(|error| {
                tracing::warn!(%error, "no thread for the RSA key pool: each key is made on demand");
            })
            .ok();
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let searches = Arc::new(Semaphore::new(processors));
        (Self { store: Arc::new(OpenStore(store)), searches }, filler)
    }
}

/// The kinds of keys that are stored, in the order in which they are filled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum RsaKind {
    Rsa2048,
    Rsa3072,
    Rsa4096,
}

impl RsaKind {
    const ALL: [Self; 3] = [Self::Rsa2048, Self::Rsa3072, Self::Rsa4096];

    fn of(algorithm: KeyAlgorithm) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.algorithm() == algorithm)
    }

    fn algorithm(self) -> KeyAlgorithm {
        match self {
            Self::Rsa2048 => KeyAlgorithm::Rsa2048,
            Self::Rsa3072 => KeyAlgorithm::Rsa3072,
            Self::Rsa4096 => KeyAlgorithm::Rsa4096,
        }
    }
}

/// The store as the clones of the pool hold it: when the last one lets go, the filler ends.
struct OpenStore(Arc<Store>);

impl Drop for OpenStore {
    fn drop(&mut self) {
        self.0.lock().closed = true;
        self.0.changed.notify_all();
    }
}

struct Store {
    state: Mutex<State>,
    changed: Condvar,
    /// How many keys of any kind were asked for, as a sign of how busy the process is.
    requests: AtomicU64,
}

struct State {
    rsa_2048: Shelf,
    rsa_3072: Shelf,
    rsa_4096: Shelf,
    /// How many callers have a key made for them right now.
    searches: usize,
    closed: bool,
}

struct Shelf {
    keys: VecDeque<PrivateKey>,
    size: usize,
}

impl Store {
    fn take(&self, kind: RsaKind) -> Option<PrivateKey> {
        let key = self.lock().shelf_mut(kind).keys.pop_front()?;
        self.changed.notify_all();
        Some(key)
    }

    /// The background thread: one key after the other until the store is closed.
    fn fill(&self) {
        // On Linux this concerns the calling thread only. A system that refuses it fills the store all the same.
        let _ = rustix::process::setpriority_process(None, 19);
        while let Some(kind) = self.wait_for_gap() {
            if !self.is_quiet() {
                continue;
            }
            match PrivateKey::generate(kind.algorithm()) {
                Ok(key) => {
                    self.lock().shelf_mut(kind).keys.push_back(key);
                    self.changed.notify_all();
                }
                Err(error) => {
                    tracing::error!(%error, "could not make an RSA key for the pool");
                    self.rest();
                }
            }
        }
    }

    /// Blocks until a key should be made; none when the store is closed.
    fn wait_for_gap(&self) -> Option<RsaKind> {
        let mut state = self.lock();
        while !state.closed {
            if let Some(kind) = state.gap() {
                return Some(kind);
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        None
    }

    /// Watches for a moment whether the process has other things to do.
    fn is_quiet(&self) -> bool {
        let before = self.requests.load(Ordering::Relaxed);
        let watched = self.changed.wait_timeout_while(self.lock(), QUIET, |state| !state.closed);
        drop(watched);
        self.requests.load(Ordering::Relaxed).wrapping_sub(before) <= QUIET_REQUESTS
    }

    fn rest(&self) {
        let rested = self.changed.wait_timeout_while(self.lock(), REST_AFTER_FAILURE, |state| !state.closed);
        drop(rested);
    }

    /// A thread that panicked with the lock left nothing half done: every change is one step.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn new(sizes: PoolSizes) -> Self {
        let shelf = |size| Shelf { keys: VecDeque::new(), size };
        Self {
            rsa_2048: shelf(sizes.rsa_2048),
            rsa_3072: shelf(sizes.rsa_3072),
            rsa_4096: shelf(sizes.rsa_4096),
            searches: 0,
            closed: false,
        }
    }

    /// What the filler should make next; none while a caller's own search needs the processor.
    fn gap(&self) -> Option<RsaKind> {
        if self.searches > 0 {
            return None;
        }
        RsaKind::ALL.into_iter().find(|&kind| {
            let shelf = self.shelf(kind);
            shelf.keys.len() < shelf.size
        })
    }

    fn shelf(&self, kind: RsaKind) -> &Shelf {
        match kind {
            RsaKind::Rsa2048 => &self.rsa_2048,
            RsaKind::Rsa3072 => &self.rsa_3072,
            RsaKind::Rsa4096 => &self.rsa_4096,
        }
    }

    fn shelf_mut(&mut self, kind: RsaKind) -> &mut Shelf {
        match kind {
            RsaKind::Rsa2048 => &mut self.rsa_2048,
            RsaKind::Rsa3072 => &mut self.rsa_3072,
            RsaKind::Rsa4096 => &mut self.rsa_4096,
        }
    }
}

/// A caller's search, which keeps the filler from beginning another key as long as it lives.
struct Search(Arc<Store>);

impl Search {
    fn begin(store: Arc<Store>) -> Self {
        store.lock().searches += 1;
        Self(store)
    }
}

impl Drop for Search {
    fn drop(&mut self) {
        self.0.lock().searches -= 1;
        self.0.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    const NONE: PoolSizes = PoolSizes { rsa_2048: 0, rsa_3072: 0, rsa_4096: 0 };
    const DEADLINE: Duration = Duration::from_mins(5);

    /// Blocks until that many RSA-2048 keys wait, and fails if ever more do.
    fn wait_for_2048(pool: &KeyPool, wanted: usize) {
        let (state, wait) = pool
            .store
            .0
            .changed
            .wait_timeout_while(pool.store.0.lock(), DEADLINE, |state| {
                assert!(state.rsa_2048.keys.len() <= wanted);
                state.rsa_2048.keys.len() < wanted
            })
            .unwrap();
        assert!(!wait.timed_out(), "{} keys", state.rsa_2048.keys.len());
    }

    #[tokio::test]
    async fn the_pool_fills_hands_out_distinct_keys_and_refills() {
        let pool = KeyPool::new(PoolSizes { rsa_2048: 2, ..NONE });
        let mut seen = HashSet::new();
        for _ in 0..2 {
            wait_for_2048(&pool, 2);
            assert_eq!(pool.available()[0], (KeyAlgorithm::Rsa2048, 2));
            for _ in 0..2 {
                let key = pool.clone().generate(KeyAlgorithm::Rsa2048).await.ok().unwrap();
                assert_eq!(key.algorithm(), KeyAlgorithm::Rsa2048);
                assert!(seen.insert(key.spki_der().to_vec()));
            }
        }
        assert_eq!(seen.len(), 4);
    }

    #[tokio::test]
    async fn a_full_pool_gives_its_keys_without_a_search() {
        let pool = KeyPool::new(PoolSizes { rsa_2048: 1, ..NONE });
        wait_for_2048(&pool, 1);
        let waiting = pool.store.0.lock().rsa_2048.keys[0].spki_der().to_vec();
        let key = pool.generate(KeyAlgorithm::Rsa2048).await.ok().unwrap();
        assert_eq!(key.spki_der(), waiting);
    }

    #[tokio::test]
    async fn a_pool_of_size_zero_makes_every_kind_on_demand() {
        let pool = KeyPool::new(NONE);
        for algorithm in [
            KeyAlgorithm::Rsa2048,
            KeyAlgorithm::P256,
            KeyAlgorithm::P384,
            KeyAlgorithm::P521,
            KeyAlgorithm::Ed25519,
        ] {
            let key = pool.generate(algorithm).await.ok().unwrap();
            assert_eq!(key.algorithm(), algorithm);
        }
        assert!(pool.available().iter().all(|(_, count)| *count == 0));
        assert_eq!(pool.store.0.lock().searches, 0);
    }

    #[test]
    fn the_thread_ends_with_the_last_clone() {
        let (pool, filler) = KeyPool::start(NONE);
        let clone = pool.clone();
        drop(pool);
        assert!(!clone.store.0.lock().closed);
        drop(clone);
        filler.unwrap().join().unwrap();
    }

    #[test]
    fn small_keys_come_first_and_a_search_comes_before_all() {
        let sizes = PoolSizes { rsa_2048: 1, rsa_3072: 1, rsa_4096: 1 };
        let store = Arc::new(Store {
            state: Mutex::new(State::new(sizes)),
            changed: Condvar::new(),
            requests: AtomicU64::new(0),
        });
        let search = Search::begin(Arc::clone(&store));
        assert_eq!(store.lock().gap(), None);
        drop(search);
        // A P-256 key stands in for each RSA key: the test counts keys and uses none.
        for kind in RsaKind::ALL {
            assert_eq!(store.lock().gap(), Some(kind));
            let key = PrivateKey::generate(KeyAlgorithm::P256).ok().unwrap();
            store.lock().shelf_mut(kind).keys.push_back(key);
        }
        assert_eq!(store.lock().gap(), None);
    }
}
