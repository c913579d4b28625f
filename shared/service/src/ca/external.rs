//! CAs whose certificates are signed elsewhere: a key and its CSR first, the certificate later.

use std::sync::Arc;

use certmill_domain::{Action, Ca, CaId, CaStatus, ForeignCa, Timestamp};
use certmill_keys::PrivateKey;
use certmill_storage::crls::{self, FirstCrl};
use certmill_storage::{certificate_authorities, issuer_versions};
use certmill_x509::{CaWish, CsrTemplate, ParsedCertificate, SerialNumber, spki_sha256, subject_key_id};
use zeroize::Zeroizing;

use super::elsewhere::{Checked, invalid};
use super::import::refuse_key;
use super::plan::Plan;
use super::{CaWithCrl, create, link, reissue, update};
use crate::app::off_thread;
use crate::certificates::{ImportRequest, Material};
use crate::change::Act;
use crate::issuer::ca_key_place;
use crate::{App, Caller, Noun, ServiceError, crl, ocsp, publish};

/// What came back for a CSR.
#[derive(Debug, Clone, Default)]
pub struct SignedCertificate {
    /// The certificate, PEM or DER in base64; its chain may be in the same text.
    pub certificate: String,
    /// The certificates above it, in any order.
    pub chain: Option<String>,
}

/// Makes the key of a CA and its CSR. Until the certificate comes, the row says that it is over, so that processes of versions
/// that know of no such CAs issue nothing by it.
pub(super) async fn begin(app: &App, caller: &Caller, plan: Plan) -> Result<CaWithCrl, ServiceError> {
    let created_at = app.now();
    let key = app.new_key(caller.tenant, plan.key_algorithm).await?;
    let pkcs8 = key.to_pkcs8_der()?;
    let id = CaId::generate(created_at, app.entropy());
    let sealed = app.keyring().seal(app, &ca_key_place(caller.tenant, &id.to_string()), &pkcs8).await?;
    // No certificate has it: a place in the row, until there is one.
    let mut random = [0; 20];
    app.entropy().fill(&mut random);
    let spki_sha256 = spki_sha256(key.spki_der());
    let template = CsrTemplate {
        subject: plan.subject.clone(),
        ca: Some(CaWish { path_length: plan.path_length, name_constraints: plan.name_constraints }),
        ..CsrTemplate::default()
    };
    let csr_der = off_thread(move || Ok(template.sign(&key)?)).await?;
    if csr_der.len() > create::LARGEST {
        let problem =
            format!("the CSR would have {} octets; at most {}: name less", csr_der.len(), create::LARGEST);
        return Err(ServiceError::field("permitted_dns_domains", problem));
    }
    let never = Timestamp::from_unix_seconds(0);
    let ca = Ca {
        id,
        name: plan.name,
        common_name: plan.subject.common_name.unwrap_or_default(),
        kind: plan.kind.into(),
        parent_id: None,
        key_type: plan.key_algorithm.key_type().to_owned(),
        key_size: plan.key_algorithm.key_size(),
        serial_number: SerialNumber::from_random(random),
        not_before: never,
        not_after: never,
        path_length: plan.path_length,
        certificate_der: Vec::new(),
        foreign: Some(ForeignCa { csr_der: Some(csr_der.clone()), above_der: Some(Vec::new()), spki_sha256 }),
        certificates_issued: 0,
        revocation: None,
        created_at: created_at.whole_seconds(),
        renewal_of_desk_certificates: plan.settings.desk_renewal.into(),
        ocsp: plan.settings.ocsp,
        ocsp_signer: plan.settings.ocsp_signer.into(),
        crl_validity: plan.settings.crl_validity,
        crl_overlap: plan.settings.crl_overlap,
        crl_shards: plan.settings.crl_shards,
        delta_crl_validity: plan.settings.delta_crl_validity,
        use_pss: plan.settings.use_pss,
        owners: plan.settings.owners.clone(),
    };
    let mut change = app.change(caller).await?;
    create::insert(&mut change, &ca, sealed).await?;
    change.commit(Act::new(Action::CaCreate, id).after(&csr_der)).await?;
    Ok(CaWithCrl { ca, crl: None })
}

/// Gives a CA that waits for its certificate what was signed elsewhere.
pub async fn accept(
    app: &App,
    caller: &Caller,
    id: CaId,
    signed: SignedCertificate,
) -> Result<CaWithCrl, ServiceError> {
    let mut ca = super::find(app, caller.tenant, id).await?.ca;
    caller.check_state(&update::state(&ca))?;
    let Some(expected) = ca.foreign.as_ref().map(|foreign| foreign.spki_sha256.clone()) else {
        return Err(not_waiting(app, &ca));
    };
    if ca.status(app.now()) != CaStatus::Pending {
        return accept_another(app, caller, ca, (signed, expected)).await;
    }
    let certificate = read(app, caller, signed, expected).await?;
    let checked = Checked::of(app, caller, certificate.0, certificate.1).await?;
    checked.describe(&mut ca)?;
    let first = first_lists(app, caller, &ca, &checked).await?;
    let mut change = link::begin(app, caller, &checked).await?;
    if !certificate_authorities::set_certificate(&mut change, &ca).await? {
        drop(change);
        let now = super::find(app, caller.tenant, id).await?.ca;
        // It waits still, but has more shards than lists were made for.
        if now.status(app.now()) == CaStatus::Pending {
            return Err(ServiceError::CallInProgress { seconds: 1 });
        }
        return Err(not_waiting(app, &now));
    }
    crls::insert(&mut change, &first).await?;
    publish::enqueue_first(app, caller, &mut change, &first).await?;
    crl::begin_deltas(app, caller, &mut change, &ca).await?;
    ocsp::begin_signer(app, caller, &mut change, &ca).await?;
    issuer_versions::count(&mut change).await?;
    change.commit(Act::new(Action::CaCertificate, id).after(&ca.certificate_der)).await?;
    app.issuers().forget_all(caller.tenant);
    super::find(app, caller.tenant, id).await
}

/// Gives a CA that has a certificate another one, signed elsewhere for the same name and key.
async fn accept_another(
    app: &App,
    caller: &Caller,
    old: Ca,
    (signed, expected): (SignedCertificate, String),
) -> Result<CaWithCrl, ServiceError> {
    reissue::refuse_state(app, &old)?;
    let certificate = read(app, caller, signed, expected).await?;
    reissue::same_identity(&old, &certificate.0)?;
    let checked = Checked::of(app, caller, certificate.0, certificate.1).await?;
    if checked.parent() == Some(old.id) {
        return Err(invalid("a CA does not stand below itself: give the certificates above it"));
    }
    let mut new = old.clone();
    checked.describe(&mut new)?;
    reissue::refuse_earlier_end(&old, new.not_after).map_err(|problem| invalid(format!("it {problem}")))?;
    let change = link::begin(app, caller, &checked).await?;
    reissue::replace(app, caller, change, (&old, &new), Action::CaCertificate).await
}

fn not_waiting(app: &App, ca: &Ca) -> ServiceError {
    let state = ca.status(app.now()).as_str();
    ServiceError::InvalidState {
        message: format!(
            "the certificate authority `{}` ({}) is {state}: only one that was made with `external` or came from elsewhere takes a \
             certificate from there",
            ca.name, ca.id
        ),
        state,
        possible_from: &["pending"],
    }
}

/// Reads the certificate of this key, and what is above it.
async fn read(
    app: &App,
    caller: &Caller,
    signed: SignedCertificate,
    expected: String,
) -> Result<(ParsedCertificate, Vec<Vec<u8>>), ServiceError> {
    let request = ImportRequest {
        certificate: Some(Zeroizing::new(signed.certificate)),
        private_key: None,
        password: None,
        chain: signed.chain,
        pkcs12: None,
        ca_id: None,
    };
    let read = app.in_turn(caller.tenant, move || {
        let material = Material::read(&request)?;
        if material.key.is_some() {
            let problem = "holds a private key, but that of the CA is here already: send certificates only";
            return Err(ServiceError::field("certificate_pem", problem));
        }
        let parsed =
            ParsedCertificate::from_der(&material.leaf).map_err(|error| invalid(error.to_string()))?;
        if spki_sha256(parsed.spki_der()) != expected {
            let message =
                "it certifies another key than that of this CA: have the CA's own CSR (`csr_pem`) signed";
            return Err(invalid(message));
        }
        Ok((parsed, material.chain))
    });
    let (certificate, chain) = read.await?;
    refuse_key(app, caller, certificate.public_key()?).await?;
    Ok((certificate, chain))
}

async fn first_lists(
    app: &App,
    caller: &Caller,
    ca: &Ca,
    checked: &Checked,
) -> Result<Vec<FirstCrl>, ServiceError> {
    let mut session = app.database().read(caller.tenant).await?;
    let sealed = certificate_authorities::sealed_key(&mut session, ca.id).await?;
    let sealed = sealed.ok_or_else(|| ServiceError::not_found(Noun::Ca, ca.id))?;
    drop(session);
    let opened = app.keyring().open(app, &ca_key_place(caller.tenant, &ca.id.to_string()), &sealed).await?;
    let key = Arc::new(PrivateKey::from_pkcs8_der(&opened)?.signing_by_pss(ca.use_pss));
    let (subject_der, key_id) = signer_names(checked.certificate())?;
    let now = app.now().whole_seconds();
    let times = (now, now.plus(ca.crl_validity.unwrap_or(app.settings().crl_lifetime)));
    let lists = crl::lists(app, ca.id, ca.crl_shards);
    off_thread(move || {
        let issuer = crl::CrlIssuer { subject_der: &subject_der, key_id: &key_id, key: &*key };
        crl::sign_first(&issuer, lists, times)
    })
    .await
}

/// How a CA names itself in what it signs.
pub(super) fn signer_names(certificate: &ParsedCertificate) -> Result<(Vec<u8>, Vec<u8>), ServiceError> {
    let key_id = match certificate.subject_key_id() {
        Some(key_id) => key_id,
        None => subject_key_id(certificate.spki_der())?.to_vec(),
    };
    Ok((certificate.subject_der().to_vec(), key_id))
}
