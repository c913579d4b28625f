//! `/v1/pki/certificates/export`: everything that a filter finds, without pages.

use std::io;

use bytes::Bytes;
use certmill_service::certificates::{self, Filter, Sort};
use certmill_service::domain::{CertificateSource, CertificateStatus};
use certmill_service::{App, Caller, Page, PageRequest, ServiceError};
use futures_util::stream;
use poem::Response;
use poem::http::header;
use poem::web::Data;
use poem_openapi::registry::MetaMediaType;
use poem_openapi::{Object, OpenApi};
use serde::Deserialize;

use super::certificates::{CertificateView, view};
use super::wanted::Wanted;
use crate::auth::{Authorized, Read};
use crate::body::OptionalBody;
use crate::error::ApiError;
use crate::media::{self, Files, Media};
use crate::openapi::Group;
use crate::words::{ExportFormat, Word};

/// Rows that are read at a time.
const PAGE: i64 = 500;

pub(crate) struct ExportApi;

/// What to export, and in which form; everything that the tenant has when absent.
#[derive(Object, Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct ExportCertificatesRequest {
    /// `ndjson` (default): a JSON object in each line, as in the list of certificates. `csv`: RFC 4180, with a line of names.
    format: Option<Word<ExportFormat>>,
    /// Issued by this CA.
    ca_id: Option<String>,
    /// Ending within this duration from now, and not ended yet.
    expiring_within: Option<String>,
    /// Revoked ones too.
    include_revoked: Option<bool>,
    /// Issued under the role of this name.
    role: Option<String>,
    /// `active`, `expired` or `revoked`.
    status: Option<Word<CertificateStatus>>,
    /// `issued`, `signed`, `csr`, `acme`, `imported` or `renewed`.
    source: Option<Word<CertificateSource>>,
    /// Common name contains this text, whatever its case.
    common_name: Option<String>,
    /// Has this subject alternative name; `*.example.com` finds every name below the domain.
    san: Option<String>,
    /// Carries this tag: `key:value` or `key=value`.
    tag: Option<String>,
}

/// The rows, as they are read.
struct Exported;

impl Files for Exported {
    const WHAT: &'static str = "The rows, in the form that was asked for.";

    fn content() -> Vec<MetaMediaType> {
        vec![media::of("application/x-ndjson", true), media::of("text/csv", true)]
    }
}

#[OpenApi(prefix_path = "/v1/pki", tag = "Group::Certificates")]
impl ExportApi {
    /// Export certificates
    ///
    /// Newest first, without PEM and without keys. The answer is sent while it is read, so it has no length;
    /// one that ends without the end of the transfer (a chunk of length 0, or the end of the stream) is not complete.
    #[oai(path = "/certificates/export", method = "post", operation_id = "exportCertificates")]
    async fn export(
        &self,
        caller: Authorized<Read>,
        app: Data<&App>,
        body: OptionalBody<ExportCertificatesRequest>,
    ) -> Result<Media<Exported>, ApiError> {
        let request = body.0;
        let format = request.format.map(|word| word.value("format")).transpose()?;
        let form = if format.is_some_and(ExportFormat::is_csv) { Form::Csv } else { Form::Ndjson };
        let wanted = Wanted {
            ca_id: request.ca_id,
            expiring_within: request.expiring_within,
            include_revoked: request.include_revoked,
            role: request.role,
            status: request.status,
            source: request.source,
            common_name: request.common_name,
            san: request.san,
            serial_number: None,
            fingerprint_sha256: None,
            tag: request.tag,
        };
        let filter = wanted.filter(&app)?;
        let reader = Reader { app: app.clone(), caller: (*caller).clone(), filter, form };
        // What can be refused is refused before the first octet.
        let first = reader.page(None).await?;
        let rows = stream::try_unfold((reader, Some(Ok(first)), true), next);
        let response = Response::builder()
            .content_type(form.media_type())
            .header(header::CONTENT_DISPOSITION, form.disposition())
            .header(header::CACHE_CONTROL, "no-store");
        Ok(Media::new(response.body(poem::Body::from_bytes_stream(rows))))
    }
}

/// The page that is there, or the cursor of the next one.
type Position = Option<Result<Page<certmill_service::domain::Certificate>, String>>;

async fn next(
    (reader, position, is_first): (Reader, Position, bool),
) -> io::Result<Option<(Bytes, (Reader, Position, bool))>> {
    let page = match position {
        None => return Ok(None),
        Some(Ok(page)) => page,
        Some(Err(cursor)) => reader.page(Some(cursor)).await.map_err(io::Error::other)?,
    };
    let text = reader.text(page.items, is_first)?;
    let rest = page.cursor.map(Err);
    Ok(Some((text.into(), (reader, rest, false))))
}

/// Reads pages and writes them down.
struct Reader {
    app: App,
    caller: Caller,
    filter: Filter,
    form: Form,
}

impl Reader {
    async fn page(
        &self,
        cursor: Option<String>,
    ) -> Result<Page<certmill_service::domain::Certificate>, ServiceError> {
        let page = PageRequest { limit: Some(PAGE), cursor, count: false };
        certificates::list(&self.app, &self.caller, &self.filter, Sort::CreatedAt, &page).await
    }

    fn text(&self, rows: Vec<certmill_service::domain::Certificate>, is_first: bool) -> io::Result<Vec<u8>> {
        let now = self.app.now();
        let mut text = Vec::new();
        if is_first && self.form == Form::Csv {
            text.extend_from_slice(CertificateView::CSV_NAMES.join(",").as_bytes());
            text.extend_from_slice(b"\r\n");
        }
        for row in rows.into_iter().map(|row| view(row, now)) {
            match self.form {
                Form::Ndjson => {
                    serde_json::to_writer(&mut text, &row)?;
                    text.push(b'\n');
                }
                Form::Csv => {
                    let fields: Vec<String> = row.csv().iter().map(|field| quoted(field)).collect();
                    text.extend_from_slice(fields.join(",").as_bytes());
                    text.extend_from_slice(b"\r\n");
                }
            }
        }
        Ok(text)
    }
}

/// A field of RFC 4180. One that a spreadsheet would take for a formula gets an apostrophe before it, which such a program
/// does not show.
fn quoted(field: &str) -> String {
    let guard = if field.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
    if guard.is_empty() && !field.contains([',', '"', '\r', '\n']) {
        return field.to_owned();
    }
    format!("\"{guard}{}\"", field.replace('"', "\"\""))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Ndjson,
    Csv,
}

impl Form {
    const fn media_type(self) -> &'static str {
        match self {
            Self::Ndjson => "application/x-ndjson",
            Self::Csv => "text/csv; charset=utf-8",
        }
    }

    const fn disposition(self) -> &'static str {
        match self {
            Self::Ndjson => "attachment; filename=\"certificates.ndjson\"",
            Self::Csv => "attachment; filename=\"certificates.csv\"",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_csv_are_quoted_where_they_must_be() {
        assert_eq!(quoted("www.example.com"), "www.example.com");
        assert_eq!(quoted("CN=a,O=\"b\""), "\"CN=a,O=\"\"b\"\"\"");
        assert_eq!(quoted("=cmd|' /C calc'!A0"), "\"'=cmd|' /C calc'!A0\"");
        assert_eq!(quoted("a\nb"), "\"a\nb\"");
    }
}
