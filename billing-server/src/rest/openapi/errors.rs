//! How calls fail: which statuses a call can answer, and the one body that they share.

use std::collections::BTreeMap;

use http::StatusCode;

use super::model::{Answer, Header, Response, Schema};
use crate::error::ErrorCode;
use crate::rest::routes::Route;
use crate::rest::rule::BodyRule;

const BODY: &str = "Error";
const DETAIL: &str = "ErrorDetail";

/// The failures of every call: a token that was sent must be valid even where none is needed.
const ALWAYS: [StatusCode; 5] = [
    StatusCode::BAD_REQUEST,
    StatusCode::UNAUTHORIZED,
    StatusCode::FORBIDDEN,
    StatusCode::INTERNAL_SERVER_ERROR,
    StatusCode::SERVICE_UNAVAILABLE,
];
/// The failures of a call that changes something.
const WHEN_WRITING: [StatusCode; 2] = [StatusCode::CONFLICT, StatusCode::TOO_MANY_REQUESTS];
/// The failures of a call with a body.
const WITH_BODY: [StatusCode; 2] = [
    StatusCode::PAYLOAD_TOO_LARGE,
    StatusCode::UNSUPPORTED_MEDIA_TYPE,
];

/// The statuses with which a call may fail.
pub(super) fn statuses(route: &Route) -> Vec<StatusCode> {
    let mut statuses = ALWAYS.to_vec();
    // By the naming of AIP-132: a list of what is not there is empty.
    if !route.method.name().starts_with("List") {
        statuses.push(StatusCode::NOT_FOUND);
    }
    if route.binding.verb_name != "get" {
        statuses.extend(WHEN_WRITING);
    }
    if !matches!(route.binding.body, BodyRule::None) {
        statuses.extend(WITH_BODY);
    }
    statuses
}

/// Refers to the description of a status.
pub(super) fn shared(status: StatusCode) -> (String, Response) {
    let reference = format!("#/components/responses/{}", name(status));
    (status.as_str().to_owned(), Response::Shared { reference })
}

/// The descriptions of all statuses by name.
pub(super) fn responses() -> BTreeMap<String, Answer> {
    let statuses = ALWAYS.into_iter().chain(WHEN_WRITING).chain(WITH_BODY);
    let statuses = statuses.chain([StatusCode::NOT_FOUND]);
    let described = statuses.map(|status| (name(status), response(status)));
    described.collect()
}

/// The schemas of the body.
pub(super) fn schemas() -> [(String, Schema); 2] {
    let codes = ErrorCode::ALL.iter().map(|code| code.as_str().to_owned());
    let code = Schema {
        values: codes.collect(),
        description: "Why the call failed, for programs.".to_owned(),
        ..Schema::of("string")
    };
    let error = Schema {
        description: "Why the call failed, in a lowercase sentence.".to_owned(),
        ..Schema::of("string")
    };
    let details = Schema {
        description: "All fields at fault; empty when it is no field's fault.".to_owned(),
        ..Schema::list(Schema::shared(DETAIL))
    };
    let body = Schema {
        description: "A failed call.".to_owned(),
        ..Schema::object([("error", error), ("code", code), ("details", details)])
    };
    let detail = Schema {
        description: "A field at fault, such as `records[3].model`, and what is wrong.".to_owned(),
        ..Schema::object([
            ("field", Schema::of("string")),
            ("description", Schema::of("string")),
        ])
    };
    [(BODY.to_owned(), body), (DETAIL.to_owned(), detail)]
}

fn response(status: StatusCode) -> Answer {
    let codes = ErrorCode::ALL.iter().filter(|code| code.http() == status);
    let codes: Vec<_> = codes.map(|code| format!("`{}`", code.as_str())).collect();
    let reason = status.canonical_reason().unwrap_or_default();
    let description = format!("{reason}: {}", codes.join(", "));
    let mut answer = Answer::json(description, Schema::shared(BODY));
    if [
        StatusCode::TOO_MANY_REQUESTS,
        StatusCode::SERVICE_UNAVAILABLE,
    ]
    .contains(&status)
    {
        let header = Header {
            description: "When the call may be repeated, in seconds.",
            schema: Schema::of("integer"),
        };
        answer.headers.insert("Retry-After", header);
    }
    if [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN].contains(&status) {
        let header = Header {
            description: "What is wrong with the token, by RFC 6750.",
            schema: Schema::of("string"),
        };
        answer.headers.insert("WWW-Authenticate", header);
    }
    answer
}

fn name(status: StatusCode) -> String {
    status
        .canonical_reason()
        .unwrap_or_default()
        .replace(' ', "")
}
