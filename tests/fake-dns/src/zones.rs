//! Zones in memory. Every vendor's API changes them in its own way; the name server reads them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The zones of one account. Cloning gives the same zones.
#[derive(Clone, Default)]
pub struct Zones(Arc<Mutex<State>>);

/// The zones and what has been handed out.
#[derive(Default)]
pub struct State {
    /// The zones, in the order in which they were made.
    pub zones: Vec<Zone>,
    /// For whatever a vendor numbers.
    pub counter: u64,
    /// Changes that are not applied yet: how often each is still to be called pending.
    pub pending: BTreeMap<String, u32>,
}

/// A zone.
#[derive(Clone, Debug)]
pub struct Zone {
    /// A number that no other zone has.
    pub id: u64,
    /// Its name in lower case, without a trailing dot.
    pub apex: String,
    /// Whether it is one that is only seen inside of the vendor's networks: not served.
    pub private: bool,
    /// Record sets by name (as [`Zone::apex`]) and type (in capitals).
    pub sets: BTreeMap<(String, String), RecordSet>,
    /// Changed records that are not served until they are published, for vendors that want that.
    pub published: Option<BTreeMap<(String, String), RecordSet>>,
}

/// The records of one name and type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordSet {
    /// Seconds.
    pub ttl: u32,
    /// A number that changes with the set.
    pub version: u64,
    /// Its records.
    pub records: Vec<Record>,
}

/// A record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// A number that no other record has.
    pub id: u64,
    /// Its data; of a TXT record the plain text, without quotes.
    pub value: String,
}

impl RecordSet {
    /// The data of every record.
    pub fn values(&self) -> Vec<String> {
        self.records.iter().map(|record| record.value.clone()).collect()
    }
}

impl Zones {
    /// Zones of these names, without records.
    pub fn new<'a>(apexes: impl IntoIterator<Item = &'a str>) -> Self {
        let zones = Self::default();
        for apex in apexes {
            zones.lock().add_zone(apex);
        }
        zones
    }

    /// Exclusive use: one request of an API is answered while it is held.
    pub fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The TXT values of a name as they are stored, sorted.
    pub fn txt(&self, name: &str) -> Vec<String> {
        let state = self.lock();
        let key = (name.to_owned(), "TXT".to_owned());
        let sets = state.zones.iter().filter(|zone| !zone.private).filter_map(|zone| zone.sets.get(&key));
        let mut values: Vec<String> = sets.flat_map(RecordSet::values).collect();
        values.sort_unstable();
        values
    }
}

impl State {
    /// A number that was not handed out before.
    pub fn new_number(&mut self) -> u64 {
        self.counter += 1;
        self.counter
    }

    /// Every pending change comes closer to being applied; when one is, everything up to now is served.
    pub fn pass_time(&mut self) {
        let mut is_done = false;
        for left in self.pending.values_mut().filter(|left| **left > 0) {
            *left -= 1;
            is_done |= *left == 0;
        }
        if is_done {
            self.zones.iter_mut().for_each(Zone::publish);
        }
    }

    /// Adds an empty zone.
    pub fn add_zone(&mut self, apex: &str) -> &mut Zone {
        let id = self.new_number();
        let zone = Zone { id, apex: apex.to_owned(), private: false, sets: BTreeMap::new(), published: None };
        self.zones.push(zone);
        self.zones.last_mut().expect("it was just added")
    }

    /// The public zone of this name.
    pub fn zone(&mut self, apex: &str) -> Option<&mut Zone> {
        self.zones.iter_mut().find(|zone| zone.apex == apex && !zone.private)
    }

    /// The zone with this number.
    pub fn zone_by_id(&mut self, id: u64) -> Option<&mut Zone> {
        self.zones.iter_mut().find(|zone| zone.id == id)
    }

    /// Adds a record to a zone, even when there is one with the same data; answers its number.
    pub fn add_record(
        &mut self,
        zone: u64,
        (name, kind): (&str, &str),
        ttl: u32,
        value: &str,
    ) -> Option<u64> {
        let (id, version) = (self.new_number(), self.new_number());
        let set = self.zone_by_id(zone)?.sets.entry((name.to_owned(), kind.to_owned())).or_default();
        set.records.push(Record { id, value: value.to_owned() });
        set.ttl = ttl;
        set.version = version;
        Some(id)
    }

    /// Removes the record with this number.
    pub fn remove_record(&mut self, zone: u64, record: u64) -> bool {
        let version = self.new_number();
        let Some(zone) = self.zone_by_id(zone) else { return false };
        let Some((key, set)) =
            zone.sets.iter_mut().find(|(_, set)| set.records.iter().any(|present| present.id == record))
        else {
            return false;
        };
        let key = key.clone();
        set.records.retain(|present| present.id != record);
        set.version = version;
        if set.records.is_empty() {
            zone.sets.remove(&key);
        }
        true
    }

    /// Puts a record set in the place of the one that was; no values removes it.
    pub fn replace(&mut self, zone: u64, (name, kind): (&str, &str), ttl: u32, values: &[String]) -> bool {
        let version = self.new_number();
        let records: Vec<Record> =
            values.iter().map(|value| Record { id: self.new_number(), value: value.clone() }).collect();
        let Some(zone) = self.zone_by_id(zone) else { return false };
        let key = (name.to_owned(), kind.to_owned());
        if records.is_empty() {
            zone.sets.remove(&key);
        } else {
            zone.sets.insert(key, RecordSet { ttl, version, records });
        }
        true
    }
}

impl Zone {
    /// A record set.
    pub fn set(&self, name: &str, kind: &str) -> Option<&RecordSet> {
        self.sets.get(&(name.to_owned(), kind.to_owned()))
    }

    /// The records that are served.
    pub fn served(&self) -> &BTreeMap<(String, String), RecordSet> {
        self.published.as_ref().unwrap_or(&self.sets)
    }

    /// From now on changes are served only after [`Zone::publish`].
    pub fn hold_back(&mut self) {
        self.published = Some(self.sets.clone());
    }

    /// Serves what there is now.
    pub fn publish(&mut self) {
        self.published = Some(self.sets.clone());
    }
}
