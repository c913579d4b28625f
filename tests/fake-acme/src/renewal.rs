//! Renewal information (ARI, RFC 9773 §4).

use serde_json::json;

use crate::{
    ambient::{now, rfc3339},
    authority::renewal_id_of,
    knobs::Renewal,
    problem::Problem,
    server::{Reply, Service},
};

/// When to renew the certificate with this identifier.
pub(crate) fn information(service: &Service, id: &str) -> Result<Reply, Problem> {
    if !service.options.renewal_info {
        return Err(Problem::not_found());
    }
    let behaviour = service.knobs.behaviour();
    let state = service.state();
    let mut certificates = state.certificates.values();
    let certificate = certificates.find(|certificate| renewal_id_of(&certificate.leaf) == id);
    let certificate = certificate.ok_or_else(Problem::not_found)?;
    let (start, end, explanation) = match behaviour.renewal {
        Renewal::Late if certificate.revoked => (now() - 7_200, now() - 3_600, None),
        Renewal::Late => {
            let life = certificate.not_after - certificate.not_before;
            (certificate.not_after - life / 3, certificate.not_after - life / 10, None)
        }
        Renewal::Window { start, end, explanation } => (now() + start, now() + end, explanation),
        Renewal::Garbage(text) => return Ok(Reply::text(200, "application/json", &text)),
        Renewal::NotFound => return Err(Problem::not_found()),
        Renewal::ServerError => return Err(Problem::server_internal()),
    };
    let mut body = json!({ "suggestedWindow": { "start": rfc3339(start), "end": rfc3339(end) } });
    if let Some(url) = explanation {
        body["explanationURL"] = json!(url);
    }
    Ok(Reply { retry_after: behaviour.renewal_retry_after, ..Reply::json(200, &body) })
}
