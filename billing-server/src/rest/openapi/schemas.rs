//! The forms that messages have in JSON.

use std::collections::BTreeMap;

use prost_reflect::{
    DescriptorPool, EnumDescriptor, ExtensionDescriptor, FieldDescriptor, Kind, MessageDescriptor,
};

use super::comments::{Comments, join};
use super::model::{Properties, Schema};
use crate::rest::decimals::Decimals;
use crate::rest::types::{
    Special, declared_fields, enum_name, enum_names, has_decimals, is_mask, special,
};

/// The end of the names of answers whose decimals are strings.
const WITH_STRINGS: &str = "WithStringDecimals";

/// Which way a message travels: answers have every field, requests no unknown one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    Request,
    Response(Decimals),
}

/// Collects the schemas that the document refers to.
pub(super) struct Schemas {
    pub(super) comments: Comments,
    behavior: Option<ExtensionDescriptor>,
    pub(super) shared: BTreeMap<String, Schema>,
}

impl Schemas {
    pub(super) fn new(pool: &DescriptorPool) -> Self {
        Self {
            comments: Comments::new(pool),
            behavior: pool.get_extension_by_name("google.api.field_behavior"),
            shared: BTreeMap::new(),
        }
    }

    /// Refers to a message's schema.
    pub(super) fn message(&mut self, message: &MessageDescriptor, direction: Direction) -> Schema {
        let mut name = shared_name(message.full_name(), message.package_name());
        // A message may travel both ways, and its form depends on the way.
        match direction {
            Direction::Request if !name.ends_with("Request") => name.push_str("Input"),
            Direction::Response(Decimals::String) if has_decimals(message) => {
                name.push_str(WITH_STRINGS);
            }
            _ => {}
        }
        if !self.shared.contains_key(&name) {
            // Before its fields, one of which may be of the same type.
            self.shared.insert(name.clone(), Schema::default());
            let schema = self.object(message, direction, &[]);
            self.shared.insert(name.clone(), schema);
        }
        Schema::shared(&name)
    }

    /// A message's schema without the fields that travel elsewhere.
    pub(super) fn object(
        &mut self,
        message: &MessageDescriptor,
        direction: Direction,
        elsewhere: &[&str],
    ) -> Schema {
        let fields: Vec<_> = declared_fields(message)
            .filter(|field| !elsewhere.contains(&field.name()))
            .collect();
        let required = fields
            .iter()
            .filter(|field| direction != Direction::Request || self.is_required(field))
            .map(|field| field.name().to_owned());
        let required = required.collect();
        let properties = fields
            .iter()
            .map(|field| (field.name().to_owned(), self.field(field, direction)));
        Schema {
            properties: Properties(properties.collect()),
            required,
            description: self.comments.of(&message.parent_file(), message.path()),
            additional_properties: (direction == Direction::Request).then_some(false),
            ..Schema::of("object")
        }
    }

    /// A field's schema.
    pub(super) fn field(&mut self, field: &FieldDescriptor, direction: Direction) -> Schema {
        let value = self.value(&field.kind(), direction);
        let comment = self.comment(field);
        let mut schema = if field.is_list() {
            Schema::list(value)
        } else if direction != Direction::Request && field.supports_presence() {
            value.or_null()
        } else {
            value
        };
        schema.description = join(&comment, &schema.description);
        schema
    }

    /// What the .proto file says about a field.
    pub(super) fn comment(&self, field: &FieldDescriptor) -> String {
        self.comments.of(&field.parent_file(), field.path())
    }

    /// Whether a request must have the field.
    pub(super) fn is_required(&self, field: &FieldDescriptor) -> bool {
        let Some(behavior) = &self.behavior else {
            return false;
        };
        let Kind::Enum(kind) = behavior.kind() else {
            return false;
        };
        let required = kind.get_value_by_name("REQUIRED");
        let required = required.map(|value| value.number());
        let options = field.options();
        let behaviors = options.get_extension(behavior);
        let mut behaviors = behaviors.as_list().unwrap_or_default().iter();
        required.is_some() && behaviors.any(|value| value.as_enum_number() == required)
    }

    fn value(&mut self, kind: &Kind, direction: Direction) -> Schema {
        match kind {
            Kind::Bool => Schema::of("boolean"),
            Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => integer("int32", None),
            Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => integer("int64", None),
            Kind::Uint32 | Kind::Fixed32 => integer("int64", Some(0)),
            Kind::Uint64 | Kind::Fixed64 => integer("uint64", Some(0)),
            Kind::Enum(kind) => self.choice(kind),
            Kind::Message(message) => match special(message) {
                Some(special) => special_value(special, direction),
                None if is_mask(message) => mask(),
                None => self.message(message, direction),
            },
            // The bridge refuses floats and bytes when the server starts.
            Kind::String | Kind::Float | Kind::Double | Kind::Bytes => Schema::of("string"),
        }
    }

    fn choice(&mut self, kind: &EnumDescriptor) -> Schema {
        let name = shared_name(kind.full_name(), kind.package_name());
        if !self.shared.contains_key(&name) {
            let mut lines = vec![self.comments.of(&kind.parent_file(), kind.path())];
            for value in kind.values().filter(|value| value.number() != 0) {
                let comment = self
                    .comments
                    .of(&value.parent_enum().parent_file(), value.path());
                lines.push(format!("- `{}`: {comment}", enum_name(kind, value.name())));
            }
            let schema = Schema {
                values: enum_names(kind),
                description: lines.join("\n"),
                ..Schema::of("string")
            };
            self.shared.insert(name.clone(), schema);
        }
        Schema::shared(&name)
    }
}

fn integer(format: &'static str, minimum: Option<i64>) -> Schema {
    Schema {
        format: Some(format),
        minimum,
        ..Schema::of("integer")
    }
}

fn mask() -> Schema {
    Schema {
        description: "Names of fields, divided by commas.".to_owned(),
        ..Schema::of("string")
    }
}

fn special_value(special: Special, direction: Direction) -> Schema {
    let decimal = match direction {
        Direction::Response(Decimals::String) => "string",
        _ => "number",
    };
    let (kind, format, note) = match special {
        Special::Amount => (
            decimal,
            "decimal",
            "An exact decimal, answered with at least two decimals.",
        ),
        Special::Decimal => (decimal, "decimal", "An exact decimal."),
        Special::Timestamp => ("string", "date-time", ""),
        Special::Object => return Schema::of("object"),
    };
    Schema {
        format: Some(format),
        description: note.to_owned(),
        ..Schema::of(kind)
    }
}

fn shared_name(full_name: &str, package: &str) -> String {
    let name = full_name.strip_prefix(package).unwrap_or(full_name);
    name.trim_start_matches('.').to_owned()
}
