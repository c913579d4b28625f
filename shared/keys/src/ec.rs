//! Keys on the NIST curves, over OpenSSL's low-level functions.
//!
//! The usual `EVP` way pays for provider look-ups and parameter lists several times the price of
//! the curve arithmetic, and for a copy of the group with every key. Here the groups live for the
//! whole process, a fresh key is a scalar and a point, and OpenSSL's key object is only made when
//! the key first signs, which the key of a leaf certificate never does.

use std::sync::OnceLock;

use openssl::bn::{BigNum, BigNumContext};
use openssl::ec::{EcGroup, EcKey, EcPoint, PointConversionForm};
use openssl::ecdsa::EcdsaSig;
use openssl::error::ErrorStack;
use openssl::nid::Nid;
use openssl::pkey::Private;
use openssl::rand::rand_priv_bytes;
use openssl::sha::{Sha256, Sha384, Sha512};
use zeroize::Zeroizing;

use crate::{KeyError, der};

const OUT_OF_RANGE: &str = "its scalar is not less than the order of the curve";

/// A curve that keys are made on (FIPS 186-5, SP 800-186 §3.2.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Curve {
    P256,
    P384,
    P521,
}

/// The private half of a key pair on a [`Curve`].
pub struct EcSecret {
    curve: Curve,
    /// Big-endian, padded to the length of the group order.
    scalar: Zeroizing<Vec<u8>>,
    signing_key: OnceLock<EcKey<Private>>,
}

impl EcSecret {
    /// A fresh key pair: the private half, and the uncompressed public point (SEC 1 §2.3.3).
    pub fn generate(curve: Curve) -> Result<(Self, Vec<u8>), KeyError> {
        let mut scalar = Zeroizing::new(vec![0; curve.scalar_len()]);
        loop {
            // Rejection sampling (FIPS 186-5 §A.2.2).
            rand_priv_bytes(&mut scalar)?;
            if let Some(first) = scalar.first_mut() {
                *first &= curve.first_octet_mask();
            }
            if let Some(point) = curve.public_point(&scalar)? {
                return Ok((Self { curve, scalar, signing_key: OnceLock::new() }, point));
            }
        }
    }

    /// Takes over a key pair that comes from elsewhere: the private half, and the uncompressed
    /// point.
    pub fn import(key: &EcKey<Private>) -> Result<(Self, Vec<u8>), KeyError> {
        let curve = Curve::of(key.group().curve_name())
            .ok_or_else(|| unacceptable("its curve is not P-256, P-384 or P-521"))?;
        let length = i32::try_from(curve.scalar_len()).unwrap_or(i32::MAX);
        let scalar =
            Zeroizing::new(key.private_key().to_vec_padded(length).map_err(|_| unacceptable(OUT_OF_RANGE))?);
        let point = curve.public_point(&scalar)?.ok_or_else(|| unacceptable(OUT_OF_RANGE))?;
        let given = key.public_key().to_bytes(
            curve.group()?,
            PointConversionForm::UNCOMPRESSED,
            &mut *BigNumContext::new()?,
        )?;
        if given != point {
            return Err(unacceptable("its public point does not belong to its scalar"));
        }
        Ok((Self { curve, scalar, signing_key: OnceLock::new() }, point))
    }

    /// Reads exactly what [`Self::to_pkcs8_der`] writes, and gives none for anything else. Costs a
    /// fraction of the price of OpenSSL's decoders and is no less strict: the public point is made
    /// anew and the whole structure must come out the same.
    pub fn from_own_pkcs8(pkcs8_der: &[u8]) -> Result<Option<(Self, Vec<u8>)>, KeyError> {
        let Some((curve, scalar)) = Curve::own_scalar(pkcs8_der) else {
            return Ok(None);
        };
        let Some(point) = curve.public_point(scalar)? else {
            return Ok(None);
        };
        if **curve.pkcs8(scalar, &point) != *pkcs8_der {
            return Ok(None);
        }
        let scalar = Zeroizing::new(scalar.to_vec());
        Ok(Some((Self { curve, scalar, signing_key: OnceLock::new() }, point)))
    }

    /// The curve of the key.
    pub fn curve(&self) -> Curve {
        self.curve
    }

    /// The ECDSA signature over the message's digest, as DER ECDSA-Sig-Value (RFC 3279 §2.2.3).
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, ErrorStack> {
        let key = self.signing_key()?;
        let signature = match self.curve {
            Curve::P256 => EcdsaSig::sign(&sha256(message), key),
            Curve::P384 => EcdsaSig::sign(&sha384(message), key),
            Curve::P521 => EcdsaSig::sign(&sha512(message), key),
        };
        signature?.to_der()
    }

    /// PrivateKeyInfo; `spki_der` is this key's own, whose end is the public point.
    pub fn to_pkcs8_der(&self, spki_der: &[u8]) -> Zeroizing<Vec<u8>> {
        let point_start = spki_der.len().saturating_sub(1 + 2 * self.scalar.len());
        let (_, point) = spki_der.split_at(point_start);
        self.curve.pkcs8(&self.scalar, point)
    }

    fn signing_key(&self) -> Result<&EcKey<Private>, ErrorStack> {
        if let Some(key) = self.signing_key.get() {
            return Ok(key);
        }
        let group = self.curve.group()?;
        let number = secret_number(&self.scalar)?;
        let mut context = BigNumContext::new()?;
        let mut point = EcPoint::new(group)?;
        point.mul_generator2(group, &number, &mut context)?;
        let key = EcKey::from_private_components(group, &number, &point)?;
        // Of two threads that come here together one loses its equal copy.
        Ok(self.signing_key.get_or_init(|| key))
    }
}

impl Curve {
    /// DER AlgorithmIdentifier of public keys on this curve.
    pub fn algorithm_identifier(self) -> &'static [u8] {
        match self {
            Self::P256 => der::P256,
            Self::P384 => der::P384,
            Self::P521 => der::P521,
        }
    }

    fn of(nid: Option<Nid>) -> Option<Self> {
        [Self::P256, Self::P384, Self::P521].into_iter().find(|curve| Some(curve.nid()) == nid)
    }

    fn nid(self) -> Nid {
        match self {
            Self::P256 => Nid::X9_62_PRIME256V1,
            Self::P384 => Nid::SECP384R1,
            Self::P521 => Nid::SECP521R1,
        }
    }

    /// The length of a scalar and of a coordinate, in octets.
    fn scalar_len(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }

    /// Which bits of a scalar's first octet can be set.
    fn first_octet_mask(self) -> u8 {
        match self {
            Self::P256 | Self::P384 => 0xff,
            Self::P521 => 0x01,
        }
    }

    /// The scalar's place in a structure that is as long as [`Self::pkcs8`] makes it.
    fn own_scalar(pkcs8_der: &[u8]) -> Option<(Self, &[u8])> {
        let (curve, start) = match pkcs8_der.len() {
            138 => (Self::P256, 36),
            185 => (Self::P384, 35),
            241 => (Self::P521, 35),
            _ => return None,
        };
        Some((curve, pkcs8_der.get(start..start + curve.scalar_len())?))
    }

    fn pkcs8(self, scalar: &[u8], point: &[u8]) -> Zeroizing<Vec<u8>> {
        der::pkcs8(self.algorithm_identifier(), &der::ec_private_key(scalar, point))
    }

    /// The uncompressed public point of a scalar; none when it is not from 1 to order − 1.
    fn public_point(self, scalar: &[u8]) -> Result<Option<Vec<u8>>, ErrorStack> {
        let Domain { group, order } = self.domain()?;
        let number = secret_number(scalar)?;
        if number.num_bits() == 0 || number.ucmp(order).is_ge() {
            return Ok(None);
        }
        let mut context = BigNumContext::new()?;
        let mut point = EcPoint::new(group)?;
        point.mul_generator2(group, &number, &mut context)?;
        point.to_bytes(group, PointConversionForm::UNCOMPRESSED, &mut context).map(Some)
    }

    fn group(self) -> Result<&'static EcGroup, ErrorStack> {
        Ok(&self.domain()?.group)
    }

    fn domain(self) -> Result<&'static Domain, ErrorStack> {
        static P256: OnceLock<Domain> = OnceLock::new();
        static P384: OnceLock<Domain> = OnceLock::new();
        static P521: OnceLock<Domain> = OnceLock::new();
        let cell = match self {
            Self::P256 => &P256,
            Self::P384 => &P384,
            Self::P521 => &P521,
        };
        if let Some(domain) = cell.get() {
            return Ok(domain);
        }
        let domain = Domain::new(self)?;
        Ok(cell.get_or_init(|| domain))
    }
}

/// The parameters of a curve, made once per process.
struct Domain {
    group: EcGroup,
    order: BigNum,
}

impl Domain {
    fn new(curve: Curve) -> Result<Self, ErrorStack> {
        let group = EcGroup::from_curve_name(curve.nid())?;
        let mut order = BigNum::new()?;
        let mut context = BigNumContext::new()?;
        group.order(&mut order, &mut context)?;
        Ok(Self { group, order })
    }
}

fn unacceptable(reason: &str) -> KeyError {
    KeyError::UnacceptableKey(reason.to_owned())
}

/// A number that OpenSSL wipes when it is freed and computes with in constant time.
fn secret_number(bytes: &[u8]) -> Result<BigNum, ErrorStack> {
    let mut number = BigNum::new_secure()?;
    number.copy_from_slice(bytes)?;
    number.set_const_time();
    Ok(number)
}

fn sha256(message: &[u8]) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(message);
    hash.finish()
}

fn sha384(message: &[u8]) -> [u8; 48] {
    let mut hash = Sha384::new();
    hash.update(message);
    hash.finish()
}

fn sha512(message: &[u8]) -> [u8; 64] {
    let mut hash = Sha512::new();
    hash.update(message);
    hash.finish()
}
