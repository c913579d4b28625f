//! Private keys in all the forms in which people have them.

use certmill_x509::X509Error;
use certmill_x509::pem::{Bundle, PrivateKeyBlock};
use openssl::ec::EcKey;
use openssl::hash::MessageDigest;
use openssl::pkcs5;
use openssl::symm::Cipher;
use zeroize::Zeroizing;

use super::PrivateKey;
use crate::asn1::{CONSTRUCTED_0, CONTEXT_1, INTEGER, OCTET_STRING, Reader, SEQUENCE};
use crate::kdf::{Password, Work};
use crate::{KeyError, der, pbe};

impl PrivateKey {
    /// Reads the one private key of a PEM text, of the base64 text of its DER, or of its DER: PKCS#8
    /// (RFC 5958), encrypted PKCS#8 (PBES2, or triple DES of PKCS #12), PKCS#1 (RFC 8017 §A.1.2),
    /// SEC 1 (RFC 5915), and PEM that is encrypted by its headers (RFC 1421). Other blocks of a PEM
    /// text are passed over; the password of a key that is not encrypted is ignored.
    ///
    /// Up to some seconds of work when the password was made expensive: asynchronous code calls it
    /// on another thread.
    ///
    /// # Errors
    /// [`KeyError::InvalidKey`] when it is not exactly one private key, [`KeyError::PasswordRequired`],
    /// [`KeyError::WrongPassword`], [`KeyError::UnsupportedEncryption`], [`KeyError::ExcessiveWork`];
    /// [`KeyError::WeakKey`] and [`KeyError::UnacceptableKey`] as of [`Self::from_pkcs8_der`].
    pub fn from_pem_or_der(input: &[u8], password: Option<&str>) -> Result<Self, KeyError> {
        // The header and length of a SEQUENCE do not fit a text of the same length by chance.
        if der::is_one_sequence(input) {
            return Self::from_any_der(input, password);
        }
        let text = std::str::from_utf8(input).map_err(|_| invalid("it is neither text nor DER"))?;
        let bundle = Bundle::read(text).map_err(|error| match error {
            X509Error::Pem(reason) => KeyError::InvalidKey(reason.into()),
            other => KeyError::InvalidKey(other.to_string().into()),
        })?;
        match bundle.private_keys.as_slice() {
            [key] => Self::from_block(key, password),
            [] => {
                Err(invalid("there is no private key in it, such as a \"-----BEGIN PRIVATE KEY-----\" block"))
            }
            _ => Err(invalid("there must be one private key, not several")),
        }
    }

    /// Reads a private key that was found in a text; see [`Self::from_pem_or_der`].
    ///
    /// # Errors
    /// Those of [`Self::from_pem_or_der`].
    pub fn from_block(block: &PrivateKeyBlock, password: Option<&str>) -> Result<Self, KeyError> {
        match block.dek_info() {
            None => Self::from_any_der(block.contents(), password),
            Some(dek_info) => {
                let password = Password::new(password.ok_or(KeyError::PasswordRequired)?);
                let plain = decrypt_by_header(dek_info, block.contents(), &password)?;
                Self::from_decrypted(&plain)
            }
        }
    }

    /// Whether this is the private key of a public key.
    pub fn matches(&self, spki_der: &[u8]) -> bool {
        self.spki_der() == spki_der
    }

    pub(crate) fn from_any_der(key_der: &[u8], password: Option<&str>) -> Result<Self, KeyError> {
        match Form::of(key_der).ok_or_else(|| invalid("it is not the DER of a private key"))? {
            Form::Encrypted { algorithm, ciphertext } => {
                let password = Password::new(password.ok_or(KeyError::PasswordRequired)?);
                Self::from_encrypted(algorithm, ciphertext, &password, &mut Work::new())
            }
            plain => Self::from_form(plain),
        }
    }

    /// Reads EncryptedPrivateKeyInfo (RFC 5958 §3), given by contents of its two parts.
    pub(crate) fn from_encrypted(
        algorithm: &[u8],
        ciphertext: &[u8],
        password: &Password,
        work: &mut Work,
    ) -> Result<Self, KeyError> {
        Self::from_decrypted(&pbe::decrypt(algorithm, ciphertext, password, work)?)
    }

    /// One wrong password in 256 passes the check of the padding, and what comes out is noise.
    fn from_decrypted(plain: &[u8]) -> Result<Self, KeyError> {
        match Form::of(plain) {
            None | Some(Form::Encrypted { .. }) => Err(KeyError::WrongPassword),
            Some(form) => Self::from_form(form),
        }
    }

    fn from_form(form: Form<'_>) -> Result<Self, KeyError> {
        match form {
            Form::Pkcs8(key_der) => Self::from_pkcs8_der(key_der),
            Form::Pkcs8WithPublicKey { algorithm, private_key, public_key } => {
                let key = Self::from_pkcs8_der(&der::pkcs8(algorithm, private_key))?;
                if public_key.is_some_and(|bits| !key.spki_der().ends_with(bits)) {
                    let reason = "its public key does not belong to its private key";
                    return Err(KeyError::UnacceptableKey(reason.to_owned()));
                }
                Ok(key)
            }
            Form::Pkcs1(key_der) => Self::from_pkcs8_der(&der::pkcs8(der::RSA, key_der)),
            Form::Sec1(key_der) => {
                let key = EcKey::private_key_from_der(key_der)
                    .map_err(|_| invalid("it is not an EC private key that names its curve (RFC 5915)"))?;
                Self::import_ec(&key)
            }
            Form::Encrypted { .. } => Err(KeyError::PasswordRequired),
        }
    }
}

/// What the DER of a private key looks like.
enum Form<'a> {
    /// PrivateKeyInfo, version 0.
    Pkcs8(&'a [u8]),
    /// OneAsymmetricKey, version 1 (RFC 5958 §2), which old OpenSSLs do not read.
    Pkcs8WithPublicKey { algorithm: &'a [u8], private_key: &'a [u8], public_key: Option<&'a [u8]> },
    /// RSAPrivateKey.
    Pkcs1(&'a [u8]),
    /// ECPrivateKey.
    Sec1(&'a [u8]),
    /// EncryptedPrivateKeyInfo: contents of the AlgorithmIdentifier, and the ciphertext.
    Encrypted { algorithm: &'a [u8], ciphertext: &'a [u8] },
}

impl<'a> Form<'a> {
    fn of(key_der: &'a [u8]) -> Option<Self> {
        let mut key = Reader::of_sequence(key_der)?;
        let (first, second) = (key.any()?, key.any()?);
        match (first.tag, second.tag) {
            (SEQUENCE, OCTET_STRING) => {
                Some(Self::Encrypted { algorithm: first.contents, ciphertext: second.contents })
            }
            (INTEGER, SEQUENCE) if first.contents == [1] => {
                let private_key = key.value(OCTET_STRING)?;
                key.optional(CONSTRUCTED_0);
                // Behind the count of unused bits.
                let public_key = key.optional(CONTEXT_1).and_then(|bits| bits.get(1..));
                Some(Self::Pkcs8WithPublicKey { algorithm: second.raw, private_key, public_key })
            }
            (INTEGER, SEQUENCE) => Some(Self::Pkcs8(key_der)),
            (INTEGER, INTEGER) => Some(Self::Pkcs1(key_der)),
            (INTEGER, OCTET_STRING) => Some(Self::Sec1(key_der)),
            _ => None,
        }
    }
}

/// Decrypts as the header `DEK-Info` says: the cipher's name, a comma, and the initialisation vector
/// in hexadecimal, whose first 8 octets are the salt of the password's one iteration of MD5.
fn decrypt_by_header(
    dek_info: &str,
    ciphertext: &[u8],
    password: &Password,
) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let malformed = || invalid("its DEK-Info line has not the form AES-256-CBC,0123…");
    let (name, iv) = dek_info.split_once(',').ok_or_else(malformed)?;
    let cipher = match name.trim() {
        "AES-128-CBC" => Cipher::aes_128_cbc(),
        "AES-192-CBC" => Cipher::aes_192_cbc(),
        "AES-256-CBC" => Cipher::aes_256_cbc(),
        "DES-EDE3-CBC" => Cipher::des_ede3_cbc(),
        _ => {
            let reason = "its DEK-Info line names another cipher than AES or triple DES in CBC mode";
            return Err(KeyError::UnsupportedEncryption(reason.to_owned()));
        }
    };
    let iv = hexadecimal(iv.trim()).filter(|iv| Some(iv.len()) == cipher.iv_len()).ok_or_else(malformed)?;
    let derived = pkcs5::bytes_to_key(cipher, MessageDigest::md5(), password.utf8(), iv.get(..8), 1)?;
    let key = Zeroizing::new(derived.key);
    pbe::decrypt_cbc(cipher, &key, &iv, ciphertext)
}

fn hexadecimal(text: &str) -> Option<Vec<u8>> {
    let digit = |octet: u8| char::from(octet).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pairs = text.as_bytes().chunks(2);
    pairs.map(|pair| Some(digit(*pair.first()?)? << 4 | digit(*pair.get(1)?)?)).collect()
}

fn invalid(reason: &'static str) -> KeyError {
    KeyError::InvalidKey(reason.into())
}
