//! Prints what keys cost, in µs per operation: `cargo run --release -p certmill-keys --example cost`.
//!
//! The first table is this crate; the second is the ways of OpenSSL that it was weighed against.

use std::hint::black_box;
use std::time::{Duration, Instant};

use certmill_domain::{SystemEntropy, TenantId, Timestamp};
use certmill_keys::{PrivateKey, SealPlace, TenantKey};
use certmill_x509::{KeyAlgorithm, Signer as _};
use openssl::bn::BigNumContext;
use openssl::ec::{EcGroup, EcKey, PointConversionForm};
use openssl::ecdsa::EcdsaSig;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::PKey;
use openssl::rsa::Rsa;
use openssl::sign::Signer;

type Failure = Box<dyn std::error::Error>;

/// About as long as the signed part of a leaf certificate.
const MESSAGE: &[u8] = &[0x30; 500];
const BUDGET: Duration = Duration::from_millis(700);

fn main() -> Result<(), Failure> {
    println!("{:10} {:>12} {:>12} {:>12} {:>12}", "", "generate", "PKCS#8 PEM", "sign", "read");
    for algorithm in KeyAlgorithm::ALL {
        this_crate(algorithm)?;
    }
    leaf_on_p256()?;
    sealing()?;
    println!("\nweighed against:");
    openssl_p256()?;
    openssl_ed25519()?;
    openssl_rsa()?;
    Ok(())
}

fn this_crate(algorithm: KeyAlgorithm) -> Result<(), Failure> {
    let generate = cost(|| PrivateKey::generate(algorithm))?;
    let key = PrivateKey::generate(algorithm)?;
    let pem = cost(|| key.to_pkcs8_pem())?;
    let sign = cost(|| key.sign(MESSAGE))?;
    let der = key.to_pkcs8_der()?;
    let read = cost(|| PrivateKey::from_pkcs8_der(&der))?;
    let name = format!("{algorithm:?}");
    println!("{name:10} {generate:12.1} {pem:12.2} {sign:12.1} {read:12.1}");
    Ok(())
}

fn leaf_on_p256() -> Result<(), Failure> {
    let issuer = PrivateKey::generate(KeyAlgorithm::P256)?;
    let together = cost(|| {
        let key = PrivateKey::generate(KeyAlgorithm::P256)?;
        black_box(key.spki_der());
        black_box(key.to_pkcs8_pem()?);
        issuer.sign(MESSAGE).map_err(Failure::from)
    })?;
    println!("\nP-256 leaf: generate, SPKI, PKCS#8 PEM and the issuer's signature {together:.1}");
    Ok(())
}

fn sealing() -> Result<(), Failure> {
    let key = TenantKey::generate(1, &SystemEntropy);
    let tenant = TenantId::generate(Timestamp::from_unix_seconds(0), &SystemEntropy);
    let place = SealPlace { tenant, table: "certificates", row: "cert_1", column: "private_key" };
    let seal = cost(|| key.seal(&place, &MESSAGE[..138], &SystemEntropy))?;
    let sealed = key.seal(&place, &MESSAGE[..138], &SystemEntropy)?;
    let open = cost(|| key.open(&place, &sealed))?;
    println!("sealing 138 bytes {seal:.2}, opening {open:.2}");
    Ok(())
}

fn openssl_p256() -> Result<(), Failure> {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?;
    let ec_key = EcKey::generate(&group)?;
    let key = PKey::from_ec_key(ec_key.clone())?;
    report("P-256 EVP generate", cost(|| PKey::ec_gen("P-256"))?);
    report("P-256 EcKey::generate, cached group", cost(|| EcKey::generate(&group))?);
    let together = cost(|| {
        let key = EcKey::generate(&group)?;
        let mut context = BigNumContext::new()?;
        let form = PointConversionForm::UNCOMPRESSED;
        let point = key.public_key().to_bytes(&group, form, &mut context)?;
        key.private_key().to_vec_padded(32).map(|scalar| (key, point, scalar))
    })?;
    report("P-256 EcKey::generate, point and scalar", together);
    report("P-256 EVP SPKI", cost(|| key.public_key_to_der())?);
    report("P-256 EVP PKCS#8", cost(|| key.private_key_to_pkcs8())?);
    report(
        "P-256 EVP sign",
        cost(|| Signer::new(MessageDigest::sha256(), &key)?.sign_oneshot_to_vec(MESSAGE))?,
    );
    let digest = openssl::sha::sha256(MESSAGE);
    report("P-256 EcdsaSig::sign of a digest", cost(|| EcdsaSig::sign(&digest, &ec_key))?);
    report("SHA-256 one-shot", cost(|| Ok::<_, Failure>(openssl::sha::sha256(MESSAGE)))?);
    Ok(())
}

fn openssl_ed25519() -> Result<(), Failure> {
    report("Ed25519 EVP generate", cost(PKey::generate_ed25519)?);
    Ok(())
}

fn openssl_rsa() -> Result<(), Failure> {
    let rsa = Rsa::generate(2048)?;
    let key = PKey::from_rsa(rsa.clone())?;
    report("RSA-2048 EVP PKCS#8", cost(|| key.private_key_to_pkcs8())?);
    report("RSA-2048 check_key", cost(|| rsa.check_key())?);
    Ok(())
}

fn report(name: &str, micros: f64) {
    println!("{name:40} {micros:10.2}");
}

/// The mean of as many runs as fit the budget, at least one, after one that is not counted when the
/// operation is quick.
fn cost<T, E: Into<Failure>>(mut operation: impl FnMut() -> Result<T, E>) -> Result<f64, Failure> {
    black_box(operation().map_err(Into::into)?);
    let start = Instant::now();
    let mut runs = 0_u32;
    loop {
        black_box(operation().map_err(Into::into)?);
        runs += 1;
        let elapsed = start.elapsed();
        if elapsed > BUDGET {
            return Ok(elapsed.as_secs_f64() * 1e6 / f64::from(runs));
        }
    }
}
