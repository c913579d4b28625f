//! Accounts (RFC 8555 §7.3).

use serde_json::{Value, json};

use crate::{
    jws::{Jwk, Jws, from_base64url},
    problem::Problem,
    server::{Reply, Service, Signed, Signer},
    state::{Account, Status},
};

/// newAccount: the account of the key, made if there is none and that was not ruled out.
pub(crate) fn create(service: &Service, signed: &Signed) -> Result<Reply, Problem> {
    let Signer::Key(jwk) = &signed.signer else {
        return Err(Problem::malformed("the account's key has to sign this"));
    };
    let payload = signed.payload.clone().unwrap_or_else(|| json!({}));
    let known = service.state().account_with_key(&jwk.thumbprint);
    if let Some(id) = known {
        return existing(service, id);
    }
    if payload.get("onlyReturnExisting") == Some(&json!(true)) {
        return Err(Problem::new(400, "accountDoesNotExist", "there is no account with this key"));
    }
    let terms_agreed = payload.get("termsOfServiceAgreed") == Some(&json!(true));
    if let (Some(terms), false) = (&service.options.terms_of_service, terms_agreed) {
        return Err(Problem::user_action_required(terms, terms));
    }
    let contact = payload.get("contact").cloned().unwrap_or_else(|| json!([]));
    check_contact(&contact)?;
    let binding = payload.get("externalAccountBinding").cloned();
    let external = check_binding(service, signed, jwk, binding.as_ref())?;

    let mut state = service.state();
    if let Some(kid) = external {
        let first = state.used_bindings.insert(kid);
        if !first && service.options.eab_single_use {
            return Err(Problem::unauthorized("the external account key has been used already"));
        }
    }
    let id = state.next_id();
    let account = Account { jwk: jwk.clone(), status: Status::Valid, contact, binding, terms_agreed };
    let body = document(service, id, &account);
    state.accounts.insert(id, account);
    let url = service.url("account", id);
    service.log.lock().accounts.push(url.clone());
    Ok(Reply { location: Some(url), ..Reply::json(201, &body) })
}

/// An account's own resource: reading it, changing its contacts, deactivating it.
pub(crate) fn change(service: &Service, signed: &Signed, id: u64) -> Result<Reply, Problem> {
    own(signed, id)?;
    let mut state = service.state();
    let account = state.accounts.get_mut(&id).ok_or_else(Problem::not_found)?;
    if let Some(payload) = &signed.payload {
        match payload.get("status").and_then(Value::as_str) {
            Some("deactivated") => account.status = Status::Deactivated,
            Some("valid") | None => {}
            Some(_) => return Err(Problem::malformed("an account's status can become deactivated only")),
        }
        if let Some(contact) = payload.get("contact") {
            check_contact(contact)?;
            account.contact = contact.clone();
        }
        if payload.get("termsOfServiceAgreed") == Some(&json!(true)) {
            account.terms_agreed = true;
        }
    }
    Ok(Reply::json(200, &document(service, id, account)))
}

/// The list of an account's orders (RFC 8555 §7.1.2.1).
pub(crate) fn orders(service: &Service, signed: &Signed, id: u64) -> Result<Reply, Problem> {
    own(signed, id)?;
    let state = service.state();
    let orders = state.orders.iter().filter(|(_, order)| order.account == id);
    let urls: Vec<String> = orders.map(|(id, _)| service.url("order", *id)).collect();
    Ok(Reply::json(200, &json!({ "orders": urls })))
}

/// keyChange (RFC 8555 §7.3.5): the account signs what its new key has signed.
pub(crate) fn change_key(service: &Service, signed: &Signed) -> Result<Reply, Problem> {
    let id = signed.account()?;
    let inner = Jws::parse(signed.payload.as_ref().unwrap_or(&Value::Null))?;
    let new = Jwk::parse(inner.header.get("jwk").unwrap_or(&Value::Null))?;
    inner.verify(&new)?;
    if inner.text("url") != Some(&signed.url) || inner.header.get("nonce").is_some() {
        return Err(Problem::malformed("the inner JWS has the outer url and no nonce"));
    }
    let order = inner.json()?.unwrap_or_default();
    let mut state = service.state();
    if let Some(other) = state.account_with_key(&new.thumbprint) {
        let location = Some(service.url("account", other));
        return Err(Problem {
            location,
            ..Problem::new(409, "malformed", "the key is an account's already")
        });
    }
    let account = state.accounts.get_mut(&id).ok_or_else(Problem::not_found)?;
    let old = Jwk::parse(order.get("oldKey").unwrap_or(&Value::Null))?;
    let url = service.url("account", id);
    if order.get("account") != Some(&json!(url)) || old.thumbprint != account.jwk.thumbprint {
        return Err(Problem::malformed("the inner JWS names another account or old key"));
    }
    account.jwk = new;
    Ok(Reply { location: Some(url), ..Reply::json(200, &document(service, id, account)) })
}

fn existing(service: &Service, id: u64) -> Result<Reply, Problem> {
    let state = service.state();
    let account = state.accounts.get(&id).ok_or_else(Problem::not_found)?;
    if account.status != Status::Valid {
        return Err(Problem::unauthorized("the account of this key is not valid any more"));
    }
    let location = Some(service.url("account", id));
    Ok(Reply { location, ..Reply::json(200, &document(service, id, account)) })
}

fn document(service: &Service, id: u64, account: &Account) -> Value {
    let mut object = json!({
        "status": account.status.text(),
        "contact": account.contact,
        "orders": format!("{}/orders", service.url("account", id)),
        "termsOfServiceAgreed": account.terms_agreed,
        "key": account.jwk.value,
    });
    if let Some(binding) = &account.binding {
        object["externalAccountBinding"] = binding.clone();
    }
    object
}

fn own(signed: &Signed, id: u64) -> Result<(), Problem> {
    if signed.account()? == id { Ok(()) } else { Err(Problem::unauthorized("this is another account's")) }
}

fn check_contact(contact: &Value) -> Result<(), Problem> {
    let contacts = contact.as_array().ok_or_else(|| Problem::malformed("contact is a list"))?;
    for contact in contacts {
        let contact = contact.as_str().unwrap_or_default();
        let Some(address) = contact.strip_prefix("mailto:") else {
            return Err(Problem::new(400, "unsupportedContact", "contacts are mailto URLs"));
        };
        let good = address.split_once('@').is_some_and(|(local, host)| {
            !local.is_empty() && host.contains('.') && !host.contains(['@', '?', ',', ' '])
        });
        if !good {
            return Err(Problem::new(400, "invalidContact", "not one address of mail"));
        }
    }
    Ok(())
}

/// The key identifier of a good binding (RFC 8555 §7.3.4); none when the server wants none and got none.
fn check_binding(
    service: &Service,
    signed: &Signed,
    jwk: &Jwk,
    binding: Option<&Value>,
) -> Result<Option<String>, Problem> {
    let Some(binding) = binding else {
        if service.options.eab_keys.is_empty() {
            return Ok(None);
        }
        return Err(Problem::new(403, "externalAccountRequired", "newAccount needs externalAccountBinding"));
    };
    let jws = Jws::parse(binding)?;
    let kid = jws.text("kid").unwrap_or_default();
    let key = service.options.eab_keys.get(kid);
    let key = key.ok_or_else(|| Problem::unauthorized("the external account key is unknown"))?;
    if jws.text("url") != Some(&signed.url) || jws.header.get("nonce").is_some() {
        return Err(Problem::malformed("the binding has the outer url and no nonce"));
    }
    if !jws.verify_mac(&from_base64url(key)?) {
        return Err(Problem::unauthorized("the binding's MAC is wrong"));
    }
    let bound = Jwk::parse(&jws.json()?.unwrap_or_default())?;
    if bound.thumbprint != jwk.thumbprint {
        return Err(Problem::malformed("the binding is for another key"));
    }
    Ok(Some(kid.to_owned()))
}
