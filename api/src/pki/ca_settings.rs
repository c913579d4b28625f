//! The settings that a CA gets when it is made or imported, out of the fields that both requests have for them.

/// Reads the fields of a request; a duration that is none leaves the function with an error that names its field. The two requests
/// are closed objects, so one cannot be a part of the other.
macro_rules! new_settings {
    ($request:expr) => {
        certmill_service::ca::NewCaSettings {
            renewal_of_desk_certificates: $request.renewal_of_desk_certificates.map(Into::into),
            ocsp: $request.ocsp.unwrap_or(false),
            ocsp_signer: $request.ocsp_signer.map(Into::into),
            crl_validity: $request.crl_validity.map(|text| text.parse("crl_validity")).transpose()?,
            crl_overlap: $request.crl_overlap.map(|text| text.parse("crl_overlap")).transpose()?,
            crl_shards: $request.crl_shards,
            delta_crl_validity: $request
                .delta_crl_validity
                .map(|text| text.parse("delta_crl_validity"))
                .transpose()?,
            use_pss: $request.use_pss.unwrap_or(false),
            owners: $request.owners.map(|owners| owners.0).unwrap_or_default(),
        }
    };
}

pub(super) use new_settings;
