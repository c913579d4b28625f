//! The providers, one file each. A new one is a file and a line here.

mod acme_dns;
mod desec;
mod digitalocean;
mod manual;
mod rfc2136;
mod webhook;

use crate::config::Kind;

pub(crate) const KINDS: &[Kind] =
    &[acme_dns::KIND, desec::KIND, digitalocean::KIND, rfc2136::KIND, webhook::KIND, manual::KIND];
