//! Reads the `google.api.http` option of a call.

use axum::routing::MethodFilter;
use prost_reflect::{DynamicMessage, ExtensionDescriptor, FieldDescriptor, Kind};
use prost_reflect::{MessageDescriptor, MethodDescriptor, Value};

use super::types::special;

const VERBS: [(&str, MethodFilter); 5] = [
    ("get", MethodFilter::GET),
    ("put", MethodFilter::PUT),
    ("post", MethodFilter::POST),
    ("delete", MethodFilter::DELETE),
    ("patch", MethodFilter::PATCH),
];

/// The parameter that operators may add to any call.
const USER_ID: &str = "user_id";

/// One way to call a method over HTTP.
pub(super) struct Binding {
    /// The HTTP method.
    pub(super) verb: MethodFilter,
    /// The HTTP method's name, in lower case.
    pub(super) verb_name: &'static str,
    /// The path, in axum's syntax.
    pub(super) path: String,
    /// What the body becomes.
    pub(super) body: BodyRule,
}

/// What a request's body becomes.
#[derive(Clone)]
pub(super) enum BodyRule {
    /// The call takes no body; its fields come from the query.
    None,
    /// The body is the whole message.
    Whole,
    /// The body is this field; the others come from the query.
    Field(FieldDescriptor),
}

impl BodyRule {
    /// Whether the query may set the field at a dotted path.
    pub(super) fn leaves_to_query(&self, path: &str) -> bool {
        match self {
            Self::None => true,
            Self::Whole => path == USER_ID,
            Self::Field(field) => {
                let head = path.split('.').next().unwrap_or_default();
                head != field.name() && head != field.json_name()
            }
        }
    }
}

/// Every binding of a call, additional ones included; none if it has no rule.
///
/// # Errors
/// What is wrong with the rule.
pub(super) fn bindings(
    method: &MethodDescriptor,
    http: &ExtensionDescriptor,
) -> Result<Vec<Binding>, String> {
    let options = method.options();
    if !options.has_extension(http) {
        return Ok(Vec::new());
    }
    let option = options.get_extension(http);
    let rule = option.as_message().ok_or("it is not an HttpRule")?;
    let additional = rule.get_field_by_name("additional_bindings");
    let additional = additional.as_deref().and_then(Value::as_list);
    let additional = additional.unwrap_or_default().iter();
    std::iter::once(rule)
        .chain(additional.filter_map(Value::as_message))
        .map(|rule| binding(rule, &method.input()))
        .collect()
}

fn binding(rule: &DynamicMessage, input: &MessageDescriptor) -> Result<Binding, String> {
    let verb = VERBS.iter().find(|(name, _)| rule.has_field_by_name(name));
    let (name, verb) = *verb.ok_or("it has no path with a standard verb")?;
    Ok(Binding {
        verb,
        verb_name: name,
        path: axum_path(&text(rule, name), input)?,
        body: body_rule(&text(rule, "body"), input)?,
    })
}

fn text(rule: &DynamicMessage, field: &str) -> String {
    let value = rule.get_field_by_name(field);
    let text = value.as_deref().and_then(Value::as_str);
    text.unwrap_or_default().to_owned()
}

fn body_rule(body: &str, input: &MessageDescriptor) -> Result<BodyRule, String> {
    match body {
        "" => return Ok(BodyRule::None),
        "*" => return Ok(BodyRule::Whole),
        _ => {}
    }
    let is_object = |field: &FieldDescriptor| match field.kind() {
        Kind::Message(message) => !field.is_list() && special(&message).is_none(),
        _ => false,
    };
    let field = input.get_field_by_name(body).filter(is_object);
    let field = field.ok_or_else(|| format!("its body {body} is not a message field"))?;
    Ok(BodyRule::Field(field))
}

/// Converts `{name=**}` to `{*name}`.
fn axum_path(template: &str, input: &MessageDescriptor) -> Result<String, String> {
    let refused = || format!("its path {template} has an unsupported form");
    let segments = template.strip_prefix('/').ok_or_else(refused)?.split('/');
    let mut path = String::new();
    for segment in segments {
        let variable = segment
            .strip_prefix('{')
            .and_then(|rest| rest.strip_suffix('}'));
        let (name, wildcard) = match variable.map(|name| name.split_once('=')) {
            Some(None) => (variable, ""),
            Some(Some((name, "*"))) => (Some(name), ""),
            Some(Some((name, "**"))) => (Some(name), "*"),
            Some(Some(_)) => return Err(refused()),
            None => (None, ""),
        };
        match name {
            None if segment.contains(['{', '}', '*', ':']) => return Err(refused()),
            None => path.push_str(&format!("/{segment}")),
            Some(name) if has_field(input, name) => {
                path.push_str(&format!("/{{{wildcard}{name}}}"))
            }
            Some(name) => return Err(format!("its path names {name}, which is no field")),
        }
    }
    Ok(path)
}

fn has_field(message: &MessageDescriptor, path: &str) -> bool {
    let (name, inner) = match path.split_once('.') {
        Some((name, inner)) => (name, Some(inner)),
        None => (path, None),
    };
    match (
        message.get_field_by_name(name).map(|field| field.kind()),
        inner,
    ) {
        (Some(Kind::Message(message)), Some(inner)) => has_field(&message, inner),
        (Some(_), None) => true,
        _ => false,
    }
}
