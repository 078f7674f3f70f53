//! A usage service in this process that takes many records and answers as a test scripts it.

use std::sync::{Arc, Mutex};

use billing_client::{BillingClient, BillingClientBuilder, RetryPolicy, Usage};
use billing_proto::v1::{
    Amount, CalculateCostRequest, CalculateCostResponse, GetUsageRecordRequest,
    ListUsageRecordsRequest, ListUsageRecordsResponse, Problem, RecordUsageBatchRequest,
    RecordUsageBatchResponse, RecordUsageRequest, RecordUsageResponse, RecordUsageResult,
    StreamUsageResponse, UsageOutcome, UsageRecord, VoidUsageRequest,
    usage_service_server::{UsageService, UsageServiceServer},
};
use futures_util::{StreamExt, stream::BoxStream};
use tokio::{net::TcpListener, sync::Semaphore};
use tonic::{
    Request, Response, Status, Streaming,
    metadata::MetadataMap,
    transport::{Server, server::TcpIncoming},
};

/// What the service does with the n-th record it sees, from 1.
type Script = dyn Fn(usize, RecordUsageRequest) -> Result<RecordUsageResult, Status> + Send + Sync;

type Call = (MetadataMap, Vec<RecordUsageRequest>);

/// Keeps what it was asked; a status of the script fails the whole call that the record is in.
#[derive(Clone)]
pub(crate) struct Fake {
    script: Arc<Script>,
    /// Every call needs a permit for each of its records before it is answered.
    gate: Arc<Semaphore>,
    seen: Arc<Mutex<Vec<Call>>>,
}

impl Fake {
    /// Serves on a free port of the loopback interface and returns a client builder for it.
    pub(crate) async fn serve(
        script: impl Fn(usize, RecordUsageRequest) -> Result<RecordUsageResult, Status>
        + Send
        + Sync
        + 'static,
    ) -> (Self, BillingClientBuilder) {
        let fake = Self {
            script: Arc::new(script),
            gate: Arc::new(Semaphore::new(Semaphore::MAX_PERMITS)),
            seen: Arc::default(),
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let service = UsageServiceServer::new(fake.clone()).max_decoding_message_size(usize::MAX);
        let server = Server::builder().add_service(service);
        tokio::spawn(server.serve_with_incoming(TcpIncoming::from(listener)));
        let retries = RetryPolicy::default().base_delay(std::time::Duration::from_millis(1));
        (fake, BillingClient::builder(endpoint).retries(retries))
    }

    /// A service that records everything.
    pub(crate) async fn willing() -> (Self, BillingClient) {
        let (fake, builder) = Self::serve(|_, record| Ok(recorded(&record))).await;
        (fake, builder.connect().await.unwrap())
    }

    /// Holds all answers back until [`Self::open`].
    pub(crate) fn close(&self) {
        self.gate.forget_permits(Semaphore::MAX_PERMITS);
    }

    /// Lets the answers to so many more records out.
    pub(crate) fn open(&self, records: usize) {
        self.gate.add_permits(records);
    }

    /// The request ids of every call so far; a stream has one call per record.
    pub(crate) fn calls(&self) -> Vec<Vec<String>> {
        let seen = self.seen.lock().unwrap();
        let ids = |records: &Vec<RecordUsageRequest>| {
            records
                .iter()
                .map(|record| record.request_id.clone())
                .collect()
        };
        seen.iter().map(|(_, records)| ids(records)).collect()
    }

    /// A header of the first call.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let seen = self.seen.lock().unwrap();
        let value = seen[0].0.get(name);
        value.map(|value| value.to_str().unwrap().into())
    }

    async fn answer(
        &self,
        headers: MetadataMap,
        records: Vec<RecordUsageRequest>,
    ) -> Result<Vec<RecordUsageResult>, Status> {
        let count = u32::try_from(records.len()).unwrap();
        let before = {
            let mut seen = self.seen.lock().unwrap();
            let before: usize = seen.iter().map(|(_, records)| records.len()).sum();
            seen.push((headers, records.clone()));
            before
        };
        self.gate.acquire_many(count).await.unwrap().forget();
        let records = records.into_iter().enumerate();
        records
            .map(|(index, record)| (self.script)(before + index + 1, record))
            .collect()
    }
}

/// A model call of `user-1` with this request id.
pub(crate) fn usage(id: usize) -> RecordUsageRequest {
    Usage::new("user-1", format!("request-{id}"), "gpt-4")
        .prompt_tokens(10)
        .into()
}

/// The request ids of [`usage`].
pub(crate) fn ids(numbers: impl IntoIterator<Item = usize>) -> Vec<String> {
    numbers
        .into_iter()
        .map(|id| format!("request-{id}"))
        .collect()
}

/// The result of a record that was taken.
pub(crate) fn recorded(record: &RecordUsageRequest) -> RecordUsageResult {
    RecordUsageResult {
        request_id: record.request_id.clone(),
        outcome: UsageOutcome::Recorded.into(),
        record_id: format!("record of {}", record.request_id),
        final_cost: Some(Amount {
            value: "0.0123".into(),
        }),
        problem: None,
    }
}

/// The result of a record that was refused.
pub(crate) fn rejected(record: &RecordUsageRequest, code: &str) -> RecordUsageResult {
    RecordUsageResult {
        request_id: record.request_id.clone(),
        outcome: UsageOutcome::Rejected.into(),
        record_id: String::new(),
        final_cost: None,
        problem: Some(Problem {
            code: code.into(),
            message: "no".into(),
            field: "model".into(),
        }),
    }
}

#[tonic::async_trait]
impl UsageService for Fake {
    type StreamUsageStream = BoxStream<'static, Result<StreamUsageResponse, Status>>;

    async fn record_usage_batch(
        &self,
        request: Request<RecordUsageBatchRequest>,
    ) -> Result<Response<RecordUsageBatchResponse>, Status> {
        let (headers, _, message) = request.into_parts();
        let results = self.answer(headers, message.records).await?;
        Ok(Response::new(RecordUsageBatchResponse {
            results,
            ..RecordUsageBatchResponse::default()
        }))
    }

    async fn stream_usage(
        &self,
        request: Request<Streaming<RecordUsageRequest>>,
    ) -> Result<Response<Self::StreamUsageStream>, Status> {
        let (headers, _, calls) = request.into_parts();
        let fake = self.clone();
        let answers = calls.then(move |call| {
            let (fake, headers) = (fake.clone(), headers.clone());
            async move {
                let results = fake.answer(headers, vec![call?]).await?;
                Ok(StreamUsageResponse { results })
            }
        });
        Ok(Response::new(answers.boxed()))
    }

    async fn record_usage(
        &self,
        _: Request<RecordUsageRequest>,
    ) -> Result<Response<RecordUsageResponse>, Status> {
        Err(Status::unimplemented("many at a time"))
    }

    async fn calculate_cost(
        &self,
        _: Request<CalculateCostRequest>,
    ) -> Result<Response<CalculateCostResponse>, Status> {
        Err(Status::unimplemented("many at a time"))
    }

    async fn get_usage_record(
        &self,
        _: Request<GetUsageRecordRequest>,
    ) -> Result<Response<UsageRecord>, Status> {
        Err(Status::unimplemented("many at a time"))
    }

    async fn list_usage_records(
        &self,
        _: Request<ListUsageRecordsRequest>,
    ) -> Result<Response<ListUsageRecordsResponse>, Status> {
        Err(Status::unimplemented("many at a time"))
    }

    async fn void_usage(
        &self,
        _: Request<VoidUsageRequest>,
    ) -> Result<Response<UsageRecord>, Status> {
        Err(Status::unimplemented("many at a time"))
    }
}
