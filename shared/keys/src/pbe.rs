//! Decryption with a password: PBES2 (RFC 8018 §6.2), and of what came before it the two schemes of
//! PKCS #12 that OpenSSL's default provider still has (RFC 7292 §C).

use openssl::hash::MessageDigest;
use openssl::symm::{self, Cipher};
use zeroize::Zeroizing;

use crate::KeyError;
use crate::asn1::{
    self, CONSTRUCTED_0, CONTEXT_0, INTEGER, OBJECT_IDENTIFIER, OCTET_STRING, Reader, SEQUENCE,
};
use crate::kdf::{Password, Pbkdf2, Pkcs12, Purpose, Scrypt, Work};

/// `pkcs-5`: 1.2.840.113549.1.5.
const PKCS5: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x05";
/// `pkcs-12PbeIds`: 1.2.840.113549.1.12.1.
const PKCS12_PBE: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x0c\x01";
/// `digestAlgorithm` of RSADSI: 1.2.840.113549.2, with the HMACs.
const HMAC: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x02";
/// `encryptionAlgorithm` of RSADSI: 1.2.840.113549.3.
const CIPHERS: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x03";
/// `aes`: 2.16.840.1.101.3.4.1.
const AES: &[u8] = b"\x60\x86\x48\x01\x65\x03\x04\x01";
const SCRYPT: &[u8] = b"\x2b\x06\x01\x04\x01\xda\x47\x04\x0b";

const TRIPLE_DES_KEY: usize = 24;

/// Decrypts what an AlgorithmIdentifier, given by its contents, says how to.
///
/// # Errors
/// [`KeyError::WrongPassword`], [`KeyError::UnsupportedEncryption`], [`KeyError::ExcessiveWork`], and
/// [`KeyError::InvalidKey`] for malformed parameters.
pub fn decrypt(
    algorithm: &[u8],
    ciphertext: &[u8],
    password: &Password,
    work: &mut Work,
) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let mut identifier = Reader::new(algorithm);
    let scheme = identifier.value(OBJECT_IDENTIFIER).ok_or_else(malformed)?;
    let parameters = identifier.sequence();
    match (scheme.strip_prefix(PKCS5), scheme.strip_prefix(PKCS12_PBE)) {
        (Some([13]), _) => pbes2(parameters.ok_or_else(malformed)?, ciphertext, password, work),
        (Some([1]), _) => Err(unsupported("MD2 and DES")),
        (Some([3]), _) => Err(unsupported("MD5 and DES")),
        (Some([4 | 6]), _) => Err(unsupported("RC2 with MD2 or MD5")),
        (Some([10]), _) => Err(unsupported("SHA-1 and DES")),
        (Some([11]), _) => Err(unsupported("SHA-1 and RC2")),
        (_, Some([1 | 2])) => Err(unsupported("RC4")),
        (_, Some([count @ (3 | 4)])) => {
            let key_octets = if *count == 3 { 24 } else { 16 };
            triple_des(parameters.ok_or_else(malformed)?, key_octets, (ciphertext, password), work)
        }
        (_, Some([5])) => Err(unsupported("128-bit RC2")),
        (_, Some([6])) => Err(unsupported("40-bit RC2")),
        _ => Err(unsupported("an algorithm that is not known here")),
    }
}

/// Decrypts in CBC mode; a wrong password shows itself by the padding.
pub fn decrypt_cbc(
    cipher: Cipher,
    key: &[u8],
    iv: &[u8],
    ciphertext: &[u8],
) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    if key.len() != cipher.key_len() || Some(iv.len()) != cipher.iv_len() {
        return Err(malformed());
    }
    let whole_blocks = !ciphertext.is_empty() && ciphertext.len().is_multiple_of(cipher.block_size());
    if !whole_blocks {
        return Err(KeyError::InvalidKey("its ciphertext is cut off".into()));
    }
    let plain = symm::decrypt(cipher, key, Some(iv), ciphertext).map_err(|_| KeyError::WrongPassword)?;
    Ok(Zeroizing::new(plain))
}

fn pbes2(
    mut parameters: Reader<'_>,
    ciphertext: &[u8],
    password: &Password,
    work: &mut Work,
) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let derivation = parameters.value(SEQUENCE).ok_or_else(malformed)?;
    let mut scheme = parameters.sequence().ok_or_else(malformed)?;
    let cipher = cipher(scheme.value(OBJECT_IDENTIFIER).ok_or_else(malformed)?)?;
    let iv = scheme.value(OCTET_STRING).ok_or_else(malformed)?;
    let key = derive(derivation, cipher.key_len(), password, work)?;
    decrypt_cbc(cipher, &key, iv, ciphertext)
}

fn cipher(oid: &[u8]) -> Result<Cipher, KeyError> {
    match (oid.strip_prefix(AES), oid.strip_prefix(CIPHERS)) {
        (Some([2]), _) => Ok(Cipher::aes_128_cbc()),
        (Some([22]), _) => Ok(Cipher::aes_192_cbc()),
        (Some([42]), _) => Ok(Cipher::aes_256_cbc()),
        (Some(_), _) => Err(unsupported("AES in another mode than CBC")),
        (_, Some([7])) => Ok(Cipher::des_ede3_cbc()),
        (_, Some([2])) => Err(unsupported("RC2")),
        _ => Err(unsupported("a cipher that is not known here")),
    }
}

fn derive(
    derivation: &[u8],
    length: usize,
    password: &Password,
    work: &mut Work,
) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let mut identifier = Reader::new(derivation);
    let oid = identifier.value(OBJECT_IDENTIFIER).ok_or_else(malformed)?;
    let parameters = identifier.sequence().ok_or_else(malformed)?;
    if oid == SCRYPT {
        return scrypt(parameters, length).ok_or_else(malformed)?.derive(password, length, work);
    }
    if oid.strip_prefix(PKCS5) == Some(&[12]) {
        return pbkdf2(parameters, length)?.derive(password, length, work);
    }
    Err(unsupported("a key derivation other than PBKDF2 and scrypt"))
}

/// `PBKDF2-params` (RFC 8018 §A.2).
fn pbkdf2(mut parameters: Reader<'_>, length: usize) -> Result<Pbkdf2<'_>, KeyError> {
    let salt = parameters.value(OCTET_STRING).ok_or_else(malformed)?;
    let iterations = parameters.number().ok_or_else(malformed)?;
    // The length of the key may be left out; the cipher tells it too.
    let has_length = parameters.clone().any().is_some_and(|value| value.tag == INTEGER);
    if has_length && parameters.number() != u64::try_from(length).ok() {
        return Err(malformed());
    }
    let digest = if parameters.is_at_end() {
        MessageDigest::sha1()
    } else {
        let mut function = parameters.sequence().ok_or_else(malformed)?;
        match function.value(OBJECT_IDENTIFIER).ok_or_else(malformed)?.strip_prefix(HMAC) {
            Some([7]) => MessageDigest::sha1(),
            Some([8]) => MessageDigest::sha224(),
            Some([9]) => MessageDigest::sha256(),
            Some([10]) => MessageDigest::sha384(),
            Some([11]) => MessageDigest::sha512(),
            _ => return Err(unsupported("PBKDF2 with another function than HMAC of the SHA family")),
        }
    };
    Ok(Pbkdf2 { salt, iterations, digest })
}

/// `scrypt-params` (RFC 7914 §7).
fn scrypt(mut parameters: Reader<'_>, length: usize) -> Option<Scrypt<'_>> {
    let salt = parameters.value(OCTET_STRING)?;
    let (cost, block_size) = (parameters.number()?, parameters.number()?);
    let parallelization = parameters.number()?;
    if !parameters.is_at_end() && parameters.number() != u64::try_from(length).ok() {
        return None;
    }
    Some(Scrypt { salt, cost, block_size, parallelization })
}

/// `pbeWithSHAAnd3-KeyTripleDES-CBC` and `pbeWithSHAAnd2-KeyTripleDES-CBC`.
fn triple_des(
    mut parameters: Reader<'_>,
    key_octets: usize,
    (ciphertext, password): (&[u8], &Password),
    work: &mut Work,
) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let salt = parameters.value(OCTET_STRING).ok_or_else(malformed)?;
    let iterations = parameters.number().ok_or_else(malformed)?;
    let derivation = Pkcs12 { salt, iterations, digest: MessageDigest::sha1() };
    let mut key = derivation.derive((password, Purpose::Key), key_octets, work)?;
    // With two keys the first one is used again as the third.
    let missing = Zeroizing::new(key.iter().copied().take(TRIPLE_DES_KEY - key_octets).collect::<Vec<_>>());
    key.reserve_exact(missing.len());
    key.extend_from_slice(&missing);
    let iv = derivation.derive((password, Purpose::InitialVector), 8, work)?;
    decrypt_cbc(Cipher::des_ede3_cbc(), &key, &iv, ciphertext)
}

/// The contents of an `EncryptedData` (RFC 2315 §13), given by its DER.
pub fn decrypt_content(
    encrypted_data: &[u8],
    password: &Password,
    work: &mut Work,
) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let (algorithm, ciphertext) = encrypted_content(encrypted_data).ok_or_else(malformed)?;
    decrypt(algorithm, &ciphertext, password, work)
}

fn encrypted_content(encrypted_data: &[u8]) -> Option<(&[u8], Zeroizing<Vec<u8>>)> {
    let mut data = Reader::of_sequence(encrypted_data)?;
    data.number()?;
    let mut info = data.sequence()?;
    info.value(OBJECT_IDENTIFIER)?;
    let algorithm = info.value(SEQUENCE)?;
    let content = info.any()?;
    let ciphertext = match content.tag {
        CONTEXT_0 => Zeroizing::new(content.contents.to_vec()),
        // BER may cut it into pieces.
        CONSTRUCTED_0 => asn1::joined(content.contents)?,
        _ => return None,
    };
    Some((algorithm, ciphertext))
}

fn unsupported(what: &str) -> KeyError {
    KeyError::UnsupportedEncryption(format!("it is encrypted with {what}"))
}

fn malformed() -> KeyError {
    KeyError::InvalidKey("the parameters of its encryption are malformed".into())
}
