//! The fields of a request that stand in its path and its query.

use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};

use super::comments::join;
use super::model::{Parameter, Schema, Types};
use super::schemas::{Direction, Schemas};
use crate::rest::decimals;
use crate::rest::routes::Route;
use crate::rest::types::{declared_fields, has_decimals, special};

/// The path in OpenAPI's syntax, which has no wildcards.
pub(super) fn openapi_path(path: &str) -> String {
    path.replace("{*", "{")
}

/// The names of the fields that a path holds.
pub(super) fn path_names(path: &str) -> Vec<&str> {
    let variables = path.split('/').filter_map(|segment| {
        let name = segment.strip_prefix('{')?.strip_suffix('}')?;
        Some(name.strip_prefix('*').unwrap_or(name))
    });
    variables.collect()
}

/// The path's fields in its order, then the query's.
pub(super) fn parameters(route: &Route, schemas: &mut Schemas) -> Vec<Parameter> {
    let binding = &route.binding;
    let mut scalars = Vec::new();
    collect(
        &route.method.input(),
        &Scope::default(),
        schemas,
        &mut scalars,
    );
    let in_path = path_names(&binding.path);
    let mut parameters = Vec::new();
    for name in &in_path {
        if let Some(scalar) = scalars.iter().find(|scalar| scalar.path == *name) {
            let takes_slashes = binding.path.contains(&format!("{{*{name}}}"));
            parameters.push(scalar.in_path(takes_slashes, schemas));
        }
    }
    let in_query = scalars.iter().filter(|scalar| {
        !in_path.contains(&scalar.path.as_str()) && binding.body.leaves_to_query(&scalar.path)
    });
    parameters.extend(in_query.map(|scalar| scalar.in_query(schemas)));
    if has_decimals(&route.method.output()) {
        parameters.push(decimals_parameter());
    }
    parameters
}

/// How a caller whose JSON numbers are floats asks for every digit.
fn decimals_parameter() -> Parameter {
    Parameter {
        name: decimals::PARAMETER.to_owned(),
        place: "query",
        description: format!(
            "Answers amounts, prices and rates as strings. `Accept: {}` asks for the same.",
            decimals::STRING_MEDIA_TYPE
        ),
        required: false,
        schema: Schema {
            values: vec![decimals::STRING.to_owned()],
            ..Schema::of("string")
        },
    }
}

/// A field, however deep, that can be written as text.
struct Scalar {
    path: String,
    field: FieldDescriptor,
    /// What the .proto files say about the field and the messages around it.
    comment: String,
    required: bool,
}

impl Scalar {
    fn in_path(&self, takes_slashes: bool, schemas: &mut Schemas) -> Parameter {
        let mut parameter = self.parameter("path", schemas);
        parameter.required = true;
        if parameter.schema.types == Types::one("string") {
            parameter.schema.min_length = Some(1);
        }
        if takes_slashes {
            let note = "May contain slashes, as they are or encoded.";
            parameter.description = join(&parameter.description, note);
        }
        parameter
    }

    fn in_query(&self, schemas: &mut Schemas) -> Parameter {
        self.parameter("query", schemas)
    }

    fn parameter(&self, place: &'static str, schemas: &mut Schemas) -> Parameter {
        let schema = schemas.field(&self.field, Direction::Request);
        Parameter {
            name: self.path.clone(),
            place,
            description: self.comment.clone(),
            required: self.required,
            schema: Schema {
                description: String::new(),
                ..schema
            },
        }
    }
}

/// Where in a request a message stands.
#[derive(Default)]
struct Scope {
    path: String,
    comment: String,
    messages: Vec<MessageDescriptor>,
}

fn collect(
    message: &MessageDescriptor,
    scope: &Scope,
    schemas: &Schemas,
    scalars: &mut Vec<Scalar>,
) {
    for field in declared_fields(message) {
        let path = format!("{}{}", scope.path, field.name());
        let comment = join(&scope.comment, &schemas.comment(&field));
        match field.kind() {
            Kind::Message(inner) if special(&inner).is_none() => {
                // Lists of objects have no text, and a message within itself has no end.
                if !field.is_list() && !scope.messages.contains(&inner) {
                    let mut messages = scope.messages.clone();
                    messages.push(inner.clone());
                    let path = format!("{path}.");
                    let scope = Scope {
                        path,
                        comment,
                        messages,
                    };
                    collect(&inner, &scope, schemas, scalars);
                }
            }
            _ => scalars.push(Scalar {
                required: scope.messages.is_empty() && schemas.is_required(&field),
                path,
                field,
                comment,
            }),
        }
    }
}
