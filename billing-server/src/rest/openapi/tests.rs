//! The description of the real protos.

use std::collections::HashSet;
use std::sync::Arc;

use prost_reflect::DescriptorPool;
use rstest::rstest;
use serde_json::{Value, json};

use super::comments::first_sentence;
use super::*;
use crate::error::{ApiError, ErrorCode};

fn pool() -> DescriptorPool {
    DescriptorPool::decode(billing_proto::FILE_DESCRIPTOR_SET).unwrap()
}

/// Lets everyone read the plans and nobody else do anything.
fn gate() -> Gate {
    Arc::new(|path, _| match path {
        "/billing.v1.PlanService/ListPlans" => Ok(()),
        _ => Err(ApiError::new(ErrorCode::TokenMissing, "no")),
    })
}

fn described() -> Document {
    document(&pool(), &gate()).unwrap()
}

fn json_document() -> Value {
    serde_json::to_value(described()).unwrap()
}

fn operations(document: &Value) -> impl Iterator<Item = &Value> {
    let paths = document["paths"].as_object().unwrap().values();
    paths.flat_map(|path| path.as_object().unwrap().values())
}

fn visit(value: &Value, seen: &mut impl FnMut(&serde_json::Map<String, Value>)) {
    match value {
        Value::Object(fields) => {
            seen(fields);
            fields.values().for_each(|inner| visit(inner, seen));
        }
        Value::Array(items) => items.iter().for_each(|inner| visit(inner, seen)),
        _ => {}
    }
}

#[test]
fn every_route_is_one_operation() {
    let document = json_document();
    let routes = routes(&pool()).unwrap();
    assert!(!routes.is_empty());
    for route in &routes {
        let path = openapi_path(&route.binding.path);
        let operation = &document["paths"][path.as_str()][route.binding.verb_name];
        let (service, method) = (route.method.parent_service(), route.method.name());
        let id = format!("{}_{method}", service.name());
        assert_eq!(operation["operationId"], id, "{path}");
        assert_eq!(operation["tags"], json!([service.name()]));
    }
    let probes = 2;
    assert_eq!(operations(&document).count(), routes.len() + probes);
    let ids: HashSet<_> = operations(&document)
        .map(|operation| operation["operationId"].as_str().unwrap())
        .collect();
    assert_eq!(ids.len(), routes.len() + probes);
}

#[test]
fn every_reference_leads_somewhere_and_everything_shared_is_used() {
    let document = json_document();
    let mut used = HashSet::new();
    visit(&document, &mut |fields| {
        if let Some(reference) = fields.get("$ref").and_then(Value::as_str) {
            let pointer = reference.strip_prefix('#').unwrap();
            assert!(document.pointer(pointer).is_some(), "{reference}");
            used.insert(reference.to_owned());
        }
    });
    for kind in ["schemas", "responses"] {
        for name in document["components"][kind].as_object().unwrap().keys() {
            assert!(
                used.contains(&format!("#/components/{kind}/{name}")),
                "{name}"
            );
        }
    }
}

#[test]
fn the_document_is_the_same_at_every_start() {
    let text = || serde_json::to_string(&described()).unwrap();
    assert_eq!(text(), text());
}

#[test]
fn a_path_names_exactly_its_parameters() {
    let document = json_document();
    for (path, item) in document["paths"].as_object().unwrap() {
        for operation in item.as_object().unwrap().values() {
            let parameters = operation["parameters"].as_array();
            let mut names: Vec<_> = parameters
                .into_iter()
                .flatten()
                .filter(|parameter| parameter["in"] == "path")
                .map(|parameter| parameter["name"].as_str().unwrap())
                .collect();
            names.sort_unstable();
            let mut expected = parameters::path_names(path);
            expected.sort_unstable();
            assert_eq!(names, expected, "{path}");
        }
    }
}

/// The shapes that differ most, as they are served.
#[rstest]
#[case("/v1/billing/prices/{model_id}", include_str!("tests/path_wildcard.json"))]
#[case("/v1/billing/settings", include_str!("tests/body_of_one_field.json"))]
#[case("/v1/billing/accounts/{user_id}/discount", include_str!("tests/body_without_path.json"))]
fn paths_are_described_as_agreed(#[case] path: &str, #[case] expected: &str) {
    let document = described();
    let described = serde_json::to_string_pretty(&document.paths[path]).unwrap();
    assert_eq!(described, expected.trim_end());
}

#[rstest]
#[case("ModelPrice", include_str!("tests/answer.json"))]
#[case("SetModelPriceRequest", include_str!("tests/request.json"))]
#[case("UsageStatus", include_str!("tests/choice.json"))]
fn schemas_are_described_as_agreed(#[case] name: &str, #[case] expected: &str) {
    let document = described();
    let described = serde_json::to_string_pretty(&document.components.schemas[name]).unwrap();
    assert_eq!(described, expected.trim_end());
}

#[test]
fn answers_have_every_field_and_requests_only_known_ones() {
    let document = json_document();
    let schemas = &document["components"]["schemas"];
    for (name, schema) in schemas.as_object().unwrap() {
        let Some(properties) = schema["properties"].as_object() else {
            continue;
        };
        let is_request = name.ends_with("Request") || name.ends_with("Input");
        let refuses_others = schema["additionalProperties"] == false;
        assert_eq!(refuses_others, is_request, "{name}");
        if !is_request {
            let required = schema["required"].as_array().unwrap();
            assert_eq!(required.len(), properties.len(), "{name}");
        }
    }
}

#[rstest]
#[case("/v1/billing/plans", "get", "200 400 401 403 500 503")]
#[case("/v1/billing/stats", "get", "200 400 401 403 404 500 503")]
#[case(
    "/v1/billing/usage",
    "post",
    "200 400 401 403 404 409 413 415 429 500 503"
)]
#[case("/healthz", "get", "200")]
#[case("/readyz", "get", "200 503")]
fn an_operation_lists_the_statuses_it_can_answer(
    #[case] path: &str,
    #[case] verb: &str,
    #[case] statuses: &str,
) {
    let document = json_document();
    let responses = document["paths"][path][verb]["responses"].as_object();
    let listed: Vec<_> = responses.unwrap().keys().map(String::as_str).collect();
    assert_eq!(listed.join(" "), statuses);
}

#[test]
fn what_the_gate_lets_through_needs_no_token() {
    let document = json_document();
    let public = operations(&document).filter(|operation| operation["security"] == json!([]));
    let ids: Vec<_> = public.map(|operation| &operation["operationId"]).collect();
    assert_eq!(
        ids,
        ["Health_Live", "Health_Ready", "PlanService_ListPlans"]
    );
}

#[test]
fn every_call_field_and_choice_is_explained() {
    let document = json_document();
    for operation in operations(&document) {
        assert_ne!(operation["summary"], "", "{operation}");
    }
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        assert!(schema["description"].is_string(), "{name}");
    }
}

#[rstest]
#[case("Reads a plan.", "Reads a plan")]
#[case("Reads a plan. Needs no token.", "Reads a plan")]
#[case("Costs 0.5 at most.\n\nMore. And more.", "Costs 0.5 at most")]
#[case("", "")]
fn a_summary_is_the_first_sentence(#[case] comment: &str, #[case] sentence: &str) {
    assert_eq!(first_sentence(comment), sentence);
}

#[test]
fn usage_comes_first() {
    let document = json_document();
    assert_eq!(document["tags"][0]["name"], "UsageService");
}

#[test]
fn every_example_is_the_body_of_a_call() {
    let document = json_document();
    let bodies = operations(&document).map(|operation| &operation["requestBody"]);
    let examples = bodies.filter(|body| body["content"]["application/json"]["example"].is_object());
    assert_eq!(examples.count(), examples::EXAMPLES.len());
}
