//! When the CA wants a certificate renewed (ARI, RFC 9773).

use std::time::Duration;

use certmill_acme::AcmeError;
use certmill_domain::{CertificateId, EventKind, Renewal, RenewalWindow, Timestamp};
use certmill_storage::{Tx, acme_orders, acme_renewals, certificates};
use serde_json::json;

use super::super::accounts;
use super::super::judgement::chance;
use crate::jobs::Lease;
use crate::{App, ServiceError, events};

/// How often the CA is asked when it does not say, and the bounds of what it may say.
const ASK_EVERY: Duration = Duration::from_hours(6);
const ASK_AT_MOST_EVERY: Duration = Duration::from_mins(1);
const ASK_AT_LEAST_EVERY: Duration = Duration::from_hours(24);
/// When to ask again after an error of the server.
const ASK_AFTER_ERROR: Duration = Duration::from_hours(1);
/// A window that could not be confirmed for so long does not count any more.
const WINDOW_KEPT: Duration = Duration::from_hours(3 * 24);
/// A window that moves towards us by more than this is worth a line in the log.
const MOVED: Duration = Duration::from_hours(24);

/// Asks the CA when a certificate is to be renewed: the job.
pub(crate) async fn check_window(app: &App, lease: &Lease, id: CertificateId) -> Result<(), ServiceError> {
    let tenant = lease.tenant()?;
    let mut session = app.database().read(tenant).await?;
    let renewal = acme_renewals::find(&mut session, id).await?.filter(|renewal| !renewal.is_over);
    let certificate = certificates::find(&mut session, id).await?;
    let order = match &renewal {
        Some(renewal) => acme_orders::find(&mut session, renewal.order_id).await?,
        None => None,
    };
    drop(session);
    let asked = match renewal.zip(certificate) {
        Some((mut renewal, certificate)) => {
            // The CA that it came from knows, wherever it is renewed.
            let account_id = order.map_or(renewal.account_id, |order| order.account_id);
            let account = accounts::of_tenant(app, tenant, account_id).await?;
            let told = app.acme(tenant).await?.renewal_info(&account.directory_url, &certificate.der).await;
            let oddity = take_account(app, &mut renewal, told);
            Some((renewal, oddity))
        }
        None => None,
    };
    let mut tx = app.database().begin(tenant).await?;
    if let Some((renewal, oddity)) = asked {
        acme_renewals::set_window(&mut tx, &renewal).await?;
        if let Some(oddity) = oddity {
            report(app, &mut tx, &renewal, oddity).await?;
        }
    }
    lease.finish(&mut tx).await?;
    Ok(tx.commit().await?)
}

/// What is wrong with a window.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Oddity {
    /// It ends before it starts, or as it starts, and does not count.
    NoWindow(RenewalWindow),
    /// It asks for one early renewal after the other, and is kept waiting.
    Repeated(RenewalWindow),
}

/// Tells, once for each certificate, that its CA says something about renewal that makes no sense.
async fn report(app: &App, tx: &mut Tx, renewal: &Renewal, oddity: Oddity) -> Result<(), ServiceError> {
    let kind = EventKind::CertificateRenewalWindowOdd;
    let id = renewal.certificate_id;
    if events::has(tx, id, kind).await? {
        return Ok(());
    }
    let (code, window) = match oddity {
        Oddity::NoWindow(window) => ("no_window", window),
        Oddity::Repeated(window) => ("too_early", window),
    };
    tracing::error!(
        certificate.id = %id,
        window.start = %window.start,
        window.end = %window.end,
        renew_at = %renewal.renew_at,
        code,
        "the CA names a renewal window that makes no sense"
    );
    let data = json!({
        "code": code, "start": window.start.to_string(), "end": window.end.to_string(),
        "explanation_url": window.explanation_url, "early_renewals": renewal.early_renewals,
        "renew_at": renewal.renew_at.to_string(),
    });
    events::raise(app, tx, kind, id, data);
    Ok(())
}

/// Takes what the CA said, or did not say, into the plan. Answers what is wrong with it.
fn take_account(
    app: &App,
    renewal: &mut Renewal,
    told: Result<Option<certmill_acme::RenewalInfo>, AcmeError>,
) -> Option<Oddity> {
    let now = app.now();
    renewal.updated_at = now;
    match told {
        Ok(None) => {
            renewal.forget_window();
            renewal.next_window_check_at = None;
            None
        }
        Ok(Some(info)) => {
            let window = RenewalWindow {
                start: Timestamp::from_unix_seconds(info.window_start),
                end: Timestamp::from_unix_seconds(info.window_end),
                explanation_url: info.explanation_url,
            };
            let wait = info.retry_after.unwrap_or(ASK_EVERY).clamp(ASK_AT_MOST_EVERY, ASK_AT_LEAST_EVERY);
            renewal.next_window_check_at = Some(now.plus(wait));
            renewal.window_checked_at = Some(now);
            take_window(app, renewal, window)
        }
        Err(error) => {
            let wait = match &error {
                AcmeError::Server { .. } | AcmeError::Busy { .. } => {
                    error.retry_after().unwrap_or(ASK_AFTER_ERROR)
                }
                _ => ASK_EVERY,
            };
            let wait = wait.clamp(ASK_AT_MOST_EVERY, ASK_AT_LEAST_EVERY);
            renewal.next_window_check_at = Some(now.plus(wait));
            let silent_since = renewal.window_checked_at.unwrap_or(renewal.created_at);
            if renewal.window.is_some() && now.since(silent_since) > WINDOW_KEPT {
                renewal.forget_window();
            }
            tracing::info!(
                certificate.id = %renewal.certificate_id,
                error = &error as &dyn std::error::Error,
                "the CA does not say when to renew"
            );
            None
        }
    }
}

/// A new window gives a new moment, by chance within it (RFC 9773 section 4.2); the same one changes nothing. One that ends
/// before it starts is no answer (the same section), so that the lifetime counts alone.
fn take_window(app: &App, renewal: &mut Renewal, window: RenewalWindow) -> Option<Oddity> {
    if window.end <= window.start {
        renewal.forget_window();
        return Some(Oddity::NoWindow(window));
    }
    let same = renewal.window.as_ref().is_some_and(|old| old.start == window.start && old.end == window.end);
    if same {
        renewal.window = Some(window);
        return None;
    }
    let before = renewal.window.as_ref().map(|old| old.start);
    if before.is_some_and(|before| before > window.start && before.since(window.start) > MOVED) {
        tracing::warn!(
            certificate.id = %renewal.certificate_id,
            explanation = window.explanation_url.as_deref().unwrap_or("none"),
            "the CA wants a certificate renewed earlier than it had said"
        );
    }
    let moment = window.start.plus(window.end.since(window.start).mul_f64(chance(app)));
    let floor = renewal.earliest_by_window();
    renewal.renew_at = moment.max(floor).min(renewal.emergency_at);
    renewal.window = Some(window.clone());
    (renewal.early_renewals > 0 && moment < floor).then_some(Oddity::Repeated(window))
}
