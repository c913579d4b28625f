//! Signed requests in the flattened form of RFC 7515, as RFC 8555 section 6.2 wants them.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use openssl::bn::{BigNum, BigNumContext};
use openssl::ecdsa::EcdsaSig;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{Id, PKey, Private};
use openssl::sign::Signer;
use serde_json::{Value, json};

use crate::AcmeError;

/// base64url without padding.
pub(crate) fn base64url(octets: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(octets)
}

/// Whom the server is to verify the signature with.
#[derive(Clone, Copy)]
pub(crate) enum Signatory<'a> {
    /// The account of this URL.
    Account(&'a str),
    /// The key itself, which is sent along.
    Key,
}

/// Signs `payload`; an empty text asks for a resource (POST-as-GET).
pub(crate) fn signed(
    key: &PKey<Private>,
    signatory: Signatory<'_>,
    nonce: &str,
    url: &str,
    payload: &str,
) -> Result<Vec<u8>, AcmeError> {
    let mut header = json!({ "alg": algorithm(key)?.name, "nonce": nonce, "url": url });
    match signatory {
        Signatory::Account(kid) => header["kid"] = json!(kid),
        Signatory::Key => {
            header["jwk"] = serde_json::from_str(&jwk(key)?)
                .map_err(|error| AcmeError::Material(format!("a key became no JSON: {error}")))?;
        }
    }
    let body = assemble(&header, payload.as_bytes(), |input| sign(key, input))?;
    Ok(body.to_string().into_bytes())
}

/// The binding of an account key to an external account (RFC 8555 section 7.3.4): the key, signed with the HMAC key.
pub(crate) fn external_binding(
    key: &PKey<Private>,
    kid: &str,
    hmac_key: &[u8],
    url: &str,
) -> Result<Value, AcmeError> {
    let header = json!({ "alg": "HS256", "kid": kid, "url": url });
    let hmac_key = PKey::hmac(hmac_key).map_err(AcmeError::crypto)?;
    assemble(&header, jwk(key)?.as_bytes(), |input| {
        let mut signer = Signer::new(MessageDigest::sha256(), &hmac_key).map_err(AcmeError::crypto)?;
        signer.sign_oneshot_to_vec(input).map_err(AcmeError::crypto)
    })
}

/// What an account's new key signs for a change of keys (RFC 8555 section 7.3.5): which account, and which key it replaces.
pub(crate) fn key_change(
    new: &PKey<Private>,
    old: &PKey<Private>,
    account_url: &str,
    url: &str,
) -> Result<Value, AcmeError> {
    let read = |key| {
        serde_json::from_str::<Value>(&jwk(key)?)
            .map_err(|error| AcmeError::Material(format!("a key became no JSON: {error}")))
    };
    let header = json!({ "alg": algorithm(new)?.name, "jwk": read(new)?, "url": url });
    let payload = json!({ "account": account_url, "oldKey": read(old)? });
    assemble(&header, payload.to_string().as_bytes(), |input| sign(new, input))
}

fn assemble(
    header: &Value,
    payload: &[u8],
    sign: impl FnOnce(&[u8]) -> Result<Vec<u8>, AcmeError>,
) -> Result<Value, AcmeError> {
    let protected = base64url(header.to_string().as_bytes());
    let payload = base64url(payload);
    let signature = sign(format!("{protected}.{payload}").as_bytes())?;
    Ok(json!({ "protected": protected, "payload": payload, "signature": base64url(&signature) }))
}

/// A signature algorithm of RFC 7518 section 3.1.
struct Algorithm {
    name: &'static str,
    digest: MessageDigest,
    /// For ECDSA: the name of the curve, and the octets of a coordinate.
    curve: Option<(&'static str, i32)>,
}

fn algorithm(key: &PKey<Private>) -> Result<Algorithm, AcmeError> {
    let unusable = || AcmeError::Material("ACME servers take signatures by RSA and EC keys only".to_owned());
    match key.id() {
        Id::RSA => Ok(Algorithm { name: "RS256", digest: MessageDigest::sha256(), curve: None }),
        Id::EC => {
            let curve = key.ec_key().map_err(AcmeError::crypto)?.group().curve_name();
            let (name, digest, curve) = match curve {
                Some(Nid::X9_62_PRIME256V1) => ("ES256", MessageDigest::sha256(), ("P-256", 32)),
                Some(Nid::SECP384R1) => ("ES384", MessageDigest::sha384(), ("P-384", 48)),
                Some(Nid::SECP521R1) => ("ES512", MessageDigest::sha512(), ("P-521", 66)),
                _ => return Err(unusable()),
            };
            Ok(Algorithm { name, digest, curve: Some(curve) })
        }
        _ => Err(unusable()),
    }
}

fn sign(key: &PKey<Private>, input: &[u8]) -> Result<Vec<u8>, AcmeError> {
    let algorithm = algorithm(key)?;
    let mut signer = Signer::new(algorithm.digest, key).map_err(AcmeError::crypto)?;
    let signature = signer.sign_oneshot_to_vec(input).map_err(AcmeError::crypto)?;
    let Some((_, width)) = algorithm.curve else {
        return Ok(signature);
    };
    // Two numbers side by side instead of a SEQUENCE of them (RFC 7518 section 3.4).
    let signature = EcdsaSig::from_der(&signature).map_err(AcmeError::crypto)?;
    let mut octets = signature.r().to_vec_padded(width).map_err(AcmeError::crypto)?;
    octets.extend(signature.s().to_vec_padded(width).map_err(AcmeError::crypto)?);
    Ok(octets)
}

/// The public key in the form whose digest is its thumbprint (RFC 7638 section 3): members sorted, no white space.
pub(crate) fn jwk(key: &PKey<Private>) -> Result<String, AcmeError> {
    let Some((curve, width)) = algorithm(key)?.curve else {
        let rsa = key.rsa().map_err(AcmeError::crypto)?;
        let (e, n) = (base64url(&rsa.e().to_vec()), base64url(&rsa.n().to_vec()));
        return Ok(format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#));
    };
    let ec = key.ec_key().map_err(AcmeError::crypto)?;
    let point = || {
        let mut context = BigNumContext::new()?;
        let (mut x, mut y) = (BigNum::new()?, BigNum::new()?);
        ec.public_key().affine_coordinates(ec.group(), &mut x, &mut y, &mut context)?;
        Ok((x.to_vec_padded(width)?, y.to_vec_padded(width)?))
    };
    let (x, y) = point().map_err(AcmeError::crypto)?;
    Ok(format!(r#"{{"crv":"{curve}","kty":"EC","x":"{}","y":"{}"}}"#, base64url(&x), base64url(&y)))
}
