//! One operation: what a call takes over HTTP, and what it answers.

use std::collections::BTreeMap;

use super::comments::first_sentence;
use super::errors;
use super::examples::example;
use super::model::{Answer, Content, Operation, RequestBody, Response, Schema};
use super::parameters::{parameters, path_names};
use super::schemas::{Direction, Schemas};
use crate::rest::decimals::Decimals;
use crate::rest::routes::Route;
use crate::rest::rule::BodyRule;
use crate::rest::types::{declared_fields, has_decimals, is_file};

/// Describes a route.
///
/// # Errors
/// When the example of its body is no JSON.
pub(super) fn operation(
    route: &Route,
    is_public: bool,
    schemas: &mut Schemas,
) -> Result<Operation, serde_json::Error> {
    let method = &route.method;
    let service = method.parent_service();
    let comment = schemas.comments.of(&method.parent_file(), method.path());
    // Names are unique, and a call may have several bindings.
    let ending = match route.index {
        0 => String::new(),
        index => format!("_{index}"),
    };
    Ok(Operation {
        operation_id: format!("{}_{}{ending}", service.name(), method.name()),
        tags: vec![service.name().to_owned()],
        summary: first_sentence(&comment),
        description: comment,
        security: is_public.then(Vec::new),
        parameters: parameters(route, schemas),
        request_body: request_body(route, schemas)?,
        responses: responses(route, schemas),
    })
}

fn request_body(
    route: &Route,
    schemas: &mut Schemas,
) -> Result<Option<RequestBody>, serde_json::Error> {
    let body = match &route.binding.body {
        BodyRule::None => None,
        BodyRule::Whole => Some((route.method.input(), path_names(&route.binding.path))),
        BodyRule::Field(field) => {
            let kind = field.kind();
            kind.as_message()
                .map(|message| (message.clone(), Vec::new()))
        }
    };
    let Some((message, elsewhere)) = body else {
        return Ok(None);
    };
    let required = declared_fields(&message)
        .any(|field| schemas.is_required(&field) && !elsewhere.contains(&field.name()));
    let schema = if elsewhere.is_empty() {
        schemas.message(&message, Direction::Request)
    } else {
        schemas.object(&message, Direction::Request, &elsewhere)
    };
    let example = example(route.method.full_name())?;
    Ok(Some(RequestBody {
        required,
        content: Content::json(schema).example(example),
    }))
}

fn responses(route: &Route, schemas: &mut Schemas) -> BTreeMap<String, Response> {
    let output = route.method.output();
    let comment = schemas.comments.of(&output.parent_file(), output.path());
    let answer = if is_file(&route.method) {
        Answer::csv(comment)
    } else {
        let form = Direction::Response(Decimals::Number);
        let mut answer = Answer::json(comment, schemas.message(&output, form));
        if has_decimals(&output) {
            let form = Direction::Response(Decimals::String);
            let with_strings = schemas.message(&output, form);
            answer.content = answer.content.or_with_strings(with_strings);
        }
        answer
    };
    let answer = Response::Own(Box::new(answer));
    let errors = errors::statuses(route).into_iter().map(errors::shared);
    errors.chain([("200".to_owned(), answer)]).collect()
}

/// The probes, which are no calls of a service.
pub(super) fn probe(name: &str, summary: &str, failure: Option<&str>) -> Operation {
    let answer = |description: &str| {
        let schema = Schema::object([("status", Schema::of("string"))]);
        Response::Own(Box::new(Answer::json(description, schema)))
    };
    let success = Some(("200".to_owned(), answer("It is so.")));
    let failure = failure.map(|description| ("503".to_owned(), answer(description)));
    Operation {
        operation_id: format!("Health_{name}"),
        tags: vec!["Health".to_owned()],
        summary: summary.to_owned(),
        description: String::new(),
        security: Some(Vec::new()),
        parameters: Vec::new(),
        request_body: None,
        responses: success.into_iter().chain(failure).collect(),
    }
}
