//! The CSR desk: requests that a person looks at before a CA signs them.

mod renewal;
mod sign;

use std::collections::BTreeMap;

use certmill_domain::{
    Action, Certificate, Csr, CsrId, CsrSource, CsrStatus, FieldErrors, Sans, legal_names,
};
use certmill_keys::SealPlace;
use certmill_storage::csrs;
use certmill_x509::{CsrInspection, CsrTemplate, DistinguishedName, PublicKey, parse_name_der};
use zeroize::Zeroizing;

use crate::app::off_thread;
use crate::certificates::csr_error;
use crate::change::Act;
use crate::key_choice::key_algorithm;
use crate::{App, Caller, Noun, Page, PageRequest, ServiceError};

pub(crate) use renewal::ask_for_renewal;
pub(crate) use sign::not_signable;
pub use sign::{CsrSignRequest, sign};

/// The largest CSR, in octets of DER.
const LARGEST: usize = 64 << 10;
/// Values of all attributes of a subject.
const MOST_VALUES: usize = 64;
/// The longest reason of a rejection, in characters.
const LONGEST_REASON: usize = 1_024;

/// A CSR that the service is to make, with a key of its own.
#[derive(Debug, Clone, Default)]
pub struct NewCsr {
    /// The subject.
    pub subject: DistinguishedName,
    /// The names.
    pub sans: Sans,
    /// `rsa` (default), `ec` or `ed25519`.
    pub key_type: Option<String>,
    /// Bits; 2048 for RSA and 256 for EC when absent.
    pub key_size: Option<u32>,
}

/// A CSR with everything that is in it.
pub struct InspectedCsr {
    /// The CSR on the desk.
    pub csr: Csr,
    /// What it asks for, and what is odd about it.
    pub inspection: CsrInspection,
}

/// The names that a certificate is to get.
struct Asked {
    subject: DistinguishedName,
    sans: Sans,
}

/// Makes a CSR; its private key is sealed and stays here.
pub async fn generate(app: &App, caller: &Caller, new: NewCsr) -> Result<InspectedCsr, ServiceError> {
    let mut errors = BTreeMap::new();
    let algorithm = key_algorithm(new.key_type.as_deref(), new.key_size, &mut errors);
    if new.subject.value_count() > MOST_VALUES {
        let problem =
            format!("has {} values, of which {MOST_VALUES} are the most", new.subject.value_count());
        errors.insert("subject".to_owned(), problem);
    } else if let Err(error) = new.subject.validate() {
        errors.insert("subject".to_owned(), error.to_string());
    }
    if !errors.is_empty() {
        return Err(ServiceError::Validation(FieldErrors(errors)));
    }
    let names = legal_names(&new.sans, ["san_dns", "san_ip", "san_email", "san_uri", "san_other"])?;
    if names.is_empty() && new.subject.common_name.as_deref().is_none_or(str::is_empty) {
        let problem = "needs a common_name, or the request a name in san_dns, san_ip or san_email";
        return Err(ServiceError::field("subject", problem));
    }
    let key = app.new_key(caller.tenant, algorithm).await?;
    let pkcs8 = key.to_pkcs8_der()?;
    let template = CsrTemplate { subject: new.subject, subject_alt_names: names, ca: None };
    let inspection = off_thread(move || {
        let der = template.sign(&key)?;
        Ok(CsrInspection::from_der(&der)?)
    })
    .await?;
    store(app, caller, inspection, Some(pkcs8), None).await
}

/// Puts a CSR from outside on the desk.
pub async fn import(app: &App, caller: &Caller, csr_pem: String) -> Result<InspectedCsr, ServiceError> {
    let inspection = read(csr_pem).await?;
    store(app, caller, inspection, None, None).await
}

async fn read(csr_pem: String) -> Result<CsrInspection, ServiceError> {
    let inspection = off_thread(move || CsrInspection::from_pem(&csr_pem).map_err(csr_error)).await?;
    if inspection.der().len() > LARGEST {
        let message = format!("the CSR has {} octets; at most {LARGEST} are taken", inspection.der().len());
        return Err(ServiceError::CsrInvalid(message));
    }
    // A subject that we cannot write could not be read back from its row.
    if parse_name_der(&inspection.subject().to_der()).is_err() {
        let message = format!("its subject `{}` has a value of the wrong kind", inspection.subject_text());
        return Err(ServiceError::CsrInvalid(message));
    }
    Ok(inspection)
}

async fn store(
    app: &App,
    caller: &Caller,
    inspection: CsrInspection,
    pkcs8: Option<Zeroizing<Vec<u8>>>,
    renews: Option<&Certificate>,
) -> Result<InspectedCsr, ServiceError> {
    let now = app.now();
    let id = CsrId::generate(now, app.entropy());
    let row = id.to_string();
    let (source, action, sealed) = match pkcs8 {
        Some(pkcs8) => {
            let sealed = app.keyring().seal(app, &key_place(caller, &row), &pkcs8).await?;
            (CsrSource::Generated, Action::CsrCreate, Some(sealed))
        }
        None => (CsrSource::Imported, Action::CsrImport, None),
    };
    let key: &PublicKey = inspection.public_key();
    let asked = match renews {
        Some(old) => renewal::names_of(old)?,
        None => {
            Asked { subject: inspection.subject().clone(), sans: Sans::from(inspection.subject_alt_names()) }
        }
    };
    let csr = Csr {
        id,
        status: CsrStatus::Pending.into(),
        source: source.into(),
        subject: asked.subject,
        sans: asked.sans,
        key_type: key.algorithm_name().to_owned(),
        key_size: i64::from(key.bits()),
        der: inspection.der().to_vec(),
        has_private_key: sealed.is_some(),
        rejection_reason: None,
        certificate_id: None,
        created_at: now,
        decided_at: None,
        renewal_of: renews.map(|old| old.id),
    };
    let mut change = app.change(caller).await?;
    csrs::insert(&mut change, &csr, sealed).await?;
    change.commit(Act::new(action, id).after(&csr.der)).await?;
    Ok(InspectedCsr { csr, inspection })
}

/// A CSR of the tenant with everything that is in it.
pub async fn find(app: &App, caller: &Caller, id: CsrId) -> Result<InspectedCsr, ServiceError> {
    let mut session = app.database().read(caller.tenant).await?;
    let csr = csrs::find(&mut session, id).await?.ok_or_else(|| ServiceError::not_found(Noun::Csr, id))?;
    drop(session);
    inspect(csr).await
}

/// The tenant's CSRs, newest first.
pub async fn list(
    app: &App,
    caller: &Caller,
    status: Option<CsrStatus>,
    page: &PageRequest,
) -> Result<Page<Csr>, ServiceError> {
    let (limit, before) = (page.rows()?, page.key::<CsrId>()?);
    let mut session = app.database().read(caller.tenant).await?;
    let rows = csrs::list(&mut session, status, before, limit).await?;
    Ok(Page::of(rows, |csr| csr.id.to_string()))
}

/// Approves a pending CSR. Of two who decide at once, one wins.
pub async fn approve(app: &App, caller: &Caller, id: CsrId) -> Result<InspectedCsr, ServiceError> {
    let mut change = app.change(caller).await?;
    if !csrs::approve(&mut change, id, app.now()).await? {
        drop(change);
        return Err(refusal(app, caller, id, "approved", &["pending"]).await);
    }
    change.commit(Act::new(Action::CsrApprove, id)).await?;
    find(app, caller, id).await
}

/// Rejects a pending or approved CSR, for a reason that its maker is told.
pub async fn reject(
    app: &App,
    caller: &Caller,
    id: CsrId,
    reason: String,
) -> Result<InspectedCsr, ServiceError> {
    let legal = |letter: char| !letter.is_control() || letter == '\n' || letter == '\t';
    if reason.trim().is_empty() || reason.chars().count() > LONGEST_REASON || !reason.chars().all(legal) {
        let problem = format!("must have 1 to {LONGEST_REASON} characters, none of them a control character");
        return Err(ServiceError::field("reason", problem));
    }
    let mut change = app.change(caller).await?;
    let act = Act::new(Action::CsrReject, id).after(&reason);
    if !csrs::reject(&mut change, id, reason, app.now()).await? {
        drop(change);
        return Err(refusal(app, caller, id, "rejected", &["pending", "approved"]).await);
    }
    change.commit(act).await?;
    find(app, caller, id).await
}

/// Deletes a CSR in any state. A certificate that came out of it stays, and so does the key that went with it.
pub async fn delete(app: &App, caller: &Caller, id: CsrId) -> Result<(), ServiceError> {
    let mut change = app.change(caller).await?;
    let csr = csrs::find(&mut change, id).await?;
    if !csrs::delete(&mut change, id).await? {
        return Err(ServiceError::not_found(Noun::Csr, id));
    }
    change.commit(Act::new(Action::CsrDelete, id).before(csr.map(|csr| csr.der).unwrap_or_default())).await
}

/// Reads the id of a CSR; one that cannot be an id is as good as absent.
pub fn parse_id(text: &str) -> Result<CsrId, ServiceError> {
    text.parse().map_err(|_| ServiceError::not_found(Noun::Csr, text))
}

async fn inspect(csr: Csr) -> Result<InspectedCsr, ServiceError> {
    off_thread(move || {
        let inspection = CsrInspection::from_der(&csr.der)?;
        Ok(InspectedCsr { csr, inspection })
    })
    .await
}

/// Why a CSR does not become `wanted`, from its present row.
async fn refusal(
    app: &App,
    caller: &Caller,
    id: CsrId,
    wanted: &str,
    possible_from: &'static [&'static str],
) -> ServiceError {
    match find(app, caller, id).await {
        Err(error) => error,
        Ok(found) => {
            let state = match found.csr.status.known() {
                Ok(status) => status.as_str(),
                Err(unknown) => return unknown.into(),
            };
            let message =
                format!("{id} is {state}: only one that is {} can be {wanted}", possible_from.join(" or "));
            ServiceError::InvalidState { message, state, possible_from }
        }
    }
}

/// Where a CSR's private key is sealed.
fn key_place<'a>(caller: &Caller, csr_id: &'a str) -> SealPlace<'a> {
    SealPlace { tenant: caller.tenant, table: "csrs", row: csr_id, column: "sealed_key" }
}
