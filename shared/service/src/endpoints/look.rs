//! The job of a tenant: looking at its endpoints that are due, and telling of renewals that are not served in time.
//!
//! Each endpoint is noted in a transaction of its own that confirms the lease, and none is open while somebody is waited for. A
//! job ends after a minute, so that other tenants get their turn; what is left is found by [`super::wake`].

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use certmill_domain::{
    Certificate, CertificateEndpoint, CertificateId, CertificateStatus, Endpoint, EndpointState, EventKind,
    Served, TenantId, Timestamp,
};
use certmill_probe::Shown;
use certmill_storage::endpoints::{self as rows, Found};
use certmill_storage::{Session, certificates, holds};
use certmill_x509::ParsedCertificate;
use serde_json::json;

use super::verdict::{self, Pace};
use super::window::{self, Window};
use crate::jobs::Lease;
use crate::{App, ServiceError, events, failpoint};

/// After so long the rest is left to the next job.
const ENOUGH: Duration = Duration::from_mins(1);
/// Certificates before the newest that count as old ones of it.
const LINEAGE: i64 = 1_000;
/// Renewals that are told of in one turn.
const MOST_TOLD: i64 = 100;
/// Endpoints that an event names.
const NAMED: usize = 16;
const LONGEST_REASON: usize = 300;

/// Looks at the endpoints of a tenant that are due, until there is none or a minute is over.
pub(crate) async fn look(app: &App, lease: &Lease, tenant: TenantId) -> Result<(), ServiceError> {
    let turn = &Turn { app, lease, tenant };
    let started = Instant::now();
    let mut looks = Window::new();
    loop {
        if looks.has_room() && started.elapsed() < ENOUGH {
            for endpoint in looks.meanwhile(turn.due()).await? {
                let key = (endpoint.certificate_id, endpoint.endpoint.clone());
                looks.begin(key, async move { turn.look_at(&endpoint).await });
            }
        }
        if !looks.wait().await {
            break;
        }
    }
    looks.outcome()?;
    turn.tell_late().await?;
    let mut tx = app.database().begin(tenant).await?;
    lease.finish(&mut tx).await?;
    Ok(tx.commit().await?)
}

struct Turn<'a> {
    app: &'a App,
    lease: &'a Lease,
    tenant: TenantId,
}

/// What was seen at an endpoint.
struct Sight {
    state: EndpointState,
    reason: Option<String>,
    served: Option<(Served, Vec<String>)>,
}

impl Turn<'_> {
    async fn due(&self) -> Result<Vec<CertificateEndpoint>, ServiceError> {
        let mut session = self.app.database().read(self.tenant).await?;
        Ok(rows::due(&mut session, self.app.now(), window::ROWS).await?)
    }

    async fn look_at(&self, endpoint: &CertificateEndpoint) -> Result<(), ServiceError> {
        let mut session = self.app.database().read(self.tenant).await?;
        let certificate = certificates::find(&mut session, endpoint.certificate_id).await?;
        drop(session);
        let Some(certificate) = certificate else { return Ok(()) };
        if let Some(renewal) = certificate.renewed_by {
            return self.catch_up(&certificate, renewal).await;
        }
        let began_at = self.app.now();
        let sight = self.sight(&certificate, endpoint).await?;
        failpoint::reached("endpoint.seen");
        self.note(endpoint, sight, began_at).await
    }

    /// A process of an older version has renewed the certificate and knows nothing of endpoints.
    async fn catch_up(&self, old: &Certificate, renewal: CertificateId) -> Result<(), ServiceError> {
        let mut tx = self.app.database().begin(self.tenant).await?;
        self.lease.confirm(&mut tx).await?;
        holds::certificate(&mut tx, old.id).await?;
        super::follow(&mut tx, old.id, renewal, self.app.now()).await?;
        // What has not gone on is what the renewal names itself already.
        rows::set(&mut tx, old.id, &BTreeSet::new(), None, self.app.now()).await?;
        Ok(tx.commit().await?)
    }

    async fn sight(
        &self,
        certificate: &Certificate,
        endpoint: &CertificateEndpoint,
    ) -> Result<Sight, ServiceError> {
        let unreachable = |reason: String| Sight {
            state: EndpointState::Unreachable,
            reason: Some(reason.chars().take(LONGEST_REASON).collect()),
            served: None,
        };
        let (place, shown) = match window::see(self.app, self.tenant, &endpoint.endpoint).await? {
            Ok(seen) => seen,
            Err(reason) => return Ok(unreachable(reason)),
        };
        match ParsedCertificate::from_der(&shown.leaf) {
            Ok(parsed) => self.judged(certificate, &place, &parsed, &shown).await,
            Err(error) => Ok(unreachable(format!("its certificate cannot be read: {error}"))),
        }
    }

    async fn judged(
        &self,
        certificate: &Certificate,
        place: &Endpoint,
        parsed: &ParsedCertificate,
        shown: &Shown,
    ) -> Result<Sight, ServiceError> {
        let mut session = self.app.database().read(self.tenant).await?;
        let known = known(&mut session, parsed).await?;
        let state = match &known {
            _ if shown.leaf == certificate.der => EndpointState::Deployed,
            Some(other) if rows::is_replaced_by(&mut session, other.id, certificate.id, LINEAGE).await? => {
                EndpointState::ServingOld
            }
            _ => EndpointState::OtherCertificate,
        };
        drop(session);
        let findings = verdict::findings(parsed, known.as_ref(), place, self.app.now());
        let served = Served {
            serial_number: parsed.serial_number().to_string(),
            fingerprint_sha256: parsed.fingerprint_sha256(),
            not_after: Timestamp::from_unix_seconds(parsed.not_after()),
            certificate_id: known.map(|known| known.id),
        };
        let findings = findings.into_iter().map(|finding| finding.as_str().to_owned()).collect();
        Ok(Sight { state, reason: None, served: Some((served, findings)) })
    }

    async fn note(
        &self,
        endpoint: &CertificateEndpoint,
        sight: Sight,
        began_at: Timestamp,
    ) -> Result<(), ServiceError> {
        let now = self.app.now();
        let state = sight.state;
        let failures = if state == EndpointState::Unreachable { endpoint.failures + 1 } else { 0 };
        let deployed_since = verdict::deployed_since(endpoint, state, now);
        let pace = self.pace();
        let (served, findings) = sight.served.unzip();
        let found = Found {
            state,
            reason: sight.reason,
            findings: findings.unwrap_or_default(),
            served,
            deployed_since,
            failures,
            began_at,
            checked_at: now,
            next_check_at: verdict::next_check(endpoint, (state, failures), deployed_since, &pace, now),
        };
        let mut tx = self.app.database().begin(self.tenant).await?;
        self.lease.confirm(&mut tx).await?;
        rows::note(&mut tx, endpoint, found).await?;
        tx.commit().await?;
        metrics::counter!("certmill_endpoint_checks_total", "state" => state.as_str()).increment(1);
        Ok(())
    }

    fn pace(&self) -> Pace {
        let mut random = [0; 4];
        self.app.entropy().fill(&mut random);
        let settings = self.app.settings();
        Pace {
            every: settings.endpoint_check_every,
            within: settings.deployed_within,
            chance: f64::from(u32::from_le_bytes(random)) / f64::from(u32::MAX),
        }
    }

    /// Tells of renewals that are not served in time, once for each.
    async fn tell_late(&self) -> Result<(), ServiceError> {
        let now = self.app.now();
        let before = now.minus(self.app.settings().deployed_within);
        let mut session = self.app.database().read(self.tenant).await?;
        let late = rows::untold(&mut session, (now, before), MOST_TOLD).await?;
        drop(session);
        for id in late {
            let mut tx = self.app.database().begin(self.tenant).await?;
            self.lease.confirm(&mut tx).await?;
            holds::certificate(&mut tx, id).await?;
            // It may have been revoked in this moment.
            let certificate = certificates::find(&mut tx, id).await?;
            let in_force = certificate.filter(|it| it.status(self.app.now()) == CertificateStatus::Active);
            let Some(certificate) = in_force else { continue };
            let endpoints = rows::of_certificate(&mut tx, id).await?;
            if !rows::set_told(&mut tx, id, self.app.now()).await? {
                continue;
            }
            let data = not_deployed(&certificate, &endpoints);
            events::raise(self.app, &mut tx, EventKind::CertificateNotDeployed, id, data);
            tx.commit().await?;
        }
        Ok(())
    }
}

/// The certificate of the tenant that it is.
async fn known(
    session: &mut Session,
    parsed: &ParsedCertificate,
) -> Result<Option<Certificate>, ServiceError> {
    let id = certificates::find_by_fingerprint(session, &parsed.fingerprint_sha256()).await?;
    match id {
        Some(id) => Ok(certificates::find(session, id).await?),
        None => Ok(None),
    }
}

fn not_deployed(certificate: &Certificate, endpoints: &[CertificateEndpoint]) -> serde_json::Value {
    let late = || endpoints.iter().filter(|one| one.renewed_at.is_some() && one.deployed_since.is_none());
    let named: Vec<_> = late()
        .take(NAMED)
        .map(|one| json!({ "endpoint": one.endpoint, "state": one.state.as_str(), "reason": one.reason }))
        .collect();
    let renewed_at = late().find_map(|one| one.renewed_at);
    json!({
        "name": certificate.common_name, "serial_number": certificate.serial_number.to_string(),
        "renews": certificate.renewed_from, "renewed_at": renewed_at.map(|at| at.to_string()),
        "endpoints": named, "endpoints_count": late().count(),
    })
}
