//! The providers, one file each. A new one is a file and a line here.

mod manual;
mod rfc2136;

use crate::config::Kind;

pub(crate) const KINDS: &[Kind] = &[rfc2136::KIND, manual::KIND];
