//! How the types of the protos look in JSON.

use prost_reflect::{
    DynamicMessage, EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor, MethodDescriptor,
    Value,
};

/// Messages that are one JSON value instead of an object.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Special {
    /// Money: a number with at least two decimals.
    Amount,
    /// A price, rate or percentage: a number without trailing zeros.
    Decimal,
    /// A time: RFC 3339 text.
    Timestamp,
    /// A JSON object that was rendered before.
    Object,
}

/// The special form of a message, if it has one.
pub(super) fn special(message: &MessageDescriptor) -> Option<Special> {
    match message.full_name() {
        "billing.v1.Amount" => Some(Special::Amount),
        "google.type.Decimal" => Some(Special::Decimal),
        "google.protobuf.Timestamp" => Some(Special::Timestamp),
        "billing.v1.JsonObject" => Some(Special::Object),
        _ => None,
    }
}

/// Whether a message is a mask of fields: in a body a text, as ProtoJSON has it.
pub(super) fn is_mask(message: &MessageDescriptor) -> bool {
    message.full_name() == "google.protobuf.FieldMask"
}

/// The fields in the order of the .proto file; the descriptor's own iterator sorts by number.
pub(super) fn declared_fields(
    message: &MessageDescriptor,
) -> impl Iterator<Item = FieldDescriptor> + '_ {
    let declared = message.descriptor_proto().field.iter();
    declared.filter_map(|field| message.get_field_by_name(field.name()))
}

/// The field that a client calls `name`, in snake_case or lowerCamelCase.
pub(super) fn field_named(message: &MessageDescriptor, name: &str) -> Option<FieldDescriptor> {
    message
        .get_field_by_name(name)
        .or_else(|| message.get_field_by_json_name(name))
}

/// The field of a file's parts.
const CHUNK: &str = "chunk";

/// Whether a call answers with a file: a stream of messages that have nothing but a text `chunk`.
pub(super) fn is_file(method: &MethodDescriptor) -> bool {
    let output = method.output();
    let text = |field: FieldDescriptor| field.kind() == Kind::String && !field.is_list();
    method.is_server_streaming()
        && output.fields().len() == 1
        && output.get_field_by_name(CHUNK).is_some_and(text)
}

/// What a part adds to its file.
pub(super) fn chunk(part: &DynamicMessage) -> String {
    let chunk = part.get_field_by_name(CHUNK);
    let chunk = chunk.as_deref().and_then(Value::as_str);
    chunk.unwrap_or_default().to_owned()
}

/// The short name of an enum's value: `USAGE_STATUS_COMPLETED` is "completed".
pub(super) fn enum_name(kind: &EnumDescriptor, full_name: &str) -> String {
    let mut prefix = String::new();
    for letter in kind.name().chars() {
        if letter.is_ascii_uppercase() && !prefix.is_empty() {
            prefix.push('_');
        }
        prefix.push(letter.to_ascii_uppercase());
    }
    prefix.push('_');
    full_name
        .strip_prefix(&prefix)
        .unwrap_or(full_name)
        .to_ascii_lowercase()
}

/// The short names that a client may choose from. Zero is "unspecified": accepted, but not worth
/// recommending.
pub(super) fn enum_names(kind: &EnumDescriptor) -> Vec<String> {
    let values = kind.values().filter(|value| value.number() != 0);
    values.map(|value| enum_name(kind, value.name())).collect()
}

/// Finds a field, however deep, whose type has no JSON form here.
pub(super) fn unsupported_field(message: &MessageDescriptor) -> Option<FieldDescriptor> {
    let has_no_form = |field: &FieldDescriptor| {
        field.is_map() || matches!(field.kind(), Kind::Float | Kind::Double | Kind::Bytes)
    };
    find_field(message, has_no_form)
}

/// Whether a message has a decimal, however deep.
pub(super) fn has_decimals(message: &MessageDescriptor) -> bool {
    let is_decimal = |field: &FieldDescriptor| {
        let kind = field.kind();
        let special = kind.as_message().and_then(special);
        matches!(special, Some(Special::Amount | Special::Decimal))
    };
    find_field(message, is_decimal).is_some()
}

fn find_field(
    message: &MessageDescriptor,
    is_sought: impl Fn(&FieldDescriptor) -> bool,
) -> Option<FieldDescriptor> {
    let mut seen = vec![message.clone()];
    let mut waiting = vec![message.clone()];
    while let Some(message) = waiting.pop() {
        for field in message.fields() {
            if is_sought(&field) {
                return Some(field);
            }
            if let Kind::Message(inner) = field.kind()
                && !seen.contains(&inner)
            {
                seen.push(inner.clone());
                waiting.push(inner);
            }
        }
    }
    None
}
