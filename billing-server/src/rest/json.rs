//! A JSON document with its numbers as they were written; serde_json's own tree makes them floats.

use std::collections::HashSet;
use std::fmt;

use serde::Deserializer;
use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;

/// Objects and lists within each other; far more than any request needs.
const MAX_DEPTH: usize = 32;

/// A JSON value.
pub(super) enum Json {
    Null,
    Bool(bool),
    Number(String),
    String(String),
    Array(Vec<Json>),
    Object(Vec<(String, Json)>),
    /// An entry of the list that is read leniently, and why it is no JSON.
    Unreadable(String),
}

/// Reads a document. In the list under the key `lenient` of its outermost object, an entry that
/// names a key twice, is nested too deep or has a broken text is `Unreadable`, and the others are
/// read.
///
/// # Errors
/// A description of why it is no JSON, names a key twice or is nested too deep.
pub(super) fn parse(document: &[u8], lenient: Option<&str>) -> Result<Json, String> {
    let document = std::str::from_utf8(document).map_err(|error| error.to_string())?;
    let raw: &RawValue = serde_json::from_str(document).map_err(|error| error.to_string())?;
    if lenient.is_some() && raw.get().starts_with('{') {
        return read_object(raw.get(), MAX_DEPTH, lenient);
    }
    read(raw.get(), MAX_DEPTH)
}

fn read(raw: &str, depth_left: usize) -> Result<Json, String> {
    match raw.as_bytes().first() {
        Some(b'{') => read_object(raw, depth_left, None),
        Some(b'[') => {
            let depth = inner(depth_left)?;
            let items = items(raw)?.into_iter().map(|item| read(item.get(), depth));
            Ok(Json::Array(items.collect::<Result<_, _>>()?))
        }
        Some(b'"') => from_str(raw).map(Json::String),
        Some(b't' | b'f') => from_str(raw).map(Json::Bool),
        Some(b'n') => Ok(Json::Null),
        _ => Ok(Json::Number(raw.to_owned())),
    }
}

fn inner(depth_left: usize) -> Result<usize, String> {
    let inner = depth_left.checked_sub(1);
    inner.ok_or_else(|| format!("nested deeper than {MAX_DEPTH}"))
}

fn items(raw: &str) -> Result<Vec<&RawValue>, String> {
    from_str(raw)
}

fn read_leniently(raw: &str, depth_left: usize) -> Result<Json, String> {
    let depth = inner(depth_left)?;
    let items = items(raw)?.into_iter();
    let items = items.map(|item| read(item.get(), depth).unwrap_or_else(Json::Unreadable));
    Ok(Json::Array(items.collect()))
}

fn read_object(raw: &str, depth_left: usize, lenient: Option<&str>) -> Result<Json, String> {
    let depth = inner(depth_left)?;
    let entries = serde_json::Deserializer::from_str(raw)
        .deserialize_map(Entries)
        .map_err(|error| error.to_string())?;
    let mut seen = HashSet::new();
    if let Some((key, _)) = entries.iter().find(|(key, _)| !seen.insert(key)) {
        return Err(format!("duplicate key {key:?}"));
    }
    let fields = entries.into_iter().map(|(key, value)| {
        let is_lenient = lenient == Some(key.as_str()) && value.get().starts_with('[');
        let read = if is_lenient { read_leniently } else { read };
        Ok((key, read(value.get(), depth)?))
    });
    Ok(Json::Object(fields.collect::<Result<_, String>>()?))
}

fn from_str<'a, T: serde::Deserialize<'a>>(raw: &'a str) -> Result<T, String> {
    serde_json::from_str(raw).map_err(|error| error.to_string())
}

/// Keeps every entry of an object, also those whose key was there before.
struct Entries;

impl<'de> Visitor<'de> for Entries {
    type Value = Vec<(String, &'de RawValue)>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(entries)
    }
}
