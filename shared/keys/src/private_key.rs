//! A private key of any algorithm that is served.

mod reading;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use certmill_x509::{KeyAlgorithm, KeyPair, SignatureAlgorithm, Signer, X509Error};
use openssl::ec::EcKey;
use openssl::error::ErrorStack;
use openssl::pkey::{Id, PKey, Private};
use openssl::rand::rand_priv_bytes;
use zeroize::Zeroizing;

use crate::ec::{Curve, EcSecret};
use crate::rsa::{Modulus, RsaSecret};
use crate::{KeyError, der};

/// A private key together with its public key. It cannot be printed, cloned or serialised, and its
/// memory is wiped when it is dropped.
pub struct PrivateKey {
    algorithm: KeyAlgorithm,
    spki_der: Vec<u8>,
    secret: Secret,
    signs_by_pss: bool,
}

enum Secret {
    Rsa(RsaSecret),
    Ec(EcSecret),
    Ed25519(PKey<Private>),
}

impl PrivateKey {
    /// Makes a fresh key on the calling thread: some 15 µs for P-256 and 50 µs for Ed25519, up to a
    /// millisecond for the other curves, and from tens of milliseconds to seconds for RSA, so that
    /// asynchronous code asks the [`KeyPool`](crate::KeyPool).
    ///
    /// # Errors
    /// [`KeyError::Crypto`].
    pub fn generate(algorithm: KeyAlgorithm) -> Result<Self, KeyError> {
        match algorithm {
            KeyAlgorithm::Rsa2048 => Self::generate_rsa(algorithm, Modulus::Bits2048),
            KeyAlgorithm::Rsa3072 => Self::generate_rsa(algorithm, Modulus::Bits3072),
            KeyAlgorithm::Rsa4096 => Self::generate_rsa(algorithm, Modulus::Bits4096),
            KeyAlgorithm::P256 => Self::generate_ec(Curve::P256),
            KeyAlgorithm::P384 => Self::generate_ec(Curve::P384),
            KeyAlgorithm::P521 => Self::generate_ec(Curve::P521),
            KeyAlgorithm::Ed25519 => Self::generate_ed25519(),
        }
    }

    /// Reads an unencrypted PKCS#8 PrivateKeyInfo (RFC 5208 §5) and checks its strength and that
    /// its private and public halves belong together.
    ///
    /// # Errors
    /// [`KeyError::InvalidKey`] for anything else than exactly one such structure;
    /// [`KeyError::WeakKey`] for RSA of less than 2048 bits or with an even or small exponent;
    /// [`KeyError::UnacceptableKey`] for RSA of other sizes than 2048, 3072 and 4096 bits, for curves
    /// other than P-256, P-384 and P-521, for other algorithms, and for halves that do not match.
    pub fn from_pkcs8_der(pkcs8_der: &[u8]) -> Result<Self, KeyError> {
        if let Some((secret, point)) = EcSecret::from_own_pkcs8(pkcs8_der)? {
            return Ok(Self::from_ec(secret, &point));
        }
        if let Some(seed) = der::own_ed25519_seed(pkcs8_der) {
            return Ok(Self::from_ed25519(PKey::private_key_from_raw_bytes(seed, Id::ED25519)?)?);
        }
        if !der::is_one_sequence(pkcs8_der) {
            return Err(KeyError::InvalidKey("it is not exactly one DER SEQUENCE".into()));
        }
        let key = PKey::private_key_from_pkcs8(pkcs8_der)
            .map_err(|_| KeyError::InvalidKey("it is not an unencrypted PKCS#8 PrivateKeyInfo".into()))?;
        match key.id() {
            Id::RSA => Self::import_rsa(&key),
            Id::EC => Self::import_ec(&key.ec_key()?),
            Id::ED25519 => Ok(Self::from_ed25519(key)?),
            _ => Err(KeyError::UnacceptableKey("its algorithm is not RSA, ECDSA or Ed25519".to_owned())),
        }
    }

    /// Has an RSA key sign by RSASSA-PSS instead of PKCS #1 v1.5. It makes no difference to other keys.
    #[must_use]
    pub fn signing_by_pss(self, on: bool) -> Self {
        Self { signs_by_pss: on, ..self }
    }

    /// Which algorithm and size the key has.
    pub fn algorithm(&self) -> KeyAlgorithm {
        self.algorithm
    }

    /// DER SubjectPublicKeyInfo of the public key (RFC 5280 §4.1).
    pub fn spki_der(&self) -> &[u8] {
        &self.spki_der
    }

    /// DER PKCS#8 PrivateKeyInfo, version 0, unencrypted (RFC 5208 §5).
    ///
    /// # Errors
    /// [`KeyError::Crypto`].
    pub fn to_pkcs8_der(&self) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        match &self.secret {
            Secret::Rsa(secret) => Ok(secret.to_pkcs8_der()?),
            Secret::Ec(secret) => Ok(secret.to_pkcs8_der(&self.spki_der)),
            Secret::Ed25519(key) => {
                let seed = Zeroizing::new(key.raw_private_key()?);
                Ok(der::pkcs8(der::ED25519, &der::curve_private_key(&seed)))
            }
        }
    }

    /// PEM text "PRIVATE KEY" of [`Self::to_pkcs8_der`] (RFC 7468 §10), with a line feed at the end
    /// of every line.
    ///
    /// # Errors
    /// [`KeyError::Crypto`].
    pub fn to_pkcs8_pem(&self) -> Result<Zeroizing<String>, KeyError> {
        Ok(private_key_pem(&self.to_pkcs8_der()?))
    }

    fn generate_rsa(algorithm: KeyAlgorithm, modulus: Modulus) -> Result<Self, KeyError> {
        let (secret, public_key) = RsaSecret::generate(modulus)?;
        Ok(Self::from_rsa(algorithm, secret, &public_key))
    }

    fn import_rsa(key: &PKey<Private>) -> Result<Self, KeyError> {
        let (modulus, secret, public_key) = RsaSecret::import(key.rsa()?)?;
        let algorithm = match modulus {
            Modulus::Bits2048 => KeyAlgorithm::Rsa2048,
            Modulus::Bits3072 => KeyAlgorithm::Rsa3072,
            Modulus::Bits4096 => KeyAlgorithm::Rsa4096,
        };
        Ok(Self::from_rsa(algorithm, secret, &public_key))
    }

    fn from_rsa(algorithm: KeyAlgorithm, secret: RsaSecret, public_key: &[u8]) -> Self {
        let spki_der = der::spki(der::RSA, public_key);
        Self { algorithm, spki_der, secret: Secret::Rsa(secret), signs_by_pss: false }
    }

    fn generate_ec(curve: Curve) -> Result<Self, KeyError> {
        let (secret, point) = EcSecret::generate(curve)?;
        Ok(Self::from_ec(secret, &point))
    }

    fn import_ec(key: &EcKey<Private>) -> Result<Self, KeyError> {
        let (secret, point) = EcSecret::import(key)?;
        Ok(Self::from_ec(secret, &point))
    }

    fn from_ec(secret: EcSecret, point: &[u8]) -> Self {
        let algorithm = match secret.curve() {
            Curve::P256 => KeyAlgorithm::P256,
            Curve::P384 => KeyAlgorithm::P384,
            Curve::P521 => KeyAlgorithm::P521,
        };
        let spki_der = der::spki(secret.curve().algorithm_identifier(), point);
        Self { algorithm, spki_der, secret: Secret::Ec(secret), signs_by_pss: false }
    }

    /// From a random seed (RFC 8032 §5.1.5), which spares OpenSSL's generation context.
    fn generate_ed25519() -> Result<Self, KeyError> {
        let mut seed = Zeroizing::new([0; 32]);
        rand_priv_bytes(&mut *seed)?;
        Ok(Self::from_ed25519(PKey::private_key_from_raw_bytes(&*seed, Id::ED25519)?)?)
    }

    fn from_ed25519(key: PKey<Private>) -> Result<Self, ErrorStack> {
        let spki_der = der::spki(der::ED25519, &key.raw_public_key()?);
        let (algorithm, secret) = (KeyAlgorithm::Ed25519, Secret::Ed25519(key));
        Ok(Self { algorithm, spki_der, secret, signs_by_pss: false })
    }
}

impl Signer for PrivateKey {
    fn signature_algorithm(&self) -> SignatureAlgorithm {
        let usual = self.algorithm.signature_algorithm();
        if self.signs_by_pss { usual.by_pss().unwrap_or(usual) } else { usual }
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, X509Error> {
        let signature = match &self.secret {
            Secret::Rsa(secret) if self.signs_by_pss => secret.sign_pss(message),
            Secret::Rsa(secret) => secret.sign(message),
            Secret::Ec(secret) => secret.sign(message),
            Secret::Ed25519(key) => openssl::sign::Signer::new_without_digest(key)
                .and_then(|mut signer| signer.sign_oneshot_to_vec(message)),
        };
        Ok(signature?)
    }
}

impl KeyPair for PrivateKey {
    fn spki_der(&self) -> &[u8] {
        &self.spki_der
    }
}

/// Written here into one buffer of the right size, so that the text of a key is in memory once.
fn private_key_pem(pkcs8_der: &[u8]) -> Zeroizing<String> {
    const BEGIN: &str = "-----BEGIN PRIVATE KEY-----\n";
    const END: &str = "-----END PRIVATE KEY-----\n";
    const OCTETS_PER_LINE: usize = 48;
    const CHARACTERS_PER_LINE: usize = 64;

    let lines = pkcs8_der.len().div_ceil(OCTETS_PER_LINE);
    let mut pem =
        Zeroizing::new(String::with_capacity(BEGIN.len() + lines * (CHARACTERS_PER_LINE + 1) + END.len()));
    pem.push_str(BEGIN);
    let mut line = Zeroizing::new([0; CHARACTERS_PER_LINE]);
    for octets in pkcs8_der.chunks(OCTETS_PER_LINE) {
        // Invariant: 48 octets are 64 characters, and base64 text is ASCII.
        let length = STANDARD.encode_slice(octets, &mut *line).expect("64 characters suffice");
        pem.push_str(std::str::from_utf8(&line[..length]).expect("base64 is ASCII"));
        pem.push('\n');
    }
    pem.push_str(END);
    pem
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::process::Command;

    use openssl::bn::{BigNum, BigNumRef};
    use openssl::ec::EcGroup;
    use openssl::nid::Nid;
    use openssl::rsa::{Rsa, RsaPrivateKeyBuilder};
    use openssl::symm::Cipher;
    use tempfile::TempDir;

    use super::*;

    const MESSAGE: &[u8] = b"what is to be signed";

    #[test]
    fn openssl_reads_every_key_and_derives_the_same_public_key() {
        for algorithm in KeyAlgorithm::ALL {
            let key = PrivateKey::generate(algorithm).ok().unwrap();
            let folder = TempDir::new().unwrap();
            fs::write(folder.path().join("key.pem"), key.to_pkcs8_pem().unwrap().as_bytes()).unwrap();
            openssl(&folder, &["pkey", "-in", "key.pem", "-check", "-noout"]);
            openssl(&folder, &["pkey", "-in", "key.pem", "-pubout", "-outform", "DER", "-out", "spki"]);
            assert_eq!(fs::read(folder.path().join("spki")).unwrap(), key.spki_der(), "{algorithm:?}");
        }
    }

    #[test]
    fn openssl_verifies_every_signature() {
        for algorithm in KeyAlgorithm::ALL {
            let key = PrivateKey::generate(algorithm).ok().unwrap();
            openssl_verifies(&key);
        }
    }

    #[test]
    fn every_key_survives_pkcs8_and_still_signs() {
        for algorithm in KeyAlgorithm::ALL {
            let key = PrivateKey::generate(algorithm).ok().unwrap();
            let pkcs8_der = key.to_pkcs8_der().unwrap();
            let again = PrivateKey::from_pkcs8_der(&pkcs8_der).ok().unwrap();
            assert_eq!(again.algorithm(), algorithm);
            assert_eq!(again.spki_der(), key.spki_der());
            assert_eq!(*again.to_pkcs8_der().unwrap(), *pkcs8_der);
            openssl_verifies(&again);
        }
    }

    #[test]
    fn our_own_form_is_read_without_the_decoders_of_openssl() {
        for (algorithm, bad) in [
            (KeyAlgorithm::P256, vec![0xff; 32]),
            (KeyAlgorithm::P384, vec![0; 48]),
            (KeyAlgorithm::P521, vec![0xff; 66]),
        ] {
            let own = PrivateKey::generate(algorithm).ok().unwrap().to_pkcs8_der().unwrap();
            assert!(EcSecret::from_own_pkcs8(&own).ok().unwrap().is_some(), "{algorithm:?}");
            for position in 0..own.len() {
                let mut changed = own.to_vec();
                changed[position] ^= 1;
                assert!(EcSecret::from_own_pkcs8(&changed).ok().unwrap().is_none());
            }
            let start =
                own.windows(2).position(|pair| pair == [0x04, u8::try_from(bad.len()).unwrap()]).unwrap() + 2;
            let mut out_of_range = own.to_vec();
            out_of_range[start..start + bad.len()].copy_from_slice(&bad);
            assert!(!refusal(&out_of_range).is_empty());
        }
        let own = PrivateKey::generate(KeyAlgorithm::Ed25519).ok().unwrap().to_pkcs8_der().unwrap();
        assert!(der::own_ed25519_seed(&own).is_some());
    }

    #[test]
    fn keys_that_openssl_made_are_read() {
        for (algorithm, arguments) in [
            (KeyAlgorithm::Rsa2048, ["RSA", "-pkeyopt", "rsa_keygen_bits:2048"]),
            (KeyAlgorithm::Rsa3072, ["RSA", "-pkeyopt", "rsa_keygen_bits:3072"]),
            (KeyAlgorithm::P256, ["EC", "-pkeyopt", "ec_paramgen_curve:P-256"]),
            (KeyAlgorithm::P384, ["EC", "-pkeyopt", "ec_paramgen_curve:P-384"]),
            (KeyAlgorithm::P521, ["EC", "-pkeyopt", "ec_paramgen_curve:P-521"]),
            (KeyAlgorithm::Ed25519, ["ED25519", "-outform", "PEM"]),
        ] {
            let folder = TempDir::new().unwrap();
            let command = ["genpkey", "-out", "key.pem", "-algorithm"];
            openssl(&folder, &[&command[..], &arguments].concat());
            let pem = fs::read_to_string(folder.path().join("key.pem")).unwrap();
            let key = PrivateKey::from_pkcs8_der(&pem_content(&pem)).ok().unwrap();
            assert_eq!(key.algorithm(), algorithm);
        }
    }

    /// Scalars and points are padded: one key in 256 has a scalar with a leading zero octet.
    #[test]
    fn small_scalars_keep_their_length() {
        let mut short = 0;
        let lengths: Vec<_> = (0..2000)
            .map(|_| {
                let key = PrivateKey::generate(KeyAlgorithm::P256).ok().unwrap();
                let pkcs8_der = key.to_pkcs8_der().unwrap();
                let read = PKey::private_key_from_pkcs8(&pkcs8_der).unwrap();
                short += usize::from(read.ec_key().unwrap().private_key().num_bits() <= 248);
                pkcs8_der.len()
            })
            .collect();
        assert!(short > 0);
        assert!(lengths.iter().all(|&length| length == 138));
    }

    #[test]
    fn rsa_of_other_sizes_is_refused() {
        for bits in [1024, 2040, 2560] {
            let message = refusal_of_rsa(&Rsa::generate(bits).unwrap());
            assert!(message.contains(&format!("RSA of {bits} bits; 2048, 3072")), "{message}");
        }
    }

    #[test]
    fn small_and_even_exponents_are_refused() {
        let three = Rsa::generate_with_e(2048, &BigNum::from_u32(3).unwrap()).unwrap();
        assert!(refusal_of_rsa(&three).contains("less than 65537"));
        let even = changed_rsa(|_, e| e.add_word(1));
        assert!(refusal_of_rsa(&even).contains("exponent is even"));
    }

    #[test]
    fn rsa_numbers_that_do_not_belong_together_are_refused() {
        let even = changed_rsa(|n, _| n.sub_word(1));
        assert!(refusal_of_rsa(&even).contains("modulus is even"));
        let other_modulus = changed_rsa(|n, _| n.sub_word(2));
        assert!(refusal_of_rsa(&other_modulus).contains("product"));
        let other_exponent = changed_rsa(|_, e| e.add_word(2));
        assert!(refusal_of_rsa(&other_exponent).contains("does not belong"));
    }

    /// Each private number on its own: what signs well with OpenSSL gives itself away with others.
    #[test]
    fn every_private_number_of_an_rsa_key_is_checked() {
        let key = Rsa::generate(2048).unwrap();
        let owned = |number: &openssl::bn::BigNumRef| number.to_owned().unwrap();
        let numbers = || {
            [
                owned(key.d()),
                owned(key.p().unwrap()),
                owned(key.q().unwrap()),
                owned(key.dmp1().unwrap()),
                owned(key.dmq1().unwrap()),
                owned(key.iqmp().unwrap()),
            ]
        };
        let made = |[d, p, q, dp, dq, qi]: [BigNum; 6]| {
            Rsa::from_private_components(owned(key.n()), owned(key.e()), d, p, q, dp, dq, qi).unwrap()
        };
        let untouched = PKey::from_rsa(made(numbers())).unwrap().private_key_to_pkcs8().unwrap();
        assert!(PrivateKey::from_pkcs8_der(&untouched).is_ok());
        for (place, says) in [(0, "private exponent"), (3, "d mod p-1"), (4, "d mod q-1"), (5, "1/q mod p")] {
            let mut changed = numbers();
            changed[place].add_word(2).unwrap();
            let message = refusal_of_rsa(&made(changed));
            assert!(message.contains(says), "{place}: {message}");
        }
        let mut zero = numbers();
        zero[0] = BigNum::new().unwrap();
        assert!(!refusal_of_rsa(&made(zero)).is_empty());
        let mut swapped = numbers();
        swapped.swap(1, 2);
        assert!(refusal_of_rsa(&made(swapped)).contains("d mod"));
        let mut trivial = numbers();
        (trivial[1], trivial[2]) = (BigNum::from_u32(1).unwrap(), owned(key.n()));
        assert!(refusal_of_rsa(&made(trivial)).contains("no prime"));
    }

    #[test]
    fn other_curves_and_algorithms_are_refused() {
        for nid in [Nid::SECP224R1, Nid::SECP256K1] {
            let key = EcKey::generate(&EcGroup::from_curve_name(nid).unwrap()).unwrap();
            let der = PKey::from_ec_key(key).unwrap().private_key_to_pkcs8().unwrap();
            assert!(refusal(&der).contains("curve is not P-256"));
        }
        for key in [PKey::generate_ed448().unwrap(), PKey::generate_x25519().unwrap()] {
            let message = refusal(&key.private_key_to_pkcs8().unwrap());
            assert!(message.contains("not RSA, ECDSA or Ed25519"), "{message}");
        }
    }

    #[test]
    fn a_point_of_another_key_is_refused() {
        let mine = PrivateKey::generate(KeyAlgorithm::P256).ok().unwrap();
        let other = PrivateKey::generate(KeyAlgorithm::P256).ok().unwrap();
        let Secret::Ec(secret) = &mine.secret else { unreachable!() };
        assert!(!refusal(&secret.to_pkcs8_der(&other.spki_der)).is_empty());
    }

    #[test]
    fn what_is_not_one_plain_pkcs8_structure_is_refused() {
        let key = PKey::ec_gen("P-256").unwrap();
        let plain = key.private_key_to_pkcs8().unwrap();
        let encrypted = key.private_key_to_pkcs8_passphrase(Cipher::aes_256_cbc(), b"secret").unwrap();
        for bytes in [
            &[][..],
            b"-----BEGIN PRIVATE KEY-----",
            &plain[..plain.len() - 1],
            &[&plain[..], &[0]].concat(),
            &encrypted,
            &key.ec_key().unwrap().private_key_to_der().unwrap(),
            &key.public_key_to_der().unwrap(),
        ] {
            let error = PrivateKey::from_pkcs8_der(bytes).err().unwrap();
            assert!(matches!(error, KeyError::InvalidKey(_)), "{error}");
        }
        assert!(PrivateKey::from_pkcs8_der(&plain).is_ok());
    }

    #[test]
    fn a_key_signs_from_many_threads_at_once() {
        let key = PrivateKey::generate(KeyAlgorithm::P256).ok().unwrap();
        let public = PKey::public_key_from_der(key.spki_der()).unwrap();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let signature = key.sign(MESSAGE).unwrap();
                    let digest = openssl::hash::MessageDigest::sha256();
                    let mut verifier = openssl::sign::Verifier::new(digest, &public).unwrap();
                    assert!(verifier.verify_oneshot(&signature, MESSAGE).unwrap());
                });
            }
        });
    }

    #[test]
    fn rsa_keys_sign_by_pss_when_told() {
        for algorithm in [KeyAlgorithm::Rsa2048, KeyAlgorithm::Rsa4096] {
            let key = PrivateKey::generate(algorithm).ok().unwrap().signing_by_pss(true);
            assert_eq!(Some(key.signature_algorithm()), algorithm.signature_algorithm().by_pss());
            openssl_verifies(&key);
        }
        let key = PrivateKey::generate(KeyAlgorithm::P256).ok().unwrap().signing_by_pss(true);
        assert_eq!(key.signature_algorithm(), SignatureAlgorithm::EcdsaSha256);
        openssl_verifies(&key);
    }

    fn openssl_verifies(key: &PrivateKey) {
        let folder = TempDir::new().unwrap();
        fs::write(folder.path().join("message"), MESSAGE).unwrap();
        fs::write(folder.path().join("signature"), key.sign(MESSAGE).unwrap()).unwrap();
        let public = PKey::public_key_from_der(key.spki_der()).unwrap();
        fs::write(folder.path().join("public.pem"), public.public_key_to_pem().unwrap()).unwrap();
        let verify = ["pkeyutl", "-verify", "-pubin", "-inkey", "public.pem", "-rawin"];
        let files = ["-in", "message", "-sigfile", "signature"];
        let digest: &[&str] = match key.signature_algorithm() {
            SignatureAlgorithm::RsaSha256 | SignatureAlgorithm::EcdsaSha256 => &["-digest", "sha256"],
            SignatureAlgorithm::RsaSha384 | SignatureAlgorithm::EcdsaSha384 => &["-digest", "sha384"],
            SignatureAlgorithm::RsaPssSha256 => {
                &["-digest", "sha256", "-pkeyopt", "rsa_padding_mode:pss", "-pkeyopt", "rsa_pss_saltlen:32"]
            }
            SignatureAlgorithm::RsaPssSha384 => {
                &["-digest", "sha384", "-pkeyopt", "rsa_padding_mode:pss", "-pkeyopt", "rsa_pss_saltlen:48"]
            }
            SignatureAlgorithm::EcdsaSha512 => &["-digest", "sha512"],
            SignatureAlgorithm::Ed25519 => &[],
        };
        openssl(&folder, &[&verify[..], &files, digest].concat());
    }

    fn openssl(folder: &TempDir, arguments: &[&str]) {
        let output = Command::new("openssl").args(arguments).current_dir(folder.path()).output().unwrap();
        assert!(
            output.status.success(),
            "openssl {arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }

    /// The bytes of a PEM text.
    fn pem_content(pem: &str) -> Vec<u8> {
        let lines: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
        STANDARD.decode(lines).unwrap()
    }

    fn refusal_of_rsa(key: &Rsa<Private>) -> String {
        refusal(&der::pkcs8(der::RSA, &key.private_key_to_der().unwrap()))
    }

    fn refusal(pkcs8_der: &[u8]) -> String {
        match PrivateKey::from_pkcs8_der(pkcs8_der).err().unwrap() {
            KeyError::UnacceptableKey(reason) | KeyError::WeakKey(reason) => reason,
            other => panic!("{other}"),
        }
    }

    /// A good key whose modulus or public exponent was changed afterwards.
    fn changed_rsa(change: impl FnOnce(&mut BigNum, &mut BigNum) -> Result<(), ErrorStack>) -> Rsa<Private> {
        let key = Rsa::generate(2048).unwrap();
        let own = |number: Option<&BigNumRef>| number.unwrap().to_owned().unwrap();
        let (mut n, mut e) = (own(Some(key.n())), own(Some(key.e())));
        change(&mut n, &mut e).unwrap();
        RsaPrivateKeyBuilder::new(n, e, own(Some(key.d())))
            .and_then(|builder| builder.set_factors(own(key.p()), own(key.q())))
            .and_then(|builder| builder.set_crt_params(own(key.dmp1()), own(key.dmq1()), own(key.iqmp())))
            .unwrap()
            .build()
    }
}
