//! Calls as they come in: faults, tokens, keys, and which call is which.

use std::sync::{Arc, Mutex};

use axum::{
    body::{Body, Bytes, to_bytes},
    extract::{Request, State as Shared},
    http::{HeaderMap, Method},
    response::Response,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::TimeDelta;
use futures_util::stream;
use serde_json::{Value, json};

use super::{
    CLIENT_ID, CLIENT_SECRET, Fault,
    answers::{Answer, Step},
    disputes, orders, refunds,
    signer::{paypal, stranger},
    state::{Made, Replay, State},
    webhooks::{self, CERTIFICATE},
};

/// The largest body it reads, in bytes.
const LARGEST: usize = 1 << 20;

/// A call.
struct Incoming {
    method: Method,
    path: String,
    query: Vec<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
}

impl Incoming {
    async fn read(request: Request) -> Self {
        let (parts, body) = request.into_parts();
        let url = format!("http://fake{}", parts.uri);
        let url = reqwest::Url::parse(&url).expect("a URL");
        Self {
            method: parts.method,
            path: url.path().to_owned(),
            query: url.query_pairs().into_owned().collect(),
            headers: parts.headers,
            body: to_bytes(body, LARGEST).await.unwrap_or_default(),
        }
    }

    fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default()
    }
}

/// Answers a call.
pub(super) async fn handle(Shared(state): Shared<Arc<Mutex<State>>>, request: Request) -> Response {
    let call = Incoming::read(request).await;
    let (fault, answer) = {
        let mut state = state.lock().expect("no panic while it was held");
        state.calls.push(format!("{} {}", call.method, call.path));
        match call.path.as_str() {
            CERTIFICATE => return certificate(&state),
            "/v1/oauth2/token" => return respond(&token(&mut state, &call)),
            _ => {
                let fault = take_fault(&mut state, call.method == Method::POST);
                (fault, answer(&mut state, &call, fault))
            }
        }
    };
    match fault {
        Some(Fault::NoAnswer | Fault::Swallowed) => std::future::pending().await,
        Some(Fault::CutBefore | Fault::CutAfter) => cut(),
        _ => respond(&answer),
    }
}

fn take_fault(state: &mut State, is_write: bool) -> Option<Fault> {
    let fits = |plan: &super::state::PlannedFault| is_write || !plan.only_writes;
    let place = state.faults.iter().position(fits)?;
    state.faults.remove(place).map(|plan| plan.fault)
}

fn answer(state: &mut State, call: &Incoming, fault: Option<Fault>) -> Answer {
    match fault {
        Some(Fault::Swallowed | Fault::CutBefore | Fault::ServerError) => {
            Answer::plain(500, "INTERNAL_SERVER_ERROR")
        }
        Some(Fault::TooMany) => Answer::plain(429, "RATE_LIMIT_REACHED"),
        _ => authorised(state, call).unwrap_or_else(|failure| failure),
    }
}

/// An answer that ends in the middle.
fn cut() -> Response {
    let broken = std::io::Error::other("cut off");
    let parts = stream::iter([Ok(Bytes::from_static(b"{")), Err(broken)]);
    Response::new(Body::from_stream(parts))
}

fn respond(answer: &Answer) -> Response {
    let mut response = Response::builder()
        .status(answer.status)
        .header("content-type", "application/json");
    if answer.status == 429 {
        response = response.header("retry-after", "7");
    }
    let body = Body::from(answer.body.to_string());
    response.body(body).expect("a response")
}

fn certificate(state: &State) -> Response {
    if !state.serves_certificate {
        return respond(&Answer::not_found());
    }
    let signer = if state.is_stranger {
        stranger()
    } else {
        paypal()
    };
    Response::new(Body::from(signer.pem.clone()))
}

fn token(state: &mut State, call: &Incoming) -> Answer {
    let keys = STANDARD.encode(format!("{CLIENT_ID}:{CLIENT_SECRET}"));
    if call.header("authorization") != format!("Basic {keys}") {
        return Answer::new(401, json!({ "error": "invalid_client" }));
    }
    if call.body.as_ref() != b"grant_type=client_credentials" {
        return Answer::new(400, json!({ "error": "unsupported_grant_type" }));
    }
    let token = state.next_id("token-");
    let ends = state.now.checked_add_signed(state.token_life);
    state.tokens.insert(token.clone(), ends.expect("a time"));
    let lasts = state.token_life.num_seconds();
    Answer::new(
        200,
        json!({ "access_token": token, "token_type": "Bearer", "expires_in": lasts }),
    )
}

fn authorised(state: &mut State, call: &Incoming) -> Step<Answer> {
    let token = call.header("authorization").strip_prefix("Bearer ");
    let ends = token.and_then(|token| state.tokens.get(token));
    if ends.is_none_or(|ends| *ends <= state.now) {
        return Err(Answer::plain(401, "AUTHENTICATION_FAILURE"));
    }
    let parts: Vec<&str> = call.path.split('/').skip(1).collect();
    if call.method == Method::POST {
        return write(state, call, &parts);
    }
    let body = match parts.as_slice() {
        ["v2", "checkout", "orders", id] => orders::show(state, id, true)?,
        ["v2", "payments", "captures", id] => refunds::capture(state, id)?,
        ["v2", "payments", "refunds", id] => refunds::show(state, id, true)?,
        ["v1", "customer", "disputes"] => disputes::list(state, &call.query)?,
        ["v1", "customer", "disputes", id] => disputes::show(state, id)?,
        ["v1", "reporting", "transactions"] => disputes::search(state, &call.query)?,
        _ => return Err(Answer::not_found()),
    };
    Ok(Answer::new(200, body))
}

/// A call that makes something: once, however often it comes with the same key.
fn write(state: &mut State, call: &Incoming, parts: &[&str]) -> Step<Answer> {
    if call.header("content-type") != "application/json" {
        return Err(Answer::plain(415, "UNSUPPORTED_MEDIA_TYPE"));
    }
    if let ["v1", "notifications", "verify-webhook-signature"] = parts {
        return Ok(Answer::new(200, webhooks::verify(state, &call.body)?));
    }
    let is_whole = call.header("prefer") == "return=representation";
    let key = call.header("paypal-request-id").to_owned();
    if key.is_empty() {
        return Err(Answer::invalid("PAYPAL_REQUEST_ID_REQUIRED"));
    }
    let known_as = (call.path.clone(), key);
    let known = state.replays.get(&known_as).cloned();
    if let Some(known) = known.filter(|known| known.until > state.now) {
        if known.body != call.body.as_ref() {
            return Err(Answer::unprocessable("DUPLICATE_REQUEST_ID"));
        }
        return show(state, &known.made, 200, is_whole);
    }
    let body: Value = serde_json::from_slice(&call.body)
        .map_err(|_| Answer::invalid("MALFORMED_REQUEST_JSON"))?;
    let (made, life) = match parts {
        ["v2", "checkout", "orders"] => (
            orders::create(state, &body).map(Made::Order)?,
            TimeDelta::hours(6),
        ),
        ["v2", "checkout", "orders", id, "capture"] => {
            (captured(state, id, &body)?, TimeDelta::hours(6))
        }
        ["v2", "payments", "captures", id, "refund"] => {
            let made = refunds::create(state, id, &body).map(Made::Refund)?;
            (made, TimeDelta::days(45))
        }
        _ => return Err(Answer::not_found()),
    };
    let replay = Replay {
        until: state.now.checked_add_signed(life).expect("a time"),
        body: call.body.to_vec(),
        made: made.clone(),
    };
    state.replays.insert(known_as, replay);
    show(state, &made, 201, is_whole)
}

/// A capture. The bank's answer belongs to the key; that the buyer has not approved does not.
fn captured(state: &mut State, id: &str, body: &Value) -> Step<Made> {
    match orders::capture(state, id, body) {
        Ok(()) => Ok(Made::Order(id.to_owned())),
        Err(failure) if failure.is_of("INSTRUMENT_DECLINED") => Ok(Made::Failure(failure)),
        Err(failure) => Err(failure),
    }
}

fn show(state: &mut State, made: &Made, status: u16, is_whole: bool) -> Step<Answer> {
    let body = match made {
        Made::Order(id) => orders::show(state, id, is_whole)?,
        Made::Refund(id) => refunds::show(state, id, is_whole)?,
        Made::Failure(failure) => return Err(failure.clone()),
    };
    Ok(Answer::new(status, body))
}
