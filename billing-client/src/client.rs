//! The calls.

use billing_proto::v1::{
    self, coupon_service_client::CouponServiceClient, plan_service_client::PlanServiceClient,
    pricing_service_client::PricingServiceClient, report_service_client::ReportServiceClient,
    stats_service_client::StatsServiceClient,
    subscription_service_client::SubscriptionServiceClient,
    usage_service_client::UsageServiceClient,
};
use chrono::{DateTime, Utc};
use futures_util::stream::{self, Stream, TryStreamExt};
use tonic::{Request, Response, Status};

use crate::{
    AppliedCoupon, BillingClientBuilder, Cost, Error, ModelPrice, MonthlyReport, NewModelPrice,
    NewSubscription, Plan, PriceImport, QuotaWarning, RawService, Recorded, Stats, Subscription,
    Usage, UsageFilter, UsagePage, UsageRecord, convert,
    retry::{Attempts, Limits},
};

const PRICES_PER_PAGE: i32 = 1_000;

/// A connection to the billing service. Clones share it and are cheap.
///
/// Every call fails with an [`Error`] when the service refuses it or cannot be reached within the
/// limits that the builder was given.
#[derive(Debug, Clone)]
pub struct BillingClient {
    service: RawService,
    limits: Limits,
}

impl BillingClient {
    /// Sets up a client of the service at `endpoint`, such as `http://127.0.0.1:8080`.
    pub fn builder(endpoint: impl Into<String>) -> BillingClientBuilder {
        BillingClientBuilder::new(endpoint.into())
    }

    pub(crate) fn new(service: RawService, limits: Limits) -> Self {
        Self { service, limits }
    }

    /// The connection with its token, for generated clients: `UsageServiceClient::new(raw)`.
    /// Calls made on it are neither repeated nor bounded in time.
    #[must_use]
    pub fn raw(&self) -> RawService {
        self.service.clone()
    }

    /// Records one model call; the answer comes once the record is durable. However often the
    /// call is repeated, it is charged once.
    ///
    /// # Errors
    /// `USAGE_CONFLICT` when the request id was used with other content, `MODEL_NOT_FOUND` when
    /// the model has no price, `INVALID_FIELD` with all violations.
    pub async fn record_usage(&self, usage: Usage) -> Result<Recorded, Error> {
        let message = v1::RecordUsageRequest::from(usage);
        let answer = self.call_while(Error::is_passing, message, |service, request| async move {
            UsageServiceClient::new(service).record_usage(request).await
        });
        answer.await?.try_into()
    }

    /// Answers what a model call would cost if it were recorded now. Its request id is ignored.
    ///
    /// # Errors
    /// As [`Self::record_usage`], but for `USAGE_CONFLICT`.
    pub async fn calculate_cost(&self, usage: Usage) -> Result<Cost, Error> {
        let message = v1::CalculateCostRequest::from(usage);
        let answer = self.call(message, |service, request| async move {
            UsageServiceClient::new(service)
                .calculate_cost(request)
                .await
        });
        answer.await?.try_into()
    }

    /// Reads one usage record of a user.
    ///
    /// # Errors
    /// `USAGE_NOT_FOUND` when the user has no such record.
    pub async fn get_usage_record(
        &self,
        user_id: impl Into<String>,
        id: impl Into<String>,
    ) -> Result<UsageRecord, Error> {
        let message = v1::GetUsageRecordRequest {
            user_id: user_id.into(),
            id: id.into(),
        };
        let answer = self.call(message, |service, request| async move {
            UsageServiceClient::new(service)
                .get_usage_record(request)
                .await
        });
        answer.await?.try_into()
    }

    /// Lists one page of usage records, newest first.
    ///
    /// # Errors
    /// `INVALID_FIELD` when a filter is malformed.
    pub async fn list_usage_records(&self, filter: UsageFilter) -> Result<UsagePage, Error> {
        let message = v1::ListUsageRecordsRequest::from(filter);
        let answer = self.call(message, |service, request| async move {
            UsageServiceClient::new(service)
                .list_usage_records(request)
                .await
        });
        answer.await?.try_into()
    }

    /// Lists usage records, newest first, fetching page after page as the stream is read. Ends
    /// with the first error.
    pub fn all_usage_records(
        &self,
        filter: UsageFilter,
    ) -> impl Stream<Item = Result<UsageRecord, Error>> + Send + 'static {
        let pages = stream::try_unfold((self.clone(), Some(filter)), async |(client, filter)| {
            let Some(filter) = filter else {
                return Ok::<_, Error>(None);
            };
            let page = client.list_usage_records(filter.clone()).await?;
            let next = page.next_page_token.map(|token| filter.page_token(token));
            let records = stream::iter(page.records.into_iter().map(Ok));
            Ok(Some((records, (client, next))))
        });
        pages.try_flatten()
    }

    /// Reverses a usage record by a correction, which is answered. An empty `user_id` means the
    /// token's subject; `reason` may be empty.
    ///
    /// # Errors
    /// `SCOPE_MISSING` unless the token has the scope `admin`, `USAGE_NOT_FOUND` when the user has
    /// no such record, `USAGE_ALREADY_VOIDED` also when an attempt did so whose answer was lost.
    pub async fn void_usage(
        &self,
        user_id: impl Into<String>,
        id: impl Into<String>,
        reason: impl Into<String>,
    ) -> Result<UsageRecord, Error> {
        let message = v1::VoidUsageRequest {
            user_id: user_id.into(),
            id: id.into(),
            reason: reason.into(),
        };
        let answer = self.call(message, |service, request| async move {
            UsageServiceClient::new(service).void_usage(request).await
        });
        answer.await?.try_into()
    }

    /// Reads what a user has used and owes.
    ///
    /// # Errors
    /// `OTHER_USER` when the token does not allow it.
    pub async fn stats(&self, user_id: impl Into<String>) -> Result<Stats, Error> {
        let message = v1::GetStatsRequest {
            user_id: user_id.into(),
        };
        let answer = self.call(message, |service, request| async move {
            StatsServiceClient::new(service).get_stats(request).await
        });
        answer.await?.try_into()
    }

    /// Answers whether a user is running out of tokens.
    ///
    /// # Errors
    /// `OTHER_USER` when the token does not allow it.
    pub async fn quota_warning(&self, user_id: impl Into<String>) -> Result<QuotaWarning, Error> {
        let message = v1::GetQuotaWarningRequest {
            user_id: user_id.into(),
        };
        let answer = self.call(message, |service, request| async move {
            StatsServiceClient::new(service)
                .get_quota_warning(request)
                .await
        });
        Ok(answer.await?.into())
    }

    /// Subscribes a user to a plan.
    ///
    /// # Errors
    /// `SUBSCRIPTION_EXISTS` when one is live, also one that an attempt made whose answer was
    /// lost; `PLAN_NOT_FOUND` and `PLAN_INACTIVE`; `SCOPE_MISSING` for a trial or a start in the
    /// past without the scope `admin`.
    pub async fn subscribe(&self, new: NewSubscription) -> Result<Subscription, Error> {
        let message = v1::SubscribeRequest::from(new);
        let answer = self.call(message, |service, request| async move {
            SubscriptionServiceClient::new(service)
                .subscribe(request)
                .await
        });
        answer.await?.try_into()
    }

    /// Reads a user's live subscription.
    ///
    /// # Errors
    /// `SUBSCRIPTION_NOT_FOUND` without one, `OTHER_USER` when the token does not allow it.
    pub async fn subscription(&self, user_id: impl Into<String>) -> Result<Subscription, Error> {
        let message = v1::GetSubscriptionRequest {
            user_id: user_id.into(),
        };
        let answer = self.call(message, |service, request| async move {
            SubscriptionServiceClient::new(service)
                .get_subscription(request)
                .await
        });
        answer.await?.try_into()
    }

    /// Redeems a coupon by its code, in any case. However often the call is repeated with its
    /// `request_id`, which is unique per user, it redeems once.
    ///
    /// # Errors
    /// `COUPON_NOT_FOUND`, or the `COUPON_` code of the rule that the user does not meet.
    pub async fn apply_coupon(
        &self,
        user_id: impl Into<String>,
        coupon_code: impl Into<String>,
        request_id: impl Into<String>,
    ) -> Result<AppliedCoupon, Error> {
        let message = v1::ApplyCouponRequest {
            coupon_code: coupon_code.into(),
            user_id: user_id.into(),
            request_id: request_id.into(),
        };
        let answer = self.call_while(Error::is_passing, message, |service, request| async move {
            CouponServiceClient::new(service)
                .apply_coupon(request)
                .await
        });
        answer.await?.try_into()
    }

    /// Sums up a calendar month, `YYYY-MM`, over all users.
    ///
    /// # Errors
    /// `SCOPE_MISSING` unless the token has the scope `admin`.
    pub async fn monthly_report(&self, month: impl Into<String>) -> Result<MonthlyReport, Error> {
        let message = v1::GetMonthlyReportRequest {
            month: month.into(),
        };
        let answer = self.call(message, |service, request| async move {
            ReportServiceClient::new(service)
                .get_monthly_report(request)
                .await
        });
        answer.await?.try_into()
    }

    /// Reads the price of a model that is in force at a time; none means now.
    ///
    /// # Errors
    /// `MODEL_NOT_FOUND` when the model has no price at that time.
    pub async fn model_price(
        &self,
        model_id: impl Into<String>,
        at: Option<DateTime<Utc>>,
    ) -> Result<ModelPrice, Error> {
        let message = v1::GetModelPriceRequest {
            model_id: model_id.into(),
            at: at.map(convert::to_timestamp),
        };
        let answer = self.call(message, |service, request| async move {
            PricingServiceClient::new(service)
                .get_model_price(request)
                .await
        });
        answer.await?.try_into()
    }

    /// Lists the prices of all models that are in force now, by model id.
    ///
    /// # Errors
    /// Those of every call.
    pub async fn list_model_prices(&self) -> Result<Vec<ModelPrice>, Error> {
        let mut prices = Vec::new();
        let mut message = v1::ListModelPricesRequest {
            page_size: PRICES_PER_PAGE,
            page_token: String::new(),
        };
        loop {
            let page = self.call(message.clone(), |service, request| async move {
                PricingServiceClient::new(service)
                    .list_model_prices(request)
                    .await
            });
            let page = page.await?;
            for price in page.prices {
                prices.push(price.try_into()?);
            }
            if page.next_page_token.is_empty() {
                return Ok(prices);
            }
            message.page_token = page.next_page_token;
        }
    }

    /// Sets the price of a model. Setting the price that is in force already changes nothing.
    ///
    /// # Errors
    /// `SCOPE_MISSING` unless the token has the scope `admin`, `PRICE_IN_PAST` when the price
    /// would change the past.
    pub async fn set_model_price(&self, price: NewModelPrice) -> Result<ModelPrice, Error> {
        let message = v1::SetModelPriceRequest::from(price);
        let answer = self.call(message, |service, request| async move {
            PricingServiceClient::new(service)
                .set_model_price(request)
                .await
        });
        answer.await?.try_into()
    }

    /// Sets at most 10,000 prices in one transaction; a refused one is reported and stops no
    /// other.
    ///
    /// # Errors
    /// `SCOPE_MISSING` unless the token has the scope `admin`.
    pub async fn import_model_prices(
        &self,
        prices: impl IntoIterator<Item = NewModelPrice>,
    ) -> Result<PriceImport, Error> {
        let message = v1::ImportModelPricesRequest {
            prices: prices.into_iter().map(Into::into).collect(),
        };
        let answer = self.call(message, |service, request| async move {
            PricingServiceClient::new(service)
                .import_model_prices(request)
                .await
        });
        Ok(answer.await?.into())
    }

    /// Lists the plans on offer in their display order. Needs no token.
    ///
    /// # Errors
    /// Those of every call.
    pub async fn plans(&self) -> Result<Vec<Plan>, Error> {
        let message = v1::ListPlansRequest::default();
        let answer = self.call(message, |service, request| async move {
            PlanServiceClient::new(service).list_plans(request).await
        });
        let plans = answer.await?.plans.into_iter();
        plans.map(Plan::try_from).collect()
    }

    /// Sends a message that may be repeated while it fails for a passing reason.
    pub(crate) async fn call<Q: Clone, A, F>(
        &self,
        message: Q,
        send: impl Fn(RawService, Request<Q>) -> F,
    ) -> Result<A, Error>
    where
        F: Future<Output = Result<Response<A>, Status>>,
    {
        self.call_while(Error::is_retryable, message, send).await
    }

    /// Sends the same message again while it fails with a `passing` error.
    pub(crate) async fn call_while<Q: Clone, A, F>(
        &self,
        passing: fn(&Error) -> bool,
        message: Q,
        send: impl Fn(RawService, Request<Q>) -> F,
    ) -> Result<A, Error>
    where
        F: Future<Output = Result<Response<A>, Status>>,
    {
        let mut attempts = self.start();
        self.attempt(&mut attempts, passing, message, send).await
    }

    /// A call of several messages begins.
    pub(crate) fn start(&self) -> Attempts {
        self.limits.start()
    }

    /// Goes on with a call: sends one message as often as it takes and is allowed.
    pub(crate) async fn attempt<Q: Clone, A, F>(
        &self,
        attempts: &mut Attempts,
        passing: fn(&Error) -> bool,
        message: Q,
        send: impl Fn(RawService, Request<Q>) -> F,
    ) -> Result<A, Error>
    where
        F: Future<Output = Result<Response<A>, Status>>,
    {
        let attempt = |timeout| {
            let mut request = Request::new(message.clone());
            request.set_timeout(timeout);
            send(self.raw(), request)
        };
        Ok(attempts.run(passing, attempt).await?.into_inner())
    }
}
