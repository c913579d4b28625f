//! Orders up to finalization (RFC 8555 §7.4).

use std::net::IpAddr;

use serde_json::{Value, json};

use crate::{
    ambient::{now, rfc3339, token},
    authority::renewal_id_of,
    certificate,
    knobs::Behaviour,
    problem::Problem,
    server::{Reply, Service, Signed},
    state::{Authorization, Challenge, Identifier, Order, State, Status},
};

/// newOrder.
pub(crate) fn create(service: &Service, signed: &Signed) -> Result<Reply, Problem> {
    let account = signed.account()?;
    let payload = signed.payload.as_ref().ok_or_else(|| Problem::malformed("an order has identifiers"))?;
    let behaviour = service.knobs.behaviour();
    let identifiers = identifiers(payload)?;
    reject(&identifiers, &behaviour.rejected_names)?;
    let is_ordered = |name: &str| identifiers.iter().any(|identifier| identifier.value == name);
    if let Some((_, problem)) = behaviour.refused_names.iter().find(|(name, _)| is_ordered(name)) {
        return Err(problem.clone());
    }
    if let Some(problem) = behaviour.refuse_replacing.as_ref().filter(|_| payload.get("replaces").is_some()) {
        return Err(problem.clone());
    }
    if payload.get("notBefore").is_some() || payload.get("notAfter").is_some() {
        return Err(Problem::malformed("notBefore and notAfter are not supported"));
    }
    let text = |name: &str| payload.get(name).and_then(Value::as_str).map(str::to_owned);
    let profile = text("profile");
    if let Some(profile) = &profile
        && !service.options.profiles.contains_key(profile)
    {
        return Err(Problem::new(400, "invalidProfile", "the directory does not name this profile"));
    }
    let mut state = service.state();
    let ids: Vec<u64> = state.orders.keys().copied().collect();
    for id in ids {
        state.refresh_order(id);
    }
    let wanted = Wanted { account, identifiers, profile, replaces: text("replaces") };
    let reused = if behaviour.reuse_orders { same(&state, &wanted) } else { None };
    let id = if let Some(id) = reused {
        id
    } else {
        check_replaced(&state, &wanted)?;
        let id = make(&mut state, wanted, &behaviour);
        service.log.lock().orders.push(service.url("order", id));
        id
    };
    state.refresh_order(id);
    let body = document(service, &state, id)?;
    Ok(Reply { location: Some(service.url("order", id)), ..Reply::json(201, &body) })
}

/// What a new order asks for.
struct Wanted {
    account: u64,
    identifiers: Vec<Identifier>,
    profile: Option<String>,
    replaces: Option<String>,
}

fn make(state: &mut State, wanted: Wanted, behaviour: &Behaviour) -> u64 {
    let Wanted { account, identifiers, profile, replaces } = wanted;
    let authorizations = authorizations(state, account, &identifiers, behaviour);
    let id = state.next_id();
    state.orders.insert(
        id,
        Order {
            account,
            identifiers,
            profile,
            replaces,
            status: Status::Pending,
            expires: now() + behaviour.order_lifetime,
            authorizations,
            error: None,
            key: None,
            polls_left: 0,
            certificate: None,
        },
    );
    id
}

/// An order's own resource; each reading of one in processing is a poll.
pub(crate) fn read(service: &Service, signed: &Signed, id: u64) -> Result<Reply, Problem> {
    let mut state = service.state();
    check_owner(&state, signed, id)?;
    if signed.payload.is_some() {
        return Err(Problem::malformed("an order is read by POST-as-GET"));
    }
    state.refresh_order(id);
    certificate::poll(service, &mut state, id);
    reply(service, &state, id)
}

/// The order with what every answer about it has.
pub(crate) fn reply(service: &Service, state: &State, id: u64) -> Result<Reply, Problem> {
    let body = document(service, state, id)?;
    let processing = state.orders.get(&id).is_some_and(|order| order.status == Status::Processing);
    let retry_after = if processing { service.knobs.behaviour().processing_retry_after } else { None };
    let blocks = Some(format!("/order/{id}"));
    Ok(Reply { location: Some(service.url("order", id)), retry_after, blocks, ..Reply::json(200, &body) })
}

pub(crate) fn check_owner(state: &State, signed: &Signed, id: u64) -> Result<(), Problem> {
    let order = state.orders.get(&id).ok_or_else(Problem::not_found)?;
    if order.account == signed.account()? {
        return Ok(());
    }
    Err(Problem::unauthorized("this is another account's"))
}

fn document(service: &Service, state: &State, id: u64) -> Result<Value, Problem> {
    let order = state.orders.get(&id).ok_or_else(Problem::not_found)?;
    let urls = order.authorizations.iter().map(|id| service.url("authorization", *id));
    let skew = service.knobs.behaviour().expires_skew;
    let mut object = json!({
        "status": order.status.text(),
        "expires": rfc3339(order.expires + skew),
        "identifiers": order.identifiers.iter().map(Identifier::json).collect::<Vec<_>>(),
        "authorizations": urls.collect::<Vec<_>>(),
        "finalize": format!("{}/finalize", service.url("order", id)),
    });
    for (name, value) in [("profile", &order.profile), ("replaces", &order.replaces)] {
        if let Some(value) = value {
            object[name] = json!(value);
        }
    }
    if let Some(error) = &order.error {
        object["error"] = error.clone();
    }
    if let Some(certificate) = order.certificate {
        object["certificate"] = json!(service.url("certificate", certificate));
    }
    Ok(object)
}

/// Sorted and without doubles, as Boulder gives them back.
fn identifiers(payload: &Value) -> Result<Vec<Identifier>, Problem> {
    let list = payload.get("identifiers").and_then(Value::as_array);
    let list = list.filter(|list| !list.is_empty());
    let list = list.ok_or_else(|| Problem::malformed("an order has identifiers"))?;
    let mut identifiers = Vec::new();
    for identifier in list {
        let part = |name: &str| identifier.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let identifier = Identifier { kind: part("type"), value: part("value") };
        let good = match identifier.kind.as_str() {
            "dns" => is_name(&identifier.value),
            "ip" => identifier
                .value
                .parse::<IpAddr>()
                .is_ok_and(|address| address.to_string() == identifier.value),
            _ => return Err(Problem::new(400, "unsupportedIdentifier", "identifiers are dns or ip")),
        };
        if !good {
            let detail = format!("{:?} is not a name or address in its canonical form", identifier.value);
            return Err(Problem::malformed(&detail));
        }
        identifiers.push(identifier);
    }
    identifiers.sort();
    identifiers.dedup();
    Ok(identifiers)
}

/// Labels in lower case, with a wildcard leftmost at most. One label is enough, as for the hosts that private CAs know.
fn is_name(name: &str) -> bool {
    let name = name.strip_prefix("*.").unwrap_or(name);
    let is_label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|octet| matches!(octet, b'a'..=b'z' | b'0'..=b'9' | b'-'))
    };
    name.len() <= 253 && name.split('.').all(is_label)
}

fn reject(identifiers: &[Identifier], rejected: &[String]) -> Result<(), Problem> {
    let mut names = identifiers.iter().filter(|identifier| rejected.contains(&identifier.value)).peekable();
    if names.peek().is_none() {
        return Ok(());
    }
    let detail = "the authority's policy forbids to issue for some of the names";
    let problem = Problem::new(400, "rejectedIdentifier", detail);
    Err(names.fold(problem, |problem, name| {
        problem.with_subproblem("rejectedIdentifier", &name.value, "forbidden by policy")
    }))
}

/// Checks that the certificate can be replaced (RFC 9773 §5): only one order may do that, unless it fails.
fn check_replaced(state: &State, wanted: &Wanted) -> Result<(), Problem> {
    let Some(id) = &wanted.replaces else { return Ok(()) };
    let mut certificates = state.certificates.values();
    let certificate = certificates
        .find(|certificate| renewal_id_of(&certificate.leaf) == *id)
        .ok_or_else(|| Problem::new(404, "malformed", "the certificate to replace is unknown"))?;
    if certificate.account != wanted.account {
        return Err(Problem::unauthorized("the certificate to replace is another account's"));
    }
    if !certificate.identifiers.iter().any(|identifier| wanted.identifiers.contains(identifier)) {
        return Err(Problem::malformed("the certificate to replace has none of the order's names"));
    }
    let mut orders = state.orders.values();
    if orders.any(|order| order.replaces.as_ref() == Some(id) && order.status != Status::Invalid) {
        return Err(Problem::already_replaced());
    }
    Ok(())
}

/// An order of the account for the same that can go on.
fn same(state: &State, wanted: &Wanted) -> Option<u64> {
    let mut orders = state.orders.iter().filter(|(_, order)| {
        order.account == wanted.account
            && order.identifiers == wanted.identifiers
            && order.profile == wanted.profile
            && order.replaces == wanted.replaces
            && matches!(order.status, Status::Pending | Status::Ready)
    });
    orders.next().map(|(id, _)| *id)
}

fn authorizations(
    state: &mut State,
    account: u64,
    identifiers: &[Identifier],
    behaviour: &Behaviour,
) -> Vec<u64> {
    let time = now();
    let mut ids: Vec<u64> = Vec::new();
    for ordered in identifiers {
        let (value, wildcard) =
            ordered.value.strip_prefix("*.").map_or((ordered.value.as_str(), false), |base| (base, true));
        let identifier = Identifier { kind: ordered.kind.clone(), value: value.to_owned() };
        let reused = state.authorizations.iter_mut().find_map(|(id, old)| {
            old.refresh(time);
            let wanted = match old.status {
                Status::Pending => behaviour.reuse_pending_authorizations,
                Status::Valid => behaviour.reuse_valid_authorizations,
                _ => false,
            };
            let same = old.account == account && old.identifier == identifier && old.wildcard == wildcard;
            (wanted && same).then_some(*id)
        });
        let id = reused.unwrap_or_else(|| {
            let token = behaviour.same_token.then(|| token_in(state, &ids, &identifier)).flatten();
            let expires = time + behaviour.authorization_lifetime;
            let status = Status::Pending;
            let challenges = Vec::new();
            let authorization = Authorization { account, identifier, wildcard, status, expires, challenges };
            new_authorization(state, authorization, &token.unwrap_or_else(crate::ambient::token))
        });
        ids.push(id);
    }
    for number in 0..behaviour.foreign_authorizations {
        let identifier = Identifier { kind: "dns".to_owned(), value: format!("n{number}.foreign.test") };
        let expires = time + behaviour.authorization_lifetime;
        let (status, challenges) = (Status::Pending, Vec::new());
        let authorization =
            Authorization { account, identifier, wildcard: false, status, expires, challenges };
        ids.push(new_authorization(state, authorization, &crate::ambient::token()));
    }
    ids
}

/// The token of another authorization of the same order for the same name.
fn token_in(state: &State, ids: &[u64], identifier: &Identifier) -> Option<String> {
    let mut authorizations = ids.iter().filter_map(|id| state.authorizations.get(id));
    let other = authorizations.find(|authorization| authorization.identifier == *identifier)?;
    let mut challenges = other.challenges.iter().filter_map(|id| state.challenges.get(id));
    Some(challenges.find(|challenge| challenge.kind == "dns-01")?.token.clone())
}

/// With a challenge of each type that fits; the token is that of dns-01, the others have their own.
fn new_authorization(state: &mut State, mut authorization: Authorization, dns_token: &str) -> u64 {
    let id = state.next_id();
    let kinds: &[&'static str] = match (authorization.identifier.kind.as_str(), authorization.wildcard) {
        (_, true) => &["dns-01"],
        ("ip", false) => &["http-01", "tls-alpn-01"],
        _ => &["http-01", "dns-01", "tls-alpn-01"],
    };
    for kind in kinds {
        let challenge = state.next_id();
        authorization.challenges.push(challenge);
        let token = if *kind == "dns-01" { dns_token.to_owned() } else { token() };
        let (status, validated, error) = (Status::Pending, None, None);
        state
            .challenges
            .insert(challenge, Challenge { authorization: id, kind, token, status, validated, error });
    }
    state.authorizations.insert(id, authorization);
    id
}

#[cfg(test)]
mod tests {
    use super::is_name;

    #[test]
    fn names_are_labels_in_lower_case() {
        for good in ["printer", "a.example", "*.a.example", "xn--bcher-kva.example", "1.2.example"] {
            assert!(is_name(good), "{good}");
        }
        for bad in ["", "A.example", "a.example.", "a..example", "a.*.example", "-a.example", "a_b.example"] {
            assert!(!is_name(bad), "{bad}");
        }
    }
}
