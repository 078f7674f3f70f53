//! Services that run in process and answer what a test tells them to.

use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::middleware::from_fn;
use axum::response::Response;
use billing_proto::google::r#type::Decimal;
use billing_proto::v1;
use billing_proto::v1::plan_service_server::{PlanService, PlanServiceServer};
use billing_proto::v1::pricing_service_server::{PricingService, PricingServiceServer};
use billing_proto::v1::stats_service_server::{StatsService, StatsServiceServer};
use billing_proto::v1::usage_service_server::{UsageService, UsageServiceServer};
use http::{Request, StatusCode};
use prost_reflect::DescriptorPool;
use prost_types::Timestamp;
use tonic::Status;
use tonic::service::Routes;
use tower::ServiceExt;

use super::{MAX_BODY_BYTES, text};

type Answer<T> = Result<tonic::Response<T>, Status>;

/// What the services saw, and the failure they are told to answer with.
#[derive(Clone, Default)]
pub(super) struct Fake {
    pub(super) prices_set: Arc<Mutex<Vec<v1::SetModelPriceRequest>>>,
    pub(super) usage_recorded: Arc<Mutex<Vec<v1::RecordUsageRequest>>>,
    pub(super) usage_listed: Arc<Mutex<Vec<v1::ListUsageRecordsRequest>>>,
    pub(super) forwarded: Arc<Mutex<Vec<&'static str>>>,
    pub(super) failure: Option<Status>,
}

#[tonic::async_trait]
impl StatsService for Fake {
    async fn get_stats(
        &self,
        request: tonic::Request<v1::GetStatsRequest>,
    ) -> Answer<v1::GetStatsResponse> {
        if let Some(failure) = &self.failure {
            return Err(failure.clone());
        }
        let has = |name: &str| request.metadata().contains_key(name);
        let names = ["authorization", "x-request-id", "grpc-timeout", "cookie"];
        let mut forwarded: Vec<_> = names.into_iter().filter(|name| has(name)).collect();
        forwarded.extend(request.extensions().get::<&'static str>());
        self.forwarded.lock().unwrap().extend(forwarded);
        Ok(tonic::Response::new(v1::GetStatsResponse {
            current_month_cost: Some(amount("45.5")),
            current_month_tokens: 1_250_000,
            subscription_plan: "pro".into(),
            tokens_quota: 1_000_000,
            tokens_used: 750_000,
            tokens_remaining: 250_000,
            total_cost: Some(amount("245.50")),
        }))
    }

    async fn get_quota_warning(
        &self,
        _: tonic::Request<v1::GetQuotaWarningRequest>,
    ) -> Answer<v1::GetQuotaWarningResponse> {
        Err(Status::unimplemented("not asked for"))
    }
}

#[tonic::async_trait]
impl PlanService for Fake {
    async fn list_plans(
        &self,
        request: tonic::Request<v1::ListPlansRequest>,
    ) -> Answer<v1::ListPlansResponse> {
        let basic = v1::Plan {
            id: "plan-basic".into(),
            name: "Basic".into(),
            monthly_quota: 100_000,
            monthly_price: Some(amount("9.99")),
            extra_token_price: Some(decimal("0.00002000")),
            features: vec!["Email support".into()],
            is_active: true,
            created_at: Some(time(1_730_419_200, 0)),
            usage_pricing: v1::UsagePricing::Included.into(),
            overage_discount_rate: Some(decimal("1.0")),
            ..v1::Plan::default()
        };
        let plans = vec![basic; usize::from(!request.get_ref().include_inactive)];
        Ok(tonic::Response::new(v1::ListPlansResponse { plans }))
    }

    async fn get_plan(&self, _: tonic::Request<v1::GetPlanRequest>) -> Answer<v1::Plan> {
        Err(Status::unimplemented("not asked for"))
    }

    async fn create_plan(&self, _: tonic::Request<v1::CreatePlanRequest>) -> Answer<v1::Plan> {
        Err(Status::unimplemented("not asked for"))
    }

    async fn update_plan(&self, _: tonic::Request<v1::UpdatePlanRequest>) -> Answer<v1::Plan> {
        Err(Status::unimplemented("not asked for"))
    }

    async fn deactivate_plan(
        &self,
        _: tonic::Request<v1::DeactivatePlanRequest>,
    ) -> Answer<v1::Plan> {
        Err(Status::unimplemented("not asked for"))
    }
}

#[tonic::async_trait]
impl PricingService for Fake {
    async fn list_model_prices(
        &self,
        _: tonic::Request<v1::ListModelPricesRequest>,
    ) -> Answer<v1::ListModelPricesResponse> {
        Ok(tonic::Response::new(Default::default()))
    }

    async fn list_price_history(
        &self,
        _: tonic::Request<v1::ListPriceHistoryRequest>,
    ) -> Answer<v1::ListPriceHistoryResponse> {
        Ok(tonic::Response::new(Default::default()))
    }

    async fn get_model_price(
        &self,
        request: tonic::Request<v1::GetModelPriceRequest>,
    ) -> Answer<v1::ModelPrice> {
        let request = request.into_inner();
        Ok(tonic::Response::new(v1::ModelPrice {
            model_id: request.model_id,
            effective_from: request.at,
            ..v1::ModelPrice::default()
        }))
    }

    async fn set_model_price(
        &self,
        request: tonic::Request<v1::SetModelPriceRequest>,
    ) -> Answer<v1::ModelPrice> {
        let request = request.into_inner();
        self.prices_set.lock().unwrap().push(request.clone());
        Ok(tonic::Response::new(v1::ModelPrice {
            model_id: request.model_id,
            prompt_price_per_k: request.prompt_price_per_k,
            completion_price_per_k: request.completion_price_per_k,
            effective_from: request.effective_from,
            ..v1::ModelPrice::default()
        }))
    }

    async fn import_model_prices(
        &self,
        _: tonic::Request<v1::ImportModelPricesRequest>,
    ) -> Answer<v1::ImportModelPricesResponse> {
        Ok(tonic::Response::new(Default::default()))
    }
}

#[tonic::async_trait]
impl UsageService for Fake {
    type StreamUsageStream = tokio_stream::Empty<Result<v1::StreamUsageResponse, Status>>;

    async fn record_usage_batch(
        &self,
        request: tonic::Request<v1::RecordUsageBatchRequest>,
    ) -> Answer<v1::RecordUsageBatchResponse> {
        let records = request.into_inner().records.into_iter();
        let results = records.map(|record| v1::RecordUsageResult {
            request_id: record.request_id,
            ..v1::RecordUsageResult::default()
        });
        Ok(tonic::Response::new(v1::RecordUsageBatchResponse {
            results: results.collect(),
            ..v1::RecordUsageBatchResponse::default()
        }))
    }

    async fn stream_usage(
        &self,
        _: tonic::Request<tonic::Streaming<v1::RecordUsageRequest>>,
    ) -> Answer<Self::StreamUsageStream> {
        Ok(tonic::Response::new(tokio_stream::empty()))
    }

    async fn record_usage(
        &self,
        request: tonic::Request<v1::RecordUsageRequest>,
    ) -> Answer<v1::RecordUsageResponse> {
        let request = request.into_inner();
        self.usage_recorded.lock().unwrap().push(request.clone());
        let record = v1::UsageRecord {
            user_id: request.user_id,
            prompt_tokens: request.prompt_tokens,
            final_cost: Some(amount("0.000000000000001")),
            status: v1::UsageStatus::Completed.into(),
            ..v1::UsageRecord::default()
        };
        Ok(tonic::Response::new(v1::RecordUsageResponse {
            record: Some(record),
            duplicate: false,
        }))
    }

    async fn calculate_cost(
        &self,
        _: tonic::Request<v1::CalculateCostRequest>,
    ) -> Answer<v1::CalculateCostResponse> {
        Ok(tonic::Response::new(v1::CalculateCostResponse {
            cost_usd: Some(amount("many")),
            ..v1::CalculateCostResponse::default()
        }))
    }

    async fn get_usage_record(
        &self,
        request: tonic::Request<v1::GetUsageRecordRequest>,
    ) -> Answer<v1::UsageRecord> {
        let request = request.into_inner();
        Ok(tonic::Response::new(v1::UsageRecord {
            id: request.id,
            ..v1::UsageRecord::default()
        }))
    }

    async fn list_usage_records(
        &self,
        request: tonic::Request<v1::ListUsageRecordsRequest>,
    ) -> Answer<v1::ListUsageRecordsResponse> {
        self.usage_listed.lock().unwrap().push(request.into_inner());
        Ok(tonic::Response::new(Default::default()))
    }

    async fn void_usage(&self, _: tonic::Request<v1::VoidUsageRequest>) -> Answer<v1::UsageRecord> {
        Err(Status::unimplemented("not asked for"))
    }
}

fn amount(value: &str) -> v1::Amount {
    v1::Amount {
        value: value.into(),
    }
}

pub(super) fn decimal(value: &str) -> Decimal {
    Decimal {
        value: value.into(),
    }
}

fn time(seconds: i64, nanos: i32) -> Timestamp {
    Timestamp { seconds, nanos }
}

impl Fake {
    pub(super) async fn answer(&self, request: Request<Body>) -> Response {
        let pool = DescriptorPool::decode(billing_proto::FILE_DESCRIPTOR_SET).unwrap();
        let grpc = Routes::new(StatsServiceServer::new(self.clone()))
            .add_service(PlanServiceServer::new(self.clone()))
            .add_service(PricingServiceServer::new(self.clone()))
            .add_service(UsageServiceServer::new(self.clone()));
        let rest = super::super::router(&pool, grpc.clone(), &open_gate(), MAX_BODY_BYTES).unwrap();
        let grpc = grpc.into_axum_router().reset_fallback();
        let app = rest.merge(grpc.layer(from_fn(super::super::grpc_only)));
        app.oneshot(request).await.unwrap()
    }

    pub(super) async fn get(&self, path: &str) -> (StatusCode, String) {
        let request = Request::get(path).body(Body::empty()).unwrap();
        text(self.answer(request).await).await
    }

    pub(super) async fn post(&self, path: &str, body: impl Into<Body>) -> (StatusCode, String) {
        let request = Request::post(path).header("content-type", "application/json");
        text(self.answer(request.body(body.into()).unwrap()).await).await
    }
}

/// Lets everyone in.
fn open_gate() -> super::super::Gate {
    Arc::new(|_, _| Ok(()))
}
