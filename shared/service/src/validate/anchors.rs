//! The certificates that a tenant trusts: its trust anchors, its root CAs, and, when asked, those of the machine.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use certmill_domain::{Ca, CaId, CaKind};
use certmill_storage::ca_certificates::{self, FormerOf};
use certmill_storage::{Session, certificate_authorities, trust_anchors};
use certmill_x509::{chain, pem, split_certificates};

use crate::{App, Caller, ServiceError};

/// Rows that are read at a time.
const BATCH: i64 = 1_000;

/// A trust anchor that a path led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Anchor {
    /// Where it comes from.
    pub source: AnchorSource,
    /// Its subject (RFC 4514).
    pub subject: String,
    /// SHA-256 of its DER, lower-case hex.
    pub fingerprint_sha256: String,
}

/// Where a trust anchor comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AnchorSource {
    /// The tenant's trust anchor of this id and name.
    TrustAnchor {
        /// `ta_…`
        id: String,
        /// What the tenant calls it.
        name: String,
    },
    /// The tenant's root CA of this id and name.
    RootCa {
        /// `ca_…`
        id: String,
        /// What the tenant calls it.
        name: String,
    },
    /// The machine's store.
    System,
}

/// The certificates that a tenant trusts at this moment.
pub(super) struct Trust {
    /// The anchors; a path names one by its index.
    pub(super) anchors: Vec<Anchor>,
    /// Their certificates, in the same order.
    pub(super) certificates: Vec<Arc<chain::Certificate>>,
    /// The tenant's CAs, which help to build paths. Being one does not make it trusted.
    pub(super) own_cas: Vec<Vec<u8>>,
    /// The tenant's CAs by the fingerprints of all certificates that they have or had.
    pub(super) own_by_fingerprint: BTreeMap<String, CaId>,
    /// The tenant's CAs by subject and public key: what others have cross-signed is still ours.
    own_by_key: BTreeMap<(Vec<u8>, Vec<u8>), CaId>,
}

impl Trust {
    /// Reads it. A root CA that was revoked is not trusted, and neither is what cannot be read.
    pub(super) async fn of(app: &App, caller: &Caller, system: bool) -> Result<Self, ServiceError> {
        let mut session = app.database().read(caller.tenant).await?;
        let mut found: Vec<(AnchorSource, Vec<u8>)> = Vec::new();
        let mut before = None;
        loop {
            let page = trust_anchors::list(&mut session, before, BATCH.into()).await?;
            before = page.rows.last().filter(|_| page.more).map(|anchor| anchor.id);
            found.extend(page.rows.into_iter().map(|anchor| {
                let source = AnchorSource::TrustAnchor { id: anchor.id.to_string(), name: anchor.name };
                (source, anchor.der)
            }));
            if before.is_none() {
                break;
            }
        }
        let cas = cas(&mut session).await?;
        let former = former(&mut session).await?;
        drop(session);
        for ca in cas.iter().filter(|ca| ca.kind == CaKind::Root && ca.revocation.is_none()) {
            let source = AnchorSource::RootCa { id: ca.id.to_string(), name: ca.name.clone() };
            found.push((source, ca.certificate_der.clone()));
        }
        // What a root signed for itself before is good as long as the root is. After the present ones, which are told first.
        let by_id: BTreeMap<CaId, &Ca> = cas.iter().map(|ca| (ca.id, ca)).collect();
        for old in former.iter().filter(|old| old.is_self_signed) {
            if let Some(ca) = by_id.get(&old.ca).filter(|ca| ca.revocation.is_none()) {
                let source = AnchorSource::RootCa { id: ca.id.to_string(), name: ca.name.clone() };
                found.push((source, old.certificate_der.clone()));
            }
        }
        let store = if system { system_store().await } else { &[] };
        // Each of these is parsed, and their number has no bound.
        app.in_turn(caller.tenant, move || Ok(Self::read(found, store, cas, former))).await
    }

    fn read(
        found: Vec<(AnchorSource, Vec<u8>)>,
        store: &[Arc<chain::Certificate>],
        cas: Vec<Ca>,
        former: Vec<FormerOf>,
    ) -> Self {
        let mut trust = Self {
            anchors: Vec::new(),
            certificates: Vec::new(),
            own_cas: Vec::new(),
            own_by_fingerprint: BTreeMap::new(),
            own_by_key: BTreeMap::new(),
        };
        for (source, der) in found {
            if let Ok(certificate) = chain::Certificate::from_der(&der) {
                trust.push(source, Arc::new(certificate));
            }
        }
        for certificate in store {
            trust.push(AnchorSource::System, Arc::clone(certificate));
        }
        for old in former {
            if let Ok(parsed) = chain::Certificate::from_der(&old.certificate_der) {
                trust.own_by_key.insert((parsed.subject_der().to_vec(), parsed.spki_der().to_vec()), old.ca);
            }
            trust.own_by_fingerprint.insert(old.fingerprint_sha256, old.ca);
        }
        for ca in cas.into_iter().filter(|ca| !ca.certificate_der.is_empty()) {
            trust.own_by_fingerprint.insert(certmill_x509::sha256_hex(&ca.certificate_der), ca.id);
            if let Ok(parsed) = chain::Certificate::from_der(&ca.certificate_der) {
                trust.own_by_key.insert((parsed.subject_der().to_vec(), parsed.spki_der().to_vec()), ca.id);
            }
            trust.own_cas.push(ca.certificate_der);
            let above = ca.foreign.and_then(|foreign| foreign.above_der).unwrap_or_default();
            trust.own_cas.extend(split_certificates(&above).unwrap_or_default());
        }
        trust
    }

    /// The CA of ours that has this subject and key, whichever CA signed the certificate.
    pub(super) fn own_ca(&self, certificate: &chain::Certificate) -> Option<CaId> {
        let key = (certificate.subject_der().to_vec(), certificate.spki_der().to_vec());
        self.own_by_key.get(&key).copied()
    }

    fn push(&mut self, source: AnchorSource, certificate: Arc<chain::Certificate>) {
        self.anchors.push(Anchor {
            source,
            subject: certificate.subject_text(),
            fingerprint_sha256: certificate.fingerprint_sha256().to_owned(),
        });
        self.certificates.push(certificate);
    }
}

async fn cas(session: &mut Session) -> Result<Vec<Ca>, ServiceError> {
    let mut all = Vec::new();
    let mut before = None;
    loop {
        let page = certificate_authorities::list(session, before, BATCH.into()).await?;
        before = page.rows.last().filter(|_| page.more).map(|ca| ca.id);
        all.extend(page.rows);
        if before.is_none() {
            return Ok(all);
        }
    }
}

async fn former(session: &mut Session) -> Result<Vec<FormerOf>, ServiceError> {
    let mut all: Vec<FormerOf> = Vec::new();
    loop {
        let page = ca_certificates::of_all(session, all.last(), BATCH).await?;
        let is_last = i64::try_from(page.len()).is_ok_and(|rows| rows < BATCH);
        all.extend(page);
        if is_last {
            return Ok(all);
        }
    }
}

/// The machine's store, read once per process.
async fn system_store() -> &'static [Arc<chain::Certificate>] {
    static STORE: OnceLock<Vec<Arc<chain::Certificate>>> = OnceLock::new();
    if let Some(store) = STORE.get() {
        return store;
    }
    let read = tokio::task::spawn_blocking(read_system_store).await.unwrap_or_default();
    STORE.get_or_init(|| read)
}

/// Where systems keep the roots that they trust, as one PEM file.
const BUNDLES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

fn read_system_store() -> Vec<Arc<chain::Certificate>> {
    let named = std::env::var_os("SSL_CERT_FILE").map(PathBuf::from);
    let bundle = named.or_else(|| BUNDLES.iter().map(PathBuf::from).find(|path| path.exists()));
    let Some(text) = bundle.as_deref().and_then(|path: &Path| std::fs::read_to_string(path).ok()) else {
        tracing::warn!("the machine's trust store was not found: set SSL_CERT_FILE to a PEM file");
        return Vec::new();
    };
    let blocks = pem::decode_all(pem::CERTIFICATE, &text).unwrap_or_default();
    blocks.iter().filter_map(|der| chain::Certificate::from_der(der).ok()).map(Arc::new).collect()
}
