//! What the server knows: accounts, orders, authorizations and certificates, in memory.

use std::collections::{BTreeMap, HashSet};

use openssl::{pkey::PKey, pkey::Public, x509::X509};
use serde_json::{Value, json};

use crate::{
    ambient::{now, rfc3339, token},
    jws::Jwk,
    problem::Problem,
};

/// The status of any object (RFC 8555 §7.1.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Waits for the client.
    Pending,
    /// An order that can be finalized.
    Ready,
    /// Waits for the server.
    Processing,
    /// Good, or done.
    Valid,
    /// Failed.
    Invalid,
    /// Given up by the client.
    Deactivated,
    /// An authorization whose time is over.
    Expired,
    /// Taken away by the server.
    Revoked,
}

impl Status {
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Ready => "ready",
            Self::Processing => "processing",
            Self::Valid => "valid",
            Self::Invalid => "invalid",
            Self::Deactivated => "deactivated",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Identifier {
    /// `dns` or `ip`.
    pub(crate) kind: String,
    pub(crate) value: String,
}

impl Identifier {
    pub(crate) fn json(&self) -> Value {
        json!({ "type": self.kind, "value": self.value })
    }
}

pub(crate) struct Account {
    pub(crate) jwk: Jwk,
    pub(crate) status: Status,
    pub(crate) contact: Value,
    pub(crate) binding: Option<Value>,
    pub(crate) terms_agreed: bool,
}

pub(crate) struct Order {
    pub(crate) account: u64,
    pub(crate) identifiers: Vec<Identifier>,
    pub(crate) profile: Option<String>,
    pub(crate) replaces: Option<String>,
    pub(crate) status: Status,
    pub(crate) expires: i64,
    pub(crate) authorizations: Vec<u64>,
    pub(crate) error: Option<Value>,
    /// The key of the CSR, from its acceptance on.
    pub(crate) key: Option<PKey<Public>>,
    pub(crate) polls_left: u32,
    pub(crate) certificate: Option<u64>,
}

pub(crate) struct Authorization {
    pub(crate) account: u64,
    /// Without the `*.` of a wildcard.
    pub(crate) identifier: Identifier,
    pub(crate) wildcard: bool,
    pub(crate) status: Status,
    pub(crate) expires: i64,
    pub(crate) challenges: Vec<u64>,
}

pub(crate) struct Challenge {
    pub(crate) authorization: u64,
    pub(crate) kind: &'static str,
    pub(crate) token: String,
    pub(crate) status: Status,
    pub(crate) validated: Option<i64>,
    pub(crate) error: Option<Value>,
}

pub(crate) struct Certificate {
    pub(crate) account: u64,
    pub(crate) identifiers: Vec<Identifier>,
    pub(crate) leaf: X509,
    pub(crate) not_before: i64,
    pub(crate) not_after: i64,
    pub(crate) revoked: bool,
}

#[derive(Default)]
pub(crate) struct State {
    last: u64,
    nonces: HashSet<String>,
    pub(crate) used_bindings: HashSet<String>,
    /// Challenges that were submitted and left alone.
    pub(crate) held: HashSet<u64>,
    pub(crate) accounts: BTreeMap<u64, Account>,
    pub(crate) orders: BTreeMap<u64, Order>,
    pub(crate) authorizations: BTreeMap<u64, Authorization>,
    pub(crate) challenges: BTreeMap<u64, Challenge>,
    pub(crate) certificates: BTreeMap<u64, Certificate>,
}

impl State {
    pub(crate) fn next_id(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    pub(crate) fn new_nonce(&mut self) -> String {
        let nonce = token();
        self.nonces.insert(nonce.clone());
        nonce
    }

    /// True for a nonce that was given out and not used yet.
    pub(crate) fn use_nonce(&mut self, nonce: &str) -> bool {
        self.nonces.remove(nonce)
    }

    pub(crate) fn account_with_key(&self, thumbprint: &str) -> Option<u64> {
        self.accounts.iter().find(|(_, account)| account.jwk.thumbprint == thumbprint).map(|(id, _)| *id)
    }

    /// Lets time and failed authorizations have their effect on an order, as far as it is not beyond that (RFC 8555 §7.1.6).
    pub(crate) fn refresh_order(&mut self, id: u64) {
        let time = now();
        let Some(order) = self.orders.get(&id) else { return };
        if !matches!(order.status, Status::Pending | Status::Ready) {
            return;
        }
        for authorization in &order.authorizations {
            if let Some(authorization) = self.authorizations.get_mut(authorization) {
                authorization.refresh(time);
            }
        }
        let statuses: Vec<Status> = order
            .authorizations
            .iter()
            .map(|id| self.authorizations.get(id).map_or(Status::Pending, |it| it.status))
            .collect();
        let status = if order.expires <= time {
            Status::Invalid
        } else if statuses.iter().all(|status| *status == Status::Valid) {
            Status::Ready
        } else if statuses.iter().all(|status| matches!(status, Status::Valid | Status::Pending)) {
            Status::Pending
        } else {
            Status::Invalid
        };
        if let Some(order) = self.orders.get_mut(&id) {
            order.status = status;
        }
    }

    pub(crate) fn authorizations_of(&self, name: &str) -> Vec<Status> {
        let of_name =
            self.authorizations.values().filter(|authorization| authorization.identifier.value == name);
        of_name.map(|authorization| authorization.status).collect()
    }

    pub(crate) fn end_authorizations(&mut self, name: &str, status: Status) -> usize {
        let ended = self.authorizations.values_mut().filter(|authorization| {
            authorization.identifier.value == name
                && matches!(authorization.status, Status::Pending | Status::Valid)
        });
        ended.map(|authorization| authorization.status = status).count()
    }

    pub(crate) fn account_at(&self, url: &str) -> Option<&Account> {
        self.accounts.get(&number_of(url)?)
    }

    pub(crate) fn set_account_status(&mut self, url: &str, status: Option<Status>) -> bool {
        let Some(id) = number_of(url) else { return false };
        match (status, self.accounts.get_mut(&id)) {
            (Some(status), Some(account)) => {
                account.status = status;
                true
            }
            (None, Some(_)) => self.accounts.remove(&id).is_some(),
            (_, None) => false,
        }
    }

    pub(crate) fn forget_order(&mut self, url: &str) -> bool {
        number_of(url).is_some_and(|id| self.orders.remove(&id).is_some())
    }

    /// Orders keep the URLs of what is forgotten.
    pub(crate) fn forget_authorizations(&mut self, name: &str) -> usize {
        let before = self.authorizations.len();
        self.authorizations.retain(|_, authorization| authorization.identifier.value != name);
        before - self.authorizations.len()
    }

    pub(crate) fn fail_order(&mut self, url: &str, problem: Problem) -> bool {
        let order = number_of(url).and_then(|id| self.orders.get_mut(&id));
        if let Some(order) = order {
            order.status = Status::Invalid;
            order.error = Some(problem.body);
            return true;
        }
        false
    }
}

impl Authorization {
    pub(crate) fn refresh(&mut self, time: i64) {
        if self.expires <= time && matches!(self.status, Status::Pending | Status::Valid) {
            // One that was never validated is invalid and not expired (RFC 8555 §7.1.6).
            self.status = if self.status == Status::Valid { Status::Expired } else { Status::Invalid };
        }
    }
}

impl Challenge {
    pub(crate) fn json(&self, url: &str) -> Value {
        let mut object =
            json!({ "type": self.kind, "url": url, "token": self.token, "status": self.status.text() });
        if let Some(validated) = self.validated {
            object["validated"] = json!(rfc3339(validated));
        }
        if let Some(error) = &self.error {
            object["error"] = error.clone();
        }
        object
    }
}

/// The number at the end of an object's URL.
fn number_of(url: &str) -> Option<u64> {
    url.rsplit('/').next()?.parse().ok()
}
