//! The methods of the API: one table of what each call is made of and when it is sent again.

use billing_proto::v1;
use prost::Message;

use crate::{Answers, BillingClient, Error, Method, Repeat};

methods! {
    AccountService {
        /// Reads a user's account. A user of whom nothing is known has one with defaults.
        unary get_account: GetAccount(GetAccountRequest) -> Account, Reads;

        /// Sets what a user pays of list prices from a time on. Needs the scope `admin`.
        unary set_discount_rate: SetDiscountRate(SetDiscountRateRequest) -> Account,
            SameAgain "the same rate is in force again";

        /// Sets a user's tax, which counts when an invoice is issued. Needs the scope `admin`.
        unary set_tax: SetTax(SetTaxRequest) -> Account, SameAgain "the same tax is set again";
    }

    CouponService {
        /// Creates a coupon. Needs the scope `admin`.
        unary create_coupon: CreateCoupon(CreateCouponRequest) -> Coupon,
            RefusedAgain "its code is taken by then (`COUPON_EXISTS`)";

        /// Lists a page of coupons, newest first. Needs the scope `admin`.
        unary list_coupons: ListCoupons(ListCouponsRequest) -> ListCouponsResponse, Reads;

        /// Stops a coupon from being redeemed. Redeemed ones live on. Needs the scope `admin`.
        unary deactivate_coupon: DeactivateCoupon(DeactivateCouponRequest) -> Coupon,
            SameAgain "a coupon that is stopped is answered as it is";

        /// Answers whether a user could redeem a coupon now. Refuses as [`Self::apply_coupon`]
        /// does.
        unary validate_coupon: ValidateCoupon(ValidateCouponRequest) -> ValidateCouponResponse,
            Reads;

        /// Redeems a coupon by its code. A user who does not meet one of its rules is refused with
        /// the `COUPON_` code of the rule.
        identified apply_coupon: ApplyCoupon(ApplyCouponRequest) -> ApplyCouponResponse,
            ByRequestId "a request id redeems once; without one a coupon might be used twice";

        /// Lists a page of the coupons that a user has redeemed, newest first.
        unary list_redemptions: ListRedemptions(ListRedemptionsRequest) -> ListRedemptionsResponse,
            Reads;
    }

    DebugService {
        /// Sets the clock of a server that was started with a test clock. Needs the scope `admin`.
        unary advance_clock: AdvanceClock(AdvanceClockRequest) -> AdvanceClockResponse,
            SameAgain "the clock stands where it was set";
    }

    EventService {
        /// Lists a page of events by their position, the oldest first. Go on with
        /// `after_position` to follow them without missing one.
        unary list_events: ListEvents(ListEventsRequest) -> ListEventsResponse, Reads;

        /// Reads one event.
        unary get_event: GetEvent(GetEventRequest) -> Event, Reads;

        /// Has an event delivered again, the same bytes. Needs the scope `admin`.
        unary redeliver_event: RedeliverEvent(RedeliverEventRequest) -> RedeliverEventResponse,
            SameAgain "it is delivered again once more, under the same id";

        /// Has deliveries that were given up attempted again. Needs the scope `admin`.
        unary redeliver_dead: RedeliverDead(RedeliverDeadRequest) -> RedeliverDeadResponse,
            SameAgain "those that are under way are not given up any more";
    }

    InvoiceService {
        /// Issues the invoice of a month that is over; a running month is answered as a draft that
        /// is not kept. `INVOICE_NOTHING_TO_BILL` without charges.
        unary generate_invoice: GenerateInvoice(GenerateInvoiceRequest) -> Invoice,
            SameAgain "a month that is invoiced is answered with its invoice";

        /// Answers what [`Self::generate_invoice`] would, as a draft.
        unary preview_invoice: PreviewInvoice(PreviewInvoiceRequest) -> Invoice, Reads;

        /// Lists a page of a user's invoices, the latest month first; of all users, oldest first.
        unary list_invoices: ListInvoices(ListInvoicesRequest) -> ListInvoicesResponse, Reads;

        /// Exports invoices as parts of a CSV file, without a limit in time.
        answers export_invoices: ExportInvoices(ExportInvoicesRequest) -> ExportInvoicesResponse,
            Reads;

        /// Reads one invoice of a user.
        unary get_invoice: GetInvoice(GetInvoiceRequest) -> Invoice, Reads;

        /// Issues a draft that was kept. Needs the scope `admin`.
        unary finalise_invoice: FinaliseInvoice(FinaliseInvoiceRequest) -> Invoice,
            RefusedAgain "it is no draft by then (`INVOICE_MOVE_NOT_ALLOWED`)";

        /// Voids an unpaid invoice; its charges can be invoiced again. Needs the scope `admin`.
        unary void_invoice: VoidInvoice(VoidInvoiceRequest) -> Invoice,
            RefusedAgain "it is void by then (`INVOICE_MOVE_NOT_ALLOWED`)";

        /// Records that an invoice was paid outside the service. Needs the scope `admin`.
        unary mark_invoice_paid: MarkInvoicePaid(MarkInvoicePaidRequest) -> Invoice,
            RefusedAgain "it is paid by then (`INVOICE_MOVE_NOT_ALLOWED`)";

        /// Reduces an issued invoice; the amount and its tax go to the user's credit balance. Needs
        /// the scope `admin`.
        identified create_credit_note: CreateCreditNote(CreateCreditNoteRequest) -> CreditNote,
            ByRequestId "a request id makes one note; without one each call makes another";

        /// Lists a page of a user's credit notes, newest first.
        unary list_credit_notes: ListCreditNotes(ListCreditNotesRequest) -> ListCreditNotesResponse,
            Reads;

        /// Lists where the series of documents stand, the latest year first. Needs the scope `admin`.
        unary list_document_series: ListDocumentSeries(ListDocumentSeriesRequest)
            -> ListDocumentSeriesResponse, Reads;

        /// Has a series of documents go on with a number. Needs the scope `admin`.
        unary set_document_series: SetDocumentSeries(SetDocumentSeriesRequest) -> DocumentSeries,
            SameAgain "the same number comes next, or the call is refused by then";

        /// Issues the invoice of a month for every user who has none yet, and tells how far it is.
        /// It goes on only while the answers are read. Needs the scope `admin`.
        answers close_month: CloseMonth(CloseMonthRequest) -> CloseMonthResponse,
            SameAgain "users who have their invoice are left alone";

        /// Maps every usage record of a month to one invoice and computes each invoice again. Has
        /// no limit in time. Needs the scope `admin`.
        unlimited reconcile_month: ReconcileMonth(ReconcileMonthRequest) -> ReconcileMonthResponse,
            Never "it reads everything, and a second one would slow the first down";
    }

    PlanService {
        /// Lists the plans on offer in their display order. Needs no token.
        unary list_plans: ListPlans(ListPlansRequest) -> ListPlansResponse, Reads;

        /// Reads one plan, also one that is off the offer. Needs no token.
        unary get_plan: GetPlan(GetPlanRequest) -> Plan, Reads;

        /// Creates a plan. Needs the scope `admin`.
        unary create_plan: CreatePlan(CreatePlanRequest) -> Plan,
            SameAgain "the same plan is answered as it is stored";

        /// Changes a plan; fields left out keep their value. Needs the scope `admin`.
        unary update_plan: UpdatePlan(UpdatePlanRequest) -> Plan,
            SameAgain "the same values are set again";

        /// Takes a plan off the offer. Needs the scope `admin`.
        unary deactivate_plan: DeactivatePlan(DeactivatePlanRequest) -> Plan,
            SameAgain "a plan that is off the offer is answered as it is";
    }

    PricingService {
        /// Lists a page of the prices in force now, by model id.
        unary list_model_prices: ListModelPrices(ListModelPricesRequest) -> ListModelPricesResponse,
            Reads;

        /// Lists every price of a model, the one that was set last first.
        unary list_price_history: ListPriceHistory(ListPriceHistoryRequest)
            -> ListPriceHistoryResponse, Reads;

        /// Reads the price of one model that is in force at a time.
        unary get_model_price: GetModelPrice(GetModelPriceRequest) -> ModelPrice, Reads;

        /// Sets the price of a model from a time on. Needs the scope `admin`.
        unary set_model_price: SetModelPrice(SetModelPriceRequest) -> ModelPrice,
            SameAgain "setting the price in force changes nothing";

        /// Sets at most 10,000 prices; a refused one is reported and stops no other. Needs the
        /// scope `admin`.
        unary import_model_prices: ImportModelPrices(ImportModelPricesRequest)
            -> ImportModelPricesResponse, SameAgain "prices in force are counted as unchanged";
    }

    ReportService {
        /// Sums up a calendar month over all users. Needs the scope `admin`.
        unary get_monthly_report: GetMonthlyReport(GetMonthlyReportRequest)
            -> GetMonthlyReportResponse, Reads;

        /// Sums up usage by any of day, model and user, a page of rows in that order.
        unary get_usage_breakdown: GetUsageBreakdown(GetUsageBreakdownRequest)
            -> GetUsageBreakdownResponse, Reads;

        /// Ranks the users of a calendar month. Needs the scope `admin`.
        unary list_top_users: ListTopUsers(ListTopUsersRequest) -> ListTopUsersResponse, Reads;

        /// Exports the usage records of a calendar month as parts of a file, without a limit in
        /// time.
        answers export_usage: ExportUsage(ExportUsageRequest) -> ExportUsageResponse, Reads;
    }

    PaymentService {
        /// Begins to save a payment method; the user's browser goes on with the provider.
        identified create_payment_setup: CreatePaymentSetup(CreatePaymentSetupRequest)
            -> CreatePaymentSetupResponse,
            ByRequestId "a request id makes one setup; without one there are two, of which one ends \
                unused";

        /// Saves a method of the user's customer at the provider.
        unary attach_payment_method: AttachPaymentMethod(AttachPaymentMethodRequest)
            -> PaymentMethod,
            SameAgain "a method that is saved stays so";

        /// Lists a user's payment methods, the oldest first.
        unary list_payment_methods: ListPaymentMethods(ListPaymentMethodsRequest)
            -> ListPaymentMethodsResponse, Reads;

        /// Makes a method the one that is charged when none is named.
        unary set_default_payment_method: SetDefaultPaymentMethod(SetDefaultPaymentMethodRequest)
            -> PaymentMethod,
            SameAgain "it is the default again";

        /// Forgets a method, here and at the provider.
        unary detach_payment_method: DetachPaymentMethod(DetachPaymentMethodRequest)
            -> PaymentMethod,
            RefusedAgain "it is gone by then (`PAYMENT_METHOD_MISSING`)";

        /// Pays what an invoice asks for by a saved method; `PAYMENT_DECLINED` when it is declined.
        identified pay_invoice: PayInvoice(PayInvoiceRequest) -> Transaction,
            ByRequestId "a request id pays once; without one the first payment is in the way \
                (`PAYMENT_IN_FLIGHT`), or has paid the invoice";

        /// Buys tokens by a saved method; `PAYMENT_DECLINED` when it is declined.
        identified top_up: TopUp(TopUpRequest) -> Transaction,
            ByRequestId "a request id pays once; without one tokens might be bought twice";

        /// Begins a payment that a buyer approves at PayPal.
        identified create_paypal_order: CreatePaypalOrder(CreatePaypalOrderRequest)
            -> CreatePaypalOrderResponse,
            ByRequestId "a request id makes one order; without one the first is in the way \
                (`PAYMENT_IN_FLIGHT`)";

        /// Takes the money of an order at PayPal that the buyer has approved; `PAYMENT_DECLINED`
        /// when PayPal does not.
        unary capture_paypal_order: CapturePaypalOrder(CapturePaypalOrderRequest) -> Transaction,
            SameAgain "an order is captured once";

        /// Lists a page of a user's transactions, newest first.
        unary list_transactions: ListTransactions(ListTransactionsRequest)
            -> ListTransactionsResponse, Reads;

        /// Compares what the providers have charged on a day with the transactions, and changes
        /// nothing. Has no limit in time. Needs the scope `admin`.
        unlimited reconcile_transactions: ReconcileTransactions(ReconcileTransactionsRequest)
            -> ReconcileTransactionsResponse,
            Never "it asks the providers a lot, and a second one would slow the first down";

        /// Ends what calls for an operator. Needs the scope `admin`.
        unary clear_attention: ClearAttention(ClearAttentionRequest) -> Transaction,
            Never "what is new by then would be cleared too";

        /// Gives a payment back, in part or in full. Needs the scope `admin`.
        identified refund: Refund(RefundRequest) -> Transaction,
            ByRequestId "a request id gives back once; without one more might be given back";

        /// Reads one transaction of a user.
        unary get_transaction: GetTransaction(GetTransactionRequest) -> Transaction, Reads;
    }

    SettingsService {
        /// Reads a user's settings; the defaults when none were set.
        unary get_settings: GetSettings(GetSettingsRequest) -> Settings, Reads;

        /// Changes settings; fields left out keep their value.
        unary update_settings: UpdateSettings(UpdateSettingsRequest) -> Settings,
            SameAgain "the same values are set again";
    }

    StatsService {
        /// Reads a user's cost, tokens and quota.
        unary get_stats: GetStats(GetStatsRequest) -> GetStatsResponse, Reads;

        /// Answers whether a user is running out of tokens.
        unary get_quota_warning: GetQuotaWarning(GetQuotaWarningRequest) -> GetQuotaWarningResponse,
            Reads;
    }

    SubscriptionService {
        /// Subscribes a user to a plan.
        unary subscribe: Subscribe(SubscribeRequest) -> Subscription,
            RefusedAgain "a live subscription is in the way by then (`SUBSCRIPTION_EXISTS`)";

        /// Reads a user's live subscription; `SUBSCRIPTION_NOT_FOUND` without one.
        unary get_subscription: GetSubscription(GetSubscriptionRequest) -> Subscription, Reads;

        /// Lists a page of a user's subscriptions, newest first.
        unary list_subscriptions: ListSubscriptions(ListSubscriptionsRequest)
            -> ListSubscriptionsResponse, Reads;

        /// Changes the plan: a dearer one begins at once, any other with the next period.
        unary change_plan: ChangePlan(ChangePlanRequest) -> Subscription,
            SameAgain "naming the plan that one has or changes to leaves it so";

        /// Cancels the subscription at once, or lets it end with the running period.
        unary cancel_subscription: CancelSubscription(CancelSubscriptionRequest) -> Subscription,
            RefusedAgain "it is over or ending by then (`SUBSCRIPTION_MOVE_NOT_ALLOWED`)";

        /// Lets a subscription renew that was to end with its period.
        unary resume_subscription: ResumeSubscription(ResumeSubscriptionRequest) -> Subscription,
            RefusedAgain "it renews by then (`SUBSCRIPTION_MOVE_NOT_ALLOWED`)";
    }

    UsageService {
        /// Records one model call; the answer comes once the record is durable. Needs the scope
        /// `usage:write`.
        identified record_usage: RecordUsage(RecordUsageRequest) -> RecordUsageResponse,
            ByRequestId "a request id is charged once";

        /// See [`Self::record_usage_batch`].
        by_hand RECORD_USAGE_BATCH: RecordUsageBatch(RecordUsageBatchRequest)
            -> RecordUsageBatchResponse,
            ByRequestId "each record has its request id, which is charged once";

        /// See [`Self::stream_usage`].
        stream_by_hand STREAM_USAGE: StreamUsage(RecordUsageRequest) -> StreamUsageResponse,
            ByRequestId "opening it records nothing";

        /// Answers what a model call would cost if it were recorded now.
        unary calculate_cost: CalculateCost(CalculateCostRequest) -> CalculateCostResponse, Reads;

        /// Reads one usage record of a user.
        unary get_usage_record: GetUsageRecord(GetUsageRecordRequest) -> UsageRecord, Reads;

        /// Lists a page of a user's usage records, newest first.
        unary list_usage_records: ListUsageRecords(ListUsageRecordsRequest)
            -> ListUsageRecordsResponse, Reads;

        /// Reverses a usage record by a correction, which is answered. Needs the scope `admin`.
        unary void_usage: VoidUsage(VoidUsageRequest) -> UsageRecord,
            RefusedAgain "it is void by then (`USAGE_ALREADY_VOIDED`)";
    }

    WebhookService {
        /// Makes an endpoint that events are sent to, and answers its secret, which is shown only
        /// now. Needs the scope `admin`.
        unary create_webhook_endpoint: CreateWebhookEndpoint(CreateWebhookEndpointRequest)
            -> CreateWebhookEndpointResponse,
            Never "another endpoint would be made, and each event sent twice";

        /// Lists a page of the endpoints, newest first. Needs the scope `admin`.
        unary list_webhook_endpoints: ListWebhookEndpoints(ListWebhookEndpointsRequest)
            -> ListWebhookEndpointsResponse, Reads;

        /// Changes an endpoint; fields left out keep their value. Needs the scope `admin`.
        unary update_webhook_endpoint: UpdateWebhookEndpoint(UpdateWebhookEndpointRequest)
            -> WebhookEndpoint,
            SameAgain "the same values are set again";

        /// Forgets an endpoint. Needs the scope `admin`.
        unary delete_webhook_endpoint: DeleteWebhookEndpoint(DeleteWebhookEndpointRequest)
            -> WebhookEndpoint,
            RefusedAgain "it is gone by then (`WEBHOOK_ENDPOINT_NOT_FOUND`)";

        /// Signs an endpoint's events with a new secret, which is shown only now. Needs the scope
        /// `admin`.
        unary rotate_webhook_secret: RotateWebhookSecret(RotateWebhookSecretRequest)
            -> RotateWebhookSecretResponse,
            Never "a secret would be made that nobody has seen, and an old one forgotten";

        /// Has what an endpoint missed attempted again. Needs the scope `admin`.
        unary recover_endpoint: RecoverEndpoint(RecoverEndpointRequest)
            -> RecoverEndpointResponse,
            SameAgain "what is under way is not missed any more";

        /// Sends a test to one endpoint. Needs the scope `admin`.
        unary send_test_event: SendTestEvent(SendTestEventRequest) -> SendTestEventResponse,
            SameAgain "another test is sent";
    }
}
