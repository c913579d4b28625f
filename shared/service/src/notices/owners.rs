//! Who is told: the addresses that a request names, and those of what an event is about.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};

use certmill_domain::{CaId, Certificate, OWNERS_TAG, Owners, is_within};
use certmill_storage::{Session, certificate_authorities, roles};

use crate::{App, ServiceError};

/// The owners that a request names.
///
/// # Errors
/// `validation_error` of the field `owners`.
pub(crate) fn read(app: &App, texts: &[String]) -> Result<Owners, ServiceError> {
    let owners = Owners::parse(texts).map_err(|error| ServiceError::field("owners", error.to_string()))?;
    check(app, &owners)?;
    Ok(owners)
}

/// Whether the operator permits these addresses.
///
/// # Errors
/// `validation_error` of the field `owners`.
pub(crate) fn check(app: &App, owners: &Owners) -> Result<(), ServiceError> {
    refused(app, owners).map_or(Ok(()), |problem| Err(ServiceError::field("owners", problem)))
}

/// Whether the tag that names owners, where there is one, holds addresses which the operator permits.
///
/// # Errors
/// `validation_error` of the field `tags`.
pub(crate) fn check_tag(app: &App, tags: &BTreeMap<String, String>) -> Result<(), ServiceError> {
    let Some(text) = tags.get(OWNERS_TAG) else { return Ok(()) };
    let problem = match Owners::of_tag(text) {
        Ok(owners) => refused(app, &owners),
        Err(error) => Some(error.to_string()),
    };
    problem.map_or(Ok(()), |problem| {
        let problem = format!(
            "`{OWNERS_TAG}` names those who are told by mail, divided by commas; {problem}. Take another key for anything else"
        );
        Err(ServiceError::field("tags", problem))
    })
}

/// Why the operator does not permit one of them.
fn refused(app: &App, owners: &Owners) -> Option<String> {
    let allowed = &app.settings().notices.allowed_domains;
    let outside = |domain: &str| !allowed.is_empty() && !is_within(domain, allowed);
    let address = owners.addresses().iter().find(|address| outside(address.domain()))?;
    Some(format!("`{address}` is outside of the domains that the operator permits: {}", allowed.join(", ")))
}

/// Finds the owners of what events are about, and reads each role and CA once.
pub(super) struct Finder<'a> {
    app: &'a App,
    roles: HashMap<String, Owners>,
    cas: HashMap<CaId, (Owners, String)>,
}

impl<'a> Finder<'a> {
    pub(super) fn new(app: &'a App) -> Self {
        Self { app, roles: HashMap::new(), cas: HashMap::new() }
    }

    /// Those whom the certificate names itself, else those of its role, else those of its CA, else the operator's. Addresses that
    /// the operator does not permit any more count nowhere.
    pub(super) async fn of_certificate(
        &mut self,
        session: &mut Session,
        certificate: &Certificate,
    ) -> Result<Owners, ServiceError> {
        let own = certificate.tags.get(OWNERS_TAG).map(|text| self.permitted(Owners::of_stored_tag(text)));
        if let Some(own) = own.filter(|own| !own.is_empty()) {
            return Ok(own);
        }
        if let Some(name) = &certificate.role {
            if !self.roles.contains_key(name) {
                let role = roles::find(session, name).await?;
                self.roles.insert(name.clone(), role.map(|role| role.owners).unwrap_or_default());
            }
            let owners = self.roles.get(name).map(|owners| self.permitted(owners.clone()));
            if let Some(owners) = owners.filter(|owners| !owners.is_empty()) {
                return Ok(owners);
            }
        }
        match certificate.ca_id {
            Some(ca) => Ok(self.of_ca(session, ca).await?.0),
            None => Ok(self.of_nothing()),
        }
    }

    /// Those whom the CA names, else the operator's; and the CA's name.
    pub(super) async fn of_ca(
        &mut self,
        session: &mut Session,
        id: CaId,
    ) -> Result<(Owners, String), ServiceError> {
        let (owners, name) = match self.cas.entry(id) {
            Entry::Occupied(known) => known.get().clone(),
            Entry::Vacant(unknown) => {
                let ca = certificate_authorities::find(session, id).await?;
                unknown.insert(ca.map(|ca| (ca.owners, ca.name)).unwrap_or_default()).clone()
            }
        };
        let permitted = self.permitted(owners);
        let owners = if permitted.is_empty() { self.of_nothing() } else { permitted };
        Ok((owners, name))
    }

    /// The operator's.
    pub(super) fn of_nothing(&self) -> Owners {
        self.app.settings().notices.default_owners.clone()
    }

    /// Without those whom the operator does not permit any more.
    fn permitted(&self, owners: Owners) -> Owners {
        let allowed = &self.app.settings().notices.allowed_domains;
        if allowed.is_empty() {
            return owners;
        }
        let kept = owners.addresses().iter().filter(|address| is_within(address.domain(), allowed));
        Owners::stored(kept.map(certmill_domain::EmailAddress::as_str))
    }
}
