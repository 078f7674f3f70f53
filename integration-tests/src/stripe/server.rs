//! Calls as they come in: faults, the key, the version, idempotency, and the endpoint.

use std::{future, sync::Arc};

use axum::{
    Router,
    body::{Bytes, to_bytes},
    extract::{
        ConnectInfo, Request, State as Shares, connect_info::IntoMakeServiceWithConnectInfo,
    },
    http::{HeaderMap, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::Value;

use super::{
    API_VERSION, SECRET_KEY, Shared,
    error::{Answer, Refusal},
    faults::{Endpoint, Fault},
    params::Params,
    wire::Wire,
};

/// The largest body that is read, in bytes.
const MAX_BODY: usize = 1 << 20;

/// A call that is understood.
pub(super) struct Call {
    pub(super) endpoint: Endpoint,
    /// The object in the address.
    pub(super) id: String,
    pub(super) params: Params,
    /// The idempotency key.
    key: Option<String>,
}

pub(super) fn service(shared: Arc<Shared>) -> IntoMakeServiceWithConnectInfo<Router, Wire> {
    Router::new()
        .fallback(serve)
        .with_state(shared)
        .into_make_service_with_connect_info()
}

async fn serve(
    Shares(shared): Shares<Arc<Shared>>,
    ConnectInfo(wire): ConnectInfo<Wire>,
    request: Request,
) -> Response {
    let (head, body) = request.into_parts();
    let Ok(body) = to_bytes(body, MAX_BODY).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let Some((endpoint, id)) = route(&head.method, head.uri.path()) else {
        return response(Refusal::not_found("route", head.uri.path()).answer());
    };
    let fault = {
        let mut state = shared.state();
        state.calls.push(endpoint);
        state.take_fault(endpoint)
    };
    match fault {
        Some(Fault::TooMany(seconds)) => {
            let wait = [(header::RETRY_AFTER, seconds.to_string())];
            return (wait, response(Refusal::too_many().answer())).into_response();
        }
        Some(Fault::CutBefore) => {
            wire.cut();
            return StatusCode::OK.into_response();
        }
        _ => {}
    }
    let call = match understand(
        endpoint,
        id,
        &head.method,
        &head.headers,
        head.uri.query(),
        &body,
    ) {
        Ok(call) => call,
        Err(refusal) => return response(refusal.answer()),
    };
    // What has begun is done, also when the caller has gone away.
    let done = tokio::spawn(execute(shared, call, fault)).await;
    let (answer, is_replay) = done.expect("no call of the fake panics");
    match fault {
        Some(Fault::TimeOutAfter) => future::pending().await,
        Some(Fault::CutAfter) => wire.cut(),
        _ => {}
    }
    let replayed = is_replay.then_some([("idempotent-replayed", "true")]);
    (
        replayed.unwrap_or([("request-id", "req_fake")]),
        response(answer),
    )
        .into_response()
}

fn response(answer: Answer) -> Response {
    let status = StatusCode::from_u16(answer.status).expect("the fake answers real statuses");
    (status, axum::Json(answer.body)).into_response()
}

/// The endpoint of an address, and the object in it.
fn route(method: &Method, path: &str) -> Option<(Endpoint, String)> {
    let is_post = match method.as_str() {
        "POST" => true,
        "GET" => false,
        _ => return None,
    };
    let parts: Vec<&str> = path.strip_prefix("/v1/")?.split('/').collect();
    let (endpoint, id) = match (is_post, parts.as_slice()) {
        (true, ["customers"]) => (Endpoint::CreateCustomer, ""),
        (true, ["setup_intents"]) => (Endpoint::CreateSetup, ""),
        (false, ["payment_methods", id]) => (Endpoint::GetMethod, *id),
        (true, ["payment_methods", id, "detach"]) => (Endpoint::DetachMethod, *id),
        (true, ["payment_intents"]) => (Endpoint::CreateIntent, ""),
        (false, ["payment_intents"]) => (Endpoint::ListIntents, ""),
        (false, ["payment_intents", id]) => (Endpoint::GetIntent, *id),
        (true, ["payment_intents", id, "confirm"]) => (Endpoint::ConfirmIntent, *id),
        (true, ["payment_intents", id, "cancel"]) => (Endpoint::CancelIntent, *id),
        (true, ["refunds"]) => (Endpoint::CreateRefund, ""),
        (false, ["refunds"]) => (Endpoint::ListRefunds, ""),
        (false, ["refunds", id]) => (Endpoint::GetRefund, *id),
        (false, ["disputes"]) => (Endpoint::ListDisputes, ""),
        _ => return None,
    };
    Some((endpoint, id.to_owned()))
}

/// Checks the key and the version, and reads the parameters.
fn understand(
    endpoint: Endpoint,
    id: String,
    method: &Method,
    headers: &HeaderMap,
    query: Option<&str>,
    body: &Bytes,
) -> Result<Call, Refusal> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if text("authorization") != Some(&format!("Bearer {SECRET_KEY}")) {
        return Err(Refusal::unauthorised());
    }
    if text("stripe-version") != Some(API_VERSION) {
        return Err(Refusal::invalid(
            None,
            "Invalid Stripe API version".to_owned(),
        ));
    }
    let is_post = method == Method::POST;
    let is_form = text("content-type") == Some("application/x-www-form-urlencoded");
    if (is_post && query.is_some()) || (is_post && !body.is_empty() && !is_form) {
        return Err(Refusal::invalid(
            None,
            "Send parameters as a form".to_owned(),
        ));
    }
    let form = String::from_utf8_lossy(body);
    let key = text("idempotency-key").filter(|_| is_post);
    if key.is_some_and(|key| key.len() > 255) {
        let message = "The idempotency key is longer than 255 characters".to_owned();
        return Err(Refusal::invalid(None, message));
    }
    Ok(Call {
        endpoint,
        id,
        params: Params::read(if is_post {
            &form
        } else {
            query.unwrap_or_default()
        }),
        key: key.map(str::to_owned),
    })
}

/// Does a call once for its key. Tells whether the answer is that of an earlier one.
async fn execute(shared: Arc<Shared>, call: Call, fault: Option<Fault>) -> (Answer, bool) {
    if let Some(key) = &call.key {
        let mut state = shared.state();
        let same = format!(
            "{:?} {} {}",
            call.endpoint,
            call.id,
            call.params.fingerprint()
        );
        let now = state.now;
        match state.keys.begin(key, &same, now) {
            Ok(None) => {}
            Ok(Some(answer)) => return (answer, true),
            Err(refusal) => return (refusal.answer(), false),
        }
        if let Err(refusal) = call.params.check(call.endpoint) {
            state.keys.forget(key);
            return (refusal.answer(), false);
        }
    }
    if fault == Some(Fault::Hold) {
        shared.held.notify_one();
        shared.released.notified().await;
    }
    let mut state = shared.state();
    let answer = match fault {
        Some(Fault::FailBefore) => Refusal::internal().answer(),
        Some(Fault::FailAfter) => {
            let _unseen = state.answer(&call);
            Refusal::internal().answer()
        }
        _ => state.answer(&call).unwrap_or_else(Refusal::answer),
    };
    if let Some(key) = &call.key {
        state.keys.finish(key, &answer);
    }
    (answer, false)
}

impl super::state::State {
    fn answer(&mut self, call: &Call) -> Result<Answer, Refusal> {
        call.params.check(call.endpoint)?;
        let body: Value = match call.endpoint {
            Endpoint::CreateCustomer => self.create_customer(&call.params),
            Endpoint::CreateSetup => self.create_setup(&call.params)?,
            Endpoint::GetMethod => self.show_method(&call.id)?,
            Endpoint::DetachMethod => self.detach_method(&call.id)?,
            Endpoint::CreateIntent => self.create_intent(&call.params)?,
            Endpoint::GetIntent => self.show_intent(&call.id, call.endpoint, &call.params)?,
            Endpoint::ListIntents => self.list_intents(&call.params)?,
            Endpoint::ConfirmIntent => self.confirm_intent(&call.id, &call.params)?,
            Endpoint::CancelIntent => self.cancel_intent(&call.id, &call.params)?,
            Endpoint::CreateRefund => self.create_refund(&call.params)?,
            Endpoint::GetRefund => self.show_refund(&call.id)?,
            Endpoint::ListRefunds => self.list_refunds(&call.params)?,
            Endpoint::ListDisputes => self.list_disputes(&call.params)?,
        };
        Ok(Answer { status: 200, body })
    }
}
