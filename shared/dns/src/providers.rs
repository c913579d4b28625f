//! The providers, one file each. A new one is a file and a line here.

mod desec;
mod digitalocean;
mod manual;
mod rfc2136;

use crate::config::Kind;

pub(crate) const KINDS: &[Kind] = &[desec::KIND, digitalocean::KIND, rfc2136::KIND, manual::KIND];
