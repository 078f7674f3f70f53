//! Sets fields from the path and the query.

use percent_encoding::percent_decode_str;
use prost_reflect::{DynamicMessage, Kind, ReflectMessage, Value};

use super::json::Json;
use super::json_in::read_scalar;
use super::problems::Problems;
use super::types::{field_named, special};

/// The decoded parameters of a query; a name that is no UTF-8 is noted as unknown.
pub(super) fn query_pairs(query: &str, problems: &mut Problems) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        match (decode(name), decode(value)) {
            (Some(name), Some(value)) => pairs.push((name, value)),
            (Some(name), None) => problems.invalid(&name, "is not UTF-8"),
            (None, _) => problems.unknown(name),
        }
    }
    pairs
}

fn decode(text: &str) -> Option<String> {
    let spaced = text.replace('+', " ");
    let decoded = percent_decode_str(&spaced).decode_utf8().ok()?;
    Some(decoded.into_owned())
}

/// Sets the field at a dotted `path` from text; an empty text leaves anything but a string unset.
pub(super) fn set_param(
    message: &mut DynamicMessage,
    path: &str,
    text: &str,
    problems: &mut Problems,
) {
    set_within(message, path, path, text, problems);
}

fn set_within(
    message: &mut DynamicMessage,
    path: &str,
    rest: &str,
    text: &str,
    problems: &mut Problems,
) {
    let (name, inner) = match rest.split_once('.') {
        Some((name, inner)) => (name, Some(inner)),
        None => (rest, None),
    };
    let Some(field) = field_named(&message.descriptor(), name) else {
        return problems.unknown(path);
    };
    let kind = field.kind();
    let is_object = matches!(&kind, Kind::Message(inner) if special(inner).is_none());
    match (inner, is_object) {
        (Some(inner), true) => match message.get_field_mut(&field) {
            Value::Message(nested) => return set_within(nested, path, inner, text, problems),
            _ => return problems.unknown(path),
        },
        (Some(_), false) | (None, true) => return problems.unknown(path),
        (None, false) => {}
    }
    if text.is_empty() && kind != Kind::String {
        return;
    }
    let value = match read_scalar(&kind, &as_json(&kind, text)) {
        Ok(value) => value,
        Err(description) => return problems.invalid(path, description),
    };
    // Only for lists: a mutable look at an unset message would set it.
    if field.is_list()
        && let Value::List(items) = message.get_field_mut(&field)
    {
        return items.push(value);
    }
    if message.has_field(&field) && *message.get_field(&field) != value {
        return problems.invalid(path, "is given twice with different values");
    }
    message.set_field(&field, value);
}

/// Everything but a bool may be written as a string in JSON too.
pub(super) fn as_json(kind: &Kind, text: &str) -> Json {
    match (kind, text) {
        (Kind::Bool, "true") => Json::Bool(true),
        (Kind::Bool, "false") => Json::Bool(false),
        _ => Json::String(text.to_owned()),
    }
}
