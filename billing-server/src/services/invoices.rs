//! Users' invoices.

mod month;
mod refusal;

use billing_core::{
    ids::{CreditNoteId, InvoiceId, UserId},
    invoice::{Invoice, InvoiceRefusal},
};
use billing_proto::v1::{self, invoice_service_server::InvoiceService};
use billing_store::{InvoiceChange, InvoiceOrder};
use tonic::{Request, Response, Status, async_trait};

use self::refusal::{month_refused, refused, unfit};
use super::Services;
use crate::{
    auth::layer::caller,
    convert::{self, InvoicePage},
    error::ApiError,
};

#[async_trait]
impl InvoiceService for Services {
    type CloseMonthStream = month::Closing;

    async fn generate_invoice(
        &self,
        request: Request<v1::GenerateInvoiceRequest>,
    ) -> Result<Response<v1::Invoice>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let user = caller.user_or_self(&request.user_id)?;
        if request.keep_draft {
            caller.require_admin()?;
        }
        let (user_id, month) = convert::invoice_of_month(user, &request.billing_month)?;
        let order = InvoiceOrder {
            user_id,
            month,
            id: self.new_invoice_id(),
            keep_draft: request.keep_draft,
        };
        let made = self.store().generate_invoice(order, self.clock()).await;
        let made = made.map_err(ApiError::from)?;
        answer(made.map_err(|refusal| month_refused(month, refusal))?)
    }

    async fn preview_invoice(
        &self,
        request: Request<v1::PreviewInvoiceRequest>,
    ) -> Result<Response<v1::Invoice>, Status> {
        let user = caller(&request)?.user_or_self(&request.get_ref().user_id)?;
        let (user_id, month) = convert::invoice_of_month(user, &request.get_ref().billing_month)?;
        let store = self.store();
        let previewed = store.preview_invoice(user_id, month, self.now()).await;
        let previewed = previewed.map_err(ApiError::from)?;
        answer(previewed.map_err(|refusal| month_refused(month, refusal))?)
    }

    async fn list_invoices(
        &self,
        request: Request<v1::ListInvoicesRequest>,
    ) -> Result<Response<v1::ListInvoicesResponse>, Status> {
        let caller = caller(&request)?;
        let mut request = request.into_inner();
        request.user_id = caller.user_or_self(&request.user_id)?;
        let InvoicePage { filter, page } = convert::invoice_page(request)?;
        let found = self.store().invoices(filter, page.offset, page.limit).await;
        let (invoices, total) = found.map_err(ApiError::from)?;
        let invoices = invoices.into_iter().map(convert::invoice_summary);
        Ok(Response::new(v1::ListInvoicesResponse {
            invoices: invoices.collect(),
            total,
        }))
    }

    async fn get_invoice(
        &self,
        request: Request<v1::GetInvoiceRequest>,
    ) -> Result<Response<v1::Invoice>, Status> {
        let user = caller(&request)?.user_or_self(&request.get_ref().user_id)?;
        let (user_id, id) = convert::named_invoice(user, request.into_inner().id)?;
        let found = self.store().invoice(user_id, id.clone()).await;
        let found = found.map_err(ApiError::from)?;
        answer(found.ok_or_else(|| refused(&id, InvoiceRefusal::NotFound))?)
    }

    async fn finalise_invoice(
        &self,
        request: Request<v1::FinaliseInvoiceRequest>,
    ) -> Result<Response<v1::Invoice>, Status> {
        let caller = caller(&request)?;
        caller.require_admin()?;
        let request = request.into_inner();
        let user = caller.user_or_self(&request.user_id)?;
        let (user_id, id) = convert::named_invoice(user, request.id)?;
        self.change(user_id, id, InvoiceChange::Finalise).await
    }

    async fn void_invoice(
        &self,
        request: Request<v1::VoidInvoiceRequest>,
    ) -> Result<Response<v1::Invoice>, Status> {
        let caller = caller(&request)?;
        caller.require_admin()?;
        let mut request = request.into_inner();
        request.user_id = caller.user_or_self(&request.user_id)?;
        let (user_id, id, reason) = convert::invoice_void(request)?;
        self.change(user_id, id, InvoiceChange::Void(reason)).await
    }

    async fn mark_invoice_paid(
        &self,
        request: Request<v1::MarkInvoicePaidRequest>,
    ) -> Result<Response<v1::Invoice>, Status> {
        let caller = caller(&request)?;
        caller.require_admin()?;
        let mut request = request.into_inner();
        request.user_id = caller.user_or_self(&request.user_id)?;
        let (user_id, id, payment) = convert::invoice_payment(request)?;
        self.change(user_id, id, InvoiceChange::Pay(payment)).await
    }

    async fn create_credit_note(
        &self,
        request: Request<v1::CreateCreditNoteRequest>,
    ) -> Result<Response<v1::CreditNote>, Status> {
        let caller = caller(&request)?;
        caller.require_admin()?;
        let mut request = request.into_inner();
        request.user_id = caller.user_or_self(&request.user_id)?;
        let id = CreditNoteId::trusted(self.new_id("crn", self.now()));
        let order = convert::credit_note_order(request, id)?;
        let invoice_id = order.invoice_id.clone();
        let made = self.store().create_credit_note(order, self.clock()).await;
        let made = made.map_err(ApiError::from)?;
        let note = made.map_err(|refusal| refused(&invoice_id, refusal))?;
        Ok(Response::new(convert::credit_note(note).map_err(unfit)?))
    }

    async fn close_month(
        &self,
        request: Request<v1::CloseMonthRequest>,
    ) -> Result<Response<Self::CloseMonthStream>, Status> {
        caller(&request)?.require_admin()?;
        let month = self.month_over(&request.get_ref().month)?;
        Ok(Response::new(self.start_closing(month).await?))
    }

    async fn reconcile_month(
        &self,
        request: Request<v1::ReconcileMonthRequest>,
    ) -> Result<Response<v1::ReconcileMonthResponse>, Status> {
        caller(&request)?.require_admin()?;
        let month = self.month_over(&request.get_ref().month)?;
        Ok(Response::new(self.reconcile(month).await?))
    }
}

impl Services {
    fn new_invoice_id(&self) -> InvoiceId {
        self.0.ids.next_invoice(self.now())
    }

    async fn change(
        &self,
        user_id: UserId,
        id: InvoiceId,
        change: InvoiceChange,
    ) -> Result<Response<v1::Invoice>, Status> {
        let store = self.store();
        let changing = store.change_invoice(user_id, id.clone(), change, self.clock());
        let changed = changing.await.map_err(ApiError::from)?;
        answer(changed.map_err(|refusal| refused(&id, refusal))?)
    }
}

fn answer(invoice: Invoice) -> Result<Response<v1::Invoice>, Status> {
    Ok(Response::new(convert::invoice(invoice).map_err(unfit)?))
}
