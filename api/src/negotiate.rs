//! Choosing a representation by the `Accept` header (RFC 9110 §12.5.1).

use std::marker::PhantomData;

use poem::http::header;
use poem::{IntoResponse, Request, Response};
use poem_openapi::ApiResponse;
use poem_openapi::payload::{Binary, Payload};
use poem_openapi::registry::{MetaMediaType, MetaResponse, MetaResponses, Registry};
use poem_openapi::types::Type;

/// PEM, as the contract names it.
pub(crate) const PEM: &str = "application/x-pem-file";

/// A form in which certificates and CRLs are answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Json,
    Pem,
    PlainText,
    Certificate,
    Crl,
}

impl Form {
    /// Its media type.
    pub(crate) const fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Pem => PEM,
            Self::PlainText => "text/plain; charset=utf-8",
            Self::Certificate => "application/pkix-cert",
            Self::Crl => "application/pkix-crl",
        }
    }

    /// Whether what is answered in it is text.
    pub(crate) const fn is_text(self) -> bool {
        match self {
            Self::Json | Self::Pem | Self::PlainText => true,
            Self::Certificate | Self::Crl => false,
        }
    }

    /// The same without parameters.
    pub(crate) fn essence(self) -> &'static str {
        self.media_type().split(';').next().unwrap_or_default()
    }
}

/// The media ranges that the client takes, in lower case, and how much it likes each.
pub(crate) fn accepted(request: &Request) -> impl Iterator<Item = (String, f32)> {
    let lines = request.headers().get_all(header::ACCEPT).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(|range| {
        let mut parts = range.split(';').map(str::trim);
        let wanted = parts.next().unwrap_or_default().to_ascii_lowercase();
        let quality = parts.find_map(|parameter| parameter.strip_prefix("q="));
        (wanted, quality.map_or(1.0, |quality| quality.parse().unwrap_or(0.0)))
    })
}

/// The offer that the client likes best; the first one when it has no opinion or likes none.
pub(crate) fn choose(request: &Request, offers: &[Form], default: Form) -> Form {
    let mut best = (default, 0.0_f32);
    for (wanted, quality) in accepted(request) {
        let offer = match wanted.as_str() {
            "*/*" => Some(default),
            "application/x-x509-ca-cert" if offers.contains(&Form::Certificate) => Some(Form::Certificate),
            "application/x-pkcs7-crl" if offers.contains(&Form::Crl) => Some(Form::Crl),
            wanted => offers.iter().copied().find(|offer| offer.essence() == wanted),
        };
        if let Some(offer) = offer.filter(|_| quality > best.1) {
            best = (offer, quality);
        }
    }
    best.0
}

/// Whether the client has what this entity tag names (`If-None-Match`, RFC 9110 §13.1.2).
pub(crate) fn names_tag(request: &Request, tag: &str) -> bool {
    request.header(header::IF_NONE_MATCH).is_some_and(|known| {
        known.trim() == "*" || known.split(',').any(|known| known.trim().trim_start_matches("W/") == tag)
    })
}

/// A certificate in the form that was chosen: `T` as JSON, PEM or DER.
pub(crate) struct Negotiated<T> {
    response: Response,
    json: PhantomData<T>,
}

impl<T> Negotiated<T> {
    pub(crate) fn new(response: Response) -> Self {
        Self { response, json: PhantomData }
    }
}

impl<T: Send> IntoResponse for Negotiated<T> {
    fn into_response(self) -> Response {
        self.response
    }
}

impl<T: Type> ApiResponse for Negotiated<T> {
    fn meta() -> MetaResponses {
        let of = |form: Form, schema| MetaMediaType { content_type: form.essence(), schema };
        let binary = <Binary<Vec<u8>> as Payload>::schema_ref;
        let content = vec![
            of(Form::Json, T::schema_ref()),
            of(Form::Pem, String::schema_ref()),
            of(Form::PlainText, String::schema_ref()),
            of(Form::Certificate, binary()),
        ];
        let description = "In the form that `Accept` names.";
        let response =
            MetaResponse { description, status: Some(200), status_range: None, content, headers: Vec::new() };
        MetaResponses { responses: vec![response] }
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(accept: &str) -> Form {
        let request = Request::builder().header("accept", accept).finish();
        choose(&request, &[Form::Json, Form::Pem, Form::PlainText, Form::Certificate], Form::Json)
    }

    #[test]
    fn the_client_s_favourite_wins() {
        assert_eq!(chosen("*/*"), Form::Json);
        assert_eq!(chosen(""), Form::Json);
        assert_eq!(chosen("application/x-pem-file"), Form::Pem);
        assert_eq!(chosen("text/plain, */*;q=0.1"), Form::PlainText);
        assert_eq!(chosen("application/json;q=0.5, application/pkix-cert"), Form::Certificate);
        assert_eq!(chosen("image/png"), Form::Json);
    }
}
