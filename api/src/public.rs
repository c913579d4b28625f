//! Distribution points for relying parties: CA certificates and CRLs, without a token.

use std::sync::Arc;

use certmill_service::domain::{Crl, CrlInfo, Timestamp};
use certmill_service::publish::{CERTIFICATE_CACHE, CRL_CACHE};
use certmill_service::{App, ca, crl};
use poem::http::{HeaderValue, StatusCode, header};
use poem::web::Data;
use poem::{Request, Response};
use poem_openapi::OpenApi;
use poem_openapi::param::Path;
use poem_openapi::payload::Binary;

use crate::error::ApiError;
use crate::media::{CertificateFile, CrlFile, Media};
use crate::negotiate::{Form, names_tag};
use crate::openapi::Group;
use crate::shared_body;

pub(crate) struct PublicApi;

#[OpenApi(tag = "Group::Public")]
impl PublicApi {
    /// A CA's certificate in DER
    ///
    /// `file` is `{ca_id}.crt`. The address stands in every certificate as AIA caIssuers (RFC 5280 §4.2.2.1). The certificate changes
    /// when the CA gets another one: send `If-None-Match` with the `ETag` to save the transfer.
    #[oai(path = "/pub/ca/:file", method = "get", operation_id = "getPublishedCaCertificate")]
    async fn certificate(
        &self,
        app: Data<&App>,
        request: &Request,
        file: Path<String>,
    ) -> Result<Media<CertificateFile>, ApiError> {
        let der = ca::public_certificate(&app, ca::parse_id(named(&file, ".crt"))?).await?;
        let tag = format!("\"{}\"", certmill_service::x509::sha256_hex(&der));
        let response =
            Response::builder().header(header::CACHE_CONTROL, CERTIFICATE_CACHE).header(header::ETAG, &tag);
        if names_tag(request, &tag) {
            return Ok(Media::new(response.status(StatusCode::NOT_MODIFIED).finish()));
        }
        Ok(Media::new(response.content_type(Form::Certificate.media_type()).body(der)))
    }

    /// A CA's present CRL in DER
    ///
    /// `file` is `{ca_id}.crl` for the full list, and `{ca_id}-{shard}.crl` for that of a shard; with `-delta`
    /// before the ending, the delta CRL to that. The address stands in every
    /// certificate as CRL distribution point (RFC 5280 §4.2.1.13), and in the list of a shard as its scope (§5.2.5). Send `If-None-Match` with the `ETag` to save the transfer, and `Range` to go on with one that
    /// broke off.
    #[oai(path = "/pub/crl/:file", method = "get", operation_id = "getPublishedCrl")]
    async fn crl(
        &self,
        app: Data<&App>,
        request: &Request,
        file: Path<String>,
    ) -> Result<Media<CrlFile>, ApiError> {
        let list = crl::parse_id(named(&file, ".crl"))?;
        let info = crl::public_info(&app, list).await?;
        if is_known(request, &info, Form::Crl) {
            return Ok(Media::new(not_modified(&info, Form::Crl, CRL_CACHE)));
        }
        let crl = crl::present(&app, list, &info).await?;
        Ok(Media::new(answer_crl(request, crl, Form::Crl, CRL_CACHE)))
    }
}

/// An answer that is made by hand, described as binary.
pub(crate) struct Raw(pub(crate) Response);

impl poem::IntoResponse for Raw {
    fn into_response(self) -> Response {
        self.0
    }
}

impl poem_openapi::ApiResponse for Raw {
    fn meta() -> poem_openapi::registry::MetaResponses {
        let mut meta = <Binary<Vec<u8>> as poem_openapi::ApiResponse>::meta();
        meta.responses.iter_mut().for_each(|response| response.description = "The octets.");
        meta
    }

    fn register(registry: &mut poem_openapi::registry::Registry) {
        <Binary<Vec<u8>> as poem_openapi::ApiResponse>::register(registry);
    }
}

/// Whether the client has this CRL in this form already (RFC 9110 §13.1.2).
pub(crate) fn is_known(request: &Request, info: &CrlInfo, form: Form) -> bool {
    names_tag(request, &etag(info, form))
}

/// `304` for a client that has this CRL.
pub(crate) fn not_modified(info: &CrlInfo, form: Form, cache: &str) -> Response {
    Response::builder()
        .status(StatusCode::NOT_MODIFIED)
        .header(header::ETAG, etag(info, form))
        .header(header::CACHE_CONTROL, cache)
        .finish()
}

/// A CRL with the headers that caches need, or the part of it that was asked for.
pub(crate) fn answer_crl(request: &Request, crl: Arc<Crl>, form: Form, cache: &str) -> Response {
    let (tag, date) = (etag(&crl.info, form), http_date(crl.info.this_update));
    let mut response = match form {
        Form::Pem | Form::PlainText => shared_body::pem(crl),
        Form::Crl | Form::Certificate | Form::Json => shared_body::der(request, crl, &tag),
    };
    let headers = response.headers_mut();
    let texts = [
        (header::CONTENT_TYPE, form.media_type()),
        (header::ETAG, &tag),
        (header::LAST_MODIFIED, &date),
        (header::CACHE_CONTROL, cache),
    ];
    for (name, text) in texts {
        if let Ok(value) = HeaderValue::from_str(text) {
            headers.insert(name, value);
        }
    }
    response
}

/// PEM and DER are two representations, so their tags differ (RFC 9110 §8.8.3.3).
fn etag(info: &CrlInfo, form: Form) -> String {
    match form {
        Form::Pem | Form::PlainText => format!("\"{}-pem\"", info.number),
        Form::Crl | Form::Certificate | Form::Json => format!("\"{}\"", info.number),
    }
}

/// An instant as HTTP writes it (RFC 9110 §5.6.7), such as `Sun, 06 Nov 1994 08:49:37 GMT`.
pub(crate) fn http_date(at: Timestamp) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let iso = at.to_string();
    let part = |range: std::ops::Range<usize>| iso.get(range).unwrap_or_default();
    let weekday = at.unix_seconds().div_euclid(86_400).rem_euclid(7);
    let weekday = usize::try_from(weekday).ok().and_then(|day| DAYS.get(day)).copied().unwrap_or_default();
    let month = part(5..7).parse::<usize>().ok().and_then(|month| MONTHS.get(month.wrapping_sub(1)));
    format!(
        "{weekday}, {} {} {} {} GMT",
        part(8..10),
        month.copied().unwrap_or_default(),
        part(0..4),
        part(11..19)
    )
}

fn named<'a>(file: &'a str, ending: &str) -> &'a str {
    file.strip_suffix(ending).unwrap_or(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn http_dates_have_the_preferred_form() {
        assert_eq!(http_date(Timestamp::from_unix_seconds(784_111_777)), "Sun, 06 Nov 1994 08:49:37 GMT");
    }
}
