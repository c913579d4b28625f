//! The OCSP responder (RFC 6960 appendix A, RFC 5019), without a token.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use certmill_service::ocsp::{self, OcspAnswer, SignedAnswer};
use certmill_service::{App, ca};
use poem::http::{HeaderValue, StatusCode, header};
use poem::web::Data;
use poem::{Request, RequestBody, Response};
use poem_openapi::param::Path;
use poem_openapi::payload::{Binary, ParsePayload, Payload};
use poem_openapi::registry::{MetaMediaType, MetaSchemaRef, Registry};
use poem_openapi::{OpenApi, impl_apirequest_for_payload};

use crate::error::ApiError;
use crate::media::{self, Again, Files, Media};
use crate::negotiate::names_tag;
use crate::openapi::Group;
use crate::public::http_date;

const REQUEST: &str = "application/ocsp-request";
const RESPONSE: &str = "application/ocsp-response";

/// Octets of a request that are read.
const LONGEST: usize = 4_096;

pub(crate) struct OcspApi;

#[OpenApi(tag = "Group::Public")]
impl OcspApi {
    /// Ask about a certificate by OCSP
    ///
    /// The body is an `OCSPRequest` in DER (RFC 6960): at most 4096 octets, about at most 8 certificates, with a nonce of 1 to
    /// 128 octets or none. The answer, an `OCSPResponse` in DER, is signed by the CA or by its delegated responder (`ocsp_signer`),
    /// whose certificate is in it then, and says *good* only of certificates that the CA has issued.
    #[oai(path = "/pub/ocsp/:ca_id", method = "post", operation_id = "postOcspRequest")]
    async fn post(
        &self,
        app: Data<&App>,
        request: &Request,
        ca_id: Path<String>,
        body: OcspBody,
    ) -> Result<Media<OcspFile>, ApiError> {
        let answer = ocsp::answer(&app, ca::parse_id(&ca_id)?, &body.0).await;
        Ok(Media::new(response(request, &answer)))
    }

    /// Ask about a certificate by OCSP in the address
    ///
    /// `request` is the base64 text of an `OCSPRequest`, with `/`, `+` and `=` written as `%2F`, `%2B` and `%3D` (RFC 6960
    /// appendix A.1). The answer carries `ETag`, `Last-Modified`, `Expires` and `Cache-Control` (RFC 5019 §6.2).
    #[oai(path = "/pub/ocsp/:ca_id/:request", method = "get", operation_id = "getOcspResponse")]
    async fn get(
        &self,
        app: Data<&App>,
        http: &Request,
        ca_id: Path<String>,
        /// The base64 text of the `OCSPRequest`.
        request: Path<String>,
    ) -> Result<Media<OcspFile>, ApiError> {
        let id = ca::parse_id(&ca_id)?;
        // Some clients put a slash before it; DER in base64 never begins with one.
        let text = request.trim_start_matches('/').as_bytes();
        // A path that is no base64 is a malformed request.
        let der = STANDARD.decode(text).or_else(|_| STANDARD_NO_PAD.decode(text));
        let answer = ocsp::answer(&app, id, &der.unwrap_or_default()).await;
        Ok(Media::new(response(http, &answer)))
    }
}

/// The body of a request.
pub(crate) struct OcspBody(Vec<u8>);

impl Payload for OcspBody {
    const CONTENT_TYPE: &'static str = REQUEST;

    fn check_content_type(content_type: &str) -> bool {
        content_type.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(REQUEST)
    }

    fn schema_ref() -> MetaSchemaRef {
        <Binary<Vec<u8>> as Payload>::schema_ref()
    }

    fn register(registry: &mut Registry) {
        <Binary<Vec<u8>> as Payload>::register(registry);
    }
}

impl ParsePayload for OcspBody {
    const IS_REQUIRED: bool = true;

    async fn from_request(request: &Request, body: &mut RequestBody) -> poem::Result<Self> {
        let _ = request;
        // More than a question may have is malformed, and not read to its end.
        let read = body.take()?.into_bytes_limit(LONGEST + 1).await;
        Ok(Self(read.map(|octets| octets.to_vec()).unwrap_or_default()))
    }
}

impl_apirequest_for_payload!(OcspBody);

/// An `OCSPResponse`.
struct OcspFile;

impl Files for OcspFile {
    const WHAT: &'static str = "An `OCSPResponse` in DER. That the question was wrong is one too.";
    const AGAIN: Again = Again::IfChanged;

    fn content() -> Vec<MetaMediaType> {
        vec![media::of(RESPONSE, false)]
    }
}

fn response(request: &Request, answer: &OcspAnswer) -> Response {
    let signed = match answer {
        // Errors too are answers of OCSP, and 200 (RFC 6960 appendix A.2).
        OcspAnswer::Refused(der) => {
            return Response::builder()
                .content_type(RESPONSE)
                .header(header::CACHE_CONTROL, "no-store")
                .body(der.to_vec());
        }
        OcspAnswer::Signed(signed) => signed,
    };
    let is_known = signed.max_age.is_some() && names_tag(request, &signed.etag);
    let mut response = if is_known {
        Response::builder().status(StatusCode::NOT_MODIFIED).finish()
    } else {
        Response::builder().content_type(RESPONSE).body(signed.der.clone())
    };
    write_headers(&mut response, signed);
    response
}

fn write_headers(response: &mut Response, signed: &SignedAnswer) {
    let Some(max_age) = signed.max_age else {
        // The answer repeats a nonce, so it is for one client only and must not be cached.
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        return;
    };
    let texts = [
        (header::ETAG, signed.etag.clone()),
        (header::LAST_MODIFIED, http_date(signed.this_update)),
        (header::EXPIRES, http_date(signed.next_update)),
        (header::CACHE_CONTROL, format!("max-age={max_age}, public, no-transform, must-revalidate")),
    ];
    for (name, text) in texts {
        if let Ok(value) = HeaderValue::from_str(&text) {
            response.headers_mut().insert(name, value);
        }
    }
}
