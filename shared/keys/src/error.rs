//! What can go wrong with keys, by what the caller can do about it.

use std::borrow::Cow;

use openssl::error::ErrorStack;

/// Why an operation on a key failed. No variant ever holds key material.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The given private key cannot be read: tell its sender.
    #[error("the private key cannot be read: {0}")]
    InvalidKey(Cow<'static, str>),

    /// The given private key can be read, but is of a kind or size that is not served: tell its
    /// sender.
    #[error("the private key is not acceptable: {0}")]
    UnacceptableKey(String),

    /// The given private key can be read, but is too weak: tell its sender.
    #[error("the private key is too weak: {0}")]
    WeakKey(String),

    /// The given private key is encrypted, and no password came with it: ask for the password.
    #[error("the private key is encrypted: its password is needed too")]
    PasswordRequired,

    /// The given password is not the one that the private key or PKCS #12 bundle was encrypted with:
    /// ask for the right one.
    #[error("the password is wrong: it does not decrypt what it came with")]
    WrongPassword,

    /// The given private key or PKCS #12 bundle is encrypted by an algorithm that is not served: ask
    /// for another form.
    #[error(
        "the encryption is not supported: {0}; AES with PBKDF2 is right, as `openssl pkcs8 -topk8` and \
         `openssl pkcs12 -export` of OpenSSL 3 and keytool of Java 17 write"
    )]
    UnsupportedEncryption(String),

    /// Opening the given private key or PKCS #12 bundle would take more work than one request may
    /// cause: ask for another form.
    #[error("decrypting takes too much work: {0}")]
    ExcessiveWork(String),

    /// The given PKCS #12 bundle cannot be read: tell its sender.
    #[error("the PKCS #12 bundle cannot be read: {0}")]
    InvalidBundle(Cow<'static, str>),

    /// A PKCS #12 bundle was not made, since what was to be in it breaks a rule: tell the caller.
    #[error("the PKCS #12 bundle cannot be made: {0}")]
    BundleRefused(&'static str),

    /// The text of a root key has the wrong form: the operator must mend the configuration.
    #[error(
        "a root key is 64 hexadecimal digits or the base64 text of 32 bytes, and this text of \
         {length} characters is neither; make one with `openssl rand -hex 32`"
    )]
    InvalidRootKey {
        /// How many characters the text has without the surrounding white space.
        length: usize,
    },

    /// A tenant key is wrapped with a root key that was not given: the operator must add that root
    /// key to the previous ones.
    #[error(
        "a tenant key is wrapped with root key {wanted}, but only these were given: {known}; add \
         the missing one to the previous root keys"
    )]
    UnknownRootKey {
        /// The id of the root key that is needed.
        wanted: String,
        /// The ids of the root keys that were given.
        known: String,
    },

    /// A value is sealed with another version of the tenant key: load that version and try again.
    #[error("sealed with version {wanted} of the tenant key, but opened with version {given}")]
    OtherTenantKey {
        /// The version that sealed the value.
        wanted: u32,
        /// The version that was used.
        given: u32,
    },

    /// A sealed value was changed, was moved from another place, or was sealed with another key. A
    /// person should look; trying again is useless.
    #[error("the sealed value of {place} was changed, moved, or sealed with another key")]
    NotAuthentic {
        /// Where the value stands.
        place: String,
    },

    /// Bytes that are not a sealed value at all. A person should look; trying again is useless.
    #[error("not a sealed value: {0}")]
    NotSealed(&'static str),

    /// The runtime is shutting down and the key was not made: nothing to do.
    #[error("the key generation was interrupted by a shutdown")]
    Interrupted,

    /// OpenSSL failed for a reason of its own, such as a lack of memory.
    #[error("OpenSSL failed: {0}")]
    Crypto(#[from] ErrorStack),
}
