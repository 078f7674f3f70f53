//! The calls that make and change invoices, and what the server keeps of them.

use billing_proto::v1::{
    CloseMonthRequest, CreateCreditNoteRequest, GenerateInvoiceRequest, GetInvoiceRequest,
    InvoiceStatus, ListInvoicesRequest, MarkInvoicePaidRequest, ReconcileMonthRequest,
    SetTaxRequest, VoidInvoiceRequest,
};

use super::{
    calendar::{month_name, month_of},
    compare::{Figures, VOID_REASON, accepted, agree},
    compare_invoices as compare,
    driver::Driver,
    invoices::PAID_BY,
    money::{Femto, amount},
    setup::{money, number},
};

/// More than a sequence has, and the most that a page may have.
const PAGE: i32 = 100;
/// How far before a sequence its usage reaches.
const MONTHS_BEFORE: i64 = 3;

impl Driver {
    pub(super) async fn set_tax(&mut self, rate: i128, exempt: bool) -> Result<(), String> {
        let request = SetTaxRequest {
            user_id: self.names.user.clone(),
            tax_rate: number(rate, 4),
            exempt,
            ..SetTaxRequest::default()
        };
        self.reference.tax = if exempt { 0 } else { rate };
        accepted(self.wire.accounts.set_tax(request).await).map(|_| ())
    }

    pub(super) async fn generate(&mut self, month: i64) -> Result<(), String> {
        let request = GenerateInvoiceRequest {
            billing_month: month_name(month),
            user_id: self.names.user.clone(),
            keep_draft: false,
        };
        let expected = self.reference.generate(month);
        let answered = self.wire.invoices.generate_invoice(request).await;
        let Some((index, got)) = agree(expected, answered)? else {
            return Ok(());
        };
        let Some(index) = index else {
            let bill = self.reference.bill(month).ok_or("there is no bill")?;
            return compare::draft(&self.reference, &self.names, month, &bill, &got);
        };
        self.reference.invoices[index].id.clone_from(&got.id);
        compare::invoice(&self.reference, &self.names, index, &got)
    }

    pub(super) async fn void_invoice(
        &mut self,
        index: usize,
        write_off: bool,
    ) -> Result<(), String> {
        let request = VoidInvoiceRequest {
            user_id: self.names.user.clone(),
            id: self.reference.invoices[index].id.clone(),
            reason: VOID_REASON.to_owned(),
            write_off,
        };
        let expected = if write_off {
            self.reference.write_off(index)
        } else {
            self.reference.void_invoice(index)
        };
        let answered = self.wire.invoices.void_invoice(request).await;
        let both = agree(expected, answered)?;
        both.map_or(Ok(()), |((), got)| {
            compare::invoice(&self.reference, &self.names, index, &got)
        })
    }

    pub(super) async fn pay_invoice(&mut self, index: usize) -> Result<(), String> {
        let id = &self.reference.invoices[index].id;
        let request = MarkInvoicePaidRequest {
            user_id: self.names.user.clone(),
            id: id.clone(),
            payment_method: PAID_BY.to_owned(),
            transaction_id: compare::transaction(id),
        };
        let expected = self.reference.pay(index);
        let answered = self.wire.invoices.mark_invoice_paid(request).await;
        let both = agree(expected, answered)?;
        both.map_or(Ok(()), |((), got)| {
            compare::invoice(&self.reference, &self.names, index, &got)
        })
    }

    pub(super) async fn credit_invoice(
        &mut self,
        index: usize,
        credit: Femto,
        request: usize,
    ) -> Result<(), String> {
        let request = CreateCreditNoteRequest {
            user_id: self.names.user.clone(),
            id: self.reference.invoices[index].id.clone(),
            amount: money(credit),
            reason: "goodwill".to_owned(),
            request_id: format!("note-{request}"),
        };
        let expected = self.reference.credit(index, credit, &request.request_id);
        let answered = self.wire.invoices.create_credit_note(request).await;
        let Some((note, got)) = agree(expected, answered)? else {
            return Ok(());
        };
        let invoice = &self.reference.invoices[index];
        let expected = compare::credit_note(invoice, &invoice.credit_notes[note]);
        let mut figures = Figures::default();
        figures.add("credit note", expected, compare::got_credit_note(&got));
        figures.add("invoice_id", &invoice.id, &got.invoice_id);
        figures.check("the credit note")
    }

    pub(super) async fn close_month(&mut self, month: i64) -> Result<(), String> {
        let request = CloseMonthRequest {
            month: month_name(month),
        };
        let over = month < month_of(self.reference.now);
        let expected = over.then_some(()).ok_or("INVALID_FIELD");
        // A refusal comes instead of the stream.
        let answered = self.wire.invoices.close_month(request).await;
        let Some(((), mut progress)) = agree(expected, answered)? else {
            return Ok(());
        };
        self.reference.close(month);
        let mut last = None;
        while let Some(said) = progress
            .message()
            .await
            .map_err(|error| error.to_string())?
        {
            last = Some(said);
        }
        let last = last.ok_or("nothing is said of how far closing is")?;
        let mut figures = Figures::default();
        figures.add("failed", 0, last.failed);
        figures.add("done", last.total, last.done);
        figures.check("closing the month")
    }

    /// Compares every invoice, and learns the ids of those that time made.
    pub(super) async fn compare_invoices(&mut self) -> Result<(), String> {
        let request = ListInvoicesRequest {
            page: Some(1),
            page_size: PAGE,
            status: InvoiceStatus::Unspecified.into(),
            user_id: self.names.user.clone(),
            ..ListInvoicesRequest::default()
        };
        let listed = accepted(self.wire.invoices.list_invoices(request).await)?;
        let mut figures = Figures::default();
        figures.add("total", self.reference.invoices.len(), listed.total);
        let months: Vec<_> = listed.invoices.iter().map(|i| &i.billing_month).collect();
        figures.add(
            "latest month first",
            true,
            months.is_sorted_by(|a, b| a >= b),
        );
        figures.check("the list of invoices")?;
        for index in 0..self.reference.invoices.len() {
            let number = compare::number(&self.names, &self.reference.invoices[index]);
            let mut summaries = listed.invoices.iter();
            let summary = summaries.find(|summary| summary.invoice_number == number);
            let summary = summary.ok_or_else(|| format!("{number} is not listed"))?;
            let id = &mut self.reference.invoices[index].id;
            if id.is_empty() {
                id.clone_from(&summary.id);
            }
            let request = GetInvoiceRequest {
                user_id: self.names.user.clone(),
                id: summary.id.clone(),
            };
            let got = accepted(self.wire.invoices.get_invoice(request).await)?;
            compare::invoice(&self.reference, &self.names, index, &got)?;
            compare::summary(summary, &got)?;
        }
        Ok(())
    }

    /// Has the server check every month that is over.
    pub(super) async fn reconcile(&mut self) -> Result<(), String> {
        let first = month_of(self.reference.began) - MONTHS_BEFORE;
        for month in first..month_of(self.reference.now) {
            let month = month_name(month);
            let request = ReconcileMonthRequest {
                month: month.clone(),
            };
            let found = accepted(self.wire.invoices.reconcile_month(request).await)?;
            if !found.differences.is_empty() || found.difference_count != 0 {
                return Err(format!("{month} does not reconcile: {found:?}"));
            }
        }
        Ok(())
    }

    /// Compares the credit that is left for coming invoices.
    pub(super) fn compare_credit(&self, got: Option<&billing_proto::v1::Amount>) -> Figures {
        let mut figures = Figures::default();
        let got = got.map_or("unset", |got| &got.value);
        figures.add("credit_balance", amount(self.reference.credit_balance), got);
        figures
    }
}
