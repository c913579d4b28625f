//! Importing a CA with its key, so that an installation of another kind can move in with what it has revoked.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use certmill_domain::{Action, Ca, CaId, Crl, CrlId, CrlInfo, FieldErrors, Timestamp};
use certmill_keys::PrivateKey;
use certmill_storage::crls::{self, FirstCrl};
use certmill_storage::{certificate_authorities, inherited_revocations, issuer_versions};
use certmill_x509::revocation::{ParsedCrl, read_crls};
use certmill_x509::{CrlBuilder, ParsedCertificate, PublicKey, RevocationReason, SerialNumber, same_name};

use super::elsewhere::{Checked, invalid};
use super::external::signer_names;
use super::plan::{CaSettings, NewCaSettings, check_name, check_pss};
use super::{CaWithCrl, create, link};
use crate::app::off_thread;
use crate::certificates::{ImportRequest, Material};
use crate::change::Act;
use crate::issuer::ca_key_place;
use crate::{App, Caller, ServiceError, blocked_keys, crl, notices, ocsp, publish};

/// The highest number of a CRL that can be gone on with for ever.
const HIGHEST_NUMBER: i64 = i64::MAX / 2;

/// A CA that is imported, as the request says it.
pub struct ImportCa {
    /// Name, unique in the tenant.
    pub name: String,
    /// Certificate, key and chain.
    pub material: ImportRequest,
    /// Its present CRL, PEM or DER in base64.
    pub crl: Option<String>,
    /// The number of its last CRL, if that is higher than the one of `crl`.
    pub crl_number: Option<i64>,
    /// What can be changed later.
    pub settings: NewCaSettings,
}

/// What a CA has revoked: serial number, time, reason, and since when the key may have been in wrong hands.
type Entry = (SerialNumber, Timestamp, RevocationReason, Option<Timestamp>);

/// Imports a CA. Its next CRL lists what the given one lists, under a higher number.
pub async fn import(app: &App, caller: &Caller, request: ImportCa) -> Result<CaWithCrl, ServiceError> {
    let ImportCa { name, material, crl, crl_number, settings } = request;
    let mut errors = BTreeMap::new();
    check_name(&name, &mut errors);
    let settings = CaSettings::read(&settings, app.settings().crl_lifetime, &mut errors);
    if crl_number.is_some_and(|number| !(0..=HIGHEST_NUMBER).contains(&number)) {
        errors.insert("crl_number".to_owned(), format!("must be from 0 to {HIGHEST_NUMBER}"));
    }
    if !errors.is_empty() {
        return Err(ServiceError::Validation(FieldErrors(errors)));
    }
    notices::check(app, &settings.owners)?;
    let (certificate, chain, key) = read(app, caller, material).await?;
    check_pss(settings.use_pss, key.algorithm())
        .map_err(|problem| ServiceError::field("use_pss", problem))?;
    refuse_key(app, caller, certificate.public_key()?).await?;
    let checked = Checked::of(app, caller, certificate.clone(), chain).await?;
    let (entries, last) = match crl {
        Some(text) => read_crl(app, caller, text, certificate.clone()).await?,
        None => (Vec::new(), 0),
    };
    let created_at = app.now();
    let id = CaId::generate(created_at, app.entropy());
    let sealed =
        app.keyring().seal(app, &ca_key_place(caller.tenant, &id.to_string()), &key.to_pkcs8_der()?).await?;
    let algorithm = key.algorithm();
    let key = key.signing_by_pss(settings.use_pss);
    let mut ca = Ca {
        id,
        name,
        common_name: String::new(),
        kind: certmill_domain::CaKind::Root.into(),
        parent_id: None,
        key_type: algorithm.key_type().to_owned(),
        key_size: algorithm.key_size(),
        serial_number: *certificate.serial_number(),
        not_before: created_at,
        not_after: created_at,
        path_length: None,
        certificate_der: Vec::new(),
        foreign: None,
        certificates_issued: 0,
        revocation: None,
        created_at: created_at.whole_seconds(),
        renewal_of_desk_certificates: settings.desk_renewal.into(),
        ocsp: settings.ocsp,
        ocsp_signer: settings.ocsp_signer.into(),
        crl_validity: settings.crl_validity,
        crl_overlap: settings.crl_overlap,
        crl_shards: settings.crl_shards,
        delta_crl_validity: settings.delta_crl_validity,
        use_pss: settings.use_pss,
        owners: settings.owners,
    };
    checked.describe(&mut ca)?;
    let last = last.max(crl_number.unwrap_or_default());
    let (first, entries) = first_lists(app, &ca, &checked, (key, entries, last)).await?;
    store(app, caller, (&ca, &checked), (sealed, &first, entries)).await?;
    Ok(CaWithCrl { ca, crl: first.first().map(|full| full.crl.info) })
}

async fn store(
    app: &App,
    caller: &Caller,
    (ca, checked): (&Ca, &Checked),
    (sealed, first, entries): (Vec<u8>, &[FirstCrl], Vec<Entry>),
) -> Result<(), ServiceError> {
    let mut change = link::begin(app, caller, checked).await?;
    let key = ca.foreign.as_ref().map(|foreign| foreign.spki_sha256.clone()).unwrap_or_default();
    refuse_known(&mut change, &key).await?;
    match create::insert(&mut change, ca, sealed).await {
        Err(error @ ServiceError::AlreadyExists { .. }) => {
            drop(change);
            // Of two at once, the name or the key of the other one may be in the way.
            let mut session = app.database().read(caller.tenant).await?;
            return Err(refuse_known(&mut session, &key).await.err().unwrap_or(error));
        }
        other => other?,
    }
    inherited_revocations::insert(&mut change, ca.id, entries).await?;
    crls::insert(&mut change, first).await?;
    publish::enqueue_first(app, caller, &mut change, first).await?;
    crl::begin_deltas(app, caller, &mut change, ca).await?;
    ocsp::begin_signer(app, caller, &mut change, ca).await?;
    if link::below(app, &mut change, ca).await? {
        issuer_versions::count(&mut change).await?;
    }
    change.commit(Act::new(Action::CaImport, ca.id).after(&ca.certificate_der)).await?;
    app.issuers().forget_all(caller.tenant);
    app.wake_workers();
    Ok(())
}

/// Two CAs with one key would publish two CRLs that contradict each other.
async fn refuse_known(session: &mut certmill_storage::Session, key: &str) -> Result<(), ServiceError> {
    match certificate_authorities::find_by_key(session, key).await? {
        Some(id) => Err(ServiceError::Duplicate {
            message: format!("a CA with this key is here already, as {id}"),
            id: id.to_string(),
        }),
        None => Ok(()),
    }
}

async fn read(
    app: &App,
    caller: &Caller,
    material: ImportRequest,
) -> Result<(ParsedCertificate, Vec<Vec<u8>>, PrivateKey), ServiceError> {
    app.in_turn(caller.tenant, move || {
        let material = Material::read(&material)?;
        let Some(key) = material.key else {
            let problem = "is required: a CA issues nothing here without its key. To trust one that stays elsewhere, \
                           add a trust anchor";
            return Err(ServiceError::field("private_key_pem", problem));
        };
        let parsed = ParsedCertificate::from_der(&material.leaf).map_err(|error| invalid(error.to_string()))?;
        Ok((parsed, material.chain, key))
    })
    .await
}

/// Refuses a key that is weak or blocked.
pub(super) async fn refuse_key(app: &App, caller: &Caller, key: PublicKey) -> Result<(), ServiceError> {
    match blocked_keys::refuse(app, caller, &key).await {
        Err(ServiceError::CsrInvalid(message)) => Err(invalid(message)),
        other => other,
    }
}

/// What the present CRL of a CA lists, and its number; 0 when it has none.
async fn read_crl(
    app: &App,
    caller: &Caller,
    text: String,
    ca: ParsedCertificate,
) -> Result<(Vec<Entry>, i64), ServiceError> {
    app.in_turn(caller.tenant, move || {
        let refuse = |problem: String| ServiceError::field("crl_pem", problem);
        let octets = if text.contains("-----") {
            text.into_bytes()
        } else {
            let compact: String = text.chars().filter(|letter| !letter.is_ascii_whitespace()).collect();
            STANDARD.decode(compact).map_err(|_| refuse("is neither PEM nor DER in base64".to_owned()))?
        };
        let mut lists = read_crls(&octets).map_err(|error| refuse(error.to_string()))?;
        let (Some(crl), true) = (lists.pop(), lists.is_empty()) else {
            return Err(refuse("must be one CRL".to_owned()));
        };
        check_crl(&crl, &ca).map_err(refuse)?;
        let number = match crl.number().map(certmill_x509::revocation::CrlNumber::to_i64) {
            None => 0,
            Some(Some(number)) if number <= HIGHEST_NUMBER => number,
            Some(_) => {
                let problem = format!("has a number above {HIGHEST_NUMBER}, which cannot be gone on with");
                return Err(refuse(problem));
            }
        };
        Ok((entries(&crl).map_err(refuse)?, number))
    })
    .await
}

/// Whether it is the full list of this CA.
fn check_crl(crl: &ParsedCrl, ca: &ParsedCertificate) -> Result<(), String> {
    if !same_name(crl.issuer_der(), ca.subject_der()) {
        return Err(format!("is one of `{}`, not of this CA", crl.issuer_text()));
    }
    let key = ca.public_key().map_err(|error| error.to_string())?;
    match crl.is_signed_by(&key) {
        Ok(true) => {}
        Ok(false) => return Err("was not signed with the key of this CA".to_owned()),
        Err(error) => return Err(error.to_string()),
    }
    if crl.base_number().is_some() {
        return Err("is a delta CRL: give the full one".to_owned());
    }
    if crl.scope().is_some() {
        let problem = "says that it lists a part only (issuingDistributionPoint: of the certificates, of the reasons, of those of \
                       another issuer, or one of several lists): give a full one without that extension";
        return Err(problem.to_owned());
    }
    Ok(())
}

fn entries(crl: &ParsedCrl) -> Result<Vec<Entry>, String> {
    let mut entries = Vec::with_capacity(crl.entries());
    for (serial, entry) in crl.listed() {
        if serial.first().is_some_and(|first| first & 0x80 != 0) {
            return Err("lists a negative serial number, which no certificate may have".to_owned());
        }
        let serial = SerialNumber::from_bytes(serial).map_err(|error| error.to_string())?;
        let reason = match entry.reason {
            // Only a delta CRL says so.
            RevocationReason::RemoveFromCrl => RevocationReason::Unspecified,
            reason => reason,
        };
        let at = Timestamp::from_unix_seconds;
        entries.push((serial, at(entry.revoked_at), reason, entry.invalidity_date.map(at)));
    }
    // As they are read from the rows later.
    entries.sort_by_key(|(serial, ..)| *serial);
    entries.dedup_by_key(|(serial, ..)| *serial);
    Ok(entries)
}

async fn first_lists(
    app: &App,
    ca: &Ca,
    checked: &Checked,
    (key, entries, last): (PrivateKey, Vec<Entry>, i64),
) -> Result<(Vec<FirstCrl>, Vec<Entry>), ServiceError> {
    let (subject_der, key_id) = signer_names(checked.certificate())?;
    let this_update = app.now().whole_seconds();
    let info = CrlInfo {
        number: crl::next_number(last, this_update),
        this_update,
        next_update: this_update.plus(ca.crl_validity.unwrap_or(app.settings().crl_lifetime)),
        entries: i64::try_from(entries.len()).unwrap_or(i64::MAX),
        builds: 1,
    };
    let (full, shards) = (CrlId::full(ca.id), crl::added(app, ca.id, (1, ca.crl_shards)));
    off_thread(move || {
        let mut builder = CrlBuilder::with_capacity(entries.len());
        for (serial, revoked_at, reason, invalid_since) in &entries {
            let since = invalid_since.map(Timestamp::unix_seconds);
            builder.push_entry(serial, revoked_at.unix_seconds(), *reason, since);
        }
        let issuer = crl::CrlIssuer { subject_der: &subject_der, key_id: &key_id, key: &key };
        let crl = Crl { info, der: crl::signed(&issuer, builder, &info, &crl::Scope::default())?.into_der() };
        let mut first = vec![FirstCrl { list: full, urls: Vec::new(), crl }];
        first.extend(crl::sign_first(&issuer, shards, (info.this_update, info.next_update))?);
        Ok((first, entries))
    })
    .await
}
