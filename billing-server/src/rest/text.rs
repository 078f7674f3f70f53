//! Messages as text outside of HTTP: rows of usage files, and cells of CSV files. Fields come from
//! the descriptor, so a new field in the protos is a new column without code.

use std::sync::LazyLock;

use billing_proto::FILE_DESCRIPTOR_SET;
use chrono::{DateTime, SecondsFormat};
use prost::Message;
use prost_reflect::{
    DescriptorError, DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MessageDescriptor,
};

pub(crate) use super::json_out::NoJsonForm;
use super::{
    decimals::Decimals,
    json::{self, Json},
    json_in::read_message,
    json_out::{write_field, write_message, write_text},
    params::as_json,
    problems::Problems,
    types::{Special, special},
};
use crate::error::{ApiError, ErrorCode};

static POOL: LazyLock<Result<DescriptorPool, DescriptorError>> =
    LazyLock::new(|| DescriptorPool::decode(FILE_DESCRIPTOR_SET));

/// The API's message of a name such as `billing.v1.UsageRecord`.
///
/// # Errors
/// There is none.
pub(crate) fn descriptor(name: &str) -> Result<MessageDescriptor, ApiError> {
    let pool = POOL.as_ref().ok();
    let found = pool.and_then(|pool| pool.get_message_by_name(name));
    found.ok_or_else(ApiError::internal)
}

/// Reads a JSON object as a message.
///
/// # Errors
/// Every fault at once.
pub(crate) fn from_json(
    descriptor: &MessageDescriptor,
    document: &[u8],
) -> Result<DynamicMessage, ApiError> {
    let invalid = |reason| ApiError::new(ErrorCode::InvalidJson, reason);
    match json::parse(document, None) {
        Ok(Json::Object(entries)) => read(descriptor, &entries),
        Ok(_) => Err(invalid("must be a JSON object".to_owned())),
        // Every document is one line long to those who read it.
        Err(reason) => Err(invalid(reason.replace(" at line 1 ", " at "))),
    }
}

/// Reads texts that are named like fields; an empty one leaves its field unset. A field that is not
/// one value is written as JSON.
///
/// # Errors
/// Every fault at once.
pub(crate) fn from_texts<'a>(
    descriptor: &MessageDescriptor,
    texts: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<DynamicMessage, ApiError> {
    let filled = texts.into_iter().filter(|(_, text)| !text.is_empty());
    let entries = filled.map(|(name, text)| {
        let json = match descriptor.get_field_by_name(name) {
            Some(field) if !is_one_value(&field) => json::parse(text.as_bytes(), None)
                .map_err(|reason| ApiError::violation(name, format!("is no JSON: {reason}")))?,
            Some(field) => as_json(&field.kind(), text),
            None => Json::String(text.to_owned()),
        };
        Ok((name.to_owned(), json))
    });
    read(descriptor, &entries.collect::<Result<Vec<_>, ApiError>>()?)
}

fn read(
    descriptor: &MessageDescriptor,
    entries: &[(String, Json)],
) -> Result<DynamicMessage, ApiError> {
    let mut problems = Problems::default();
    let message = read_message(descriptor, entries, "", &mut problems);
    problems.into_result()?;
    Ok(message)
}

/// Writes a message of the API, of a name as in [`descriptor`], as a JSON object with the fields
/// that are set.
///
/// # Errors
/// There is no such message, or it has a value that no service should answer.
pub(crate) fn to_json(name: &str, message: &impl Message) -> Result<String, ApiError> {
    write_set(&described(name, message)?).map_err(|_| ApiError::internal())
}

/// Writes a message of the API as REST answers it: with all fields.
///
/// # Errors
/// As [`to_json`].
pub(crate) fn to_answer(name: &str, message: &impl Message) -> Result<String, ApiError> {
    let message = described(name, message)?;
    write_message(&message, Decimals::Number).map_err(|_| ApiError::internal())
}

fn described(name: &str, message: &impl Message) -> Result<DynamicMessage, ApiError> {
    let mut filled = DynamicMessage::new(descriptor(name)?);
    let read = filled.transcode_from(message);
    read.map_err(|_| ApiError::internal())?;
    Ok(filled)
}

fn write_set(message: &DynamicMessage) -> Result<String, NoJsonForm> {
    let mut object = String::new();
    for (field, _) in message.fields() {
        object.push(if object.is_empty() { '{' } else { ',' });
        write_text(&mut object, field.name());
        object.push(':');
        write_field(&mut object, message, &field, Decimals::Number)?;
    }
    if object.is_empty() {
        object.push('{');
    }
    object.push('}');
    Ok(object)
}

/// A column of a file of messages: a field, or one of the fields of a group such as unit prices.
#[derive(Debug)]
pub(crate) struct Column {
    name: String,
    field: FieldDescriptor,
    group: Option<FieldDescriptor>,
}

/// The columns of messages, in the order of their fields' numbers; those of a group stand for it.
#[must_use]
pub(crate) fn columns(descriptor: &MessageDescriptor) -> Vec<Column> {
    let columns = descriptor.fields().flat_map(|field| match field.kind() {
        Kind::Message(group) if !is_one_value(&field) && !field.is_list() => {
            let of_group = group.fields().map(|part| Column {
                name: format!("{}.{}", field.name(), part.name()),
                field: part,
                group: Some(field.clone()),
            });
            of_group.collect()
        }
        _ => vec![Column {
            name: field.name().to_owned(),
            field,
            group: None,
        }],
    });
    columns.collect()
}

impl Column {
    /// The name in the header.
    #[must_use]
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Whether it holds text that callers chose, or ids.
    #[must_use]
    pub(crate) fn is_text(&self) -> bool {
        is_text(&self.field)
    }

    /// What a message has in the column; nothing for what is unset.
    ///
    /// # Errors
    /// A value that no service should answer.
    pub(crate) fn cell(&self, message: &DynamicMessage) -> Result<String, NoJsonForm> {
        let Some(group) = &self.group else {
            return cell(message, &self.field);
        };
        let group = message.get_field(group);
        match group.as_message() {
            Some(group) => cell(group, &self.field),
            None => Ok(String::new()),
        }
    }
}

/// What a field holds, as REST writes it but without quotes: text, digits, times; JSON for what is
/// not one value, and nothing for what is unset.
///
/// # Errors
/// A value that no service should answer.
pub(crate) fn cell(
    message: &DynamicMessage,
    field: &FieldDescriptor,
) -> Result<String, NoJsonForm> {
    if is_text(field) {
        let value = message.get_field(field);
        return Ok(value.as_str().unwrap_or_default().to_owned());
    }
    let mut json = String::new();
    write_field(&mut json, message, field, Decimals::Number)?;
    Ok(match json.trim_matches('"') {
        "null" => String::new(),
        text if is_time(field) => short_time(text),
        text if is_one_value(field) => text.to_owned(),
        _ => json,
    })
}

fn is_text(field: &FieldDescriptor) -> bool {
    field.kind() == Kind::String && !field.is_list()
}

fn is_time(field: &FieldDescriptor) -> bool {
    match field.kind() {
        Kind::Message(inner) if !field.is_list() => special(&inner) == Some(Special::Timestamp),
        _ => false,
    }
}

/// A time with no more digits of its second than it needs: none, three or six.
fn short_time(text: &str) -> String {
    let time = DateTime::parse_from_rfc3339(text);
    time.map_or_else(
        |_| text.to_owned(),
        |time| time.to_utc().to_rfc3339_opts(SecondsFormat::AutoSi, true),
    )
}

fn is_one_value(field: &FieldDescriptor) -> bool {
    let is_object = match field.kind() {
        Kind::Message(inner) => special(&inner).is_none(),
        _ => false,
    };
    !is_object && !field.is_list()
}
