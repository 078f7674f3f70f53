//! The parts of an OpenAPI 3.1 document that are used here, in the order they are written.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use crate::rest::decimals;

/// A whole document.
#[derive(Serialize)]
pub(super) struct Document {
    pub(super) openapi: &'static str,
    pub(super) info: Info,
    pub(super) tags: Vec<Tag>,
    pub(super) security: Vec<Security>,
    pub(super) paths: BTreeMap<String, PathItem>,
    pub(super) components: Components,
}

/// The operations of one path by the lowercase name of their HTTP method.
pub(super) type PathItem = BTreeMap<&'static str, Operation>;

/// What the document is about.
#[derive(Serialize)]
pub(super) struct Info {
    pub(super) title: &'static str,
    pub(super) version: &'static str,
    pub(super) description: &'static str,
}

/// A group of operations.
#[derive(Serialize)]
pub(super) struct Tag {
    pub(super) name: String,
    pub(super) description: String,
}

/// A way to prove who calls.
#[derive(Serialize)]
pub(super) struct Security {
    pub(super) bearer: [String; 0],
}

/// One way to call a method.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Operation {
    pub(super) operation_id: String,
    pub(super) tags: Vec<String>,
    pub(super) summary: String,
    pub(super) description: String,
    /// `None` leaves the document's own; an empty list means that no token is needed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) security: Option<Vec<Security>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) parameters: Vec<Parameter>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) request_body: Option<RequestBody>,
    pub(super) responses: BTreeMap<String, Response>,
}

/// A field that stands in the path or the query.
#[derive(Serialize)]
pub(super) struct Parameter {
    pub(super) name: String,
    #[serde(rename = "in")]
    pub(super) place: &'static str,
    pub(super) description: String,
    pub(super) required: bool,
    pub(super) schema: Schema,
}

/// A body that a call takes.
#[derive(Serialize)]
pub(super) struct RequestBody {
    pub(super) required: bool,
    pub(super) content: Content,
}

/// An answer of an operation.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Response {
    /// One of the document's components.
    Shared {
        /// Where it is.
        #[serde(rename = "$ref")]
        reference: String,
    },
    /// One of its own.
    Own(Box<Answer>),
}

/// What an answer has.
#[derive(Serialize)]
pub(super) struct Answer {
    pub(super) description: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) headers: BTreeMap<&'static str, Header>,
    pub(super) content: Content,
}

impl Answer {
    /// An answer with a JSON body.
    pub(super) fn json(description: impl Into<String>, schema: Schema) -> Self {
        Self {
            description: description.into(),
            headers: BTreeMap::new(),
            content: Content::json(schema),
        }
    }

    /// An answer that is a CSV file.
    pub(super) fn csv(description: impl Into<String>) -> Self {
        let file = Media::of(Schema::of("string"));
        Self {
            description: description.into(),
            headers: BTreeMap::new(),
            content: Content(BTreeMap::from([("text/csv", file)])),
        }
    }
}

/// A header of an answer.
#[derive(Serialize)]
pub(super) struct Header {
    pub(super) description: &'static str,
    pub(super) schema: Schema,
}

/// A body by its media type.
#[derive(Serialize)]
pub(super) struct Content(BTreeMap<&'static str, Media>);

impl Content {
    /// A JSON body of this form.
    pub(super) fn json(schema: Schema) -> Self {
        Self(BTreeMap::from([(decimals::MEDIA_TYPE, Media::of(schema))]))
    }

    /// The same body with an example.
    pub(super) fn example(mut self, example: Option<Box<RawValue>>) -> Self {
        if let Some(media) = self.0.get_mut(decimals::MEDIA_TYPE) {
            media.example = example;
        }
        self
    }

    /// The same body, or one of another form whose decimals are strings.
    pub(super) fn or_with_strings(mut self, schema: Schema) -> Self {
        let media = Media::of(schema);
        self.0.insert(decimals::STRING_MEDIA_TYPE, media);
        self
    }
}

/// The form of a body.
#[derive(Serialize)]
pub(super) struct Media {
    schema: Schema,
    #[serde(skip_serializing_if = "Option::is_none")]
    example: Option<Box<RawValue>>,
}

impl Media {
    fn of(schema: Schema) -> Self {
        Self {
            schema,
            example: None,
        }
    }
}

/// What the document refers to.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Components {
    pub(super) schemas: BTreeMap<String, Schema>,
    pub(super) responses: BTreeMap<String, Answer>,
    pub(super) security_schemes: BTreeMap<&'static str, SecurityScheme>,
}

/// How a caller proves who it is.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SecurityScheme {
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    pub(super) scheme: &'static str,
    pub(super) bearer_format: &'static str,
    pub(super) description: &'static str,
}

/// The form of a JSON value.
#[derive(Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Schema {
    #[serde(rename = "$ref", skip_serializing_if = "Option::is_none")]
    pub(super) reference: Option<String>,
    #[serde(rename = "type", skip_serializing_if = "Types::is_empty")]
    pub(super) types: Types,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) format: Option<&'static str>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) description: String,
    #[serde(rename = "enum", skip_serializing_if = "Vec::is_empty")]
    pub(super) values: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) minimum: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) min_length: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) items: Option<Box<Self>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) any_of: Vec<Self>,
    #[serde(skip_serializing_if = "Properties::is_empty")]
    pub(super) properties: Properties,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) required: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) additional_properties: Option<bool>,
}

impl Schema {
    /// A value of a JSON type.
    pub(super) fn of(kind: &'static str) -> Self {
        Self {
            types: Types::one(kind),
            ..Self::default()
        }
    }

    /// An object that has all of these fields.
    pub(super) fn object<const N: usize>(fields: [(&str, Self); N]) -> Self {
        let fields = fields.map(|(name, schema)| (name.to_owned(), schema));
        Self {
            required: fields.iter().map(|(name, _)| name.clone()).collect(),
            properties: Properties(fields.into()),
            ..Self::of("object")
        }
    }

    /// A list of such values.
    pub(super) fn list(items: Self) -> Self {
        Self {
            items: Some(Box::new(items)),
            ..Self::of("array")
        }
    }

    /// A schema of the document's components.
    pub(super) fn shared(name: &str) -> Self {
        Self {
            reference: Some(format!("#/components/schemas/{name}")),
            ..Self::default()
        }
    }

    /// The same, or null.
    pub(super) fn or_null(mut self) -> Self {
        if self.reference.is_some() {
            return Self {
                any_of: vec![self, Self::of("null")],
                ..Self::default()
            };
        }
        self.types.0.push("null");
        self
    }
}

/// JSON types; a single one is written without a list.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Types(Vec<&'static str>);

impl Types {
    /// One type.
    pub(super) fn one(kind: &'static str) -> Self {
        Self(vec![kind])
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for Types {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.as_slice() {
            [one] => serializer.serialize_str(one),
            several => several.serialize(serializer),
        }
    }
}

/// The fields of an object, in the order the bridge writes them.
#[derive(Clone, Default)]
pub(super) struct Properties(pub(super) Vec<(String, Schema)>);

impl Properties {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for Properties {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, schema)| (name, schema)))
    }
}
