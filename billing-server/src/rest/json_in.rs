//! Turns JSON into a message, noting every fault on the way.

use chrono::DateTime;
use prost_reflect::{DynamicMessage, EnumDescriptor, FieldDescriptor, Kind};
use prost_reflect::{MessageDescriptor, Value};

use super::json::Json;
use super::number;
use super::problems::Problems;
use super::types::{Special, enum_name, enum_names, field_named, is_mask, special};

const INTEGER: &str = "must be an integer within the range of its type";

/// Reads an object as a message; `at` is the object's own path, empty for the whole body.
pub(super) fn read_message(
    descriptor: &MessageDescriptor,
    entries: &[(String, Json)],
    at: &str,
    problems: &mut Problems,
) -> DynamicMessage {
    let mut message = DynamicMessage::new(descriptor.clone());
    let mut seen = Vec::new();
    for (key, json) in entries {
        let Some(field) = field_named(descriptor, key) else {
            problems.unknown(&join(at, key));
            continue;
        };
        let path = join(at, field.name());
        if seen.contains(&field.number()) {
            problems.invalid(&path, "is given twice, under both its names");
            continue;
        }
        seen.push(field.number());
        if matches!(json, Json::Null) {
            continue;
        }
        if let Some(value) = read_field(&field, json, &path, problems) {
            message.set_field(&field, value);
        }
    }
    message
}

fn read_field(
    field: &FieldDescriptor,
    json: &Json,
    path: &str,
    problems: &mut Problems,
) -> Option<Value> {
    if !field.is_list() {
        return read_value(&field.kind(), json, path, problems);
    }
    let Json::Array(items) = json else {
        problems.invalid(path, "must be a list");
        return None;
    };
    let items = items.iter().enumerate().filter_map(|(index, item)| {
        read_value(&field.kind(), item, &format!("{path}[{index}]"), problems)
    });
    Some(Value::List(items.collect()))
}

fn read_value(kind: &Kind, json: &Json, path: &str, problems: &mut Problems) -> Option<Value> {
    if let (Kind::Message(descriptor), Json::Object(entries)) = (kind, json)
        && special(descriptor).is_none()
        && !is_mask(descriptor)
    {
        let message = read_message(descriptor, entries, path, problems);
        return Some(Value::Message(message));
    }
    match read_scalar(kind, json) {
        Ok(value) => Some(value),
        Err(description) => {
            problems.invalid(path, description);
            None
        }
    }
}

/// Reads a value that is not an object.
///
/// # Errors
/// What the value must be instead.
pub(super) fn read_scalar(kind: &Kind, json: &Json) -> Result<Value, String> {
    match kind {
        Kind::Bool => match json {
            Json::Bool(value) => Ok(Value::Bool(*value)),
            _ => Err("must be true or false".into()),
        },
        Kind::String => match json {
            Json::String(text) => Ok(Value::String(text.clone())),
            _ => Err("must be a string".into()),
        },
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => read_integer(json).map(Value::I32),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => read_integer(json).map(Value::I64),
        Kind::Uint32 | Kind::Fixed32 => read_integer(json).map(Value::U32),
        Kind::Uint64 | Kind::Fixed64 => read_integer(json).map(Value::U64),
        Kind::Enum(descriptor) => read_enum(descriptor, json),
        Kind::Message(descriptor) => match special(descriptor) {
            Some(Special::Timestamp) => read_timestamp(descriptor, json),
            Some(Special::Amount | Special::Decimal) => read_decimal(descriptor, json),
            // Only answers have some.
            Some(Special::Object) => Err("has no JSON form".into()),
            None if is_mask(descriptor) => read_mask(descriptor, json),
            None => Err("must be an object".into()),
        },
        Kind::Float | Kind::Double | Kind::Bytes => Err("has no JSON form".into()),
    }
}

fn read_integer<T: TryFrom<i128>>(json: &Json) -> Result<T, String> {
    let value = match json {
        Json::Number(text) | Json::String(text) => number::read_integer(text),
        _ => None,
    };
    value.ok_or_else(|| INTEGER.to_owned())
}

fn read_enum(descriptor: &EnumDescriptor, json: &Json) -> Result<Value, String> {
    let named = |text: &String| {
        descriptor
            .values()
            .find(|value| text == value.name() || *text == enum_name(descriptor, value.name()))
    };
    let value = match json {
        Json::String(text) => named(text),
        _ => None,
    };
    if let Some(value) = value {
        return Ok(Value::EnumNumber(value.number()));
    }
    let names = enum_names(descriptor).join(", ");
    Err(format!("must be one of: {names}"))
}

fn read_decimal(descriptor: &MessageDescriptor, json: &Json) -> Result<Value, String> {
    let text = match json {
        Json::Number(text) | Json::String(text) => number::read(text),
        _ => None,
    };
    let text = text.ok_or("must be a decimal number that can be kept exactly")?;
    let mut message = DynamicMessage::new(descriptor.clone());
    message.set_field_by_name("value", Value::String(text));
    Ok(Value::Message(message))
}

fn read_timestamp(descriptor: &MessageDescriptor, json: &Json) -> Result<Value, String> {
    let time = match json {
        Json::String(text) => DateTime::parse_from_rfc3339(text).ok(),
        _ => None,
    };
    // chrono counts a leap second as a fraction above one, which a Timestamp cannot hold.
    let parts = time.and_then(|time| {
        let nanos = i32::try_from(time.timestamp_subsec_nanos()).ok()?;
        (nanos < 1_000_000_000).then_some((time.timestamp(), nanos))
    });
    let (seconds, nanos) = parts.ok_or("must be a time such as 2024-11-01T00:00:00Z")?;
    let mut message = DynamicMessage::new(descriptor.clone());
    message.set_field_by_name("seconds", Value::I64(seconds));
    message.set_field_by_name("nanos", Value::I32(nanos));
    Ok(Value::Message(message))
}

/// Reads names of fields, in snake_case or lowerCamelCase.
fn read_mask(descriptor: &MessageDescriptor, json: &Json) -> Result<Value, String> {
    let Json::String(text) = json else {
        return Err("must be names of fields, divided by commas".into());
    };
    let names = text.split(',').map(str::trim);
    let names = names.filter(|name| !name.is_empty());
    let paths = names.map(|name| Value::String(snake_case(name))).collect();
    let mut message = DynamicMessage::new(descriptor.clone());
    message.set_field_by_name("paths", Value::List(paths));
    Ok(Value::Message(message))
}

fn snake_case(name: &str) -> String {
    let mut snake = String::with_capacity(name.len());
    for letter in name.chars() {
        if letter.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

fn join(at: &str, name: &str) -> String {
    if at.is_empty() {
        name.to_owned()
    } else {
        format!("{at}.{name}")
    }
}
