//! Revocation (RFC 8555 §7.6).

use openssl::x509::X509;
use serde_json::Value;

use crate::{
    ambient::now,
    authority::{names_of, serial_of},
    jws::from_base64url,
    log::Revoked,
    problem::Problem,
    server::{Reply, Service, Signed, Signer},
    state::{State, Status},
};

/// Those of RFC 5280 §5.3.1 that a subscriber may give.
const REASONS: [u64; 5] = [0, 1, 3, 4, 5];

/// revokeCert, signed by the certificate's key, by its account, or by one that is authorized for all of its names.
pub(crate) fn revoke(service: &Service, signed: &Signed) -> Result<Reply, Problem> {
    let payload =
        signed.payload.as_ref().ok_or_else(|| Problem::malformed("revokeCert takes a certificate"))?;
    let der = payload.get("certificate").and_then(Value::as_str).unwrap_or_default();
    let certificate = X509::from_der(&from_base64url(der)?);
    let certificate = certificate.map_err(|_| Problem::malformed("not a certificate in DER"))?;
    let mut state = service.state();
    let found = state.certificates.iter().find(|(_, known)| known.leaf == certificate).map(|(id, _)| *id);
    let id = found.ok_or_else(|| Problem::new(404, "malformed", "the certificate is not from here"))?;
    let by_certificate_key = match &signed.signer {
        Signer::Key(key) => {
            if !certificate.public_key().is_ok_and(|own| own.public_eq(&key.key)) {
                return Err(Problem::unauthorized("not the certificate's key"));
            }
            true
        }
        Signer::Account(account) => {
            let issued_it = state.certificates.get(&id).is_some_and(|known| known.account == *account);
            if !issued_it && !holds_all(&mut state, *account, &names_of(&certificate)) {
                return Err(Problem::unauthorized("the account is not authorized for all of the names"));
            }
            false
        }
    };
    let reason = match payload.get("reason") {
        None => None,
        Some(reason) => {
            Some(reason.as_u64().filter(|reason| REASONS.contains(reason)).ok_or_else(|| {
                Problem::new(400, "badRevocationReason", "not a reason that is accepted here")
            })?)
        }
    };
    let known = state.certificates.get_mut(&id).ok_or_else(Problem::not_found)?;
    if known.revoked {
        return Err(Problem::new(400, "alreadyRevoked", "the certificate is revoked already"));
    }
    known.revoked = true;
    service.log.lock().revoked.push(Revoked { serial: serial_of(&certificate), reason, by_certificate_key });
    Ok(Reply::text(200, "application/json", ""))
}

fn holds_all(state: &mut State, account: u64, names: &[String]) -> bool {
    for authorization in state.authorizations.values_mut() {
        authorization.refresh(now());
    }
    names.iter().all(|name| {
        let (value, wildcard) = name.strip_prefix("*.").map_or((name.as_str(), false), |base| (base, true));
        state.authorizations.values().any(|authorization| {
            authorization.account == account
                && authorization.status == Status::Valid
                && authorization.identifier.value == value
                && authorization.wildcard == wildcard
        })
    })
}
