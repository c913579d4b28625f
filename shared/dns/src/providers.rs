//! The providers, one file each. A new one is a file and a line here.

mod acme_dns;
mod aws_route53;
mod azure_dns;
mod cloudflare;
mod desec;
mod digitalocean;
mod google_cloud_dns;
mod hetzner;
mod manual;
mod rfc2136;
mod webhook;

use crate::config::Kind;

pub(crate) const KINDS: &[Kind] = &[
    acme_dns::KIND,
    aws_route53::KIND,
    azure_dns::KIND,
    cloudflare::KIND,
    desec::KIND,
    digitalocean::KIND,
    google_cloud_dns::KIND,
    hetzner::KIND,
    rfc2136::KIND,
    webhook::KIND,
    manual::KIND,
];
