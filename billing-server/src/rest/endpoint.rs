//! One route: from an HTTP request to a gRPC call and back.

use axum::body::Body;
use axum::extract::{FromRequestParts, RawPathParams, Request};
use axum::response::Response;
use futures_util::{StreamExt, TryStreamExt, stream};
use http::HeaderMap;
use http::request::Parts;
use http::uri::PathAndQuery;
use prost_reflect::{DynamicMessage, MessageDescriptor, MethodDescriptor, Value};
use tonic::Status;
use tonic::client::Grpc;
use tonic::metadata::MetadataMap;
use tonic::service::Routes;

use crate::error::{ApiError, FieldViolation};

use super::Gate;
use super::batch::{Batch, Unreadable};
use super::body::read_object;
use super::codec::DynamicCodec;
use super::decimals::{self, Decimals};
use super::json_in::read_message;
use super::json_out::write_message;
use super::params::{query_pairs, set_param};
use super::problems::Problems;
use super::reply;
use super::rule::BodyRule;
use super::types::chunk;

/// The headers that a gRPC call gets as metadata.
const FORWARDED: [&str; 3] = ["authorization", "x-request-id", "grpc-timeout"];

/// A call and the way its message is put together.
pub(super) struct Endpoint {
    pub(super) method: MethodDescriptor,
    pub(super) batch: Option<Batch>,
    pub(super) rpc: PathAndQuery,
    pub(super) body: BodyRule,
    pub(super) grpc: Routes,
    pub(super) gate: Gate,
    pub(super) max_body_bytes: usize,
}

impl Endpoint {
    /// Answers a request, with JSON unless it asks for a file.
    pub(super) async fn serve(&self, request: Request) -> Response {
        let answer = if self.method.is_server_streaming() {
            self.file(request).await
        } else {
            let answer = self.call(request).await;
            answer.map(|(body, decimals)| reply::success(body, decimals))
        };
        answer.unwrap_or_else(|status| reply::error(&status))
    }

    /// Answers with a file, part by part. What fails before the first part is told as JSON; what
    /// fails later ends the connection, so that nobody takes the parts for the whole.
    async fn file(&self, request: Request) -> Result<Response, Status> {
        let Asked { request, .. } = self.asked(request).await?;
        let (mut client, codec) = self.client().await;
        let answer = client.server_streaming(request, self.rpc.clone(), codec);
        let mut parts = answer.await?.into_inner();
        let first = parts.message().await?;
        let parts = stream::iter(first.map(Ok)).chain(parts);
        Ok(reply::csv(parts.map_ok(|part| chunk(&part))))
    }

    async fn call(&self, request: Request) -> Result<(String, Decimals), Status> {
        let Asked {
            request,
            unreadable,
            decimals,
        } = self.asked(request).await?;
        let (mut client, codec) = self.client().await;
        let answer = client.unary(request, self.rpc.clone(), codec).await?;
        let mut answer = answer.into_inner();
        if let Some(batch) = &self.batch {
            batch.explain(&mut answer, unreadable);
        }
        let body = write_message(&answer, decimals).map_err(|error| {
            tracing::error!(rpc = %self.rpc, %error, "an answer cannot be written as json");
            Status::internal("")
        })?;
        Ok((body, decimals))
    }

    /// The gRPC call that a request asks for.
    async fn asked(&self, request: Request) -> Result<Asked, Status> {
        let (mut parts, body) = request.into_parts();
        // Nobody's body is read or commented on before it is known who sends it.
        (self.gate)(self.rpc.path(), &parts.headers)?;
        let Decoded {
            message,
            unreadable,
            decimals,
        } = self.decode(&mut parts, body).await?;
        let metadata = MetadataMap::from_headers(forwarded(&parts.headers));
        Ok(Asked {
            request: tonic::Request::from_parts(metadata, parts.extensions, message),
            unreadable,
            decimals,
        })
    }

    async fn client(&self) -> (Grpc<Routes>, DynamicCodec) {
        let mut client = Grpc::new(self.grpc.clone()).max_decoding_message_size(usize::MAX);
        let Ok(()) = client.ready().await;
        (client, DynamicCodec(self.method.output()))
    }

    /// Puts the message together from body, path and query, reporting all faults at once.
    async fn decode(&self, parts: &mut Parts, body: Body) -> Result<Decoded, ApiError> {
        let path_params = path_params(parts).await?;
        let mut problems = Problems::default();
        let mut decoded = self.decode_body(parts, body, &mut problems).await?;
        decoded.decimals = Decimals::accepted(&parts.headers, &mut problems);
        let message = &mut decoded.message;
        for (name, value) in &path_params {
            set_param(message, name, value, &mut problems);
        }
        let query = parts.uri.query().unwrap_or_default();
        for (name, value) in query_pairs(query, &mut problems) {
            if name == decimals::PARAMETER {
                decoded.decimals = Decimals::named(&value, &mut problems);
            } else if self.body.leaves_to_query(&name) {
                set_param(message, &name, &value, &mut problems);
            } else {
                problems.unknown(&name);
            }
        }
        problems.into_result()?;
        Ok(decoded)
    }

    async fn decode_body(
        &self,
        parts: &Parts,
        body: Body,
        problems: &mut Problems,
    ) -> Result<Decoded, ApiError> {
        let input: MessageDescriptor = self.method.input();
        if matches!(self.body, BodyRule::None) {
            return Ok(Decoded::readable(DynamicMessage::new(input)));
        }
        let lenient = self.batch.as_ref().map(Batch::key);
        let mut entries = read_object(&parts.headers, body, self.max_body_bytes, lenient).await?;
        if let Some(batch) = &self.batch
            && let Some(records) = batch.take(&mut entries)
        {
            let message = read_message(&input, &entries, "", problems);
            return Ok(batch.read_into(message, &records));
        }
        let BodyRule::Field(field) = &self.body else {
            let message = read_message(&input, &entries, "", problems);
            return Ok(Decoded::readable(message));
        };
        let mut message = DynamicMessage::new(input);
        if let Some(descriptor) = field.kind().as_message() {
            let value = read_message(descriptor, &entries, "", problems);
            message.set_field(field, Value::Message(value));
        }
        Ok(Decoded::readable(message))
    }
}

/// The gRPC call that a request asks for.
struct Asked {
    request: tonic::Request<DynamicMessage>,
    /// The records of a batch that could not be read.
    unreadable: Vec<Unreadable>,
    /// How the answer is to be written.
    decimals: Decimals,
}

/// A request as it was read.
pub(super) struct Decoded {
    pub(super) message: DynamicMessage,
    /// The records of a batch that could not be read.
    pub(super) unreadable: Vec<Unreadable>,
    /// How the answer is to be written.
    pub(super) decimals: Decimals,
}

impl Decoded {
    fn readable(message: DynamicMessage) -> Self {
        Self {
            message,
            unreadable: Vec::new(),
            decimals: Decimals::default(),
        }
    }
}

async fn path_params(parts: &mut Parts) -> Result<RawPathParams, ApiError> {
    let params = RawPathParams::from_request_parts(parts, &()).await;
    params.map_err(|rejection| {
        // axum tells the parameter's name only within its sentence.
        let sentence = rejection.body_text();
        ApiError::invalid(vec![FieldViolation {
            field: sentence.split('`').nth(1).unwrap_or_default().to_owned(),
            description: "is not UTF-8".to_owned(),
        }])
    })
}

fn forwarded(headers: &HeaderMap) -> HeaderMap {
    let mut kept = HeaderMap::new();
    for name in FORWARDED {
        for value in headers.get_all(name) {
            kept.append(name, value.clone());
        }
    }
    kept
}
