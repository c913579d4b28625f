//! The vendors, one file each: the API as the vendor documents it, and a [`crate::Lab`] on it.

pub mod acme_dns;
pub mod aws_route53;
pub mod azure_dns;
pub mod bunny;
pub mod cloudflare;
pub mod desec;
pub mod digitalocean;
pub mod gandi;
pub mod godaddy;
pub mod google_cloud_dns;
pub mod hetzner;
pub mod linode;
pub mod namecheap;
pub mod ovh;
pub mod porkbun;
pub mod powerdns;
pub mod rfc2136;
pub mod scaleway;
pub mod vultr;
pub mod webhook;

mod paging;
mod records;
mod signing;
mod text;
