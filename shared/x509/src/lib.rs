//! The X.509 engine: names, public keys, certificate signing requests, certificates and certificate
//! revocation lists; DER in and DER out.
//!
//! The crate does no I/O, reads no clock, draws no random numbers and holds no private key: the
//! caller brings instants, serial numbers and a [`Signer`]. Certificates and CRLs are written by a
//! small forward DER writer, so that a leaf costs a few microseconds beside its signature. The only
//! ways to a signed object are [`CertificateTemplate::sign`] and [`CrlBuilder::sign`], which check
//! before they sign.

mod algorithm;
mod certificate;
pub mod chain;
mod combination;
mod crl;
mod csr;
mod dns_name;
mod error;
mod instant;
mod key_kind;
mod name;
mod name_constraints;
mod name_match;
mod name_text;
mod object_identifier;
pub mod ocsp;
mod other_name;
mod parsed;
pub mod pem;
mod public_key;
mod reader;
pub mod revocation;
mod san;
mod serial;
mod unseen;
mod uri_rules;
mod usage;
mod weak_key;
mod writer;

pub use algorithm::{KeyAlgorithm, KeyPair, SignatureAlgorithm, Signer};
pub use certificate::{BasicConstraints, CertificateTemplate};
pub use combination::{check_must_staple, check_policies};
pub use crl::{CrlBuilder, CrlHeader, RevocationReason};
pub use csr::{
    CaWish, CertificateSigningRequest, CsrInspection, CsrTemplate, CsrWarning, RequestedExtension,
    RequestedExtensions,
};
pub use dns_name::DnsName;
pub use error::X509Error;
pub use instant::{EARLIEST as FIRST_INSTANT, LATEST as LAST_INSTANT};
pub use key_kind::{KeyKind, key_mark};
pub use name::{DistinguishedName, parse_name_der};
pub use name_constraints::NameConstraints;
pub use name_match::{NameKey, same_name};
pub use name_text::rfc4514_of_der;
pub use object_identifier::ObjectIdentifier;
pub use other_name::{OtherName, check_other_name_pattern, other_name_pattern};
pub use parsed::{ParsedCertificate, split_certificates};
pub use public_key::{PublicKey, hex, sha256, sha256_hex, spki_sha256, subject_key_id};
pub use san::{EmailAddress, SubjectAltNames, UriName};
pub use serial::SerialNumber;
pub use uri_rules::check_uri_pattern;
pub use usage::{ExtendedKeyUsage, KeyUsage};
pub use weak_key::KeyWeakness;
