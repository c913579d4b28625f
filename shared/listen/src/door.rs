//! Admission of connections: they are counted, in all and by address.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::Limits;

/// Files that are kept free for the database, the queue, outgoing requests and the log.
const OTHER_FILES: usize = 256;

/// The connections of all listeners of a process, which share its files.
#[derive(Debug, Clone)]
pub struct Room(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    open: AtomicUsize,
    most: usize,
}

impl Room {
    /// Room for as many connections as a process with this limit of open files can have.
    pub fn for_files(files: usize) -> Self {
        let most = files.saturating_sub(OTHER_FILES).max(files / 4).max(1);
        Self(Arc::new(Shared { open: AtomicUsize::new(0), most }))
    }

    /// Connections at a time, at the most.
    pub fn most(&self) -> usize {
        self.0.most
    }

    fn enter(&self) -> bool {
        let next = |open: usize| (open < self.0.most).then_some(open + 1);
        self.0.open.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).is_ok()
    }

    fn leave(&self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The door of one listener.
#[derive(Debug)]
pub(crate) struct Door {
    name: &'static str,
    room: Room,
    most: usize,
    most_per_address: usize,
    inside: Mutex<Inside>,
}

#[derive(Debug, Default)]
struct Inside {
    all: usize,
    by_address: HashMap<IpAddr, usize>,
    refused: u64,
    told: Option<Instant>,
}

/// Why a connection was not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refusal {
    Full,
    Address,
}

impl Refusal {
    fn as_str(self) -> &'static str {
        match self {
            Self::Full => "all",
            Self::Address => "address",
        }
    }
}

impl Door {
    pub(crate) fn new(name: &'static str, limits: &Limits, room: Room) -> Arc<Self> {
        let (most, most_per_address) = (limits.connections, limits.connections_per_address);
        Arc::new(Self { name, room, most, most_per_address, inside: Mutex::default() })
    }

    /// A place for a connection from this address, or none when there are too many.
    pub(crate) fn admit(self: &Arc<Self>, peer: IpAddr) -> Option<Place> {
        let address = network(peer);
        let admitted = self.enter(address);
        match admitted {
            Ok(open) => {
                metrics::gauge!("certmill_connections", "listener" => self.name).set(as_f64(open));
                Some(Place { door: Arc::clone(self), address })
            }
            Err(refusal) => {
                let labels = [("listener", self.name), ("limit", refusal.as_str())];
                metrics::counter!("certmill_connections_refused_total", &labels).increment(1);
                self.tell(refusal, address);
                None
            }
        }
    }

    fn enter(&self, address: IpAddr) -> Result<usize, Refusal> {
        let mut inside = self.inside.lock().unwrap_or_else(PoisonError::into_inner);
        if inside.all >= self.most {
            return Err(Refusal::Full);
        }
        if inside.by_address.get(&address).is_some_and(|open| *open >= self.most_per_address) {
            return Err(Refusal::Address);
        }
        if !self.room.enter() {
            return Err(Refusal::Full);
        }
        inside.all += 1;
        *inside.by_address.entry(address).or_default() += 1;
        Ok(inside.all)
    }

    fn leave(&self, address: IpAddr) {
        let mut inside = self.inside.lock().unwrap_or_else(PoisonError::into_inner);
        inside.all = inside.all.saturating_sub(1);
        if let Some(open) = inside.by_address.get_mut(&address) {
            *open -= 1;
            if *open == 0 {
                inside.by_address.remove(&address);
            }
        }
        self.room.leave();
        metrics::gauge!("certmill_connections", "listener" => self.name).set(as_f64(inside.all));
    }

    /// Logs at most once a minute, or a flood of connections would be a flood of lines.
    fn tell(&self, refusal: Refusal, address: IpAddr) {
        let mut inside = self.inside.lock().unwrap_or_else(PoisonError::into_inner);
        inside.refused += 1;
        if inside.told.is_some_and(|told| told.elapsed() < Duration::from_mins(1)) {
            return;
        }
        let (refused, open) = (inside.refused, inside.all);
        (inside.told, inside.refused) = (Some(Instant::now()), 0);
        drop(inside);
        tracing::warn!(
            listener = self.name,
            limit = refusal.as_str(),
            client.address = %address,
            connections.open = open,
            connections.refused = refused,
            "connections are refused: there are as many as may be, in all or from one address"
        );
    }
}

/// A connection's place, given back when it is dropped.
#[derive(Debug)]
pub struct Place {
    door: Arc<Door>,
    address: IpAddr,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.door.leave(self.address);
    }
}

/// What counts as one address: of IPv6, the 64 bits that one subscriber has.
fn network(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
    }
}

fn as_f64(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn door(connections: usize, per_address: usize, room: &Room) -> Arc<Door> {
        let limits = Limits { connections, connections_per_address: per_address, ..Limits::default() };
        Door::new("test", &limits, room.clone())
    }

    #[test]
    fn places_are_limited_in_all_and_by_address_and_given_back() {
        let door = door(3, 2, &Room::for_files(10_000));
        let [here, there, elsewhere] = ["192.0.2.1", "192.0.2.2", "192.0.2.3"].map(|a| a.parse().unwrap());
        let first = door.admit(here).unwrap();
        let _second = door.admit(here).unwrap();
        assert!(door.admit(here).is_none(), "a third of one address");
        let _third = door.admit(there).unwrap();
        assert!(door.admit(elsewhere).is_none(), "a fourth in all");
        drop(first);
        assert!(door.admit(elsewhere).is_some());
        assert_eq!(door.inside.lock().unwrap().by_address.len(), 2);
    }

    #[test]
    fn listeners_share_the_files_of_their_process() {
        let room = Room::for_files(260);
        let (one, other) = (door(100, 100, &room), door(100, 100, &room));
        let address = "192.0.2.1".parse().unwrap();
        let places: Vec<_> = (0..100).map_while(|_| one.admit(address)).collect();
        assert_eq!(places.len(), 65);
        assert!(other.admit(address).is_none());
        drop(places);
        assert!(other.admit(address).is_some());
    }

    #[test]
    fn a_subscriber_of_ipv6_is_one_address() {
        let [a, b, c] =
            ["2001:db8::1", "2001:db8::ffff:0:0:2", "2001:db8:0:1::1"].map(|a| network(a.parse().unwrap()));
        assert_eq!(a, b);
        assert_ne!(a, c);
        assert_eq!(network("::ffff:192.0.2.1".parse().unwrap()), IpAddr::from([192, 0, 2, 1]));
    }
}
