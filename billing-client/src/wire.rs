//! Sending encoded messages and receiving them.
//!
//! A message is encoded once for all attempts, and what a call is made of is compiled once for all
//! methods: only encoding and decoding know the message.

use std::{
    marker::PhantomData,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use futures_util::{Stream, StreamExt};
use http::uri::PathAndQuery;
use prost::{
    Message,
    bytes::{Buf, BufMut, Bytes},
};
use tonic::{
    Request, Status, Streaming,
    client::Grpc,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
};

use crate::{BillingClient, Error, Method, RawService, retry::Attempts};

/// The largest answer that is taken, in bytes: each result of a batch repeats its request id and
/// may explain a rejection.
const MAX_ANSWER_BYTES: usize = 64 * 1024 * 1024;

impl BillingClient {
    /// Makes a call of one request and one answer.
    pub(crate) async fn unary<A: Message + Default>(
        &self,
        method: &'static Method,
        request: Bytes,
        has_request_id: bool,
    ) -> Result<A, Error> {
        let again = method.repeat.after(has_request_id);
        let mut attempts = self.limits.start();
        let answer = self.exchange(&mut attempts, method, again, request).await?;
        decode(method, answer)
    }

    /// Makes a call once, however long it takes.
    pub(crate) async fn unlimited<A: Message + Default>(
        &self,
        method: &'static Method,
        request: Bytes,
    ) -> Result<A, Error> {
        decode(method, self.send(method, Request::new(request)).await?)
    }

    /// Opens a stream of answers. Only opening it is repeated and limited in time.
    pub(crate) async fn answers<A>(
        &self,
        method: &'static Method,
        request: Bytes,
    ) -> Result<Answers<A>, Error> {
        let open = |_| self.open(method, futures_util::stream::iter([request.clone()]));
        let mut attempts = self.limits.start();
        let answers = attempts.run(method.repeat.after(false), open).await?;
        Ok(Answers::new(method, answers))
    }

    /// Goes on with a call: sends a request as often as it takes and is allowed.
    pub(crate) async fn exchange(
        &self,
        attempts: &mut Attempts,
        method: &'static Method,
        again: fn(&Error) -> bool,
        request: Bytes,
    ) -> Result<Bytes, Error> {
        let attempt = |timeout: Duration| {
            let mut request = Request::new(request.clone());
            request.set_timeout(timeout);
            self.send(method, request)
        };
        attempts.run(again, attempt).await
    }

    async fn send(&self, method: &Method, request: Request<Bytes>) -> Result<Bytes, Status> {
        let path = PathAndQuery::from_static(method.path);
        let answer = self.grpc().await?.unary(request, path, Encoded).await?;
        Ok(answer.into_inner())
    }

    /// Opens a stream once. The service is told of no timeout.
    pub(crate) async fn open(
        &self,
        method: &Method,
        requests: impl Stream<Item = Bytes> + Send + 'static,
    ) -> Result<Streaming<Bytes>, Status> {
        let path = PathAndQuery::from_static(method.path);
        let mut grpc = self.grpc().await?;
        let answers = grpc.streaming(Request::new(requests), path, Encoded).await;
        Ok(answers?.into_inner())
    }

    async fn grpc(&self) -> Result<Grpc<RawService>, Status> {
        let mut grpc = Grpc::new(self.raw()).max_decoding_message_size(MAX_ANSWER_BYTES);
        let ready = grpc.ready().await;
        ready.map_err(|error| Status::unknown(format!("the connection is closed: {error}")))?;
        Ok(grpc)
    }
}

pub(crate) fn decode<A: Message + Default>(method: &Method, answer: Bytes) -> Result<A, Error> {
    A::decode(answer).map_err(|error| Error::Decode {
        message: format!("{}: {error}", method.messages.1),
    })
}

/// Answers to a call that come one after the other, without an end in time. They end with the
/// first error; the call is then to be made anew.
#[derive(Debug)]
pub struct Answers<A> {
    method: &'static Method,
    /// None after an error.
    answers: Option<Streaming<Bytes>>,
    kind: PhantomData<fn() -> A>,
}

impl<A> Answers<A> {
    pub(crate) fn new(method: &'static Method, answers: Streaming<Bytes>) -> Self {
        Self {
            method,
            answers: Some(answers),
            kind: PhantomData,
        }
    }
}

impl<A: Message + Default> Answers<A> {
    /// The next answer; none at the end.
    ///
    /// # Errors
    /// When the service ends the call, or the connection is lost.
    pub async fn next(&mut self) -> Option<Result<A, Error>> {
        StreamExt::next(self).await
    }
}

impl<A: Message + Default> Stream for Answers<A> {
    type Item = Result<A, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(answers) = &mut self.answers else {
            return Poll::Ready(None);
        };
        let answer = ready!(answers.poll_next_unpin(context));
        let answer = answer.map(|answer| decode(self.method, answer?));
        if !matches!(answer, Some(Ok(_))) {
            self.answers = None;
        }
        Poll::Ready(answer)
    }
}

/// Messages that are encoded already, or not decoded yet.
struct Encoded;

impl Codec for Encoded {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Encoded {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, message: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put(message);
        Ok(())
    }
}

impl Decoder for Encoded {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining())))
    }
}
