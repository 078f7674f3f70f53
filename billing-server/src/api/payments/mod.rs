//! Payments: saved methods, top-ups and paid invoices.

pub(super) mod convert;
mod orders;
mod reconcile;

use billing_core::{
    ids::UserId,
    payment::{
        CollectConsent, Consenter, Consents, PaymentMethod, Provider, TopupConsent, Transaction,
        TransactionStatus,
    },
    refusal::Refusal,
};
use billing_proto::v1::{self, payment_service_server::PaymentService};
use billing_store::{PaidBy, PaymentFor, PaymentOrder};
use tonic::Request;

use self::convert::{Agreed, Asked, Attached};
use super::{Answer, page::Page, service::service, values::user};
use crate::{
    app::App,
    auth::{Caller, caller},
    error::{ApiError, ErrorCode},
    payments::{self, ProviderError},
};

service! {
    PaymentService for App {
        User => create_payment_setup(v1::CreatePaymentSetupRequest)
            -> v1::CreatePaymentSetupResponse;
        User => attach_payment_method(v1::AttachPaymentMethodRequest) -> v1::PaymentMethod;
        User => list_payment_methods(v1::ListPaymentMethodsRequest)
            -> v1::ListPaymentMethodsResponse;
        User => set_default_payment_method(v1::SetDefaultPaymentMethodRequest)
            -> v1::PaymentMethod;
        User => detach_payment_method(v1::DetachPaymentMethodRequest) -> v1::PaymentMethod;
        User => pay_invoice(v1::PayInvoiceRequest) -> v1::Transaction;
        User => top_up(v1::TopUpRequest) -> v1::Transaction;
        User => create_paypal_order(v1::CreatePaypalOrderRequest) -> v1::CreatePaypalOrderResponse;
        User => capture_paypal_order(v1::CapturePaypalOrderRequest) -> v1::Transaction;
        User => list_transactions(v1::ListTransactionsRequest) -> v1::ListTransactionsResponse;
        Admin => reconcile_transactions(v1::ReconcileTransactionsRequest)
            -> v1::ReconcileTransactionsResponse;
        Admin => clear_attention(v1::ClearAttentionRequest) -> v1::Transaction;
        Admin => refund(v1::RefundRequest) -> v1::Transaction;
        User => get_transaction(v1::GetTransactionRequest) -> v1::Transaction;
    }
}

impl App {
    async fn create_payment_setup(
        &self,
        request: Request<v1::CreatePaymentSetupRequest>,
    ) -> Answer<v1::CreatePaymentSetupResponse> {
        let caller = caller(&request)?.clone();
        let user = caller.resolve(&request.get_ref().user_id)?;
        let setup = convert::setup(&user, request.into_inner(), self.ids().transaction())?;
        let methods = self.providers().methods(setup.provider)?;
        let customer = self.customer(setup.provider, &setup.user_id).await?;
        let made = methods.create_setup(&setup.key, &customer, &setup.return_url);
        let made = made.await.map_err(unavailable)?;
        let consents = self.consents(&caller, &setup.user_id, setup.agreed).await?;
        if consents != Consents::default() {
            let kept = self.store().promise_consents(setup.user_id, consents);
            kept.await?;
        }
        Ok(convert::made_setup(made))
    }

    async fn attach_payment_method(
        &self,
        request: Request<v1::AttachPaymentMethodRequest>,
    ) -> Answer<v1::PaymentMethod> {
        let caller = caller(&request)?.clone();
        let user = caller.resolve(&request.get_ref().user_id)?;
        let wanted = convert::attached(&user, request.into_inner())?;
        let method = self.described(&caller, wanted).await?;
        let saved = self.store().save_payment_method(method).await?;
        Ok(convert::method(saved))
    }

    async fn list_payment_methods(
        &self,
        request: Request<v1::ListPaymentMethodsRequest>,
    ) -> Answer<v1::ListPaymentMethodsResponse> {
        let user = user(&caller(&request)?.resolve(&request.get_ref().user_id)?)?;
        let methods = self.store().payment_methods(user).await?;
        Ok(v1::ListPaymentMethodsResponse {
            methods: methods.into_iter().map(convert::method).collect(),
        })
    }

    async fn set_default_payment_method(
        &self,
        request: Request<v1::SetDefaultPaymentMethodRequest>,
    ) -> Answer<v1::PaymentMethod> {
        let user = caller(&request)?.resolve(&request.get_ref().user_id)?;
        let (user_id, id) = convert::named_method(&user, request.into_inner().id)?;
        let method = self.store().set_default_payment_method(user_id, id).await?;
        Ok(convert::method(method))
    }

    async fn detach_payment_method(
        &self,
        request: Request<v1::DetachPaymentMethodRequest>,
    ) -> Answer<v1::PaymentMethod> {
        let user = caller(&request)?.resolve(&request.get_ref().user_id)?;
        let (user_id, id) = convert::named_method(&user, request.into_inner().id)?;
        let removed = self.store().remove_payment_method(user_id, id).await?;
        // It is charged no more in any case; a provider that is not configured has nothing to do.
        if let Ok(methods) = self.providers().methods(removed.provider) {
            let key = format!("{id}-detach");
            let detached = methods.detach_method(&key, &removed.reference).await;
            if let Err(error) = detached {
                tracing::warn!(%error, method.id = %id, "a method is still at its provider");
            }
        }
        Ok(convert::method(removed))
    }

    async fn pay_invoice(
        &self,
        request: Request<v1::PayInvoiceRequest>,
    ) -> Answer<v1::Transaction> {
        let caller = caller(&request)?.clone();
        let user = caller.resolve(&request.get_ref().user_id)?;
        let (id, asked) = convert::invoice_to_pay(&user, request.into_inner())?;
        let least = self.providers().get(Provider::Stripe)?.least_charge();
        let what = PaymentFor::Invoice { id: id?, least };
        self.pay(&caller, asked, what).await
    }

    async fn top_up(&self, request: Request<v1::TopUpRequest>) -> Answer<v1::Transaction> {
        let caller = caller(&request)?.clone();
        let user = caller.resolve(&request.get_ref().user_id)?;
        let (amount, asked) = convert::topup(&user, request.into_inner())?;
        self.pay(&caller, asked, PaymentFor::Topup { amount }).await
    }

    async fn create_paypal_order(
        &self,
        request: Request<v1::CreatePaypalOrderRequest>,
    ) -> Answer<v1::CreatePaypalOrderResponse> {
        let caller = caller(&request)?.clone();
        let user = caller.resolve(&request.get_ref().user_id)?;
        let wanted = orders::wanted(&user, request.into_inner())?;
        let client = self.providers().get(Provider::Paypal)?;
        let order = PaymentOrder {
            id: self.ids().transaction(),
            user_id: wanted.asked.user_id,
            what: wanted.buys.payment(client.least_charge())?,
            provider: Provider::Paypal,
            is_live: client.is_live(),
            by: PaidBy::Approval,
            request: wanted.asked.request,
        };
        let transaction = payments::order(self, order, wanted.payer).await?;
        if transaction.status == TransactionStatus::Failed {
            return Err(declined(&transaction));
        }
        Ok(orders::made(transaction, caller.is_admin()))
    }

    async fn capture_paypal_order(
        &self,
        request: Request<v1::CapturePaypalOrderRequest>,
    ) -> Answer<v1::Transaction> {
        let caller = caller(&request)?.clone();
        let user = caller.resolve(&request.get_ref().user_id)?;
        let (user_id, order) = orders::named(&user, request.into_inner())?;
        let paid = payments::capture(self, &user_id, Provider::Paypal, order).await?;
        if paid.is_declined() {
            return Err(declined(&paid.transaction));
        }
        Ok(convert::transaction(paid.transaction, caller.is_admin()))
    }

    async fn list_transactions(
        &self,
        request: Request<v1::ListTransactionsRequest>,
    ) -> Answer<v1::ListTransactionsResponse> {
        let caller = caller(&request)?.clone();
        let user = caller.resolve_listed(&request.get_ref().user_id)?;
        if request.get_ref().attention {
            caller.require_admin()?;
        }
        let (filter, page): (_, Page<_>) = convert::listed(user.as_ref(), request.get_ref())?;
        let found = self.store().transactions(filter, page.after, page.limit());
        let mut found = found.await?;
        let next_page_token = page.cut(&mut found, |transaction| transaction.id);
        let show = |transaction| convert::transaction(transaction, caller.is_admin());
        Ok(v1::ListTransactionsResponse {
            transactions: found.into_iter().map(show).collect(),
            next_page_token,
        })
    }

    async fn reconcile_transactions(
        &self,
        request: Request<v1::ReconcileTransactionsRequest>,
    ) -> Answer<v1::ReconcileTransactionsResponse> {
        let day = reconcile::day(&request.get_ref().day, self.now())?;
        let sides = payments::both_sides(self, day).await?;
        Ok(reconcile::compared(day, &sides))
    }

    async fn clear_attention(
        &self,
        request: Request<v1::ClearAttentionRequest>,
    ) -> Answer<v1::Transaction> {
        let caller = caller(&request)?.clone();
        let user = caller.resolve(&request.get_ref().user_id)?;
        let (user_id, id) = convert::named_transaction(&user, request.into_inner().id)?;
        let (cleared, attention) = self.store().clear_attention(user_id, id?).await?;
        if let Some(attention) = attention {
            let (by, id) = (&caller.subject, cleared.id);
            tracing::info!(attention, by, transaction.id = %id, "an operator has looked at it");
        }
        Ok(convert::transaction(cleared, true))
    }

    async fn refund(&self, request: Request<v1::RefundRequest>) -> Answer<v1::Transaction> {
        let user = caller(&request)?.resolve(&request.get_ref().user_id)?;
        let id = self.ids().transaction();
        let (user_id, payment, order) = convert::refund(&user, request.into_inner(), id)?;
        let refund = payments::refund(self, user_id, payment?, order).await?;
        Ok(convert::transaction(refund, true))
    }

    async fn get_transaction(
        &self,
        request: Request<v1::GetTransactionRequest>,
    ) -> Answer<v1::Transaction> {
        let caller = caller(&request)?.clone();
        let user = caller.resolve(&request.get_ref().user_id)?;
        let (user_id, id) = convert::named_transaction(&user, request.into_inner().id)?;
        let found = self.store().transaction(user_id, id?).await?;
        Ok(convert::transaction(found, caller.is_admin()))
    }

    async fn pay(
        &self,
        caller: &Caller,
        asked: Asked,
        what: PaymentFor,
    ) -> Answer<v1::Transaction> {
        let provider = Provider::Stripe;
        let is_own = caller.subject == asked.user_id.as_str();
        let order = PaymentOrder {
            id: self.ids().transaction(),
            user_id: asked.user_id,
            what,
            provider,
            is_live: self.providers().get(provider)?.is_live(),
            by: PaidBy::Method(asked.method.transpose()?),
            request: asked.request,
        };
        let paid = payments::pay(self, order).await?;
        if paid.is_declined() {
            return Err(declined(&paid.transaction));
        }
        let secret = paid.client_secret.filter(|_| is_own);
        let mut answer = convert::transaction(paid.transaction, caller.is_admin());
        answer.client_secret = secret.map(|secret| secret.0).unwrap_or_default();
        Ok(answer)
    }

    /// The user's customer at a provider, who is made when there is none.
    async fn customer(&self, provider: Provider, user: &UserId) -> Answer<String> {
        let is_live = self.providers().get(provider)?.is_live();
        let known = self
            .store()
            .payment_customer(user.clone(), provider, is_live);
        if let Some(known) = known.await? {
            return Ok(known);
        }
        let key = format!("customer-{user}");
        let methods = self.providers().methods(provider)?;
        let made = methods.create_customer(&key, user).await;
        let made = made.map_err(unavailable)?;
        let kept = self
            .store()
            .keep_payment_customer(user.clone(), provider, is_live, made);
        Ok(kept.await?)
    }

    /// A method as its provider describes it, if it is the user's own.
    async fn described(&self, caller: &Caller, wanted: Attached) -> Answer<PaymentMethod> {
        let Attached {
            user_id, provider, ..
        } = wanted;
        let methods = self.providers().methods(provider)?;
        let is_live = self.providers().get(provider)?.is_live();
        let customer = self
            .store()
            .payment_customer(user_id.clone(), provider, is_live);
        let own = |customer: &String| wanted.customer.as_ref().is_none_or(|of| of == customer);
        let customer = customer.await?.filter(own);
        let customer = customer.ok_or(Refusal::PaymentMethodMissing)?;
        let found = methods.method(&customer, &wanted.method).await;
        let found = found.map_err(unavailable)?;
        let found = found.ok_or(Refusal::PaymentMethodMissing)?;
        let consents = self.consents(caller, &user_id, wanted.agreed).await?;
        Ok(PaymentMethod {
            id: self.ids().payment_method(),
            topup_consent: consents.topup,
            collect_consent: consents.collect,
            user_id,
            provider,
            is_live,
            customer_id: customer,
            reference: wanted.method,
            brand: found.brand,
            last4: found.last4,
            expiry: found.expiry,
            is_default: wanted.make_default,
            created_at: self.now(),
        })
    }

    /// What a user's consents come to; those that somebody gives for others are none.
    async fn consents(
        &self,
        caller: &Caller,
        user_id: &UserId,
        agreed: Agreed,
    ) -> Answer<Consents> {
        if !agreed.to_topups && !agreed.to_collection {
            return Ok(Consents::default());
        }
        let settings = self.store().settings(user_id.clone()).await?;
        let by = if caller.subject == user_id.as_str() {
            Consenter::User(user_id)
        } else {
            Consenter::Operator
        };
        let (threshold, amount) = (settings.auto_topup_threshold, settings.auto_topup_amount);
        let now = self.now();
        let topup = TopupConsent::given(by, threshold, amount, now);
        let collect = CollectConsent::given(by, now);
        Ok(Consents {
            topup: topup.filter(|_| agreed.to_topups && settings.auto_topup),
            collect: collect.filter(|_| agreed.to_collection),
        })
    }
}

fn declined(transaction: &Transaction) -> ApiError {
    let failure = transaction.failure.as_ref();
    let reason = failure.map_or("it was declined", |failure| failure.message.as_str());
    let message = format!("transaction \"{}\": {reason}", transaction.id);
    ApiError::new(ErrorCode::PaymentDeclined, message)
}

/// What callers learn of a provider that does not do what it is asked.
fn unavailable(error: ProviderError) -> ApiError {
    match error {
        ProviderError::Refused { message, .. } => {
            ApiError::new(ErrorCode::PaymentDeclined, message)
        }
        ProviderError::NotFound(_) => Refusal::PaymentMethodMissing.into(),
        error => ApiError::new(ErrorCode::PaymentProviderUnavailable, error.to_string()),
    }
}
