//! Calls that are signed as Amazon Web Services want it.

use certmill_aws::{Credentials, Scope, Unsigned};

use crate::DnsError;
use crate::http::Call;

/// The signed call; `unix_seconds` is the time of the signature, which is good for some minutes.
pub(crate) fn signed(
    request: &Unsigned<'_>,
    credentials: &Credentials,
    scope: Scope<'_>,
    (method, unix_seconds): (&'static str, i64),
) -> Result<Call, DnsError> {
    let signed = certmill_aws::signed(request, credentials, scope, unix_seconds)
        .map_err(|_| DnsError::Invalid("the request cannot be signed".to_owned()))?;
    let mut call = Call::new(method, signed.url).header("accept", "text/xml");
    for (name, value) in signed.headers {
        call = call.header(name, value);
    }
    call.body = request.body.to_vec();
    Ok(call)
}
