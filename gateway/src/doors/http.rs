//! HTTP at the client port: its routes, and what all of them have in common.

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::Response,
    middleware::{Next, from_fn_with_state, map_response},
    routing::{any, get},
};
use tokio::time::Instant;

use super::{
    command::serve_command,
    context::Doors,
    handshake::upgrade_request,
    page::{serve_asset, serve_index},
    response::add_security_headers,
    sign_in::serve_sign_in,
};

/// The routes of a gateway.
pub fn build_router(doors: Arc<Doors>) -> Router {
    Router::new()
        .route("/ws", get(upgrade_request))
        .route("/api/v1/commands/{name}", any(serve_command))
        .route("/api/session/{name}", any(serve_sign_in))
        .route("/", any(serve_index))
        .route("/i/{code}", any(serve_index))
        .route("/c/{*place}", any(serve_index))
        .fallback(serve_asset)
        .layer(map_response(add_security_headers))
        .layer(from_fn_with_state(Arc::clone(&doors), count_request))
        .with_state(doors)
}

/// Counts requests and how long they take.
async fn count_request(
    State(doors): State<Arc<Doors>>,
    request: Request,
    next: Next,
) -> Response<Body> {
    let begun = Instant::now();
    let response = next.run(request).await;
    let metrics = &doors.sessions.metrics;
    let took = begun.elapsed().as_secs_f64();
    metrics.http_request_seconds.observe(took);
    let requests = &metrics.http_requests_total;
    let status = response.status();
    requests.with_label_values(&[status.as_str()]).inc();
    response
}
