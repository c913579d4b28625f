//! The HTTP API: it validates, answers reads, issues, and leaves what is slow to the workers.

mod acme_responder;
mod acts;
mod audit;
mod auth;
mod body;
mod client;
mod client_certificate;
mod docs;
mod document;
mod edge;
mod error;
mod events;
mod faults;
mod guard;
mod health;
mod jobs;
mod limits;
mod media;
mod negotiate;
mod ocsp;
mod openapi;
mod pki;
mod protection;
mod public;
mod queries;
mod routes;
mod scalars;
mod secret_text;
mod secrets;
mod shared_body;
pub mod tls_alpn;
mod tokens;
mod ui;
mod webhooks;
mod whoami;
mod words;

use std::sync::Arc;

use certmill_service::App;
use poem::endpoint::make_sync;
use poem::{Endpoint, EndpointExt, Response, Route, get};

pub use acme_responder::responder as acme_responder;
pub use edge::BODY_LIMIT;

/// Renders the process's figures in the text format of Prometheus.
pub type RenderMetrics = Arc<dyn Fn() -> String + Send + Sync>;

/// The whole API as one endpoint. `metrics` adds `/metrics`.
pub fn service(app: App, metrics: Option<RenderMetrics>) -> impl Endpoint<Output = Response> + 'static {
    let mut route = Route::new()
        .at("/openapi.json", get(make_sync(|_| docs::document())))
        .at("/docs", get(make_sync(|_| docs::page())))
        .at("/docs/", get(make_sync(|_| docs::page())));
    for path in ui::PATHS {
        route = route.at(path.replace("{file}", ":file"), get(make_sync(|request| ui::page(&request))));
    }
    if let Some(render) = metrics {
        route = route.at("/metrics", get(make_sync(move |_| text(render()))));
    }
    let routes = route.nest("/", openapi::service());
    edge::Edge::new(app.clone(), &routes::API, routes.data(app))
}

/// Health, readiness and figures alone: for the listener of a process that answers no requests.
pub fn operations_service(app: App, metrics: RenderMetrics) -> impl Endpoint<Output = Response> + 'static {
    let routes = Route::new()
        .at("/metrics", get(make_sync(move |_| text(metrics()))))
        .nest("/", openapi::health_service());
    edge::Edge::new(app.clone(), &routes::OPERATIONS, routes.data(app))
}

/// The OpenAPI document, as `openapi/certmill.json` holds it. Needs no database or queue.
pub fn openapi_document() -> String {
    openapi::offline_document()
}

fn text(body: String) -> Response {
    Response::builder().content_type("text/plain; version=0.0.4; charset=utf-8").body(body)
}
