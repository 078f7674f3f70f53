//! Turns a message into JSON with exact numbers and every field present.

use chrono::{DateTime, SecondsFormat};
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, ReflectMessage, Value};

use super::decimals::Decimals;
use super::number;
use super::types::{Special, declared_fields, enum_name, special};

/// A value that no service should answer, such as an amount that is no number.
#[derive(Debug, thiserror::Error)]
#[error("a value of {0} has no JSON form")]
pub(crate) struct NoJsonForm(String);

/// Writes a message as an object in the order its fields are declared.
pub(super) fn write_message(
    message: &DynamicMessage,
    decimals: Decimals,
) -> Result<String, NoJsonForm> {
    let mut out = String::new();
    write_object(&mut out, message, decimals)?;
    Ok(out)
}

fn write_object(
    out: &mut String,
    message: &DynamicMessage,
    decimals: Decimals,
) -> Result<(), NoJsonForm> {
    let descriptor = message.descriptor();
    let mut separator = '{';
    for field in declared_fields(&descriptor) {
        out.push(separator);
        separator = ',';
        write_text(out, field.name());
        out.push(':');
        write_field(out, message, &field, decimals)?;
    }
    if separator == '{' {
        out.push('{');
    }
    out.push('}');
    Ok(())
}

/// Writes the value of a field; `null` for one that is unset.
pub(super) fn write_field(
    out: &mut String,
    message: &DynamicMessage,
    field: &FieldDescriptor,
    decimals: Decimals,
) -> Result<(), NoJsonForm> {
    if field.supports_presence() && !message.has_field(field) {
        out.push_str("null");
        return Ok(());
    }
    write_value(out, &field.kind(), &message.get_field(field), decimals)
}

fn write_value(
    out: &mut String,
    kind: &Kind,
    value: &Value,
    decimals: Decimals,
) -> Result<(), NoJsonForm> {
    match value {
        Value::Bool(value) => out.push_str(&value.to_string()),
        Value::I32(value) => out.push_str(&value.to_string()),
        Value::I64(value) => out.push_str(&value.to_string()),
        Value::U32(value) => out.push_str(&value.to_string()),
        Value::U64(value) => out.push_str(&value.to_string()),
        Value::String(text) => write_text(out, text),
        Value::EnumNumber(number) => write_enum(out, kind, *number),
        Value::Message(message) => write_nested(out, message, decimals)?,
        Value::List(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_value(out, kind, item, decimals)?;
            }
            out.push(']');
        }
        Value::F32(_) | Value::F64(_) | Value::Bytes(_) | Value::Map(_) => {
            return Err(NoJsonForm(format!("{kind:?}")));
        }
    }
    Ok(())
}

fn write_nested(
    out: &mut String,
    message: &DynamicMessage,
    decimals: Decimals,
) -> Result<(), NoJsonForm> {
    let descriptor = message.descriptor();
    let Some(special) = special(&descriptor) else {
        return write_object(out, message, decimals);
    };
    let written = match special {
        Special::Amount => decimal_text(message)
            .and_then(|text| number::write_amount(&text))
            .map(|digits| decimals.write(digits)),
        Special::Decimal => decimal_text(message)
            .and_then(|text| number::write_decimal(&text))
            .map(|digits| decimals.write(digits)),
        Special::Timestamp => timestamp_text(message).map(|text| format!("\"{text}\"")),
        Special::Object => object_text(message),
    };
    let written = written.ok_or_else(|| NoJsonForm(descriptor.full_name().to_owned()))?;
    out.push_str(&written);
    Ok(())
}

fn decimal_text(message: &DynamicMessage) -> Option<String> {
    Some(message.get_field_by_name("value")?.as_str()?.to_owned())
}

fn object_text(message: &DynamicMessage) -> Option<String> {
    Some(message.get_field_by_name("json")?.as_str()?.to_owned())
}

fn timestamp_text(message: &DynamicMessage) -> Option<String> {
    let seconds = message.get_field_by_name("seconds")?.as_i64()?;
    let nanos = message.get_field_by_name("nanos")?.as_i32()?;
    let time = DateTime::from_timestamp(seconds, u32::try_from(nanos).ok()?)?;
    let precision = if time.timestamp_subsec_micros() == 0 {
        SecondsFormat::Secs
    } else {
        SecondsFormat::Micros
    };
    Some(time.to_rfc3339_opts(precision, true))
}

fn write_enum(out: &mut String, kind: &Kind, number: i32) {
    let named = match kind {
        Kind::Enum(descriptor) => descriptor
            .get_value(number)
            .map(|value| enum_name(descriptor, value.name())),
        _ => None,
    };
    match named {
        Some(name) => write_text(out, &name),
        None => out.push_str(&number.to_string()),
    }
}

pub(super) fn write_text(out: &mut String, text: &str) {
    out.push_str(&serde_json::Value::from(text).to_string());
}
