//! What clients were promised.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard};

/// What was acknowledged, and what must not have been answered.
#[derive(Default)]
pub(crate) struct Ledger(Mutex<Entries>);

#[derive(Default)]
pub(crate) struct Entries {
    /// Ids of certificates.
    pub(crate) certificates: Vec<String>,
    /// How many of them are for the one CSR.
    pub(crate) signed: usize,
    /// Serial numbers by CA.
    pub(crate) revoked: BTreeMap<String, BTreeSet<String>>,
    /// CAs that were revoked with everything below.
    pub(crate) cascaded: Vec<String>,
    /// Ids of orders.
    pub(crate) orders: Vec<String>,
    /// Calls that were repeated.
    pub(crate) repeated: usize,
    /// Calls that were given up: nobody knows whether they were carried out.
    pub(crate) given_up: BTreeMap<String, usize>,
    /// The CRL number that was seen last, and how often it was looked at.
    pub(crate) crl: (i64, usize),
    /// Answers that no fault excuses.
    pub(crate) wrong: Vec<String>,
}

impl Ledger {
    pub(crate) fn entries(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap()
    }

    /// How many certificates were acknowledged.
    pub(crate) fn issued(&self) -> usize {
        self.entries().certificates.len()
    }

    pub(crate) fn wrong(&self) -> Vec<String> {
        self.entries().wrong.clone()
    }

    pub(crate) fn revoked(&self, ca: &str, serial: &str) {
        self.entries().revoked.entry(ca.to_owned()).or_default().insert(plain(serial));
    }

    /// The number of a CRL, which may not be below one that was seen before.
    pub(crate) fn saw_crl(&self, number: i64) {
        let mut entries = self.entries();
        if number < entries.crl.0 {
            let problem = format!("CRL number {number} after {}", entries.crl.0);
            entries.wrong.push(problem);
        }
        entries.crl = (number, entries.crl.1 + 1);
    }

    pub(crate) fn summary(&self) -> String {
        let entries = self.entries();
        format!(
            "{} certificates ({} signed), {} revoked, {} CAs revoked, {} orders, CRL number {} after {} looks; \
             {} calls repeated, given up: {:?}, wrong: {:?}",
            entries.certificates.len(),
            entries.signed,
            entries.revoked.values().map(BTreeSet::len).sum::<usize>(),
            entries.cascaded.len(),
            entries.orders.len(),
            entries.crl.0,
            entries.crl.1,
            entries.repeated,
            entries.given_up,
            entries.wrong,
        )
    }
}

/// A serial number as hexadecimal digits without separators and leading zeros.
pub(crate) fn plain(serial: &str) -> String {
    let digits: String = serial.chars().filter(char::is_ascii_hexdigit).collect();
    digits.trim_start_matches('0').to_ascii_uppercase()
}
