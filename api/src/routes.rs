//! Every path that is answered, with its methods, the scope that each of them needs and its query parameters: read from the
//! types of the handlers by way of the OpenAPI document. The edge asks here before it reads more than a request's head.

use std::sync::LazyLock;

use certmill_service::domain::{Action, Scope};
use poem::http::{HeaderValue, Method};
use serde_json::Value;

use crate::acts::Effect;
use crate::auth::{BY_CERTIFICATE, security_names};
use crate::{openapi, ui};

/// What a path is called in figures that is none of ours.
const OTHER: &str = "other";

/// Paths of the API's listener beside those of the document.
const BESIDE: [&str; 4] = ["/openapi.json", "/docs", "/docs/", "/metrics"];

/// What a caller needs for an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Everybody.
    Open,
    /// A token with this scope.
    Token(Scope),
}

/// What one method of a path does.
#[derive(Debug)]
pub(crate) struct Operation {
    method: Method,
    /// The path, as the document writes it.
    pattern: String,
    /// What a caller needs for it.
    pub(crate) access: Access,
    /// Whether a client certificate may stand in the place of a token.
    pub(crate) by_certificate: bool,
    /// What it does.
    pub(crate) effect: Effect,
    /// The names of its query parameters.
    pub(crate) parameters: Vec<String>,
    /// Whether it has a body.
    pub(crate) has_body: bool,
}

/// A call that the audit log is to know of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call<'a> {
    /// What it does.
    pub(crate) action: Action,
    /// What it names in its path: an id or a name.
    pub(crate) object: Option<&'a str>,
    /// Whether its answer is kept for its repetitions.
    pub(crate) repeatable: bool,
}

impl Operation {
    /// The call of this operation at a path of its own, if the audit log is to know of it.
    pub(crate) fn call<'a>(&self, path: &'a str) -> Option<Call<'a>> {
        let Effect { action, is_repeatable: repeatable, .. } = self.effect;
        let segments = self.pattern.split('/').zip(path.split('/'));
        let object =
            segments.filter(|(wanted, _)| wanted.starts_with('{')).map(|(_, segment)| segment).last();
        Some(Call { action: action?, object, repeatable })
    }
}

/// One path.
#[derive(Debug)]
pub(crate) struct Route {
    /// As the document writes it, such as `/v1/pki/ca/{id}`.
    pub(crate) pattern: String,
    operations: Vec<Operation>,
}

/// The paths of a listener.
#[derive(Debug)]
pub(crate) struct Routes(Vec<Route>);

/// Those of the API.
pub(crate) static API: LazyLock<Routes> = LazyLock::new(|| {
    let beside = BESIDE.into_iter().chain(ui::PATHS);
    let beside = beside.map(|path| Route { pattern: path.to_owned(), operations: open_get(path) });
    Routes::of(&openapi::raw_document(), beside.collect())
});

/// Those of a process that answers no requests.
pub(crate) static OPERATIONS: LazyLock<Routes> = LazyLock::new(|| {
    let metrics = Route { pattern: "/metrics".to_owned(), operations: open_get("/metrics") };
    Routes::of(&openapi::health_service().spec(), vec![metrics])
});

/// Those of the http-01 responder.
pub(crate) static RESPONDER: LazyLock<Routes> =
    LazyLock::new(|| Routes::of(&openapi::responder_service().spec(), Vec::new()));

fn open_get(path: &str) -> Vec<Operation> {
    vec![Operation {
        method: Method::GET,
        pattern: path.to_owned(),
        access: Access::Open,
        by_certificate: false,
        effect: Effect::NONE,
        parameters: Vec::new(),
        has_body: false,
    }]
}

impl Routes {
    fn of(raw_document: &str, beside: Vec<Route>) -> Self {
        let document: Value = serde_json::from_str(raw_document).unwrap_or_default();
        let mut routes = beside;
        for (pattern, item) in document["paths"].as_object().into_iter().flatten() {
            let operations = item.as_object().into_iter().flatten();
            let operations = operations.filter_map(|(method, spec)| {
                let method = method.to_uppercase().parse().ok()?;
                Some(Operation {
                    pattern: pattern.clone(),
                    access: access(spec),
                    by_certificate: security_names(spec).any(|name| name == BY_CERTIFICATE),
                    effect: Effect::of(&method, spec),
                    parameters: parameters(spec),
                    has_body: spec["requestBody"].is_object(),
                    method,
                })
            });
            routes.push(Route { pattern: pattern.clone(), operations: operations.collect() });
        }
        // The router, too, prefers a path that is written out to one with a parameter.
        routes.sort_by_key(|route| route.pattern.matches('{').count());
        Self(routes)
    }

    /// The route of a path.
    pub(crate) fn find(&self, path: &str) -> Option<&Route> {
        self.0.iter().find(|route| route.fits(path))
    }

    /// Whether the page for people is among them.
    pub(crate) fn has_page(&self) -> bool {
        self.find(ui::PAGE).is_some()
    }

    /// What a path is called in figures: one of a fixed set, so that no client can make up new time series.
    pub(crate) fn label(route: Option<&'static Route>) -> &'static str {
        route.map_or(OTHER, |route| &route.pattern)
    }
}

impl Route {
    fn fits(&self, path: &str) -> bool {
        let mut segments = path.split('/');
        for wanted in self.pattern.split('/') {
            let Some(segment) = segments.next() else { return false };
            let fits = if wanted.starts_with('{') { !segment.is_empty() } else { wanted == segment };
            if !fits {
                return false;
            }
        }
        segments.next().is_none()
    }

    /// What this method does; nothing when the path does not know it. What can be read with GET answers HEAD.
    pub(crate) fn operation(&self, method: &Method) -> Option<&Operation> {
        let of = |wanted: &Method| self.operations.iter().find(|operation| operation.method == *wanted);
        of(method).or_else(|| of(&Method::GET).filter(|_| method == Method::HEAD))
    }

    /// The methods that it knows, for `Allow` (RFC 9110 §10.2.1).
    pub(crate) fn allow(&self) -> HeaderValue {
        let known = [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
        let mut names: Vec<&str> =
            known.iter().filter(|method| self.operation(method).is_some()).map(Method::as_str).collect();
        names.push(Method::OPTIONS.as_str());
        // Invariant: names of methods are visible ASCII.
        HeaderValue::from_str(&names.join(", ")).unwrap_or(HeaderValue::from_static("OPTIONS"))
    }
}

/// The scope that stands in the raw document as the name of a security scheme.
fn access(spec: &Value) -> Access {
    security_names(spec).filter_map(|name| name.parse().ok()).max().map_or(Access::Open, Access::Token)
}

fn parameters(spec: &Value) -> Vec<String> {
    let all = spec["parameters"].as_array().into_iter().flatten();
    let in_query = all.filter(|parameter| parameter["in"] == "query");
    in_query.filter_map(|parameter| parameter["name"].as_str().map(ToOwned::to_owned)).collect()
}

/// What a method is called in figures: one of a fixed set.
pub(crate) fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "OTHER",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str) -> &'static str {
        Routes::label(API.find(path))
    }

    #[test]
    fn paths_are_called_by_their_patterns() {
        assert_eq!(found("/v1/pki/ca"), "/v1/pki/ca");
        assert_eq!(found("/v1/pki/ca/ca_1/crl"), "/v1/pki/ca/{id}/crl");
        assert_eq!(found("/v1/pki/certificates/import"), "/v1/pki/certificates/import");
        assert_eq!(found("/v1/pki/certificates/cert_1"), "/v1/pki/certificates/{id}");
        for path in ["/", "", "*", "/v1/pki/ca/", "/v1/pki/ca//crl", "/v1/pki/cax", "/v1/pki/ca/a/b/c"] {
            assert_eq!(found(path), "other", "{path}");
        }
    }

    #[test]
    fn what_a_path_names_is_found() {
        let call = |method: Method, path: &'static str| {
            let call = API.find(path)?.operation(&method)?.call(path)?;
            Some((call.action, call.object, call.repeatable))
        };
        assert_eq!(
            call(Method::POST, "/v1/pki/csr/csr_1/sign"),
            Some((Action::CsrSign, Some("csr_1"), true))
        );
        assert_eq!(call(Method::POST, "/v1/pki/ca"), Some((Action::CaCreate, None, true)));
        assert_eq!(
            call(Method::DELETE, "/v1/secrets/a%2Fb"),
            Some((Action::SecretDelete, Some("a%2Fb"), false))
        );
        assert_eq!(call(Method::POST, "/v1/pki/csr//sign"), None);
        assert_eq!(call(Method::GET, "/v1/pki/ca"), None);
        let unkept = [
            ("/v1/pki/certificates/c/private-key", Action::PrivateKeyRetrieve, "c"),
            ("/v1/pki/issue/web/batch", Action::CertificateIssue, "web"),
        ];
        for (path, action, object) in unkept {
            assert_eq!(call(Method::POST, path), Some((action, Some(object), false)), "{path}");
        }
    }

    #[test]
    fn scopes_are_those_of_the_handlers() {
        let access = |method: &str, path: &str| {
            API.find(path).unwrap().operation(&method.parse().unwrap()).map(|operation| operation.access)
        };
        assert_eq!(access("GET", "/v1/pki/roles"), Some(Access::Token(Scope::Read)));
        assert_eq!(access("HEAD", "/v1/pki/roles"), Some(Access::Token(Scope::Read)));
        assert_eq!(access("POST", "/v1/pki/roles"), Some(Access::Token(Scope::Admin)));
        assert_eq!(access("POST", "/v1/pki/issue/web"), Some(Access::Token(Scope::Issue)));
        assert_eq!(access("GET", "/healthz"), Some(Access::Open));
        assert_eq!(access("PUT", "/v1/pki/roles"), None);
    }

    #[test]
    fn certificates_may_call_nothing_but_what_is_for_them() {
        let all =
            API.0.iter().flat_map(|route| &route.operations).filter(|operation| operation.by_certificate);
        let mut open: Vec<_> =
            all.map(|operation| format!("{} {}", operation.method, operation.pattern)).collect();
        open.sort();
        assert_eq!(
            open,
            [
                "GET /v1/pki/certificates/{id}",
                "GET /v1/pki/certificates/{id}/pem",
                "POST /v1/pki/certificates/{id}/renew"
            ]
        );
    }

    #[test]
    fn methods_are_told() {
        assert_eq!(API.find("/v1/pki/roles/{name}").unwrap().allow(), "GET, HEAD, PATCH, DELETE, OPTIONS");
    }
}
