//! How long a TXT value may take until it is seen: `propagation.timeout_seconds` of its provider. The limit ends whatever goes
//! on between the addition of the value and the CA being told: looks that see it nowhere, looks that fail, a provider that
//! is still applying the change, and the look-up of where the value goes. When it has passed is decided in `decide.rs`.

use certmill_dns::{DnsError, PropagationSettings};
use certmill_domain::{Failure, TxtRecord};

use super::super::challenge_steps::Work;
use super::super::driver::Next;
use super::{decide, open, setback};
use crate::ServiceError;

/// The code of a failure to see a value in time.
pub(super) const NOT_PROPAGATED: &str = "dns_not_propagated";

/// Ends the challenge, since the value was not seen in time.
pub(super) async fn not_seen(
    work: &mut Work<'_>,
    record: &TxtRecord,
    why: &str,
) -> Result<Next, ServiceError> {
    let message = format!("the TXT record at {} was not seen in time: {why}", record.name);
    work.fail(Failure::new(NOT_PROPAGATED, message)).await
}

/// Where the value goes cannot be found out. That is a look-up like those for the value, and has the same time.
pub(super) async fn not_looked_up(work: &mut Work<'_>, error: &DnsError) -> Result<Next, ServiceError> {
    let provider = match work.order.dns_provider_id {
        Some(id) => open(work, id).await?,
        None => None,
    };
    let settings = provider.map_or_else(PropagationSettings::default, |it| it.client.propagation().clone());
    if decide::has_no_place(&work.challenge, &settings, work.app.now()) {
        let owner = work.challenge.owner_name();
        let message = format!("where the TXT record of {owner} goes could not be looked up in time: {error}");
        return work.fail(Failure::new(NOT_PROPAGATED, message)).await;
    }
    setback(work, None, error).await
}
