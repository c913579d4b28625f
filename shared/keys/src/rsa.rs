//! RSA keys of 2048, 3072 and 4096 bits with exponent 65537.

use openssl::bn::{BigNum, BigNumContext, BigNumRef};
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private};
use openssl::rsa::{Padding, Rsa};
use openssl::sign::{RsaPssSaltlen, Signer, Verifier};
use zeroize::Zeroizing;

use crate::{KeyError, der};

/// The least public exponent that is accepted (CA/Browser Forum Baseline Requirements §6.1.6).
const LEAST_EXPONENT: u32 = 65_537;
/// Smaller moduli are weak, others that are not served are only unusual.
const LEAST_BITS: i32 = 2048;
/// The longest public exponent that is accepted, in bits (FIPS 186-5 §5.1).
const LONGEST_EXPONENT_BITS: i32 = 256;

/// A size of modulus that keys are made with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Modulus {
    Bits2048,
    Bits3072,
    Bits4096,
}

/// The private half of an RSA key pair.
pub struct RsaSecret {
    key: PKey<Private>,
    digest: MessageDigest,
}

impl RsaSecret {
    /// A fresh key pair: the private half, and the DER RSAPublicKey (RFC 8017 §A.1.1). Takes from
    /// tens of milliseconds to seconds.
    pub fn generate(modulus: Modulus) -> Result<(Self, Vec<u8>), KeyError> {
        Self::assemble(Rsa::generate(modulus.bits())?, modulus)
    }

    /// Takes over a key pair that comes from elsewhere: its size, its private half, and its DER
    /// RSAPublicKey.
    pub fn import(key: Rsa<Private>) -> Result<(Modulus, Self, Vec<u8>), KeyError> {
        let modulus = Modulus::of_bits(key.n().num_bits()).ok_or_else(|| {
            let bits = key.n().num_bits();
            let reason = format!("RSA of {bits} bits; 2048, 3072 and 4096 bits are served");
            if bits < LEAST_BITS { KeyError::WeakKey(reason) } else { KeyError::UnacceptableKey(reason) }
        })?;
        check_public_numbers(key.n(), key.e())?;
        check_factors(&key)?;
        check_private_numbers(&key)?;
        let (secret, public_key) = Self::assemble(key, modulus)?;
        secret.check_by_signing()?;
        Ok((modulus, secret, public_key))
    }

    /// The PKCS#1 v1.5 signature (RFC 8017 §8.2): SHA-384 for 4096 bits, else SHA-256.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, ErrorStack> {
        Signer::new(self.digest, &self.key)?.sign_oneshot_to_vec(message)
    }

    /// The RSASSA-PSS signature (RFC 8017 §8.1) with the same hash, MGF1 of it, and a salt as long as it.
    pub fn sign_pss(&self, message: &[u8]) -> Result<Vec<u8>, ErrorStack> {
        let mut signer = Signer::new(self.digest, &self.key)?;
        signer.set_rsa_padding(Padding::PKCS1_PSS)?;
        signer.set_rsa_mgf1_md(self.digest)?;
        signer.set_rsa_pss_saltlen(RsaPssSaltlen::DIGEST_LENGTH)?;
        signer.sign_oneshot_to_vec(message)
    }

    /// PrivateKeyInfo around RSAPrivateKey (RFC 8017 §A.1.2).
    pub fn to_pkcs8_der(&self) -> Result<Zeroizing<Vec<u8>>, ErrorStack> {
        let private_key = Zeroizing::new(self.key.rsa()?.private_key_to_der()?);
        Ok(der::pkcs8(der::RSA, &private_key))
    }

    fn assemble(key: Rsa<Private>, modulus: Modulus) -> Result<(Self, Vec<u8>), KeyError> {
        let public_key = key.public_key_to_der_pkcs1()?;
        let secret = Self { key: PKey::from_rsa(key)?, digest: modulus.digest() };
        Ok((secret, public_key))
    }

    /// Finds what numbers that belong together may still lack: primes that are none. At the price of one signature instead of
    /// the primality tests of OpenSSL's own check.
    fn check_by_signing(&self) -> Result<(), KeyError> {
        const MESSAGE: &[u8] = b"certmill key check";
        let verified = self
            .sign(MESSAGE)
            .and_then(|signature| Verifier::new(self.digest, &self.key)?.verify_oneshot(&signature, MESSAGE));
        match verified {
            Ok(true) => Ok(()),
            Ok(false) | Err(_) => Err(unacceptable("a signature of it cannot be verified")),
        }
    }
}

impl Modulus {
    fn of_bits(bits: i32) -> Option<Self> {
        match bits {
            2048 => Some(Self::Bits2048),
            3072 => Some(Self::Bits3072),
            4096 => Some(Self::Bits4096),
            _ => None,
        }
    }

    fn bits(self) -> u32 {
        match self {
            Self::Bits2048 => 2048,
            Self::Bits3072 => 3072,
            Self::Bits4096 => 4096,
        }
    }

    fn digest(self) -> MessageDigest {
        match self {
            Self::Bits2048 | Self::Bits3072 => MessageDigest::sha256(),
            Self::Bits4096 => MessageDigest::sha384(),
        }
    }
}

fn check_public_numbers(modulus: &BigNumRef, exponent: &BigNumRef) -> Result<(), KeyError> {
    if !modulus.is_bit_set(0) {
        return Err(weak("its RSA modulus is even"));
    }
    if !exponent.is_bit_set(0) {
        return Err(weak("its RSA public exponent is even"));
    }
    if exponent.ucmp(&*BigNum::from_u32(LEAST_EXPONENT)?).is_lt() {
        return Err(weak("its RSA public exponent is less than 65537"));
    }
    if exponent.num_bits() > LONGEST_EXPONENT_BITS {
        return Err(unacceptable("its RSA public exponent is longer than 256 bits"));
    }
    Ok(())
}

fn primes(key: &Rsa<Private>) -> Result<(&BigNumRef, &BigNumRef), KeyError> {
    match (key.p(), key.q()) {
        (Some(p), Some(q)) => Ok((p, q)),
        _ => Err(unacceptable("it lacks the two primes of the RSA modulus")),
    }
}

fn check_factors(key: &Rsa<Private>) -> Result<(), KeyError> {
    let (p, q) = primes(key)?;
    let mut product = BigNum::new()?;
    let mut context = BigNumContext::new()?;
    product.checked_mul(p, q, &mut context)?;
    if product.ucmp(key.n()).is_ne() {
        return Err(unacceptable("its RSA modulus is not the product of its two primes"));
    }
    Ok(())
}

/// Every private number belongs to the public ones (RFC 8017 §3.2). Signing once does not show it: OpenSSL verifies what it
/// has made by the Chinese remainder theorem, and makes it anew without. Others do not, and give the key away with the
/// first faulty signature.
fn check_private_numbers(key: &Rsa<Private>) -> Result<(), KeyError> {
    let (p, q) = primes(key)?;
    let one = BigNum::from_u32(1)?;
    if p.ucmp(&one).is_le() || q.ucmp(&one).is_le() {
        return Err(unacceptable("one of the two primes of the RSA key is no prime"));
    }
    if p.ucmp(q).is_eq() {
        return Err(weak("the two primes of the RSA key are the same"));
    }
    let mut context = BigNumContext::new()?;
    for (prime, exponent, of_prime, of_exponent) in
        [(p, key.dmp1(), "p", "d mod p-1"), (q, key.dmq1(), "q", "d mod q-1")]
    {
        let mut order = prime.to_owned()?;
        order.sub_word(1)?;
        if !are_inverse((key.e(), key.d()), &order, &mut context)? {
            let reason =
                format!("its private exponent does not belong to its public one (modulo {of_prime}-1)");
            return Err(KeyError::UnacceptableKey(reason));
        }
        let fits = match exponent {
            Some(exponent) => {
                exponent.ucmp(&order).is_lt() && are_inverse((key.e(), exponent), &order, &mut context)?
            }
            None => false,
        };
        if !fits {
            return Err(KeyError::UnacceptableKey(format!("its number {of_exponent} is wrong or missing")));
        }
    }
    let coefficient_fits = match key.iqmp() {
        Some(coefficient) => coefficient.ucmp(p).is_lt() && are_inverse((q, coefficient), p, &mut context)?,
        None => false,
    };
    if !coefficient_fits {
        return Err(unacceptable("its number 1/q mod p is wrong or missing"));
    }
    Ok(())
}

fn are_inverse(
    (one, other): (&BigNumRef, &BigNumRef),
    modulus: &BigNumRef,
    context: &mut BigNumContext,
) -> Result<bool, KeyError> {
    let mut product = BigNum::new()?;
    product.mod_mul(one, other, modulus, context)?;
    Ok(product.ucmp(&*BigNum::from_u32(1)?).is_eq())
}

fn weak(reason: &str) -> KeyError {
    KeyError::WeakKey(reason.to_owned())
}

fn unacceptable(reason: &str) -> KeyError {
    KeyError::UnacceptableKey(reason.to_owned())
}
