//! A server with the contract's example prices, and what tests of invoices ask of it.

use billing_proto::{
    google::r#type::Decimal,
    v1::{
        AdvanceClockRequest, Amount, CloseMonthRequest, CloseMonthResponse,
        CreateCreditNoteRequest, CreditNote, FinaliseInvoiceRequest, GenerateInvoiceRequest,
        GetAccountRequest, GetInvoiceRequest, Invoice, InvoiceStatus, ListInvoicesRequest,
        ListInvoicesResponse, MarkInvoicePaidRequest, PreviewInvoiceRequest, ReconcileMonthRequest,
        ReconcileMonthResponse, RecordUsageRequest, SetTaxRequest, SubscribeRequest, UsageRecord,
        VoidInvoiceRequest, VoidUsageRequest,
    },
};
use integration_tests::{Backend, TestServer};
use tonic::{Code, Response, Status};

use crate::{
    support::{operator, refusal, set_example_prices},
    wire::Wire,
};

pub(super) const ALICE: &str = "alice";

pub(super) struct World {
    pub(super) server: TestServer,
    pub(super) wire: Wire,
}

pub(super) type Answer<T> = Result<T, Status>;

fn plain<T>(answered: Result<Response<T>, Status>) -> Answer<T> {
    answered.map(Response::into_inner)
}

impl World {
    /// At an RFC 3339 time.
    pub(super) async fn at(backend: Backend, clock: &str) -> Self {
        let server = TestServer::builder(backend).clock(clock).start().await;
        set_example_prices(&operator(&server).await).await;
        let wire = Wire::operator(&server).await;
        Self { server, wire }
    }

    pub(super) async fn advance(&mut self, to: &str) {
        let to = Some(to.parse().expect("the time is RFC 3339"));
        let moved = self.wire.debug.advance_clock(AdvanceClockRequest { to });
        moved.await.expect("the clock moves");
    }

    /// Prompt tokens of gpt-4, of which 1,000 cost 0.03.
    pub(super) async fn use_gpt4(&mut self, id: &str, tokens: i64) -> UsageRecord {
        self.record(usage(id, "gpt-4", tokens)).await
    }

    pub(super) async fn record(&mut self, usage: RecordUsageRequest) -> UsageRecord {
        let recorded = plain(self.wire.usage.record_usage(usage).await);
        let recorded = recorded.expect("the usage is recorded");
        recorded.record.expect("a record is answered")
    }

    pub(super) async fn void_usage(&mut self, record: &UsageRecord) -> UsageRecord {
        let request = VoidUsageRequest {
            user_id: ALICE.to_owned(),
            id: record.id.clone(),
            reason: String::new(),
        };
        plain(self.wire.usage.void_usage(request).await).expect("the record is voided")
    }

    pub(super) async fn subscribe(&mut self, plan: &str) {
        let request = SubscribeRequest {
            user_id: ALICE.to_owned(),
            plan_id: plan.to_owned(),
            ..SubscribeRequest::default()
        };
        let subscribed = self.wire.subscriptions.subscribe(request).await;
        subscribed.expect("alice can subscribe");
    }

    pub(super) async fn tax(&mut self, rate: &str) {
        let value = rate.to_owned();
        let request = SetTaxRequest {
            user_id: ALICE.to_owned(),
            tax_rate: Some(Decimal { value }),
            ..SetTaxRequest::default()
        };
        let set = self.wire.accounts.set_tax(request).await;
        set.expect("the tax is set");
    }

    pub(super) async fn credit_balance(&mut self) -> String {
        let user_id = ALICE.to_owned();
        let account = self
            .wire
            .accounts
            .get_account(GetAccountRequest { user_id });
        let account = account.await.expect("alice has an account").into_inner();
        digits(account.credit_balance.as_ref()).to_owned()
    }

    pub(super) async fn generate(&mut self, month: &str) -> Invoice {
        let generated = self.try_generate(month, false).await;
        generated.expect("there is an invoice")
    }

    pub(super) async fn keep_draft(&mut self, month: &str) -> Invoice {
        let generated = self.try_generate(month, true).await;
        generated.expect("there is a draft")
    }

    pub(super) async fn try_generate(&mut self, month: &str, keep_draft: bool) -> Answer<Invoice> {
        let request = GenerateInvoiceRequest {
            billing_month: month.to_owned(),
            user_id: ALICE.to_owned(),
            keep_draft,
        };
        plain(self.wire.invoices.generate_invoice(request).await)
    }

    pub(super) async fn preview(&mut self, month: &str) -> Answer<Invoice> {
        let request = PreviewInvoiceRequest {
            billing_month: month.to_owned(),
            user_id: ALICE.to_owned(),
        };
        plain(self.wire.invoices.preview_invoice(request).await)
    }

    pub(super) async fn get(&mut self, id: &str) -> Answer<Invoice> {
        let request = GetInvoiceRequest {
            user_id: ALICE.to_owned(),
            id: id.to_owned(),
        };
        plain(self.wire.invoices.get_invoice(request).await)
    }

    /// The invoice as it stands now.
    pub(super) async fn again(&mut self, invoice: &Invoice) -> Invoice {
        let read = self.get(&invoice.id).await;
        read.expect("there is such an invoice")
    }

    pub(super) async fn list(
        &mut self,
        page: i32,
        page_size: i32,
        status: InvoiceStatus,
    ) -> Answer<ListInvoicesResponse> {
        let request = ListInvoicesRequest {
            page: Some(page),
            page_size,
            status: status.into(),
            user_id: ALICE.to_owned(),
            ..ListInvoicesRequest::default()
        };
        plain(self.wire.invoices.list_invoices(request).await)
    }

    /// All numbers, in the order of the list.
    pub(super) async fn numbers(&mut self) -> Vec<String> {
        let listed = self.list(1, 100, InvoiceStatus::Unspecified).await;
        let invoices = listed.expect("invoices are listed").invoices.into_iter();
        invoices.map(|invoice| invoice.invoice_number).collect()
    }

    pub(super) async fn finalise(&mut self, id: &str) -> Answer<Invoice> {
        let request = FinaliseInvoiceRequest {
            user_id: ALICE.to_owned(),
            id: id.to_owned(),
        };
        plain(self.wire.invoices.finalise_invoice(request).await)
    }

    pub(super) async fn void(&mut self, id: &str) -> Answer<Invoice> {
        self.give_up(id, "wrong address", false).await
    }

    pub(super) async fn write_off(&mut self, id: &str) -> Answer<Invoice> {
        self.give_up(id, "gone", true).await
    }

    async fn give_up(&mut self, id: &str, reason: &str, write_off: bool) -> Answer<Invoice> {
        let request = VoidInvoiceRequest {
            user_id: ALICE.to_owned(),
            id: id.to_owned(),
            reason: reason.to_owned(),
            write_off,
        };
        plain(self.wire.invoices.void_invoice(request).await)
    }

    pub(super) async fn pay(&mut self, id: &str) -> Answer<Invoice> {
        let request = MarkInvoicePaidRequest {
            user_id: ALICE.to_owned(),
            id: id.to_owned(),
            payment_method: "bank transfer".to_owned(),
            transaction_id: "tx-1".to_owned(),
        };
        plain(self.wire.invoices.mark_invoice_paid(request).await)
    }

    pub(super) async fn credit(
        &mut self,
        id: &str,
        amount: &str,
        request: &str,
    ) -> Answer<CreditNote> {
        let value = amount.to_owned();
        let request = CreateCreditNoteRequest {
            user_id: ALICE.to_owned(),
            id: id.to_owned(),
            amount: Some(Amount { value }),
            reason: "goodwill".to_owned(),
            request_id: request.to_owned(),
        };
        plain(self.wire.invoices.create_credit_note(request).await)
    }

    /// The last that is said of how far closing is.
    pub(super) async fn close(&mut self, month: &str) -> Answer<CloseMonthResponse> {
        let month = month.to_owned();
        let request = CloseMonthRequest { month };
        let mut progress = plain(self.wire.invoices.close_month(request).await)?;
        let mut last = CloseMonthResponse::default();
        while let Some(said) = progress.message().await? {
            last = said;
        }
        Ok(last)
    }

    pub(super) async fn reconcile(&mut self, month: &str) -> Answer<ReconcileMonthResponse> {
        let month = month.to_owned();
        let request = ReconcileMonthRequest { month };
        plain(self.wire.invoices.reconcile_month(request).await)
    }

    /// Asserts that nothing is at fault in these months.
    pub(super) async fn assert_reconciled(&mut self, months: &[&str]) {
        for month in months {
            let found = self.reconcile(month).await.expect("the month is over");
            assert_eq!(found.difference_count, 0, "{found:?}");
            assert!(found.differences.is_empty(), "{found:?}");
        }
    }
}

/// Prompt tokens of alice, now.
pub(super) fn usage(id: &str, model: &str, tokens: i64) -> RecordUsageRequest {
    RecordUsageRequest {
        user_id: ALICE.to_owned(),
        request_id: id.to_owned(),
        model: model.to_owned(),
        prompt_tokens: tokens,
        ..RecordUsageRequest::default()
    }
}

/// The same usage at another time.
pub(super) fn created(usage: RecordUsageRequest, at: &str) -> RecordUsageRequest {
    let created_at = Some(at.parse().expect("the time is RFC 3339"));
    RecordUsageRequest {
        created_at,
        ..usage
    }
}

/// What a request is refused with: its code, reason and fields.
#[track_caller]
pub(super) fn refused<T: std::fmt::Debug>(answer: Answer<T>) -> (Code, String, Vec<String>) {
    refusal(&answer.expect_err("the call is refused"))
}

/// A refusal of one field.
pub(super) fn invalid(field: &str) -> (Code, String, Vec<String>) {
    let fields = vec![field.to_owned()];
    (Code::InvalidArgument, "INVALID_FIELD".to_owned(), fields)
}

/// A refusal for how things stand.
pub(super) fn precondition(reason: &str) -> (Code, String, Vec<String>) {
    (Code::FailedPrecondition, reason.to_owned(), Vec::new())
}

pub(super) fn digits(amount: Option<&Amount>) -> &str {
    amount.map_or("unset", |amount| &amount.value)
}

/// Amount, discount, tax and total.
pub(super) fn totals(invoice: &Invoice) -> [&str; 4] {
    [
        &invoice.amount,
        &invoice.discount_amount,
        &invoice.tax_amount,
        &invoice.final_amount,
    ]
    .map(|amount| digits(amount.as_ref()))
}

/// Words, quantity and amount of every item.
pub(super) fn items(invoice: &Invoice) -> Vec<(&str, i64, &str)> {
    let items = invoice.items.iter();
    items
        .map(|item| {
            let amount = digits(item.amount.as_ref());
            (item.description.as_str(), item.quantity, amount)
        })
        .collect()
}
