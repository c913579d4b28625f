//! Public keys whose private halves can be found, or are known: keys that must not be certified, however strong
//! their size.

use std::{fmt, sync::OnceLock};

use openssl::{
    bn::{BigNum, BigNumContext, BigNumContextRef, BigNumRef},
    error::ErrorStack,
};

use crate::{X509Error, reader::Reader, spki_sha256};

/// Exponents beyond this are not read by common relying parties.
const LONGEST_EXPONENT: usize = 31;
/// Factors below this are looked for: beyond 2^16 + 1, which keys made by mistake have had.
const SMALL_FACTORS: u32 = 1 << 17;
/// Steps of Fermat's method; factors that were drawn apart are not found in any number of them.
const FERMAT_STEPS: usize = 100;

/// Primes for which the powers of 65537 are few, so that a modulus of the ROCA form is recognised (CVE-2017-15361).
const ROCA_PRIMES: [u32; 17] = [11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157];

/// Encodings of the points of Ed25519 whose order divides 8, without the sign bit: for them anybody makes signatures.
const SMALL_ORDER: [[u8; 32]; 7] = [
    [0; 32],
    with_ends(1, 0),
    *b"\x26\xe8\x95\x8f\xc2\xb2\x27\xb0\x45\xc3\xf4\x89\xf2\xef\x98\xf0\xd5\xdf\xac\x05\xd3\xc6\x33\x39\xb1\x38\x02\x88\x6d\x53\xfc\x05",
    *b"\xc7\x17\x6a\x70\x3d\x4d\xd8\x4f\xba\x3c\x0b\x76\x0d\x10\x67\x0f\x2a\x20\x53\xfa\x2c\x39\xcc\xc6\x4e\xc7\xfd\x77\x92\xac\x03\x7a",
    filled(0xEC),
    filled(0xED),
    filled(0xEE),
];

/// SHA-256 of the `SubjectPublicKeyInfo` of keys whose private halves are in print.
const PUBLISHED: [(&str, &str); 9] = [
    // RFC 9500 §2.1 and §2.3.
    ("8fb6bad671cfe698393c453357da61b56d757ab8c0f3fb9c87f2849e63131878", "RFC 9500"),
    ("96465ea5dc9bb2da7b351d808a7196e5761f2412a5040131c68d719aaba28fb9", "RFC 9500"),
    ("b2b04340cfaee616ec9c2c62d261b208e54bb197498df52e8cadede23ac0ba5e", "RFC 9500"),
    ("c4c10105a0be0ed4dd3354428dc38a9bfee64da141ce16e75c94eda272f9dd3a", "RFC 9500"),
    ("acb1b8327fef995e2458fdf5e3c33b2dc0749feabd6a894cb9bda9d70ac06c24", "RFC 9500"),
    // RFC 8032 §7.1 and RFC 8410 §10.
    ("06e3fd8fda29bb60ab59557de61edb0aecdb231134be30e75b455f8e1b792fa9", "RFC 8032"),
    ("deb2ded39dc26fce0e6085b6fc34bf6b5941913bbfe2ea614113cff9e004c170", "RFC 8032"),
    ("8d39ba50abe50f77b6bb8ae7b6927aff7ffbeba35ad2837c0e51e82bcbcc60d5", "RFC 8032"),
    ("a1e9156054e04fac899ae9f275132cdc07a5dbc4ea2c2ad3a1ffc6e0d253681f", "RFC 8410"),
];

/// Why a public key is weak although its size is not.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KeyWeakness {
    /// The factors of the RSA modulus are so close that Fermat's method finds them.
    CloseFactors,
    /// The RSA modulus has a factor that is found by trying.
    SmallFactor(u32),
    /// The RSA modulus is a square.
    SquareModulus,
    /// The RSA modulus is a prime, so that everybody can compute the private exponent.
    PrimeModulus,
    /// The RSA key was made by a library whose primes can be found (ROCA, CVE-2017-15361).
    Roca,
    /// The RSA exponent is beyond 2^31 - 1.
    LongExponent,
    /// The Ed25519 key is a point of small order.
    SmallOrder,
    /// The private key was published, in the document that is named.
    Published(&'static str),
}

impl KeyWeakness {
    /// What is wrong with a `SubjectPublicKeyInfo`, if anything is. Costs about 2 ms for RSA of 2048 bits and
    /// 20 ms for 4096, nothing for other
    /// keys.
    ///
    /// # Errors
    /// [`X509Error::Der`] when it is none; [`X509Error::Crypto`].
    pub fn of(spki_der: &[u8]) -> Result<Option<Self>, X509Error> {
        let hash = spki_sha256(spki_der);
        if let Some((_, document)) = PUBLISHED.iter().find(|(known, _)| *known == hash) {
            return Ok(Some(Self::Published(document)));
        }
        if let Some(point) = ed25519_point(spki_der) {
            return Ok(has_small_order(point).then_some(Self::SmallOrder));
        }
        match rsa_numbers(spki_der)? {
            Some((modulus, exponent)) => of_rsa(modulus, exponent),
            None => Ok(None),
        }
    }

    /// The stable code, in snake_case.
    pub const fn code(self) -> &'static str {
        match self {
            Self::CloseFactors => "close_factors",
            Self::SmallFactor(_) => "small_factor",
            Self::SquareModulus => "square_modulus",
            Self::PrimeModulus => "prime_modulus",
            Self::Roca => "roca",
            Self::LongExponent => "long_exponent",
            Self::SmallOrder => "small_order",
            Self::Published(_) => "published_key",
        }
    }
}

impl fmt::Display for KeyWeakness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CloseFactors => f.write_str(
                "the two primes of the RSA key are so close to each other that anybody can find them (Fermat)",
            ),
            Self::SmallFactor(factor) => write!(f, "the RSA modulus can be divided by {factor}"),
            Self::SquareModulus => f.write_str("the RSA modulus is a square, so anybody can find its prime"),
            Self::PrimeModulus => {
                f.write_str("the RSA modulus is a prime, so anybody can compute the private key")
            }
            Self::Roca => f.write_str(
                "the RSA key has the form of a faulty library whose private keys can be computed (ROCA, CVE-2017-15361)",
            ),
            Self::LongExponent => {
                f.write_str("the RSA exponent is beyond 2^31-1, which many relying parties cannot read")
            }
            Self::SmallOrder => {
                f.write_str("the Ed25519 key is a point of small order, for which anybody can sign")
            }
            Self::Published(document) => write!(f, "the private key is published in {document}"),
        }
    }
}

const fn with_ends(first: u8, last: u8) -> [u8; 32] {
    let mut octets = [0; 32];
    octets[0] = first;
    octets[31] = last;
    octets
}

/// The prime of the field and its neighbours, little-endian: they are other encodings of small numbers.
const fn filled(first: u8) -> [u8; 32] {
    let mut octets = [0xFF; 32];
    octets[0] = first;
    octets[31] = 0x7F;
    octets
}

fn ed25519_point(spki_der: &[u8]) -> Option<&[u8; 32]> {
    const PREFIX: &[u8] = b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00";
    spki_der.strip_prefix(PREFIX)?.try_into().ok()
}

fn has_small_order(point: &[u8; 32]) -> bool {
    let mut without_sign = *point;
    without_sign[31] &= 0x7F;
    SMALL_ORDER.contains(&without_sign)
}

/// Modulus and exponent of an RSA key.
type RsaNumbers<'a> = (&'a [u8], &'a [u8]);

/// The numbers of an RSA key; none for keys of other algorithms.
fn rsa_numbers(spki_der: &[u8]) -> Result<Option<RsaNumbers<'_>>, X509Error> {
    const RSA_ENCRYPTION: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01";
    let mut spki = Reader::of_sequence(spki_der)?;
    let mut identifier = spki.sequence()?;
    if identifier.value(crate::writer::tag::OBJECT_IDENTIFIER)? != RSA_ENCRYPTION {
        return Ok(None);
    }
    let mut key = Reader::of_sequence(spki.bit_string()?)?;
    Ok(Some((key.unsigned_integer()?, key.unsigned_integer()?)))
}

fn of_rsa(modulus: &[u8], exponent: &[u8]) -> Result<Option<KeyWeakness>, X509Error> {
    let exponent = BigNum::from_slice(exponent)?;
    if exponent.num_bits() > i32::try_from(LONGEST_EXPONENT).unwrap_or(i32::MAX) {
        return Ok(Some(KeyWeakness::LongExponent));
    }
    let modulus = BigNum::from_slice(modulus)?;
    let mut context = BigNumContext::new()?;
    if let Some(factor) = small_factor(&modulus, &mut context)? {
        return Ok(Some(KeyWeakness::SmallFactor(factor)));
    }
    if has_form_of_roca(&modulus)? {
        return Ok(Some(KeyWeakness::Roca));
    }
    if let Some(weakness) = fermat(&modulus, &mut context)? {
        return Ok(Some(weakness));
    }
    Ok(is_prime(&modulus, &mut context)?.then_some(KeyWeakness::PrimeModulus))
}

/// The odd primes below [`SMALL_FACTORS`].
fn small_primes() -> &'static [u32] {
    static PRIMES: OnceLock<Vec<u32>> = OnceLock::new();
    PRIMES.get_or_init(|| {
        // Invariant: it is 2^17.
        let limit = usize::try_from(SMALL_FACTORS).unwrap_or(usize::MAX);
        let mut composite = vec![false; limit];
        let mut primes = Vec::new();
        for number in (3..limit).step_by(2) {
            if composite.get(number).is_some_and(|composite| *composite) {
                continue;
            }
            primes.push(u32::try_from(number).unwrap_or(u32::MAX));
            for multiple in (number * number..limit).step_by(2 * number) {
                if let Some(composite) = composite.get_mut(multiple) {
                    *composite = true;
                }
            }
        }
        primes
    })
}

/// The product of the small primes, made once.
fn small_product() -> Result<&'static BigNum, ErrorStack> {
    static PRODUCT: OnceLock<BigNum> = OnceLock::new();
    if let Some(product) = PRODUCT.get() {
        return Ok(product);
    }
    let mut product = BigNum::from_u32(1)?;
    for prime in small_primes() {
        product.mul_word(*prime)?;
    }
    Ok(PRODUCT.get_or_init(|| product))
}

fn small_factor(modulus: &BigNumRef, context: &mut BigNumContextRef) -> Result<Option<u32>, ErrorStack> {
    if modulus.num_bits() <= 32 {
        return Ok(None);
    }
    let mut rest = BigNum::new()?;
    rest.checked_rem(small_product()?, modulus, context)?;
    let mut common = BigNum::new()?;
    common.gcd(modulus, &rest, context)?;
    if common.num_bits() <= 1 {
        return Ok(None);
    }
    for prime in small_primes() {
        if modulus.mod_word(*prime)? == 0 {
            return Ok(Some(*prime));
        }
    }
    Ok(None)
}

/// Whether the modulus is a power of 65537 modulo each of the primes, as one in 2^27 is by chance.
fn has_form_of_roca(modulus: &BigNumRef) -> Result<bool, ErrorStack> {
    for prime in ROCA_PRIMES {
        let rest = modulus.mod_word(prime)?;
        let prime = u64::from(prime);
        let mut power = 1;
        let is_power = (0..prime).any(|_| {
            power = power * 65_537 % prime;
            power == rest
        });
        if !is_power {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Fermat's method: *n* = *a*² - *b*² with an *a* just above the root, when the factors are close.
fn fermat(modulus: &BigNumRef, context: &mut BigNumContextRef) -> Result<Option<KeyWeakness>, ErrorStack> {
    let mut root = integer_root(modulus, context)?;
    let mut square = BigNum::new()?;
    square.sqr(&root, context)?;
    if square.ucmp(modulus).is_eq() {
        return Ok(Some(KeyWeakness::SquareModulus));
    }
    root.add_word(1)?;
    square.sqr(&root, context)?;
    let mut difference = BigNum::new()?;
    difference.checked_sub(&square, modulus)?;
    let mut step = BigNum::new()?;
    for _ in 0..FERMAT_STEPS {
        if is_square(&difference, context)? {
            return Ok(Some(KeyWeakness::CloseFactors));
        }
        // (a + 1)² - a² = 2a + 1.
        step.lshift1(&root)?;
        step.add_word(1)?;
        let mut next = BigNum::new()?;
        next.checked_add(&difference, &step)?;
        difference = next;
        root.add_word(1)?;
    }
    Ok(None)
}

/// The greatest integer whose square is not greater, by Newton's method from above.
fn integer_root(number: &BigNumRef, context: &mut BigNumContextRef) -> Result<BigNum, ErrorStack> {
    let mut root = BigNum::new()?;
    root.set_bit(number.num_bits() / 2 + 1)?;
    loop {
        let (mut quotient, mut sum, mut next) = (BigNum::new()?, BigNum::new()?, BigNum::new()?);
        quotient.checked_div(number, &root, context)?;
        sum.checked_add(&root, &quotient)?;
        next.rshift1(&sum)?;
        if next.ucmp(&root).is_ge() {
            return Ok(root);
        }
        root = next;
    }
}

fn is_square(number: &BigNumRef, context: &mut BigNumContextRef) -> Result<bool, ErrorStack> {
    // Squares are few modulo these, and the roots of others need not be taken.
    for (word, squares) in
        [(64, &[0, 1, 4, 9, 16, 17, 25, 33, 36, 41, 49, 57][..]), (11, &[0, 1, 3, 4, 5, 9])]
    {
        if !squares.contains(&number.mod_word(word)?) {
            return Ok(false);
        }
    }
    let root = integer_root(number, context)?;
    let mut square = BigNum::new()?;
    square.sqr(&root, context)?;
    Ok(square.ucmp(number).is_eq())
}

/// Fermat's test to the base 2, which a product of two large primes passes by no chance worth a thought.
fn is_prime(modulus: &BigNumRef, context: &mut BigNumContextRef) -> Result<bool, ErrorStack> {
    let mut exponent = modulus.to_owned()?;
    exponent.sub_word(1)?;
    let mut power = BigNum::new()?;
    power.mod_exp(&*BigNum::from_u32(2)?, &exponent, modulus, context)?;
    Ok(power.ucmp(&*BigNum::from_u32(1)?).is_eq())
}

#[cfg(test)]
mod tests {
    use openssl::{bn::MsbOption, rsa::Rsa};

    use super::*;

    fn spki(modulus: &BigNumRef, exponent: u32) -> Vec<u8> {
        let exponent = BigNum::from_u32(exponent).unwrap();
        let key = Rsa::from_public_components(modulus.to_owned().unwrap(), exponent).unwrap();
        key.public_key_to_der().unwrap()
    }

    fn product(p: &BigNumRef, q: &BigNumRef) -> BigNum {
        let mut product = BigNum::new().unwrap();
        product.checked_mul(p, q, &mut BigNumContext::new().unwrap()).unwrap();
        product
    }

    fn of_modulus(modulus: &BigNumRef) -> Option<KeyWeakness> {
        KeyWeakness::of(&spki(modulus, 65_537)).unwrap()
    }

    fn prime(bits: i32) -> BigNum {
        let mut prime = BigNum::new().unwrap();
        prime.generate_prime(bits, false, None, None).unwrap();
        prime
    }

    fn next_prime(after: &BigNumRef) -> BigNum {
        let (mut next, mut context) = (after.to_owned().unwrap(), BigNumContext::new().unwrap());
        loop {
            next.add_word(2).unwrap();
            if next.is_prime_fasttest(0, &mut context, true).unwrap() {
                return next;
            }
        }
    }

    #[test]
    fn ordinary_keys_are_strong() {
        for bits in [2048, 3072] {
            let key = Rsa::generate(bits).unwrap();
            assert_eq!(KeyWeakness::of(&key.public_key_to_der().unwrap()).unwrap(), None, "{bits}");
        }
        let ed25519 = openssl::pkey::PKey::generate_ed25519().unwrap();
        assert_eq!(KeyWeakness::of(&ed25519.public_key_to_der().unwrap()).unwrap(), None);
        assert!(KeyWeakness::of(b"\x30\x00").is_err());
    }

    #[test]
    fn factors_that_can_be_found_are() {
        let p = prime(1024);
        assert_eq!(of_modulus(&product(&p, &p)), Some(KeyWeakness::SquareModulus));
        assert_eq!(of_modulus(&product(&p, &next_prime(&p))), Some(KeyWeakness::CloseFactors));
        for factor in [3, 751, 65_539, 131_071] {
            let rest = prime(2040);
            let modulus = product(&rest, &BigNum::from_u32(factor).unwrap());
            assert_eq!(of_modulus(&modulus), Some(KeyWeakness::SmallFactor(factor)));
        }
        assert_eq!(of_modulus(&prime(2048)), Some(KeyWeakness::PrimeModulus));
        assert_eq!(
            KeyWeakness::of(&spki(&product(&p, &prime(1024)), 0x8000_0001)).unwrap(),
            Some(KeyWeakness::LongExponent)
        );
    }

    /// Primes of the form *k*·*M* + (65537^*a* mod *M*), *M* being the product of the first 126 primes.
    fn roca_prime() -> BigNum {
        let mut context = BigNumContext::new().unwrap();
        let mut primorial = BigNum::from_u32(2).unwrap();
        for prime in small_primes().iter().take(125) {
            primorial.mul_word(*prime).unwrap();
        }
        let (mut multiple, mut power, mut exponent) =
            (BigNum::new().unwrap(), BigNum::new().unwrap(), BigNum::new().unwrap());
        let base = BigNum::from_u32(65_537).unwrap();
        loop {
            multiple.rand(1024 - primorial.num_bits(), MsbOption::ONE, false).unwrap();
            exponent.rand(60, MsbOption::MAYBE_ZERO, false).unwrap();
            power.mod_exp(&base, &exponent, &primorial, &mut context).unwrap();
            let mut candidate = BigNum::new().unwrap();
            candidate.checked_add(&product(&multiple, &primorial), &power).unwrap();
            if candidate.is_prime_fasttest(0, &mut context, true).unwrap() {
                return candidate;
            }
        }
    }

    #[test]
    fn keys_of_the_faulty_library_are_recognised() {
        assert_eq!(of_modulus(&product(&roca_prime(), &roca_prime())), Some(KeyWeakness::Roca));
    }

    #[test]
    fn points_of_small_order_are_recognised_with_both_signs() {
        const PREFIX: &[u8] = b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00";
        for point in SMALL_ORDER {
            for sign in [0, 0x80] {
                let mut signed = point;
                signed[31] |= sign;
                let weakness = KeyWeakness::of(&[PREFIX, &signed].concat()).unwrap();
                assert_eq!(weakness, Some(KeyWeakness::SmallOrder), "{signed:02x?}");
            }
        }
    }

    #[test]
    fn published_keys_are_known() {
        // RFC 8410 §10.1.
        const PEM: &str = "-----BEGIN PUBLIC KEY-----\n\
                           MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n\
                           -----END PUBLIC KEY-----\n";
        let key = openssl::pkey::PKey::public_key_from_pem(PEM.as_bytes()).unwrap();
        let weakness = KeyWeakness::of(&key.public_key_to_der().unwrap()).unwrap();
        assert_eq!(weakness, Some(KeyWeakness::Published("RFC 8410")));
        // RFC 9500 §2.3.
        const P256: &str = "-----BEGIN EC PRIVATE KEY-----\n\
                            MHcCAQEEIObLW92AqkWunJXowVR2Z5/+yVPBaFHnEedDk5WJxk/BoAoGCCqGSM49\n\
                            AwEHoUQDQgAEQiVI+I+3gv+17KN0RFLHKh5Vj71vc75eSOkyMsxFxbFsTNEMTLjV\n\
                            uKFxOelIgsiZJXKZNCX0FBmrfpCkKklCcg==\n\
                            -----END EC PRIVATE KEY-----\n";
        let key = openssl::pkey::PKey::private_key_from_pem(P256.as_bytes()).unwrap();
        let weakness = KeyWeakness::of(&key.public_key_to_der().unwrap()).unwrap();
        assert_eq!(weakness, Some(KeyWeakness::Published("RFC 9500")));
    }
}
