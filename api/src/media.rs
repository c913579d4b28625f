//! Answers that are made by hand, such as files and streams: their media types, and the statuses that conditional requests and
//! ranges bring about.

use std::marker::PhantomData;

use poem::{IntoResponse, Response};
use poem_openapi::ApiResponse;
use poem_openapi::payload::{Binary, Payload};
use poem_openapi::registry::{MetaMediaType, MetaResponse, MetaResponses, Registry};
use poem_openapi::types::Type;

use crate::negotiate::Form;

/// What an operation answers, as the document says it.
pub(crate) trait Files: Send {
    /// What it is, as a sentence.
    const WHAT: &'static str;
    /// What a client that comes again may ask for.
    const AGAIN: Again = Again::Whole;

    /// The media types, the usual one first.
    fn content() -> Vec<MetaMediaType>;

    /// Names the schemas of the media types.
    fn register(_registry: &mut Registry) {}
}

/// What a client that has something already may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Again {
    /// All of it.
    Whole,
    /// Whether it is still the present one (RFC 9110 §13.1.2).
    IfChanged,
    /// The same, and a part of it (§14).
    Parts,
}

/// A certificate in PEM.
pub(crate) struct PemFile;
/// A certificate in DER.
pub(crate) struct CertificateFile;
/// A CRL in DER.
pub(crate) struct CrlFile;
/// A CRL in DER or PEM.
pub(crate) struct CrlForms;

impl Files for PemFile {
    const WHAT: &'static str = "The certificate in PEM.";

    fn content() -> Vec<MetaMediaType> {
        forms(&[Form::Pem])
    }
}

impl Files for CertificateFile {
    const WHAT: &'static str = "The certificate in DER.";
    const AGAIN: Again = Again::IfChanged;

    fn content() -> Vec<MetaMediaType> {
        forms(&[Form::Certificate])
    }
}

impl Files for CrlFile {
    const WHAT: &'static str = "The CRL in DER.";
    const AGAIN: Again = Again::Parts;

    fn content() -> Vec<MetaMediaType> {
        forms(&[Form::Crl])
    }
}

impl Files for CrlForms {
    const WHAT: &'static str = "The CRL in the form that `Accept` names.";
    const AGAIN: Again = Again::Parts;

    fn content() -> Vec<MetaMediaType> {
        forms(&[Form::Crl, Form::Pem, Form::PlainText])
    }
}

/// An answer that is made by hand, with the media types of `F`.
pub(crate) struct Media<F> {
    response: Response,
    of: PhantomData<F>,
}

impl<F> Media<F> {
    pub(crate) fn new(response: Response) -> Self {
        Self { response, of: PhantomData }
    }
}

impl<F: Files> IntoResponse for Media<F> {
    fn into_response(self) -> Response {
        self.response
    }
}

fn forms(forms: &[Form]) -> Vec<MetaMediaType> {
    forms.iter().map(|form| of(form.essence(), form.is_text())).collect()
}

/// A media type whose content is text, or octets.
pub(crate) fn of(content_type: &'static str, is_text: bool) -> MetaMediaType {
    let schema = if is_text { String::schema_ref() } else { <Binary<Vec<u8>> as Payload>::schema_ref() };
    MetaMediaType { content_type, schema }
}

fn answer(status: u16, description: &'static str, content: Vec<MetaMediaType>) -> MetaResponse {
    MetaResponse { description, status: Some(status), status_range: None, content, headers: Vec::new() }
}

impl<F: Files> ApiResponse for Media<F> {
    fn meta() -> MetaResponses {
        let mut responses = vec![answer(200, F::WHAT, F::content())];
        if F::AGAIN == Again::Parts {
            let part = "The part of the CRL in DER that `Range` asks for.";
            responses.push(answer(206, part, forms(&[Form::Crl])));
        }
        if F::AGAIN != Again::Whole {
            responses.push(answer(304, "The client has it: `If-None-Match` names it.", Vec::new()));
        }
        if F::AGAIN == Again::Parts {
            responses.push(answer(416, "`Range` begins beyond its end.", Vec::new()));
        }
        MetaResponses { responses }
    }

    fn register(registry: &mut Registry) {
        F::register(registry);
    }
}
