//! Authorizations and their challenges (RFC 8555 §7.5).

use std::sync::Arc;

use serde_json::{Value, json};

use crate::{
    Validation,
    ambient::{now, rfc3339},
    problem::Problem,
    server::{Reply, Service, Signed},
    state::{State, Status},
    validation::{self, Task},
};

/// An authorization's own resource: reading it and giving it up (RFC 8555 §7.5.2).
pub(crate) fn read(service: &Service, signed: &Signed, id: u64) -> Result<Reply, Problem> {
    let account = signed.account()?;
    let mut state = service.state();
    let authorization = state.authorizations.get_mut(&id).ok_or_else(Problem::not_found)?;
    if authorization.account != account {
        return Err(Problem::unauthorized("this is another account's"));
    }
    authorization.refresh(now());
    match &signed.payload {
        None => {}
        Some(payload) if payload == &json!({ "status": "deactivated" }) => {
            if !matches!(authorization.status, Status::Pending | Status::Valid) {
                return Err(Problem::malformed("the authorization is over already"));
            }
            authorization.status = Status::Deactivated;
        }
        Some(_) => return Err(Problem::malformed("an authorization can be deactivated only")),
    }
    let body = document(service, &state, id)?;
    let pending = body.get("status") == Some(&json!("pending"));
    let retry_after = if pending { service.knobs.behaviour().authorization_retry_after } else { None };
    Ok(Reply { retry_after, ..Reply::json(200, &body) })
}

/// A challenge's own resource: reading it (POST-as-GET) and submitting it (`{}`).
pub(crate) fn challenge(service: &Arc<Service>, signed: &Signed, id: u64) -> Result<Reply, Problem> {
    let account = signed.account()?;
    let behaviour = service.knobs.behaviour();
    let mut state = service.state();
    let parent = state.challenges.get(&id).ok_or_else(Problem::not_found)?.authorization;
    let authorization = state.authorizations.get_mut(&parent).ok_or_else(Problem::not_found)?;
    if authorization.account != account {
        return Err(Problem::unauthorized("this is another account's"));
    }
    authorization.refresh(now());
    let authorization_status = authorization.status;
    let identifier = authorization.identifier.clone();
    let thumbprint = state.accounts.get(&account).map(|account| account.jwk.thumbprint.clone());
    let challenge = state.challenges.get_mut(&id).ok_or_else(Problem::not_found)?;
    let submitted = signed.payload.is_some();
    if signed.payload.as_ref().is_some_and(|payload| payload != &json!({})) {
        return Err(Problem::malformed("a challenge is submitted with {}"));
    }
    let open = matches!(challenge.status, Status::Pending | Status::Processing);
    if submitted && open {
        if authorization_status != Status::Pending {
            return Err(Problem::malformed("the authorization is not pending any more"));
        }
        let token = challenge.token.clone();
        let key_authorization = format!("{token}.{}", thumbprint.unwrap_or_default());
        let task = Task { kind: challenge.kind, identifier, token, key_authorization };
        let running = challenge.status == Status::Processing;
        challenge.status = Status::Processing;
        let held = state.held.remove(&id);
        if let Some(problem) = behaviour.fail_challenges {
            conclude(&mut state, id, Err(problem));
        } else if behaviour.hold_challenges {
            state.held.insert(id);
        } else if held || !running {
            start(service, &mut state, id, task);
        }
    }
    let challenge = state.challenges.get(&id).ok_or_else(Problem::not_found)?;
    let pending = matches!(challenge.status, Status::Pending | Status::Processing);
    let body = challenge.json(&service.url("challenge", id));
    let retry_after = if pending { behaviour.authorization_retry_after } else { None };
    let links = vec![format!("<{}>;rel=\"up\"", service.url("authorization", parent))];
    Ok(Reply { retry_after, links, ..Reply::json(200, &body) })
}

fn start(service: &Arc<Service>, state: &mut State, id: u64, task: Task) {
    match service.options.validation.clone() {
        Validation::AlwaysValid => conclude(state, id, Ok(())),
        Validation::Real { http_port, tls_port, dns_server } => {
            let service = Arc::clone(service);
            tokio::spawn(async move {
                let result = validation::validate(&task, (http_port, tls_port, dns_server)).await;
                conclude(&mut service.state(), id, result);
            });
        }
    }
}

/// The outcome of a challenge decides about its authorization, unless that is over already.
fn conclude(state: &mut State, id: u64, result: Result<(), Problem>) {
    let Some(challenge) = state.challenges.get_mut(&id) else { return };
    let Some(authorization) = state.authorizations.get_mut(&challenge.authorization) else { return };
    authorization.refresh(now());
    if authorization.status != Status::Pending {
        return;
    }
    match result {
        Ok(()) => {
            challenge.status = Status::Valid;
            challenge.validated = Some(now());
            authorization.status = Status::Valid;
        }
        Err(problem) => {
            challenge.status = Status::Invalid;
            challenge.error = Some(problem.body);
            authorization.status = Status::Invalid;
        }
    }
}

fn document(service: &Service, state: &State, id: u64) -> Result<Value, Problem> {
    let authorization = state.authorizations.get(&id).ok_or_else(Problem::not_found)?;
    // One that is decided shows only what decided it (RFC 8555 §7.1.4).
    let decided = |status: Status| matches!(status, Status::Valid | Status::Invalid);
    let shown = |id: &&u64| {
        let status = state.challenges.get(id).map(|challenge| challenge.status);
        !decided(authorization.status) || status.is_some_and(decided)
    };
    let challenges = authorization.challenges.iter().filter(shown).filter_map(|id| {
        let challenge = state.challenges.get(id)?;
        Some(challenge.json(&service.url("challenge", *id)))
    });
    let skew = service.knobs.behaviour().expires_skew;
    let mut object = json!({
        "status": authorization.status.text(),
        "identifier": authorization.identifier.json(),
        "expires": rfc3339(authorization.expires + skew),
        "challenges": challenges.collect::<Vec<_>>(),
    });
    if authorization.wildcard {
        object["wildcard"] = json!(true);
    }
    Ok(object)
}
