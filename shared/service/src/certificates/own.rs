//! The certificate of the service's own listener.

use certmill_domain::{
    Action, CaId, CertificateSource, DESK_BACKDATED, DeskKey, DeskProfile, DeskRequest, Sans, Ttl,
};
use certmill_x509::{DistinguishedName, ExtendedKeyUsage, KeyAlgorithm, KeyUsage};

use super::pipeline::{Approval, Issued, Wanted, run};
use crate::{App, Caller, ServiceError};

/// Issues a certificate of a TLS server with a new P-256 key for names that the operator has configured. There is no role
/// behind it: whoever may issue under one could have the service's own names otherwise.
pub async fn issue_own(
    app: &App,
    caller: &Caller,
    ca_id: CaId,
    sans: Sans,
    ttl: Ttl,
) -> Result<Issued, ServiceError> {
    let common_name = sans.dns.first().or(sans.ip.first()).cloned();
    let profile = DeskProfile {
        key_usage: KeyUsage::DIGITAL_SIGNATURE,
        extended_key_usage: vec![ExtendedKeyUsage::ServerAuth],
    };
    let request = DeskRequest {
        subject: DistinguishedName { common_name, ..DistinguishedName::default() },
        sans,
        ttl,
        backdated: DESK_BACKDATED,
        profile: Some(profile),
        keep_private_key: false,
    };
    let wanted = Wanted {
        approval: Approval::Desk { ca_id, request, key: DeskKey::Generate(KeyAlgorithm::P256) },
        public_key: None,
        kept_key: None,
        reservation: None,
        action: Action::CertificateIssue,
        source: CertificateSource::Issued,
    };
    run(app, caller, &wanted).await
}
