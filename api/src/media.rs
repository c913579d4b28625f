//! Answers that are files: their media types, and the statuses that conditional requests and ranges bring about.

use std::marker::PhantomData;

use poem::{IntoResponse, Response};
use poem_openapi::ApiResponse;
use poem_openapi::payload::{Binary, Payload};
use poem_openapi::registry::{MetaMediaType, MetaResponse, MetaResponses, Registry};
use poem_openapi::types::Type;

use crate::negotiate::Form;

/// What kinds of files an operation answers.
pub(crate) trait Files: Send {
    /// The forms, the usual one first.
    const FORMS: &'static [Form];
    /// What it is, as a sentence.
    const WHAT: &'static str;
    /// Whether a client that has it already is told so (RFC 9110 §13.1.2), and may ask for a part of it (§14).
    const IS_CONDITIONAL: bool;
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
    const FORMS: &'static [Form] = &[Form::Pem];
    const WHAT: &'static str = "The certificate in PEM.";
    const IS_CONDITIONAL: bool = false;
}

impl Files for CertificateFile {
    const FORMS: &'static [Form] = &[Form::Certificate];
    const WHAT: &'static str = "The certificate in DER.";
    const IS_CONDITIONAL: bool = false;
}

impl Files for CrlFile {
    const FORMS: &'static [Form] = &[Form::Crl];
    const WHAT: &'static str = "The CRL in DER.";
    const IS_CONDITIONAL: bool = true;
}

impl Files for CrlForms {
    const FORMS: &'static [Form] = &[Form::Crl, Form::Pem, Form::PlainText];
    const WHAT: &'static str = "The CRL in the form that `Accept` names.";
    const IS_CONDITIONAL: bool = true;
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

fn content(form: Form) -> MetaMediaType {
    let schema = match form {
        Form::Pem | Form::PlainText | Form::Json => String::schema_ref(),
        Form::Certificate | Form::Crl => <Binary<Vec<u8>> as Payload>::schema_ref(),
    };
    MetaMediaType { content_type: form.essence(), schema }
}

fn answer(status: u16, description: &'static str, content: Vec<MetaMediaType>) -> MetaResponse {
    MetaResponse { description, status: Some(status), status_range: None, content, headers: Vec::new() }
}

impl<F: Files> ApiResponse for Media<F> {
    fn meta() -> MetaResponses {
        let mut responses = vec![answer(200, F::WHAT, F::FORMS.iter().copied().map(content).collect())];
        if F::IS_CONDITIONAL {
            let part = "The part of the CRL in DER that `Range` asks for.";
            responses.push(answer(206, part, vec![content(Form::Crl)]));
            responses.push(answer(304, "The client has it: `If-None-Match` names it.", Vec::new()));
            responses.push(answer(416, "`Range` begins beyond its end.", Vec::new()));
        }
        MetaResponses { responses }
    }

    fn register(_registry: &mut Registry) {}
}
