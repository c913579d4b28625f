//! The providers, one file each. A new one is a file and a line here.

mod acme_dns;
mod aws_route53;
mod azure_dns;
mod bunny;
mod cloudflare;
mod desec;
mod digitalocean;
mod gandi;
mod godaddy;
mod google_cloud_dns;
mod hetzner;
mod linode;
mod manual;
mod namecheap;
mod ovh;
mod porkbun;
mod powerdns;
mod rfc2136;
mod scaleway;
mod vultr;
mod webhook;

pub(crate) use aws_route53::fetch as aws_credentials;

use crate::config::Kind;

pub(crate) const KINDS: &[Kind] = &[
    acme_dns::KIND,
    aws_route53::KIND,
    azure_dns::KIND,
    bunny::KIND,
    cloudflare::KIND,
    desec::KIND,
    digitalocean::KIND,
    gandi::KIND,
    godaddy::KIND,
    google_cloud_dns::KIND,
    hetzner::KIND,
    linode::KIND,
    namecheap::KIND,
    ovh::KIND,
    porkbun::KIND,
    powerdns::KIND,
    rfc2136::KIND,
    scaleway::KIND,
    vultr::KIND,
    webhook::KIND,
    manual::KIND,
];
