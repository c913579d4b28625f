//! The vendors, one file each: the API as the vendor documents it, and a [`crate::Lab`] on it.

pub mod acme_dns;
pub mod aws_route53;
pub mod azure_dns;
pub mod cloudflare;
pub mod desec;
pub mod digitalocean;
pub mod google_cloud_dns;
pub mod hetzner;
pub mod webhook;

mod paging;
mod text;
