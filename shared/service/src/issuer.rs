//! A CA made ready to sign: its certificate's parts, its chain and its private key, opened once and cached.

use std::sync::Arc;
use std::time::Duration;

use certmill_domain::{Ca, CaId, CrlId, IssuerWindow, TenantId, Timestamp, Violation};
use certmill_keys::{PrivateKey, SealPlace};
use certmill_storage::{Session, ca_certificates, certificate_authorities, issuer_versions};
use certmill_x509::chain::{self, Certificate, Class, Conformance, Options};
use certmill_x509::{
    DnsName, KeyPair, NameConstraints, ParsedCertificate, SerialNumber, Signer, SubjectAltNames, pem,
    split_certificates, subject_key_id,
};
use moka::sync::Cache;

use crate::{App, Noun, ServiceError, crl};

/// How long an issuer is kept: the key of a CA that is not used does not stay open.
const LIFETIME: Duration = Duration::from_mins(10);

/// A CA that can sign, as it was at some version of the tenant's issuers. Whether that is the present one, and the CA still may issue,
/// is asked when the certificate is committed. Subject, key and key id stay for the CA's life.
pub struct Issuer {
    /// What was read of it is as it was at this version, or later.
    pub(crate) version: i64,
    /// The CA as it was when it was loaded: only its unchanging parts may be used.
    pub(crate) ca: Ca,
    pub(crate) subject_der: Vec<u8>,
    pub(crate) key_id: Vec<u8>,
    pub(crate) key: PrivateKey,
    /// The CA's certificate and the ones above it up to the root, in PEM.
    pub(crate) chain_pem: Vec<String>,
    /// The same in DER.
    pub(crate) chain_der: Vec<Vec<u8>>,
    pub(crate) ca_issuers_url: String,
    /// Where its lists are: the full one, then those of the shards in the order of their numbers.
    crl_urls: Vec<String>,
    /// Only if its certificates are to name it.
    pub(crate) ocsp_url: Option<String>,
    /// The name constraints of the CA and of those above it.
    name_constraints: Vec<NameConstraints>,
    /// When the first certificate of the chain ends. What CAs here sign ends with them at the latest, but other CAs may
    /// certify for longer than they are certified themselves.
    ends: Timestamp,
}

impl Issuer {
    /// The shard of a certificate with this serial number, and where its list is.
    pub(crate) fn shard(&self, serial_number: &SerialNumber) -> Result<(u32, &str), ServiceError> {
        let shard = crl::of_serial(serial_number, self.ca.crl_shards);
        let url = usize::try_from(shard).ok().and_then(|shard| self.crl_urls.get(shard));
        let url = url.ok_or_else(|| ServiceError::internal("a shard of a CA has no list"))?;
        Ok((shard, url))
    }

    /// Where its full list is, which certificates of CAs name.
    pub(crate) fn full_crl_url(&self) -> Option<&str> {
        self.crl_urls.first().map(String::as_str)
    }

    /// The first DNS name that the chain's name constraints do not permit.
    pub(crate) fn forbidden_name<'a>(&self, sans: &'a SubjectAltNames) -> Option<&'a DnsName> {
        let permitted = |name: &DnsName| self.name_constraints.iter().all(|rule| rule.permits_dns(name));
        sans.dns.iter().find(|name| !permitted(name))
    }

    /// Has a certificate that is signed and not stored yet judged as relying parties will, where the chain has constraints that
    /// are not checked before: those of CAs from elsewhere on names of other kinds than host names.
    pub(crate) fn check_signed(&self, der: &[u8], now: Timestamp) -> Result<(), ServiceError> {
        if !self.name_constraints.iter().any(|rule| rule.other_kinds) {
            return Ok(());
        }
        let Some((top, between)) = self.chain_der.split_last() else {
            return Err(ServiceError::internal("an issuer has a chain"));
        };
        let anchor = Arc::new(Certificate::from_der(top)?);
        let options = Options { conformance: Conformance::Report, ..Options::at(now.unix_seconds()) };
        let verdict = chain::validate(der, between, &[anchor], &options);
        match verdict.errors.into_iter().find(|error| error.code.class() != Class::Time) {
            None => Ok(()),
            Some(error) => Err(Violation {
                rule: "ca_name_constraints",
                field: "alt_names",
                value: error.message,
                allowed: format!("what the CA `{}` and those above it may certify", self.ca.name),
            }
            .into()),
        }
    }

    /// The span in which it may issue, seen from `now`.
    pub(crate) fn window(&self, now: Timestamp) -> IssuerWindow {
        let ends_above = self.ends < self.ca.not_after;
        let not_after = self.ends.min(self.ca.not_after);
        IssuerWindow { now, not_before: self.ca.not_before, not_after, ends_above }
    }

    /// Whether signing is quick enough for a thread that serves requests (RSA is not).
    pub(crate) fn signs_quickly(&self) -> bool {
        self.ca.key_type != "rsa"
    }

    /// The key with its public half.
    pub(crate) fn key_pair(&self) -> &dyn KeyPair {
        &self.key
    }

    /// Who signs its CRLs.
    pub(crate) fn of_crls(&self) -> crl::CrlIssuer<'_> {
        crl::CrlIssuer { subject_der: &self.subject_der, key_id: &self.key_id, key: &self.key }
    }

    /// The key as a signer.
    pub(crate) fn signer(&self) -> &dyn Signer {
        &self.key
    }
}

/// The cache of issuers. An evicted key is zeroized when its last signature is done.
pub(crate) struct Issuers(Cache<(TenantId, CaId), Arc<Issuer>>);

impl Issuers {
    pub(crate) fn new() -> Self {
        Self(Cache::builder().max_capacity(1_000).time_to_live(LIFETIME).build())
    }

    /// Has all issuers of a tenant read anew: a switch was changed, or a certificate that may be in their chains.
    pub(crate) fn forget_all(&self, tenant: TenantId) {
        for (key, _) in &self.0 {
            if key.0 == tenant {
                self.0.invalidate(&*key);
            }
        }
    }

    /// The issuer of this id as it is now, whichever process has changed it: for what is answered or refused by it.
    pub(crate) async fn present(
        &self,
        app: &App,
        tenant: TenantId,
        id: CaId,
    ) -> Result<Arc<Issuer>, ServiceError> {
        if let Some(issuer) = self.0.get(&(tenant, id)) {
            let mut session = app.database().read(tenant).await?;
            if issuer_versions::find(&mut session).await? == issuer.version {
                return Ok(issuer);
            }
            self.forget_all(tenant);
        }
        self.find(app, tenant, id).await
    }

    /// The issuer of this id as this process knows it: for what does not change, and for what is committed at its version only.
    pub(crate) async fn find(
        &self,
        app: &App,
        tenant: TenantId,
        id: CaId,
    ) -> Result<Arc<Issuer>, ServiceError> {
        if let Some(issuer) = self.0.get(&(tenant, id)) {
            return Ok(issuer);
        }
        let issuer = Arc::new(load(app, tenant, id).await?);
        self.0.insert((tenant, id), Arc::clone(&issuer));
        Ok(issuer)
    }
}

async fn load(app: &App, tenant: TenantId, id: CaId) -> Result<Issuer, ServiceError> {
    let mut session = app.database().read(tenant).await?;
    let not_found = || ServiceError::not_found(Noun::Ca, id);
    // Before everything else: what is read may be newer than it, and not older.
    let version = issuer_versions::find(&mut session).await?;
    let ca = certificate_authorities::find(&mut session, id).await?.ok_or_else(not_found)?;
    if ca.certificate_der.is_empty() {
        return Err(crate::ca::wrong_state(&ca, app.now(), "only an active one issues"));
    }
    ca.key_algorithm()?;
    let sealed = certificate_authorities::sealed_key(&mut session, id).await?.ok_or_else(not_found)?;
    let chain_der = chain(&mut session, &ca).await?;
    let parsed = ParsedCertificate::from_der(&ca.certificate_der)?;
    let mut name_constraints: Vec<NameConstraints> = Vec::new();
    for der in &chain_der {
        name_constraints.extend(ParsedCertificate::from_der(der)?.name_constraints().cloned());
    }
    let ends = ends(&ca, &chain_der)?;
    let chain_der = as_named(&mut session, None, chain_der, app.now()).await?;
    drop(session);
    let opened = app.keyring().open(app, &ca_key_place(tenant, &id.to_string()), &sealed).await?;
    // A CA from elsewhere may have none; then no certain one is expected.
    let key_id = match parsed.subject_key_id() {
        Some(key_id) => key_id,
        None => subject_key_id(parsed.spki_der())?.to_vec(),
    };
    Ok(Issuer {
        version,
        subject_der: parsed.subject_der().to_vec(),
        key_id: key_id.clone(),
        key: PrivateKey::from_pkcs8_der(&opened)?.signing_by_pss(ca.use_pss),
        chain_pem: chain_der.iter().map(|der| pem::encode(pem::CERTIFICATE, der)).collect(),
        chain_der,
        ca_issuers_url: ca_issuers_url(app, id),
        crl_urls: crl::lists(app, id, ca.crl_shards)
            .into_iter()
            .map(|(list, _)| crl_url(app, list))
            .collect(),
        ocsp_url: ca.ocsp.then(|| ocsp_url(app, id)),
        name_constraints,
        ends,
        ca,
    })
}

/// When the first certificate of a CA's chain ends.
pub(crate) fn ends(ca: &Ca, chain: &[Vec<u8>]) -> Result<Timestamp, ServiceError> {
    let mut ends = ca.not_after;
    for der in chain {
        ends = ends.min(Timestamp::from_unix_seconds(ParsedCertificate::from_der(der)?.not_after()));
    }
    Ok(ends)
}

/// The certificates of a CA and of those above it up to the root, in DER.
pub(crate) async fn chain(session: &mut Session, ca: &Ca) -> Result<Vec<Vec<u8>>, ServiceError> {
    let mut chain = Vec::new();
    let mut next = Some(ca.clone());
    while let Some(ca) = next {
        next = match ca.parent_id {
            Some(id) => {
                let above = certificate_authorities::find(session, id).await?;
                Some(above.ok_or_else(|| ServiceError::not_found(Noun::Ca, id))?)
            }
            None => None,
        };
        chain.push(ca.certificate_der);
        if let Some(above_der) = ca.foreign.and_then(|foreign| foreign.above_der) {
            chain.extend(split_certificates(&above_der)?);
        }
    }
    Ok(chain)
}

/// A chain with the former certificates of CAs in it where what is below names them by their serial number. Certificates from here
/// name their issuer by key id alone, which all certificates of a CA have; those of other programs may name one certificate, and
/// OpenSSL takes no other one for it then. `named` is the serial number that what the chain belongs to names.
pub(crate) async fn as_named(
    session: &mut Session,
    mut named: Option<SerialNumber>,
    mut chain: Vec<Vec<u8>>,
    now: Timestamp,
) -> Result<Vec<Vec<u8>>, ServiceError> {
    for der in &mut chain {
        let mut parsed = ParsedCertificate::from_der(der)?;
        if let Some(serial) = named.filter(|serial| serial != parsed.serial_number()) {
            for former in ca_certificates::good_with(session, &serial, now).await? {
                let other = ParsedCertificate::from_der(&former)?;
                if other.subject_der() == parsed.subject_der() && other.spki_der() == parsed.spki_der() {
                    *der = former;
                    parsed = other;
                    break;
                }
            }
        }
        named = parsed.authority_serial();
    }
    Ok(chain)
}

/// Where a CA's sealed private key belongs.
pub(crate) fn ca_key_place(tenant: TenantId, ca: &str) -> SealPlace<'_> {
    SealPlace { tenant, table: "certificate_authorities", row: ca, column: "sealed_key" }
}

/// Where the public finds a CA's certificate.
pub fn ca_issuers_url(app: &App, id: CaId) -> String {
    format!("{}/pub/ca/{id}.crt", app.settings().public_url)
}

/// Where the public finds a list of a CA.
pub fn crl_url(app: &App, list: CrlId) -> String {
    format!("{}{list}.crl", crl_address(app))
}

/// Where the public finds all lists, up to their names.
pub(crate) fn crl_address(app: &App) -> String {
    format!("{}/pub/crl/", app.settings().public_url)
}

/// Where the public asks about certificates of a CA.
pub fn ocsp_url(app: &App, id: CaId) -> String {
    format!("{}/pub/ocsp/{id}", app.settings().public_url)
}
