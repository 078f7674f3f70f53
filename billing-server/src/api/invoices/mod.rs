//! Users' invoices.

pub(super) mod convert;
mod export;
mod month;
mod requests;
#[cfg(test)]
mod tests;

use billing_core::ids::{InvoiceId, UserId};
use billing_proto::v1::{self, invoice_service_server::InvoiceService};
use billing_store::{InvoiceChange, InvoiceOrder};
use tonic::Request;

use self::requests::InvoicePage;
use super::{Answer, page::Page, service::service};
use crate::{app::App, auth::caller};

service! {
    InvoiceService for App
    where CloseMonthStream = month::Closing, ExportInvoicesStream = export::Parts
    {
        User => generate_invoice(v1::GenerateInvoiceRequest) -> v1::Invoice;
        User => preview_invoice(v1::PreviewInvoiceRequest) -> v1::Invoice;
        User => list_invoices(v1::ListInvoicesRequest) -> v1::ListInvoicesResponse;
        User => export_invoices(v1::ExportInvoicesRequest) -> export::Parts;
        User => get_invoice(v1::GetInvoiceRequest) -> v1::Invoice;
        Admin => finalise_invoice(v1::FinaliseInvoiceRequest) -> v1::Invoice;
        Admin => void_invoice(v1::VoidInvoiceRequest) -> v1::Invoice;
        Admin => mark_invoice_paid(v1::MarkInvoicePaidRequest) -> v1::Invoice;
        Admin => create_credit_note(v1::CreateCreditNoteRequest) -> v1::CreditNote;
        User => list_credit_notes(v1::ListCreditNotesRequest) -> v1::ListCreditNotesResponse;
        Admin => list_document_series(v1::ListDocumentSeriesRequest)
            -> v1::ListDocumentSeriesResponse;
        Admin => set_document_series(v1::SetDocumentSeriesRequest) -> v1::DocumentSeries;
        Admin => close_month(v1::CloseMonthRequest) -> month::Closing;
        Admin => reconcile_month(v1::ReconcileMonthRequest) -> v1::ReconcileMonthResponse;
    }
}

impl App {
    async fn generate_invoice(
        &self,
        request: Request<v1::GenerateInvoiceRequest>,
    ) -> Answer<v1::Invoice> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let user = caller.resolve(&request.user_id)?;
        if request.keep_draft {
            caller.require_admin()?;
        }
        let (user_id, month) = requests::of_month(&user, &request.billing_month)?;
        let order = InvoiceOrder {
            user_id,
            month,
            id: self.ids().invoice(),
            keep_draft: request.keep_draft,
        };
        let invoice = self.store().generate_invoice(order).await?;
        Ok(convert::invoice(invoice)?)
    }

    async fn preview_invoice(
        &self,
        request: Request<v1::PreviewInvoiceRequest>,
    ) -> Answer<v1::Invoice> {
        let user = caller(&request)?.resolve(&request.get_ref().user_id)?;
        let (user_id, month) = requests::of_month(&user, &request.get_ref().billing_month)?;
        let invoice = self.store().preview_invoice(user_id, month).await?;
        Ok(convert::invoice(invoice)?)
    }

    async fn list_invoices(
        &self,
        request: Request<v1::ListInvoicesRequest>,
    ) -> Answer<v1::ListInvoicesResponse> {
        let user = caller(&request)?.resolve_listed(&request.get_ref().user_id)?;
        let InvoicePage { filter, page } = requests::page(user.as_ref(), request.get_ref())?;
        let found = self.store().invoices(filter, page.offset, page.limit);
        let (invoices, total) = found.await?;
        let invoices = invoices.into_iter().map(convert::invoice_summary);
        Ok(v1::ListInvoicesResponse {
            invoices: invoices.collect::<Result<_, _>>()?,
            total,
        })
    }

    async fn export_invoices(
        &self,
        request: Request<v1::ExportInvoicesRequest>,
    ) -> Answer<export::Parts> {
        let caller = caller(&request)?;
        let user = match request.get_ref().user_id.as_str() {
            "" => caller.resolve_or_all("")?,
            named => caller.resolve_listed(named)?,
        };
        let filter = requests::exported(user.as_ref(), request.get_ref())?;
        Ok(export::parts(self.clone(), filter))
    }

    async fn get_invoice(&self, request: Request<v1::GetInvoiceRequest>) -> Answer<v1::Invoice> {
        let user = caller(&request)?.resolve(&request.get_ref().user_id)?;
        let (user_id, id) = requests::named(&user, request.into_inner().id)?;
        let invoice = self.store().invoice(user_id, id).await?;
        Ok(convert::invoice(invoice)?)
    }

    async fn finalise_invoice(
        &self,
        request: Request<v1::FinaliseInvoiceRequest>,
    ) -> Answer<v1::Invoice> {
        let user = caller(&request)?.resolve(&request.get_ref().user_id)?;
        let (user_id, id) = requests::named(&user, request.into_inner().id)?;
        self.change(user_id, id, InvoiceChange::Finalise).await
    }

    async fn void_invoice(&self, request: Request<v1::VoidInvoiceRequest>) -> Answer<v1::Invoice> {
        let user = caller(&request)?.resolve(&request.get_ref().user_id)?;
        let (user_id, id, change) = requests::void(&user, request.into_inner())?;
        self.change(user_id, id, change).await
    }

    async fn mark_invoice_paid(
        &self,
        request: Request<v1::MarkInvoicePaidRequest>,
    ) -> Answer<v1::Invoice> {
        let user = caller(&request)?.resolve(&request.get_ref().user_id)?;
        let (user_id, id, payment) = requests::payment(&user, request.into_inner())?;
        self.change(user_id, id, InvoiceChange::Pay(payment)).await
    }

    async fn create_credit_note(
        &self,
        request: Request<v1::CreateCreditNoteRequest>,
    ) -> Answer<v1::CreditNote> {
        let user = caller(&request)?.resolve(&request.get_ref().user_id)?;
        let id = self.ids().credit_note();
        let order = requests::credit_note(&user, request.into_inner(), id)?;
        let note = self.store().create_credit_note(order).await?;
        Ok(convert::credit_note(note)?)
    }

    async fn list_credit_notes(
        &self,
        request: Request<v1::ListCreditNotesRequest>,
    ) -> Answer<v1::ListCreditNotesResponse> {
        let user = caller(&request)?.resolve_listed(&request.get_ref().user_id)?;
        let request = request.into_inner();
        let (size, token) = (request.page_size, &request.page_token);
        let (user_id, page) = Page::of_user("credit notes", user.as_ref(), size, token)?;
        let found = self.store().credit_notes(user_id, page.after, page.limit());
        let mut found = found.await?;
        let next_page_token = page.cut(&mut found, |note| note.id);
        let notes = found.into_iter().map(convert::credit_note);
        Ok(v1::ListCreditNotesResponse {
            credit_notes: notes.collect::<Result<_, _>>()?,
            next_page_token,
        })
    }

    async fn list_document_series(
        &self,
        _: Request<v1::ListDocumentSeriesRequest>,
    ) -> Answer<v1::ListDocumentSeriesResponse> {
        let found = self.store().document_series().await?;
        Ok(v1::ListDocumentSeriesResponse {
            series: found.into_iter().map(convert::series).collect(),
        })
    }

    async fn set_document_series(
        &self,
        request: Request<v1::SetDocumentSeriesRequest>,
    ) -> Answer<v1::DocumentSeries> {
        let by = caller(&request)?.subject.clone();
        let (series, year, next_number) = requests::series(request.into_inner())?;
        let set = self.store().set_document_series(series, year, next_number);
        let set = set.await?;
        let (series, year) = (set.name.as_str(), set.year);
        tracing::info!(
            series,
            year,
            next_number,
            by,
            "a series of documents was set"
        );
        Ok(convert::series(set))
    }

    async fn close_month(&self, request: Request<v1::CloseMonthRequest>) -> Answer<month::Closing> {
        let month = requests::month_over(&request.get_ref().month, self.now())?;
        self.start_closing(month).await
    }

    async fn reconcile_month(
        &self,
        request: Request<v1::ReconcileMonthRequest>,
    ) -> Answer<v1::ReconcileMonthResponse> {
        let month = requests::month_over(&request.get_ref().month, self.now())?;
        self.reconcile(month).await
    }

    async fn change(
        &self,
        user_id: UserId,
        id: InvoiceId,
        change: InvoiceChange,
    ) -> Answer<v1::Invoice> {
        let invoice = self.store().change_invoice(user_id, id, change).await?;
        Ok(convert::invoice(invoice)?)
    }
}
