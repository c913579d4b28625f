//! When the CA wants a certificate renewed (ARI, RFC 9773).

use std::time::Duration;

use certmill_acme::AcmeError;
use certmill_domain::{CertificateId, Renewal, RenewalWindow, Timestamp};
use certmill_storage::{acme_renewals, certificates};

use super::super::accounts;
use super::super::judgement::chance;
use crate::jobs::Lease;
use crate::{App, ServiceError};

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
    drop(session);
    let asked = match renewal.zip(certificate) {
        Some((mut renewal, certificate)) => {
            let account = accounts::of_tenant(app, tenant, renewal.account_id).await?;
            let told = app.acme(tenant).await?.renewal_info(&account.directory_url, &certificate.der).await;
            take_account(app, &mut renewal, told);
            Some(renewal)
        }
        None => None,
    };
    let mut tx = app.database().begin(tenant).await?;
    if let Some(renewal) = asked {
        acme_renewals::set_window(&mut tx, &renewal).await?;
    }
    lease.finish(&mut tx).await?;
    Ok(tx.commit().await?)
}

/// Takes what the CA said, or did not say, into the plan.
fn take_account(
    app: &App,
    renewal: &mut Renewal,
    told: Result<Option<certmill_acme::RenewalInfo>, AcmeError>,
) {
    let now = app.now();
    renewal.updated_at = now;
    match told {
        Ok(None) => {
            renewal.window = None;
            renewal.next_window_check_at = None;
            renewal.renew_at = renewal.base_renew_at;
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
            take_window(app, renewal, window);
        }
        Err(error) => {
            let wait = match &error {
                AcmeError::Server { .. } | AcmeError::Busy { .. } => {
                    error.retry_after().unwrap_or(ASK_AFTER_ERROR)
                }
                _ => ASK_EVERY,
            };
            renewal.next_window_check_at = Some(now.plus(wait.max(ASK_AT_MOST_EVERY)));
            let silent_since = renewal.window_checked_at.unwrap_or(renewal.created_at);
            if renewal.window.is_some() && now.since(silent_since) > WINDOW_KEPT {
                renewal.window = None;
                renewal.renew_at = renewal.base_renew_at;
            }
            tracing::info!(
                certificate.id = %renewal.certificate_id,
                error = &error as &dyn std::error::Error,
                "the CA does not say when to renew"
            );
        }
    }
}

/// A new window gives a new moment, by chance within it (RFC 9773 section 4.2); the same one changes nothing.
fn take_window(app: &App, renewal: &mut Renewal, window: RenewalWindow) {
    let same = renewal.window.as_ref().is_some_and(|old| old.start == window.start && old.end == window.end);
    if same {
        renewal.window = Some(window);
        return;
    }
    let now = app.now();
    let before = renewal.window.as_ref().map(|old| old.start);
    if before.is_some_and(|before| before > window.start && before.since(window.start) > MOVED) {
        tracing::warn!(
            certificate.id = %renewal.certificate_id,
            explanation = window.explanation_url.as_deref().unwrap_or("none"),
            "the CA wants a certificate renewed earlier than it had said"
        );
    }
    let moment = if window.end <= window.start {
        now
    } else {
        window.start.plus(window.end.since(window.start).mul_f64(chance(app)))
    };
    renewal.renew_at = moment.min(renewal.emergency_at);
    renewal.window = Some(window);
}
