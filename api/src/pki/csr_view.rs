//! How a CSR's subject and contents are shown.

use certmill_service::x509::{CsrInspection, CsrWarning, DistinguishedName, RequestedExtension};
use poem_openapi::Object;
use serde::Serialize;

/// A subject by attribute. Several values of one attribute are joined by commas; `subject_text` keeps them apart.
#[derive(Object, Serialize)]
#[oai(rename = "SubjectAttributes")]
pub(super) struct SubjectView {
    common_name: Option<String>,
    organization: Option<String>,
    organizational_unit: Option<String>,
    country: Option<String>,
    locality: Option<String>,
    province: Option<String>,
    email: Option<String>,
}

impl SubjectView {
    pub(super) fn of(name: &DistinguishedName) -> Self {
        let joined = |values: &[String]| (!values.is_empty()).then(|| values.join(", "));
        Self {
            common_name: name.common_name.clone(),
            organization: joined(&name.organization),
            organizational_unit: joined(&name.organizational_unit),
            country: joined(&name.country),
            locality: joined(&name.locality),
            province: joined(&name.province),
            email: name.email.clone(),
        }
    }
}

/// What a CSR asks for beyond subject and names, and what is odd about it.
#[derive(Object, Serialize)]
pub(super) struct CsrContents {
    /// The subject as it stands in the CSR (RFC 4514), attributes that certificates do not get included.
    subject_text: String,
    /// SHA-256 of the CSR's DER, lower-case hex.
    fingerprint_sha256: String,
    /// SHA-256 of the subject public key info, lower-case hex.
    spki_sha256: String,
    /// Such as `ecdsa-with-SHA256`.
    signature_algorithm: String,
    /// About how many bits of work it takes to break the key (NIST SP 800-57).
    key_strength_bits: u32,
    requested_extensions: RequestedExtensions,
    /// What a person should look at before approving.
    warnings: Vec<WarningView>,
}

/// What a CSR asks for beside names. Whoever signs decides; the certificate gets the profile of the desk or of the role.
#[derive(Object, Serialize)]
struct RequestedExtensions {
    key_usage: Vec<String>,
    ext_key_usage: Vec<String>,
    /// Whether it asks to be a CA.
    is_ca: bool,
    max_path_length: Option<u32>,
    other: Vec<OtherExtension>,
}

/// An extension that is shown by its name only.
#[derive(Object, Serialize)]
struct OtherExtension {
    /// Its object identifier.
    oid: String,
    critical: bool,
}

/// Something to look at.
#[derive(Object, Serialize)]
#[oai(rename = "CsrWarning")]
struct WarningView {
    /// Such as `weak_signature_hash` or `wildcard_name`.
    code: String,
    message: String,
}

impl CsrContents {
    pub(super) fn of(inspection: &CsrInspection) -> Self {
        let requested = inspection.requested();
        let key_usage = requested.key_usage.unwrap_or_default();
        Self {
            subject_text: inspection.subject_text().to_owned(),
            fingerprint_sha256: inspection.fingerprint_sha256(),
            spki_sha256: inspection.public_key().spki_sha256(),
            signature_algorithm: inspection.signature_algorithm().to_owned(),
            key_strength_bits: inspection.key_strength_bits(),
            requested_extensions: RequestedExtensions {
                key_usage: key_usage.names().into_iter().map(ToOwned::to_owned).collect(),
                ext_key_usage: requested.extended_key_usage.iter().map(ToString::to_string).collect(),
                is_ca: requested.is_ca,
                max_path_length: requested.path_length.map(u32::from),
                other: requested.other.iter().map(OtherExtension::of).collect(),
            },
            warnings: inspection.warnings().iter().map(WarningView::of).collect(),
        }
    }
}

impl OtherExtension {
    fn of(extension: &RequestedExtension) -> Self {
        Self { oid: extension.oid.to_string(), critical: extension.critical }
    }
}

impl WarningView {
    fn of(warning: &CsrWarning) -> Self {
        Self { code: warning.code().to_owned(), message: warning.to_string() }
    }
}
