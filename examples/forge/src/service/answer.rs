//! What a stand-in answers over HTTP. It gives the same paths and the same JSON as the Python application, so that one
//! probe fits both; what those applications do besides is not imitated.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::State,
    response::{Html, IntoResponse, Response},
    routing::get,
};
use serde_json::json;

use super::release::{Release, Service};

/// The routes of one release: `/health` for FastAPI and Flask, `/` for Gradio; everything else is 404.
pub fn router(release: Release) -> Router {
    let router = match release.service {
        Service::Fastapi | Service::Flask => Router::new().route("/health", get(health)),
        Service::Gradio => Router::new().route("/", get(page)),
    };
    router.with_state(Arc::new(release))
}

async fn health(State(release): State<Arc<Release>>) -> Response {
    tokio::time::sleep(release.latency).await;
    let status = if release.status.is_success() { "healthy" } else { "unhealthy" };
    let body = json!({"status": status, "service": release.service.id(), "version": release.version});
    (release.status, Json(body)).into_response()
}

async fn page(State(release): State<Arc<Release>>) -> Response {
    tokio::time::sleep(release.latency).await;
    let name = release.service.name();
    // The version is a line of the checkout and may hold anything.
    let version = release.version.replace('&', "&amp;").replace('<', "&lt;");
    let body = format!("<!doctype html>\n<title>{name}</title>\n<h1>{name}</h1>\n<p>Release {version}</p>\n");
    (release.status, Html(body)).into_response()
}
