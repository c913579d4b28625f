//! Which key to make, as `key_type` and `key_size` of a request say it.

use std::collections::BTreeMap;

use certmill_x509::KeyAlgorithm;

/// The algorithm: RSA when no type is given, 2048 bits for RSA and P-256 for EC when no size is given. What is wrong
/// goes to `errors`, and then the answer means nothing.
pub(crate) fn key_algorithm(
    key_type: Option<&str>,
    key_size: Option<u32>,
    errors: &mut BTreeMap<String, String>,
) -> KeyAlgorithm {
    let key_type = key_type.unwrap_or("rsa");
    let (default_size, right) = match key_type {
        "rsa" => (2_048, "2048, 3072 or 4096"),
        "ec" => (256, "256, 384 or 521"),
        "ed25519" => (256, "256, or leave it out"),
        other => {
            errors.insert("key_type".to_owned(), format!("`{other}` is unknown; use rsa, ec or ed25519"));
            return KeyAlgorithm::P256;
        }
    };
    let size = key_size.unwrap_or(default_size);
    KeyAlgorithm::from_type_and_size(key_type, size).unwrap_or_else(|| {
        errors.insert("key_size".to_owned(), format!("is {size}; for {key_type} use {right}"));
        KeyAlgorithm::P256
    })
}
