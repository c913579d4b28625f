//! Signed requests (RFC 8555 §6.2, RFC 7515, RFC 7517, RFC 7638).

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use openssl::{
    bn::BigNum,
    ec::{EcGroup, EcKey},
    ecdsa::EcdsaSig,
    error::ErrorStack,
    hash::MessageDigest,
    memcmp,
    nid::Nid,
    pkey::{Id, PKey, Public},
    rsa::Rsa,
    sha::sha256,
    sign::{Signer, Verifier},
};
use serde_json::{Value, json};

use crate::problem::Problem;

/// A signed object in its flattened form.
pub(crate) struct Jws {
    pub(crate) header: Value,
    pub(crate) payload: Vec<u8>,
    signed: String,
    signature: Vec<u8>,
}

impl Jws {
    pub(crate) fn parse(body: &Value) -> Result<Self, Problem> {
        let part = |name: &str| {
            let text = body.get(name).and_then(Value::as_str);
            text.ok_or_else(|| Problem::malformed(&format!("the JWS has no {name}")))
        };
        let only = body.as_object().is_some_and(|object| object.len() == 3 && !object.contains_key("header"));
        if !only {
            return Err(Problem::malformed("a JWS has protected, payload and signature, and nothing else"));
        }
        let (protected, payload, signature) = (part("protected")?, part("payload")?, part("signature")?);
        let header = serde_json::from_slice(&from_base64url(protected)?)
            .map_err(|_| Problem::malformed("the protected header is not JSON"))?;
        Ok(Self {
            header,
            payload: from_base64url(payload)?,
            signed: format!("{protected}.{payload}"),
            signature: from_base64url(signature)?,
        })
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.header.get(name).and_then(Value::as_str)
    }

    /// The payload as JSON; none when it is empty (POST-as-GET, RFC 8555 §6.3).
    pub(crate) fn json(&self) -> Result<Option<Value>, Problem> {
        if self.payload.is_empty() {
            return Ok(None);
        }
        let payload = serde_json::from_slice(&self.payload);
        payload.map(Some).map_err(|_| Problem::malformed("the payload is not JSON"))
    }

    /// Checks the signature with the algorithm that the key is for; HS256 and the like are not among them.
    pub(crate) fn verify(&self, key: &Jwk) -> Result<(), Problem> {
        let algorithm = self.text("alg").unwrap_or_default();
        if algorithm != key.algorithm {
            let mut problem = Problem::new(400, "badSignatureAlgorithm", "not an algorithm for this key");
            problem.body["algorithms"] = json!(["ES256", "ES384", "RS256"]);
            return Err(problem);
        }
        let good = self.signature_is_of(key).unwrap_or(false);
        if good { Ok(()) } else { Err(Problem::malformed("the signature is wrong")) }
    }

    /// Checks the HMAC of an external account binding (RFC 8555 §7.3.4).
    pub(crate) fn verify_mac(&self, key: &[u8]) -> bool {
        let mac = || -> Result<Vec<u8>, ErrorStack> {
            let mut signer = Signer::new(MessageDigest::sha256(), &*PKey::hmac(key)?)?;
            signer.update(self.signed.as_bytes())?;
            signer.sign_to_vec()
        };
        let good = |mac: Vec<u8>| mac.len() == self.signature.len() && memcmp::eq(&mac, &self.signature);
        self.text("alg") == Some("HS256") && mac().is_ok_and(good)
    }

    fn signature_is_of(&self, key: &Jwk) -> Result<bool, ErrorStack> {
        if key.key.id() == Id::RSA {
            let mut verifier = Verifier::new(MessageDigest::sha256(), &key.key)?;
            verifier.update(self.signed.as_bytes())?;
            return verifier.verify(&self.signature);
        }
        let (digest, half) = if key.algorithm == "ES384" {
            (MessageDigest::sha384(), 48)
        } else {
            (MessageDigest::sha256(), 32)
        };
        // Two numbers of fixed size (RFC 7518 §3.4), not the ASN.1 of everybody else.
        if self.signature.len() != 2 * half {
            return Ok(false);
        }
        let (r, s) = self.signature.split_at(half);
        let signature = EcdsaSig::from_private_components(BigNum::from_slice(r)?, BigNum::from_slice(s)?)?;
        let hash = openssl::hash::hash(digest, self.signed.as_bytes())?;
        let key = key.key.ec_key()?;
        signature.verify(&hash, &key)
    }
}

/// A public key.
#[derive(Clone)]
pub(crate) struct Jwk {
    pub(crate) value: Value,
    pub(crate) thumbprint: String,
    pub(crate) key: PKey<Public>,
    algorithm: &'static str,
}

impl Jwk {
    pub(crate) fn parse(value: &Value) -> Result<Self, Problem> {
        let part = |name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default();
        let bad = |_| Problem::new(400, "badPublicKey", "the key is not a point of its curve or too small");
        let number = |name: &str| BigNum::from_slice(&from_base64url(part(name))?).map_err(bad);
        // Thumbprints have the members in this order, and these only (RFC 7638 §3.2).
        let (canonical, key, algorithm) = match (part("kty"), part("crv")) {
            ("EC", curve @ ("P-256" | "P-384")) => {
                let (nid, algorithm) = if curve == "P-256" {
                    (Nid::X9_62_PRIME256V1, "ES256")
                } else {
                    (Nid::SECP384R1, "ES384")
                };
                let (x, y) = (number("x")?, number("y")?);
                let canonical =
                    format!(r#"{{"crv":"{curve}","kty":"EC","x":"{}","y":"{}"}}"#, part("x"), part("y"));
                (canonical, ec_key(nid, &x, &y).map_err(bad)?, algorithm)
            }
            ("RSA", _) => {
                let (n, e) = (number("n")?, number("e")?);
                if n.num_bits() < 2048 {
                    return Err(Problem::new(400, "badPublicKey", "RSA keys have at least 2048 bits"));
                }
                let canonical = format!(r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#, part("e"), part("n"));
                let key = Rsa::from_public_components(n, e).and_then(PKey::from_rsa).map_err(bad)?;
                (canonical, key, "RS256")
            }
            _ => return Err(Problem::new(400, "badPublicKey", "P-256, P-384 and RSA are known here")),
        };
        let thumbprint = base64url(&sha256(canonical.as_bytes()));
        let value = serde_json::from_str(&canonical).map_err(|_| Problem::malformed("not a key"))?;
        Ok(Self { value, thumbprint, key, algorithm })
    }
}

pub(crate) fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub(crate) fn from_base64url(text: &str) -> Result<Vec<u8>, Problem> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| Problem::malformed("not base64url without padding"))
}

fn ec_key(curve: Nid, x: &BigNum, y: &BigNum) -> Result<PKey<Public>, ErrorStack> {
    let group = EcGroup::from_curve_name(curve)?;
    PKey::from_ec_key(EcKey::from_public_key_affine_coordinates(&group, x, y)?)
}
