//! Describes the REST calls as OpenAPI 3.1, derived from the same descriptors and rules as the
//! routes themselves, and serves the description to programs and to people.

mod comments;
mod errors;
mod examples;
mod model;
mod operation;
mod parameters;
mod schemas;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use axum::routing::get;
use axum::{Json, Router};
use bytes::Bytes;
use http::{HeaderMap, header};
use prost_reflect::DescriptorPool;
use serde::Serialize;
use utoipa_swagger_ui::{Config, SwaggerUi};

use self::model::{Components, Document, Info, PathItem, Security, SecurityScheme, Tag};
use self::operation::{operation, probe};
use self::parameters::openapi_path;
use self::schemas::Schemas;
use super::reply::method_not_allowed;
use super::routes::routes;
use super::{Gate, RestError};

const FIRST_TAG: &str = "UsageService";
const DOCUMENT: &str = "/openapi.json";
const PAGE: &str = "/docs";

const ABOUT: &str = "Usage-based billing for AI gateways.\n\n\
    Money, prices and rates are exact decimal numbers: parse them as decimals, not as floats, or \
    ask for strings by `decimals=string`. Requests may write numbers as strings too, times with \
    any offset, and names in lowerCamelCase; null leaves a field unset, and unknown fields are \
    refused. Bodies may be packed by gzip. Answers have every field, in the order given \
    here.\n\n\
    The examples work as they are, with the token of an operator.";

/// A router with the description at `/openapi.json`, a page to browse it at `/docs`, and at `/`
/// where they are. Calls that `gate` lets through without a token are described as public.
///
/// # Errors
/// If the protos have a rule, or a message behind one, that cannot be served.
pub(crate) fn router(pool: &DescriptorPool, gate: &Gate) -> Result<Router, RestError> {
    let document = Bytes::from(serde_json::to_vec(&document(pool, gate)?)?);
    let content_type = [(header::CONTENT_TYPE, "application/json")];
    // The page must not send the document's address to a validator elsewhere.
    let config = Config::from(DOCUMENT).validator_url("none");
    let index = Json(Index {
        name: "billing-server",
        version: env!("CARGO_PKG_VERSION"),
        docs: PAGE,
        openapi: DOCUMENT,
        health: "/healthz",
    });
    Ok(Router::new()
        .route("/", get(|| async move { index }))
        .route(DOCUMENT, get(|| async move { (content_type, document) }))
        .merge(SwaggerUi::new(PAGE).config(config))
        .method_not_allowed_fallback(method_not_allowed))
}

/// Where things are.
#[derive(Clone, Serialize)]
struct Index {
    name: &'static str,
    version: &'static str,
    docs: &'static str,
    openapi: &'static str,
    health: &'static str,
}

fn document(pool: &DescriptorPool, gate: &Gate) -> Result<Document, RestError> {
    let mut schemas = Schemas::new(pool);
    schemas.shared.extend(errors::schemas());
    let mut paths: BTreeMap<_, PathItem> = BTreeMap::new();
    let mut tags: Vec<Tag> = Vec::new();
    for route in routes(pool)? {
        let service = route.method.parent_service();
        if tags.iter().all(|tag| tag.name != service.name()) {
            tags.push(Tag {
                name: service.name().to_owned(),
                description: schemas.comments.of(&service.parent_file(), service.path()),
            });
        }
        let is_public = gate(route.rpc.path(), &HeaderMap::new()).is_ok();
        let described = operation(&route, is_public, &mut schemas)?;
        let path = paths.entry(openapi_path(&route.binding.path)).or_default();
        path.insert(route.binding.verb_name, described);
    }
    // What most come for is first.
    tags.sort_by_key(|tag| tag.name != FIRST_TAG);
    add_probes(&mut paths, &mut tags);
    Ok(Document {
        openapi: "3.1.1",
        info: Info {
            title: "Billing",
            version: env!("CARGO_PKG_VERSION"),
            description: ABOUT,
        },
        tags,
        security: vec![Security { bearer: [] }],
        paths,
        components: Components {
            schemas: schemas.shared,
            responses: errors::responses(),
            security_schemes: BTreeMap::from([("bearer", bearer())]),
        },
    })
}

fn add_probes(paths: &mut BTreeMap<String, PathItem>, tags: &mut Vec<Tag>) {
    tags.push(Tag {
        name: "Health".to_owned(),
        description: "Probes for whoever runs the server.".to_owned(),
    });
    let live = probe("Live", "Answers while the process runs", None);
    let failure = Some("The database does not answer.");
    let ready = probe("Ready", "Answers whether the database answers", failure);
    for (path, probe) in [("/healthz", live), ("/readyz", ready)] {
        paths.insert(path.to_owned(), BTreeMap::from([("get", probe)]));
    }
}

fn bearer() -> SecurityScheme {
    SecurityScheme {
        kind: "http",
        scheme: "bearer",
        bearer_format: "JWT",
        description: "A token as `billing-server token` prints it.",
    }
}
