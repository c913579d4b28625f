//! From the CSR to the certificate (RFC 8555 §7.4, §7.4.2).

use openssl::{
    error::ErrorStack,
    nid::Nid,
    pkey::{Id, PKey, Public},
    x509::{X509, X509Req},
};

use crate::{
    ambient::now,
    authority::{Contents, names_of_request, new_key, pem, serial_of},
    jws::from_base64url,
    knobs::CertificateFlaw,
    log::Issued,
    order::{check_owner, reply},
    problem::Problem,
    server::{Reply, Service, Signed},
    state::{Certificate, Identifier, State, Status},
};

/// finalize: takes the CSR of an order that is ready.
pub(crate) fn finalize(service: &Service, signed: &Signed, id: u64) -> Result<Reply, Problem> {
    let mut state = service.state();
    check_owner(&state, signed, id)?;
    let url = service.url("order", id);
    service.log.lock().finalizations.entry(url.clone()).or_default().asked += 1;
    state.refresh_order(id);
    let order = state.orders.get(&id).ok_or_else(Problem::not_found)?;
    if order.status != Status::Ready {
        let detail = format!("the order is {} and not ready", order.status.text());
        return Err(Problem::new(403, "orderNotReady", &detail));
    }
    let account_key = state.accounts.get(&order.account).map(|account| account.jwk.key.clone());
    let csr = signed.payload.as_ref().and_then(|payload| payload.get("csr")?.as_str().map(str::to_owned));
    let csr = csr.ok_or_else(|| Problem::malformed("finalize takes a csr"))?;
    let der = from_base64url(&csr)?;
    let key = check_request(&der, &order.identifiers)?;
    if service.knobs.behaviour().need_common_name && !has_common_name(&der) {
        return Err(Problem::new(400, "badCSR", "the CSR has no common name"));
    }
    if account_key.is_some_and(|account_key| account_key.public_eq(&key)) {
        return Err(Problem::new(400, "badCSR", "the CSR is for the account's key"));
    }
    let order = state.orders.get_mut(&id).ok_or_else(Problem::not_found)?;
    order.status = Status::Processing;
    order.key = Some(key);
    order.polls_left = service.knobs.behaviour().processing_polls;
    service.log.lock().finalizations.entry(url).or_default().accepted += 1;
    if order.polls_left == 0 {
        complete(service, &mut state, id);
    }
    reply(service, &state, id)
}

/// One poll of an order in processing; the last one ends it.
pub(crate) fn poll(service: &Service, state: &mut State, id: u64) {
    let Some(order) = state.orders.get_mut(&id) else { return };
    if order.status != Status::Processing {
        return;
    }
    order.polls_left = order.polls_left.saturating_sub(1);
    if order.polls_left == 0 {
        complete(service, state, id);
    }
}

/// certificate: the chain, with links to the others.
pub(crate) fn download(service: &Service, signed: &Signed, (id, chain): (u64, u8)) -> Result<Reply, Problem> {
    let state = service.state();
    let certificate = state.certificates.get(&id).ok_or_else(Problem::not_found)?;
    if certificate.account != signed.account()? {
        return Err(Problem::unauthorized("this is another account's"));
    }
    if signed.payload.is_some() {
        return Err(Problem::malformed("a certificate is read by POST-as-GET"));
    }
    let parts = service.knobs.behaviour().chain;
    let pem = service.authority.chain(&certificate.leaf, chain, parts).ok_or_else(Problem::not_found)?;
    let url = service.url("certificate", id);
    let links = (0..=service.authority.alternates()).filter(|n| *n != usize::from(chain)).map(|n| {
        if n == 0 {
            format!("<{url}>;rel=\"alternate\"")
        } else {
            format!("<{url}/alternate/{n}>;rel=\"alternate\"")
        }
    });
    Ok(Reply { links: links.collect(), ..Reply::text(200, "application/pem-certificate-chain", &pem) })
}

/// The key of a CSR that is signed by it and has exactly the order's names.
fn check_request(der: &[u8], identifiers: &[Identifier]) -> Result<PKey<Public>, Problem> {
    let bad = |detail: &str| Problem::new(400, "badCSR", detail);
    let request = X509Req::from_der(der).map_err(|_| bad("not a CSR in DER"))?;
    let key = request.public_key().map_err(|_| bad("not a key that is known here"))?;
    if !request.verify(&key).unwrap_or(false) {
        return Err(bad("the CSR's signature is wrong"));
    }
    if key.id() == Id::RSA && key.bits() < 2048 {
        return Err(bad("RSA keys have at least 2048 bits"));
    }
    let mut ordered: Vec<&str> = identifiers.iter().map(|identifier| identifier.value.as_str()).collect();
    ordered.sort_unstable();
    let names = names_of_request(&request).map_err(|_| bad("the CSR's names cannot be read"))?;
    if names != ordered {
        return Err(bad(&format!("the CSR is for {names:?} and the order for {ordered:?}")));
    }
    Ok(key)
}

fn has_common_name(der: &[u8]) -> bool {
    X509Req::from_der(der)
        .is_ok_and(|request| request.subject_name().entries_by_nid(Nid::COMMONNAME).next().is_some())
}

/// Issues, or fails the order as the behaviour wants it.
fn complete(service: &Service, state: &mut State, id: u64) {
    let behaviour = service.knobs.behaviour();
    let time = now();
    let Some(order) = state.orders.get_mut(&id) else { return };
    if let Some(problem) = behaviour.fail_in_processing {
        order.status = Status::Invalid;
        order.error = Some(problem.body);
        return;
    }
    let Some(key) = order.key.clone() else { return };
    // As public authorities do, because clocks of clients are slow.
    let not_before = time - 3_600.min(behaviour.certificate_lifetime / 2);
    let not_after = time + behaviour.certificate_lifetime;
    let identifiers = order.identifiers.clone();
    let extra = behaviour.extra_names.iter().map(|name| {
        let kind = if name.contains('@') { "email" } else { "dns" };
        Identifier { kind: kind.to_owned(), value: name.clone() }
    });
    let contained: Vec<Identifier> = identifiers.iter().cloned().chain(extra).collect();
    let leaf = issue(service, &key, (&contained, not_before, not_after), behaviour.certificate_flaw);
    let leaf = leaf.unwrap_or_else(|error| panic!("OpenSSL cannot issue: {error}"));
    let mut names: Vec<String> = identifiers.iter().map(|identifier| identifier.value.clone()).collect();
    names.sort();
    let issued = Issued {
        names,
        serial: serial_of(&leaf),
        pem: pem(&leaf),
        order: service.url("order", id),
        account: service.url("account", order.account),
        replaces: order.replaces.clone(),
        profile: order.profile.clone(),
    };
    let account = order.account;
    let certificate = state.next_id();
    if let Some(order) = state.orders.get_mut(&id) {
        order.status = Status::Valid;
        order.certificate = Some(certificate);
    }
    state.certificates.insert(
        certificate,
        Certificate { account, identifiers, leaf, not_before, not_after, revoked: false },
    );
    service.log.lock().issued.push(issued);
}

fn issue(
    service: &Service,
    key: &PKey<Public>,
    (identifiers, not_before, not_after): (&[Identifier], i64, i64),
    flaw: Option<CertificateFlaw>,
) -> Result<X509, ErrorStack> {
    let right = Contents { identifiers, not_before, not_after };
    match flaw {
        None => service.authority.issue(key, &right),
        Some(CertificateFlaw::WrongKey) => service.authority.issue(&*new_key()?, &right),
        Some(CertificateFlaw::WrongNames) => {
            let other = Identifier { kind: "dns".to_owned(), value: "not-ordered.example".to_owned() };
            service.authority.issue(key, &Contents { identifiers: &[other], ..right })
        }
        Some(CertificateFlaw::FewerNames) => {
            let fewer = identifiers.get(1..).unwrap_or_default();
            service.authority.issue(key, &Contents { identifiers: fewer, ..right })
        }
    }
}
