//! What signatures are made again with.

use certmill_domain::{Clock, SystemClock};
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::sign::Signer;

/// Seconds since 1970.
pub(crate) fn now() -> i64 {
    SystemClock.now().unix_seconds()
}

pub(crate) fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect::<Vec<_>>().concat()
}

pub(crate) fn hmac_sha256(key: &[u8], text: &[u8]) -> Vec<u8> {
    let key = PKey::hmac(key).expect("a key");
    let mut signer = Signer::new(MessageDigest::sha256(), &key).expect("a signer");
    signer.update(text).expect("it takes octets");
    signer.sign_to_vec().expect("a signature")
}
