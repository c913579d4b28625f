//! When the CA wants a certificate renewed (RFC 9773).

use std::time::Duration;

use certmill_x509::ParsedCertificate;

use crate::error::said;
use crate::fields::{self, Fields, seconds};
use crate::jws::base64url;
use crate::{Acme, AcmeError};

/// What the CA suggests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenewalInfo {
    /// Start of the window, in Unix seconds.
    pub window_start: i64,
    /// Its end, in Unix seconds.
    pub window_end: i64,
    /// Where people can read why.
    pub explanation_url: Option<String>,
    /// When to ask again.
    pub retry_after: Option<Duration>,
}

impl Acme {
    /// When to renew a certificate; none when the server offers no such information.
    ///
    /// # Errors
    /// Why it did not answer.
    pub async fn renewal_info(
        &self,
        directory_url: &str,
        certificate_der: &[u8],
    ) -> Result<Option<RenewalInfo>, AcmeError> {
        let server = self.server(directory_url);
        let directory = server.directory().await?;
        let Some(base) = &directory.renewal_info else {
            return Ok(None);
        };
        let url = format!("{}/{}", base.trim_end_matches('/'), certificate_id(certificate_der)?);
        let reply = server.get(&url).await?;
        let body = fields::json(&reply.body, "renewal information")?;
        let sent = Fields::of(&body, "renewal information")?;
        let window = sent.needed_object("suggestedWindow")?;
        let time = |name: &str| {
            seconds(window.needed_text(name)?)
                .ok_or_else(|| AcmeError::protocol(format!("the `{name}` of a renewal window is no time")))
        };
        Ok(Some(RenewalInfo {
            window_start: time("start")?,
            window_end: time("end")?,
            explanation_url: sent.text("explanationURL").map(said),
            retry_after: reply.retry_after,
        }))
    }
}

/// The id by which a CA knows a certificate (RFC 9773 section 4.1): authority key identifier and serial number.
///
/// # Errors
/// [`AcmeError::Material`] when it is no certificate, or has no authority key identifier.
pub fn certificate_id(certificate_der: &[u8]) -> Result<String, AcmeError> {
    let certificate = ParsedCertificate::from_der(certificate_der)
        .map_err(|error| AcmeError::Material(error.to_string()))?;
    let authority = certificate
        .authority_key_id()
        .ok_or_else(|| AcmeError::Material("the certificate has no authority key identifier".to_owned()))?;
    let serial = serial_octets(certificate.serial_number().as_bytes());
    Ok(format!("{}.{}", base64url(&authority), base64url(&serial)))
}

/// The content octets of the INTEGER: a leading zero keeps a number positive.
fn serial_octets(magnitude: &[u8]) -> Vec<u8> {
    let trimmed: Vec<u8> = magnitude.iter().copied().skip_while(|octet| *octet == 0).collect();
    match trimmed.first() {
        Some(first) if *first < 0x80 => trimmed,
        _ => [vec![0], trimmed].concat(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serial_numbers_stay_positive() {
        assert_eq!(serial_octets(&[0x87, 0x65]), [0, 0x87, 0x65]);
        assert_eq!(serial_octets(&[0, 0x87]), [0, 0x87]);
        assert_eq!(serial_octets(&[0x12]), [0x12]);
    }
}
