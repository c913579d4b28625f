//! A certificate that renews itself: the service knows this host by the key that it has.

use certmill_client::{Api, CallError, Refusal};
use certmill_domain::Timestamp;
use serde_json::{Value, json};

use super::super::Failure;
use super::super::issue::chain;
use super::super::output::text;
use super::access::Access;
use super::names::Name;
use super::pair::{self, Pair};
use super::plan::Kept;
use super::{New, is_refused};

/// A new certificate with the same names, with a key made here; none while the present one is good. And since when there is the
/// one that is good then, in Unix seconds, as far as anybody knows.
///
/// # Errors
/// [`Failure::NotSignedIn`] where a token would help: there is no certificate yet, it has ended, it has other names, or the service
/// does not take it.
pub(super) async fn renewed(
    access: &Access,
    kept: &Kept,
    present: Option<&Pair>,
) -> anyhow::Result<(Option<New>, Option<i64>)> {
    let names = kept.names()?;
    let pair = usable(&names, present)?;
    let api = access.by_certificate_of(pair)?;
    let known = read(&api).await?;
    let made = Timestamp::parse_rfc3339(&text(&known, "created_at")).map(Timestamp::unix_seconds);
    if text(&known, "status") == "active" && pair.seconds_to_renewal(kept.renew_before()?, made)? > 0 {
        return Ok((None, made));
    }
    kept.check_places()?;
    let (key, csr_pem) = pair::request(&names, kept.key_type()?)?;
    let mut body = json!({"csr_pem": csr_pem});
    if let Some(ttl) = &kept.ttl {
        body["ttl"] = ttl.as_str().into();
    }
    let issued = api.post(&["v1", "pki", "certificates", "self", "renew"], &body).await.map_err(explained)?;
    let (chain, root) = chain(&issued)?;
    Ok((Some(New { key, chain, root }), Some(pair::unix_now()?)))
}

/// The present certificate, if it can speak for itself.
fn usable<'a>(names: &[Name], present: Option<&'a Pair>) -> anyhow::Result<&'a Pair> {
    let needed = |why: &str| Failure::NotSignedIn(why.to_owned());
    let Some(pair) = present else {
        return Err(needed("there is no certificate yet by which the service could know this host").into());
    };
    if !pair.is_for(names) {
        return Err(needed("a certificate cannot get itself other names than it has").into());
    }
    if pair.has_ended()? {
        let why = format!(
            "the certificate has ended at {}, so the service does not know this host by it any more",
            pair.not_after()
        );
        return Err(needed(&why).into());
    }
    Ok(pair)
}

async fn read(api: &Api) -> anyhow::Result<Value> {
    api.get(&["v1", "pki", "certificates", "self"], &[]).await.map_err(explained)
}

/// What the service says against the certificate, where a token would help.
fn explained(error: CallError) -> anyhow::Error {
    match error {
        CallError::Refused(refusal) if refusal.status() == 401 || is_refused(&refusal) => {
            Failure::NotSignedIn(said(&refusal)).into()
        }
        other => other.into(),
    }
}

fn said(refusal: &Refusal) -> String {
    match refusal.code() {
        Some("authentication_required") => {
            "the service does not know this host by its certificate: it has not \
             `tls_client_certificates` on, or it has not issued or does not keep the certificate"
                .to_owned()
        }
        _ => format!("the certificate cannot renew itself: {refusal}"),
    }
}
