//! The directory (RFC 8555 §7.1.1).

use serde_json::{Value, json};

use crate::server::Service;

pub(crate) fn show(service: &Service) -> Value {
    let (base, options) = (&service.base, &service.options);
    let mut meta = json!({
        "website": format!("{base}/website"),
        "caaIdentities": ["fake-ca.test"],
        "externalAccountRequired": !options.eab_keys.is_empty(),
    });
    if let Some(terms) = &options.terms_of_service {
        meta["termsOfService"] = json!(terms);
    }
    if !options.profiles.is_empty() {
        meta["profiles"] = json!(options.profiles);
    }
    let mut directory = json!({
        "newNonce": format!("{base}/new-nonce"),
        "newAccount": format!("{base}/new-account"),
        "newOrder": format!("{base}/new-order"),
        "revokeCert": format!("{base}/revoke-certificate"),
        "keyChange": format!("{base}/key-change"),
        "meta": meta,
    });
    if options.renewal_info {
        directory["renewalInfo"] = json!(format!("{base}/renewal-info"));
    }
    directory
}
