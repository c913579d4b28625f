//! What can go wrong, sorted by what the caller can do about it.

/// An error of the X.509 engine. No variant carries private material.
#[derive(Debug, thiserror::Error)]
pub enum X509Error {
    /// A name (DNS, e-mail, URI, attribute of a distinguished name) is not legal. The client can
    /// correct it.
    #[error("\"{value}\" cannot be used: {reason}")]
    InvalidName {
        /// The text as it was given, made printable.
        value: String,
        /// What is wrong and what would be right.
        reason: String,
    },
    /// A serial number is not legal (RFC 5280 §4.1.2.2). The client can correct it.
    #[error("serial number is not valid: {0}")]
    InvalidSerialNumber(String),
    /// A word of a closed list (key usage, purpose, revocation reason) is not known. The client can
    /// correct it.
    #[error("\"{value}\" is not a known {expected}")]
    UnknownWord {
        /// The word as it was given, made printable.
        value: String,
        /// What was expected, such as "key usage".
        expected: &'static str,
    },
    /// A certificate signing request is malformed, badly signed or asks for the impossible.
    #[error("certificate signing request is not valid: {0}")]
    InvalidCsr(String),
    /// A certificate is malformed, or not signed by the key it should be signed by.
    #[error("certificate is not valid: {0}")]
    InvalidCertificate(String),
    /// A certificate revocation list is malformed.
    #[error("certificate revocation list is not valid: {0}")]
    InvalidCrl(String),
    /// An OCSP response is malformed.
    #[error("OCSP response is not valid: {0}")]
    InvalidOcspResponse(String),
    /// An OCSP request is malformed, or larger than a responder reads.
    #[error("OCSP request is not valid: {0}")]
    InvalidOcspRequest(String),
    /// A certificate or CRL was not signed, since what was to be signed breaks a rule. A fault of
    /// the caller.
    #[error("refused to sign: {0}")]
    RefusedToSign(String),
    /// A key or signature is of an algorithm, curve or form that is not supported.
    #[error("key is not supported: {0}")]
    UnsupportedKey(String),
    /// A key is too weak, or not a key at all.
    #[error("key is not acceptable: {0}")]
    WeakKey(String),
    /// A PEM text (RFC 7468) cannot be read.
    #[error("PEM is not valid: {0}")]
    Pem(String),
    /// The cryptographic library failed. Nothing the client can correct.
    #[error("cryptographic operation failed")]
    Crypto(#[from] openssl::error::ErrorStack),
    /// Bytes are not the DER that was expected.
    #[error("DER is not valid: {0}")]
    Der(#[from] der::Error),
}

impl X509Error {
    /// The rule that is broken, without the words that say that nothing was signed: for who only asks.
    pub fn into_rule(self) -> String {
        match self {
            Self::RefusedToSign(rule) => rule,
            other => other.to_string(),
        }
    }

    /// A name that cannot be used, with control characters of `value` escaped and its length
    /// bounded, so that the message can be logged and shown.
    pub(crate) fn invalid_name(value: &str, reason: impl Into<String>) -> Self {
        Self::InvalidName { value: printable(value), reason: reason.into() }
    }

    /// A word that is not in the list of `expected`.
    pub(crate) fn unknown_word(value: &str, expected: &'static str) -> Self {
        Self::UnknownWord { value: printable(value), expected }
    }
}

/// The first 120 characters of `value`, with everything that cannot be printed escaped.
fn printable(value: &str) -> String {
    let mut text: String = value.chars().take(120).flat_map(char::escape_debug).collect();
    if value.chars().nth(120).is_some() {
        text.push('…');
    }
    text
}
