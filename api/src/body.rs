//! JSON bodies in and out. Requests are read by serde, whose errors name the field; answers are written by serde.

use std::borrow::Cow;
use std::fmt::Display;

use certmill_service::ServiceError;
use certmill_service::domain::FieldErrors;
use poem::http::{HeaderValue, Method, StatusCode, header};
use poem::{FromRequest, IntoResponse, Request, RequestBody, Response};
use poem_openapi::error::ContentTypeError;
use poem_openapi::payload::{ParsePayload, Payload};
use poem_openapi::registry::{
    MetaHeader, MetaMediaType, MetaRequest, MetaResponse, MetaResponses, MetaSchemaRef, Registry,
};
use poem_openapi::types::Type;
use poem_openapi::{
    ApiExtractor, ApiExtractorType, ApiResponse, ExtractParamOptions, impl_apirequest_for_payload,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use crate::error::ApiError;
use crate::faults;
use crate::secret_text;

/// The media type of a change that says what is to be different (RFC 7396).
const MERGE_PATCH: &str = "application/merge-patch+json";

/// A request's JSON body.
pub(crate) struct Body<T>(pub(crate) T);

impl<T: Type> Payload for Body<T> {
    const CONTENT_TYPE: &'static str = "application/json";

    fn check_content_type(content_type: &str) -> bool {
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        ["application/json", MERGE_PATCH].iter().any(|of| essence.eq_ignore_ascii_case(of))
    }

    fn schema_ref() -> MetaSchemaRef {
        T::schema_ref()
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

impl<T: DeserializeOwned + Type> ParsePayload for Body<T> {
    const IS_REQUIRED: bool = true;

    async fn from_request(request: &Request, body: &mut RequestBody) -> poem::Result<Self> {
        let content_type = request.content_type().unwrap_or_default();
        // The body of a PATCH names the fields to change, which is the meaning of that media type (RFC 7396).
        if content_type.to_ascii_lowercase().starts_with(MERGE_PATCH) && request.method() != Method::PATCH {
            return Err(ContentTypeError::NotSupported { content_type: content_type.to_owned() }.into());
        }
        let bytes = Zeroizing::new(<Vec<u8> as FromRequest>::from_request(request, body).await?);
        Ok(Self(parse(&bytes)?))
    }
}

impl_apirequest_for_payload!(Body<T>, T: DeserializeOwned + Type);

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    // serde takes the values of an array for the fields of an object in their order; JSON does not mean that.
    if bytes.trim_ascii_start().first().is_some_and(|first| *first != b'{') {
        return Err(not_an_object(&"it begins with something else"));
    }
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = error.path().to_string();
        match fault(&path, &error.into_inner()) {
            Ok(first) => ServiceError::Validation(FieldErrors(faults::all::<T>(bytes, first))).into(),
            Err(whole) => whole,
        }
    })?;
    reader.end().map_err(|error| malformed(&error))?;
    Ok(value)
}

/// The field that an error of serde's is about, and what is wrong with it.
///
/// # Errors
/// The refusal of a body that is wrong as a whole.
pub(crate) fn fault(path: &str, error: &serde_json::Error) -> Result<(String, String), ApiError> {
    if !error.is_data() {
        return Err(malformed(error));
    }
    let text = error.to_string();
    // serde ends its sentence with the place in the text, which the field's name makes superfluous.
    let problem = text.rsplit_once(" at line ").map_or(text.as_str(), |(problem, _)| problem);
    let problem = &*unquoted(problem);
    let quoted = || problem.split('`').nth(1).unwrap_or_default();
    let join = |name: &str| {
        if path == "." { name.to_owned() } else { format!("{path}.{name}") }
    };
    if let Some(rest) = problem.strip_prefix("unknown field `") {
        let expected = rest.split_once("`, ").map_or("", |(_, expected)| expected);
        let field = if path.ends_with(quoted()) { path.to_owned() } else { join(quoted()) };
        return Ok((field, format!("is not a field of this request: {expected}")));
    }
    if problem.starts_with("duplicate field `") {
        let field = if path.ends_with(quoted()) { path.to_owned() } else { join(quoted()) };
        return Ok((field, "is there twice: send it once".to_owned()));
    }
    if problem.starts_with("missing field `") {
        return Ok((join(quoted()), "is required".to_owned()));
    }
    if path == "." {
        return Err(not_an_object(&problem));
    }
    Ok((path.to_owned(), problem.to_owned()))
}

/// A sentence of serde's about a value of the wrong type, without the value, which may be a secret in any field:
/// `invalid type: string "…", expected a map` says no more than `invalid type: string, expected a map`.
fn unquoted(problem: &str) -> Cow<'_, str> {
    if let Some((_, known)) =
        problem.strip_prefix("unknown variant ").and_then(|rest| rest.rsplit_once(", expected "))
    {
        return Cow::Owned(format!("must be {known}"));
    }
    let wrong = ["invalid type: ", "invalid value: "].iter().any(|start| problem.starts_with(start));
    let Some((found, expected)) = problem.rsplit_once(", expected ").filter(|_| wrong) else {
        return Cow::Borrowed(problem);
    };
    let kind = found.split(['`', '"']).next().unwrap_or_default().trim_end();
    Cow::Owned(format!("{kind}, expected {}", in_json(expected)))
}

/// What serde expects, in the words of JSON and without the names that types have in here.
fn in_json(expected: &str) -> &str {
    match expected {
        "a sequence" => "an array",
        "a map" => "an object",
        _ if expected.starts_with("struct ") => "an object",
        _ => expected,
    }
}

fn not_an_object(problem: &dyn Display) -> ApiError {
    ApiError::new("invalid_request", format!("the body must be a JSON object: {problem}"))
}

fn malformed(error: &serde_json::Error) -> ApiError {
    ApiError::new("invalid_request", format!("the body is not JSON: {error}"))
}

/// A request's JSON body that may be left out, which means the same as an empty object.
pub(crate) struct OptionalBody<T>(pub(crate) T);

impl<'a, T: DeserializeOwned + Type + Default> ApiExtractor<'a> for OptionalBody<T> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        T::register(registry);
    }

    fn request_meta() -> Option<MetaRequest> {
        let content = vec![MetaMediaType { content_type: "application/json", schema: T::schema_ref() }];
        Some(MetaRequest { description: None, content, required: false })
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _options: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        let bytes = Zeroizing::new(<Vec<u8> as FromRequest>::from_request(request, body).await?);
        if bytes.is_empty() {
            return Ok(Self(T::default()));
        }
        match request.content_type() {
            None => Err(ContentTypeError::ExpectContentType.into()),
            Some(content_type) if Body::<T>::check_content_type(content_type) => Ok(Self(parse(&bytes)?)),
            Some(other) => Err(ContentTypeError::NotSupported { content_type: other.to_owned() }.into()),
        }
    }
}

/// `200` with a JSON body.
pub(crate) struct Reply<T>(pub(crate) T);

/// `201` with the whole object and its `Location`.
pub(crate) struct Created<T> {
    object: T,
    location: String,
}

impl<T> Created<T> {
    pub(crate) fn at(location: impl Display, object: T) -> Self {
        Self { object, location: location.to_string() }
    }

    /// The object alone.
    pub(crate) fn into_object(self) -> T {
        self.object
    }

    /// The same place with the object in another form.
    pub(crate) fn map<U>(self, form: impl FnOnce(T) -> U) -> Created<U> {
        Created { object: form(self.object), location: self.location }
    }
}

/// `200` with a JSON body and the entity tag of the state that it tells (RFC 9110 §8.8.3).
pub(crate) struct Tagged<T> {
    object: T,
    tag: String,
}

impl<T> Tagged<T> {
    pub(crate) fn new(tag: String, object: T) -> Self {
        Self { object, tag }
    }
}

/// `202` with the object whose state tells the progress.
pub(crate) struct Accepted<T>(pub(crate) T);

/// `204`.
pub(crate) struct NoContent;

/// One of two answers.
pub(crate) enum Either<A, B> {
    /// The first.
    Left(A),
    /// The other one.
    Right(B),
}

fn json<T: Serialize>(status: StatusCode, value: &T) -> Response {
    match secret_text::json(value) {
        Ok(body) => Response::builder().status(status).content_type("application/json").body(body),
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "an answer could not be written");
            ApiError::internal().render("")
        }
    }
}

fn meta<T: Type>(status: u16, description: &'static str) -> MetaResponse {
    MetaResponse {
        description,
        status: Some(status),
        status_range: None,
        content: vec![MetaMediaType { content_type: "application/json", schema: T::schema_ref() }],
        headers: Vec::new(),
    }
}

impl<T: Serialize + Send> IntoResponse for Reply<T> {
    fn into_response(self) -> Response {
        json(StatusCode::OK, &self.0)
    }
}

impl<T: Type> ApiResponse for Reply<T> {
    fn meta() -> MetaResponses {
        MetaResponses { responses: vec![meta::<T>(200, "")] }
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

impl<T: Serialize + Send> IntoResponse for Tagged<T> {
    fn into_response(self) -> Response {
        let mut response = json(StatusCode::OK, &self.object);
        if let Ok(tag) = HeaderValue::from_str(&self.tag) {
            response.headers_mut().insert(header::ETAG, tag);
        }
        response
    }
}

impl<T: Type> ApiResponse for Tagged<T> {
    fn meta() -> MetaResponses {
        let mut found = meta::<T>(200, "");
        found.headers.push(MetaHeader {
            name: "ETag".to_owned(),
            description: Some("Names this state of the object, for `If-Match`.".to_owned()),
            required: true,
            deprecated: false,
            schema: String::schema_ref(),
        });
        MetaResponses { responses: vec![found] }
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

impl<T: Serialize + Send> IntoResponse for Created<T> {
    fn into_response(self) -> Response {
        let mut response = json(StatusCode::CREATED, &self.object);
        if let Ok(location) = HeaderValue::from_str(&self.location) {
            response.headers_mut().insert(header::LOCATION, location);
        }
        response
    }
}

impl<T: Type> ApiResponse for Created<T> {
    fn meta() -> MetaResponses {
        let mut created = meta::<T>(201, "Created.");
        created.headers.push(MetaHeader {
            name: "Location".to_owned(),
            description: Some("Where the object is.".to_owned()),
            required: true,
            deprecated: false,
            schema: String::schema_ref(),
        });
        MetaResponses { responses: vec![created] }
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

impl<T: Serialize + Send> IntoResponse for Accepted<T> {
    fn into_response(self) -> Response {
        json(StatusCode::ACCEPTED, &self.0)
    }
}

impl<T: Type> ApiResponse for Accepted<T> {
    fn meta() -> MetaResponses {
        MetaResponses { responses: vec![meta::<T>(202, "The work goes on in the background.")] }
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

impl<A: IntoResponse, B: IntoResponse> IntoResponse for Either<A, B> {
    fn into_response(self) -> Response {
        match self {
            Self::Left(answer) => answer.into_response(),
            Self::Right(answer) => answer.into_response(),
        }
    }
}

impl<A: ApiResponse, B: ApiResponse> ApiResponse for Either<A, B> {
    fn meta() -> MetaResponses {
        MetaResponses { responses: A::meta().responses.into_iter().chain(B::meta().responses).collect() }
    }

    fn register(registry: &mut Registry) {
        A::register(registry);
        B::register(registry);
    }
}

impl IntoResponse for NoContent {
    fn into_response(self) -> Response {
        StatusCode::NO_CONTENT.into_response()
    }
}

impl ApiResponse for NoContent {
    fn meta() -> MetaResponses {
        MetaResponses {
            responses: vec![MetaResponse {
                description: "Done.",
                status: Some(204),
                status_range: None,
                content: Vec::new(),
                headers: Vec::new(),
            }],
        }
    }

    fn register(_registry: &mut Registry) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Deserialize, Debug)]
    #[serde(deny_unknown_fields)]
    struct Sample {
        #[expect(dead_code, reason = "only its type matters here")]
        name: String,
        #[expect(dead_code, reason = "only its type matters here")]
        size: Option<u32>,
    }

    fn complaint(body: &str) -> String {
        parse::<Sample>(body.as_bytes()).unwrap_err().render("req_x").into_body_text()
    }

    trait BodyText {
        fn into_body_text(self) -> String;
    }

    impl BodyText for Response {
        fn into_body_text(self) -> String {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            runtime.block_on(self.into_body().into_string()).unwrap()
        }
    }

    #[test]
    fn complaints_name_the_field() {
        assert!(complaint(r#"{"name":"x","colour":1}"#).contains(r#""fields":{"colour":"is not a field"#));
        assert!(complaint(r#"{"size":1}"#).contains(r#""fields":{"name":"is required"}"#));
        assert!(
            complaint(r#"{"name":7}"#)
                .contains(r#""fields":{"name":"invalid type: integer, expected a string"#)
        );
        assert!(complaint(r#"{"name":"x","size":-1}"#).contains(r#""fields":{"size":"#));
        assert!(
            complaint(r#"{"name":"x","size":1,"name":"y"}"#).contains(r#""fields":{"name":"is there twice"#)
        );
        assert!(complaint(r#"["x", 1]"#).contains("must be a JSON object"));
        assert!(complaint("{").contains("is not JSON"));
        assert!(complaint(r#"{"name":"x"} trailing"#).contains("is not JSON"));
    }
}
