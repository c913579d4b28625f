//! The few DER structures of keys, written by hand: OpenSSL's encoders cost more than making a key.

use zeroize::Zeroizing;

const INTEGER_ZERO: [u8; 3] = [0x02, 0x01, 0x00];
const INTEGER_ONE: [u8; 3] = [0x02, 0x01, 0x01];
const NO_UNUSED_BITS: [u8; 1] = [0x00];
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
const SEQUENCE: u8 = 0x30;
const CONTEXT_1: u8 = 0xa1;

/// AlgorithmIdentifier of RSA keys: rsaEncryption, NULL (RFC 3279 §2.3.1).
pub const RSA: &[u8] =
    &[0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];
/// AlgorithmIdentifier of P-256 keys: id-ecPublicKey, secp256r1 (RFC 5480 §2.1.1).
pub const P256: &[u8] = &[
    0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07,
];
/// AlgorithmIdentifier of P-384 keys: id-ecPublicKey, secp384r1 (RFC 5480 §2.1.1).
pub const P384: &[u8] = &[
    0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00,
    0x22,
];
/// AlgorithmIdentifier of P-521 keys: id-ecPublicKey, secp521r1 (RFC 5480 §2.1.1).
pub const P521: &[u8] = &[
    0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00,
    0x23,
];
/// AlgorithmIdentifier of Ed25519 keys, without parameters (RFC 8410 §3).
pub const ED25519: &[u8] = &[0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70];

/// SubjectPublicKeyInfo (RFC 5280 §4.1) around the bytes of a public key.
pub fn spki(algorithm: &[u8], public_key: &[u8]) -> Vec<u8> {
    let bits = [&NO_UNUSED_BITS, public_key];
    let content_len = algorithm.len() + tlv_len(1 + public_key.len());
    let mut out = Vec::with_capacity(tlv_len(content_len));
    write_header(&mut out, SEQUENCE, content_len);
    out.extend_from_slice(algorithm);
    write(&mut out, BIT_STRING, &bits);
    out
}

/// PrivateKeyInfo, version 0 (RFC 5208 §5), around an encoded private key.
pub fn pkcs8(algorithm: &[u8], private_key: &[u8]) -> Zeroizing<Vec<u8>> {
    tlv(SEQUENCE, &[&INTEGER_ZERO, algorithm, &tlv(OCTET_STRING, &[private_key])])
}

/// ECPrivateKey (RFC 5915 §3) with the public point, and without the curve: inside PKCS#8 the
/// AlgorithmIdentifier names it.
pub fn ec_private_key(scalar: &[u8], point: &[u8]) -> Zeroizing<Vec<u8>> {
    let public_key = tlv(CONTEXT_1, &[&tlv(BIT_STRING, &[&NO_UNUSED_BITS, point])]);
    tlv(SEQUENCE, &[&INTEGER_ONE, &tlv(OCTET_STRING, &[scalar]), &public_key])
}

/// CurvePrivateKey (RFC 8410 §7).
pub fn curve_private_key(seed: &[u8]) -> Zeroizing<Vec<u8>> {
    tlv(OCTET_STRING, &[seed])
}

/// The seed in exactly what [`pkcs8`] makes of [`curve_private_key`] for Ed25519.
pub fn own_ed25519_seed(pkcs8_der: &[u8]) -> Option<&[u8; 32]> {
    const HEAD: [u8; 16] =
        [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];
    pkcs8_der.strip_prefix(&HEAD)?.try_into().ok()
}

/// Whether the text is exactly one DER SEQUENCE: nothing missing and nothing behind it, which
/// OpenSSL's reader does not check.
pub fn is_one_sequence(der: &[u8]) -> bool {
    let Some((&SEQUENCE, rest)) = der.split_first() else {
        return false;
    };
    let Some((&first, rest)) = rest.split_first() else {
        return false;
    };
    if first < 0x80 {
        return rest.len() == usize::from(first);
    }
    let octets = usize::from(first & 0x7f);
    if octets == 0 || octets > 4 {
        return false;
    }
    let Some((length, content)) = rest.split_at_checked(octets) else {
        return false;
    };
    length.iter().fold(0, |value, &octet| value << 8 | usize::from(octet)) == content.len()
}

/// One value in a buffer of exactly its size, so that no copy of a secret stays behind in a buffer
/// that had to grow.
fn tlv(tag: u8, parts: &[&[u8]]) -> Zeroizing<Vec<u8>> {
    let content_len = parts.iter().map(|part| part.len()).sum();
    let mut out = Zeroizing::new(Vec::with_capacity(tlv_len(content_len)));
    write(&mut out, tag, parts);
    out
}

fn write(out: &mut Vec<u8>, tag: u8, parts: &[&[u8]]) {
    write_header(out, tag, parts.iter().map(|part| part.len()).sum());
    for part in parts {
        out.extend_from_slice(part);
    }
}

/// Appends identifier and length octets.
pub fn write_header(out: &mut Vec<u8>, tag: u8, content_len: usize) {
    out.push(tag);
    let octets = content_len.to_be_bytes();
    let skipped = octets.iter().take_while(|&&octet| octet == 0).count();
    let significant = octets.iter().skip(skipped);
    if content_len >= 0x80 {
        // A usize has at most 8 octets, so this is lossless.
        #[expect(clippy::cast_possible_truncation, reason = "at most 8")]
        out.push(0x80 | significant.len() as u8);
    } else if content_len == 0 {
        out.push(0);
    }
    out.extend(significant);
}

fn tlv_len(content_len: usize) -> usize {
    let length_octets = match content_len {
        0..0x80 => 1,
        0x80..0x100 => 2,
        0x100..0x1_0000 => 3,
        _ => 4,
    };
    1 + length_octets + content_len
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_minimal_and_predicted() {
        for (len, header) in [
            (0, &[0x04, 0x00][..]),
            (1, &[0x04, 0x01]),
            (0x7f, &[0x04, 0x7f]),
            (0x80, &[0x04, 0x81, 0x80]),
            (0xff, &[0x04, 0x81, 0xff]),
            (0x100, &[0x04, 0x82, 0x01, 0x00]),
            (0x1_0000, &[0x04, 0x83, 0x01, 0x00, 0x00]),
        ] {
            let value = tlv(OCTET_STRING, &[&vec![7; len]]);
            assert_eq!(&value[..header.len()], header);
            assert_eq!(value.len(), tlv_len(len));
            assert_eq!(value.len(), header.len() + len);
        }
    }

    #[test]
    fn one_sequence_is_told_from_less_and_more() {
        let whole = tlv(SEQUENCE, &[&[5; 300]]);
        assert!(is_one_sequence(&whole));
        assert!(is_one_sequence(&[0x30, 0x00]));
        assert!(!is_one_sequence(&whole[..299]));
        assert!(!is_one_sequence(&[&whole[..], &[0]].concat()));
        for other in [&[][..], &[0x30], &[0x31, 0x00], &[0x30, 0x80, 0, 0], &[0x30, 0x82, 1]] {
            assert!(!is_one_sequence(other));
        }
    }
}
