use certmill_x509::{KeyAlgorithm, PublicKey, X509Error, sha256_hex, spki_sha256};
use openssl::{bn::BigNum, pkey::PKey, rsa::Rsa};

use crate::judge::{Judge, TestKey};

fn rsa(modulus: &BigNum, exponent: u32) -> Vec<u8> {
    let exponent = BigNum::from_u32(exponent).unwrap();
    let key = Rsa::from_public_components(BigNum::from_slice(&modulus.to_vec()).unwrap(), exponent).unwrap();
    PKey::from_rsa(key).unwrap().public_key_to_der().unwrap()
}

/// An odd number of so many bits.
fn number(bits: i32) -> BigNum {
    let mut number = BigNum::new().unwrap();
    number.set_bit(bits - 1).unwrap();
    number.set_bit(0).unwrap();
    number
}

#[test]
fn keys_of_every_algorithm_are_taken() {
    for algorithm in KeyAlgorithm::ALL {
        let spki_der = TestKey::generate(algorithm).spki_der();
        let key = PublicKey::from_spki_der(&spki_der).unwrap();
        assert_eq!((key.algorithm_name(), key.bits()), (algorithm.key_type(), algorithm.key_size()));
        assert_eq!(key.spki_der(), spki_der);
        assert_eq!(key.spki_sha256(), spki_sha256(&spki_der));
    }
}

#[test]
fn rsa_keys_are_bounded() {
    for (bits, exponent, taken) in [
        (2048, 65_537, true),
        (2049, 65_539, true),
        (8192, 65_537, true),
        (2047, 65_537, false),
        (1024, 65_537, false),
        (8193, 65_537, false),
        (2048, 3, false),
        (2048, 65_535, false),
        (2048, 65_538, false),
        (2048, 1, false),
    ] {
        let answer = PublicKey::from_spki_der(&rsa(&number(bits), exponent));
        assert_eq!(answer.is_ok(), taken, "{bits} bits, exponent {exponent}");
    }
    let mut even = number(2048);
    even.clear_bit(0).unwrap();
    assert!(matches!(PublicKey::from_spki_der(&rsa(&even, 65_537)), Err(X509Error::WeakKey(_))));
}

#[test]
fn points_are_uncompressed_and_on_the_curve() {
    let judge = Judge::new();
    for (curve, algorithm) in
        [("P-256", KeyAlgorithm::P256), ("P-384", KeyAlgorithm::P384), ("P-521", KeyAlgorithm::P521)]
    {
        let spki_der = TestKey::generate(algorithm).spki_der();
        let mut off_curve = spki_der.clone();
        *off_curve.last_mut().unwrap() ^= 1;
        let answer = PublicKey::from_spki_der(&off_curve);
        assert!(matches!(answer, Err(X509Error::WeakKey(_))));

        judge.accepts(&format!("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:{curve} -out key.pem"));
        judge.accepts("ec -in key.pem -pubout -conv_form compressed -outform der -out spki.der");
        let compressed = std::fs::read(judge.path("spki.der")).unwrap();
        assert!(compressed.len() < spki_der.len());
        let answer = PublicKey::from_spki_der(&compressed);
        assert!(matches!(answer, Err(X509Error::UnsupportedKey(_))));
    }
}

#[test]
fn structures_that_are_no_keys_are_refused() {
    let spki_der = TestKey::generate(KeyAlgorithm::Ed25519).spki_der();
    for length in 0..spki_der.len() {
        assert!(PublicKey::from_spki_der(&spki_der[..length]).is_err());
    }
    assert!(PublicKey::from_spki_der(&[&spki_der[..], &[0]].concat()).is_err());
    // NULL parameters, which RFC 8410 §3 forbids.
    let with_null = [b"\x30\x2c\x30\x07\x06\x03\x2b\x65\x70\x05\x00", &spki_der[9..]].concat();
    assert!(matches!(PublicKey::from_spki_der(&with_null), Err(X509Error::UnsupportedKey(_))));
}

#[test]
fn hashes_are_plain_lower_case() {
    assert_eq!(sha256_hex(b""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}
