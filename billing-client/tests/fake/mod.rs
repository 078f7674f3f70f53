//! A usage service in this process that answers as a test scripts it.

use std::{
    future::pending,
    sync::{Arc, Mutex},
};

use billing_client::{BillingClient, BillingClientBuilder};
use billing_proto::{
    google::r#type::Decimal,
    v1::{
        Amount, CalculateCostRequest, CalculateCostResponse, GetUsageRecordRequest,
        ListUsageRecordsRequest, ListUsageRecordsResponse, RecordUsageBatchRequest,
        RecordUsageBatchResponse, RecordUsageRequest, RecordUsageResponse, StreamUsageResponse,
        UsageRecord, VoidUsageRequest,
        usage_service_server::{UsageService, UsageServiceServer},
    },
};
use futures_util::stream::Empty;
use prost_types::Timestamp;
use tokio::net::TcpListener;
use tonic::{
    Request, Response, Status, Streaming,
    metadata::MetadataMap,
    transport::{Server, server::TcpIncoming},
};

/// What the service does with one attempt.
pub(crate) enum Answer {
    Record(Box<UsageRecord>),
    Fail(Status),
    Hang,
}

type Script = dyn Fn(usize) -> Answer + Send + Sync;

/// Keeps what it was asked and answers the n-th attempt, from 1, as scripted.
#[derive(Clone)]
pub(crate) struct Fake {
    script: Arc<Script>,
    seen: Arc<Mutex<Vec<(MetadataMap, RecordUsageRequest)>>>,
}

impl Fake {
    /// Serves on a free port of the loopback interface and returns a client builder for it.
    pub(crate) async fn serve(
        script: impl Fn(usize) -> Answer + Send + Sync + 'static,
    ) -> (Self, BillingClientBuilder) {
        let fake = Self {
            script: Arc::new(script),
            seen: Arc::default(),
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let server = Server::builder().add_service(UsageServiceServer::new(fake.clone()));
        tokio::spawn(server.serve_with_incoming(TcpIncoming::from(listener)));
        (fake, BillingClient::builder(endpoint))
    }

    async fn answer(&self, request: Request<RecordUsageRequest>) -> Result<UsageRecord, Status> {
        let (headers, _, message) = request.into_parts();
        let attempt = {
            let mut seen = self.seen.lock().unwrap();
            seen.push((headers, message));
            seen.len()
        };
        match (self.script)(attempt) {
            Answer::Record(record) => Ok(*record),
            Answer::Fail(status) => Err(status),
            Answer::Hang => pending().await,
        }
    }

    /// The attempts so far, in order; reads count as empty ones.
    pub(crate) fn attempts(&self) -> Vec<RecordUsageRequest> {
        let seen = self.seen.lock().unwrap();
        seen.iter().map(|(_, message)| message.clone()).collect()
    }

    /// A header of the first attempt; empty when it was not sent.
    pub(crate) fn header(&self, name: &str) -> String {
        let seen = self.seen.lock().unwrap();
        let value = seen[0].0.get(name);
        value.map_or_else(String::new, |value| value.to_str().unwrap().into())
    }
}

/// A stored record with the least an answer must have.
pub(crate) fn record(id: &str, final_cost: &str) -> UsageRecord {
    let amount = |value: &str| {
        Some(Amount {
            value: value.into(),
        })
    };
    let time = Some(Timestamp {
        seconds: 1_700_158_546,
        nanos: 0,
    });
    UsageRecord {
        id: id.into(),
        cost_usd: amount(final_cost),
        discount_rate: Some(Decimal { value: "1".into() }),
        covered_amount: amount("0.00"),
        overage_cost: amount("0.00"),
        discount_amount: amount("0.00"),
        final_cost: amount(final_cost),
        status: 1,
        created_at: time,
        updated_at: time,
        ..UsageRecord::default()
    }
}

#[tonic::async_trait]
impl UsageService for Fake {
    type StreamUsageStream = Empty<Result<StreamUsageResponse, Status>>;

    async fn record_usage_batch(
        &self,
        _: Request<RecordUsageBatchRequest>,
    ) -> Result<Response<RecordUsageBatchResponse>, Status> {
        Err(Status::unimplemented("one at a time"))
    }

    async fn stream_usage(
        &self,
        _: Request<Streaming<RecordUsageRequest>>,
    ) -> Result<Response<Self::StreamUsageStream>, Status> {
        Err(Status::unimplemented("one at a time"))
    }

    async fn record_usage(
        &self,
        request: Request<RecordUsageRequest>,
    ) -> Result<Response<RecordUsageResponse>, Status> {
        let record = self.answer(request).await?;
        Ok(Response::new(RecordUsageResponse {
            record: Some(record),
            duplicate: self.attempts().len() > 1,
        }))
    }

    async fn calculate_cost(
        &self,
        _: Request<CalculateCostRequest>,
    ) -> Result<Response<CalculateCostResponse>, Status> {
        Ok(Response::new(CalculateCostResponse::default()))
    }

    async fn get_usage_record(
        &self,
        request: Request<GetUsageRecordRequest>,
    ) -> Result<Response<UsageRecord>, Status> {
        let read = request.map(|_| RecordUsageRequest::default());
        Ok(Response::new(self.answer(read).await?))
    }

    /// Three pages of one record each; a page's token is its number.
    async fn list_usage_records(
        &self,
        request: Request<ListUsageRecordsRequest>,
    ) -> Result<Response<ListUsageRecordsResponse>, Status> {
        let request = request.into_inner();
        assert_eq!(request.model, "gpt-4", "filters stay the same");
        let page: u32 = request.page_token.parse().unwrap_or(1);
        Ok(Response::new(ListUsageRecordsResponse {
            records: vec![record(&format!("record-{page}"), "1.00")],
            next_page_token: if page < 3 {
                (page + 1).to_string()
            } else {
                String::new()
            },
        }))
    }

    async fn void_usage(
        &self,
        _: Request<VoidUsageRequest>,
    ) -> Result<Response<UsageRecord>, Status> {
        Err(Status::unimplemented("one at a time"))
    }
}
