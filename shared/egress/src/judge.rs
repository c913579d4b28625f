//! Whether an address may be connected to, before anything is sent there.

use std::time::Duration;

use crate::client::{host, literal, parse};
use crate::{Egress, EgressError};

impl Egress {
    /// Whether a request to `url` would be sent: what its address is now. Sending judges again.
    ///
    /// # Errors
    /// [`EgressError::InvalidUrl`], [`EgressError::Denied`], [`EgressError::NoAddress`], [`EgressError::Timeout`].
    pub async fn judge(&self, url: &str, limit: Duration) -> Result<(), EgressError> {
        let url = parse(url)?;
        let host = host(&url);
        let bare = self.has_credentials && url.scheme() == "http";
        let screen = self.screen(url.port_or_known_default().unwrap_or_default(), bare);
        if let Some(address) = literal(&url) {
            return screen.check(address).map_err(|denial| EgressError::Denied { host, denial });
        }
        let found = tokio::time::timeout(limit, self.clients.addresses(&screen, &host)).await;
        found.unwrap_or(Err(EgressError::Timeout { host, limit }))
    }
}
