//! Payments: saved methods, and transactions that follow what their providers say.

mod collect;
mod follow;
mod list;
mod methods;
mod refunds;
mod sweep;

pub(super) use self::methods::keep_topup_consent;

use async_trait::async_trait;
use billing_core::{
    account::{Account, RefundOrder},
    ids::{PaymentMethodId, TransactionId, UserId},
    payment::{
        CallerRequest, Charge, Consents, Failure, NewTransaction, PaymentMethod, Provider,
        RefundReport, Transaction, TransactionKind, TransactionStatus, next_look,
    },
    refusal::Refusal,
};
use chrono::{DateTime, NaiveDate, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use futures_util::FutureExt;

pub(super) use self::follow::arrived;
use super::{Backend, Tx, dialect, invoices::one_invoice};
use crate::{
    BegunPayment, Followed, PaidBy, PaymentFor, PaymentOrder, PaymentStore, StoreError,
    TransactionFilter,
    rows::TransactionRow,
    schema::payment_transactions,
    sql_types::{DbTimestamp, DbUuid},
};

#[async_trait]
impl PaymentStore for Backend {
    async fn payment_customer(
        &self,
        user_id: UserId,
        provider: Provider,
        is_live: bool,
    ) -> Result<Option<String>, StoreError> {
        self.read(
            (user_id, provider, is_live),
            |tx, (user, provider, live)| methods::customer(tx, user, provider, live).boxed(),
        )
        .await
    }

    async fn keep_payment_customer(
        &self,
        user_id: UserId,
        provider: Provider,
        is_live: bool,
        customer_id: String,
    ) -> Result<String, StoreError> {
        let order = (user_id, provider, is_live, customer_id);
        self.write(order, |tx, (user, provider, live, customer)| {
            methods::keep_customer(tx, user, provider, live, customer).boxed()
        })
        .await
    }

    async fn save_payment_method(
        &self,
        method: PaymentMethod,
    ) -> Result<PaymentMethod, StoreError> {
        self.write(method, |tx, method| methods::save(tx, method).boxed())
            .await
    }

    async fn payment_methods(&self, user_id: UserId) -> Result<Vec<PaymentMethod>, StoreError> {
        self.read(user_id, |tx, user_id| {
            async move { methods::of_user(tx, &user_id).await }.boxed()
        })
        .await
    }

    async fn set_default_payment_method(
        &self,
        user_id: UserId,
        id: PaymentMethodId,
    ) -> Result<PaymentMethod, StoreError> {
        self.write((user_id, id), |tx, (user_id, id)| {
            methods::set_default(tx, user_id, id).boxed()
        })
        .await
    }

    async fn remove_payment_method(
        &self,
        user_id: UserId,
        id: PaymentMethodId,
    ) -> Result<PaymentMethod, StoreError> {
        self.write((user_id, id), |tx, (user_id, id)| {
            methods::remove(tx, user_id, id).boxed()
        })
        .await
    }

    async fn begin_payment(&self, order: PaymentOrder) -> Result<BegunPayment, StoreError> {
        self.write(order, |tx, order| begin(tx, order).boxed())
            .await
    }

    async fn follow_charge(
        &self,
        user_id: UserId,
        id: TransactionId,
        charge: Charge,
    ) -> Result<Followed, StoreError> {
        self.write((user_id, id, charge), |tx, (user_id, id, charge)| {
            follow::charge(tx, user_id, id, charge).boxed()
        })
        .await
    }

    async fn refuse_payment(
        &self,
        user_id: UserId,
        id: TransactionId,
        failure: Failure,
    ) -> Result<Transaction, StoreError> {
        self.write((user_id, id, failure), |tx, (user_id, id, failure)| {
            follow::refused(tx, user_id, id, failure).boxed()
        })
        .await
    }

    async fn lapse_payment(
        &self,
        user_id: UserId,
        id: TransactionId,
    ) -> Result<Transaction, StoreError> {
        self.write((user_id, id), |tx, (user_id, id)| {
            follow::lapsed(tx, user_id, id).boxed()
        })
        .await
    }

    async fn begin_refund(
        &self,
        user_id: UserId,
        payment: TransactionId,
        order: RefundOrder,
    ) -> Result<(Transaction, Transaction), StoreError> {
        self.write(
            (user_id, payment, order),
            |tx, (user_id, payment, order)| refunds::begin(tx, user_id, payment, order).boxed(),
        )
        .await
    }

    async fn follow_refund(
        &self,
        user_id: UserId,
        payment: TransactionId,
        report: RefundReport,
        new: TransactionId,
    ) -> Result<Transaction, StoreError> {
        let order = (user_id, payment, report, new);
        self.write(order, |tx, (user_id, payment, report, new)| {
            refunds::follow(tx, user_id, payment, report, new).boxed()
        })
        .await
    }

    async fn note_attention(
        &self,
        user_id: UserId,
        id: TransactionId,
        reason: String,
    ) -> Result<Transaction, StoreError> {
        self.write((user_id, id, reason), |tx, (user_id, id, reason)| {
            follow::attention(tx, user_id, id, reason).boxed()
        })
        .await
    }

    async fn clear_attention(
        &self,
        user_id: UserId,
        id: TransactionId,
    ) -> Result<(Transaction, Option<String>), StoreError> {
        self.write((user_id, id), |tx, (user_id, id)| {
            follow::clear_attention(tx, user_id, id).boxed()
        })
        .await
    }

    async fn transaction(
        &self,
        user_id: UserId,
        id: TransactionId,
    ) -> Result<Transaction, StoreError> {
        self.read((user_id, id), |tx, (user_id, id)| {
            async move { stored(tx, &user_id, id).await }.boxed()
        })
        .await
    }

    async fn transaction_of(
        &self,
        provider: Provider,
        reference: String,
    ) -> Result<Option<Transaction>, StoreError> {
        self.read((provider, reference), |tx, (provider, reference)| {
            list::of_object(tx, provider, reference).boxed()
        })
        .await
    }

    async fn transactions(
        &self,
        filter: TransactionFilter,
        after: Option<TransactionId>,
        limit: i64,
    ) -> Result<Vec<Transaction>, StoreError> {
        self.read((filter, after, limit), |tx, (filter, after, limit)| {
            list::list(tx, filter, after, limit).boxed()
        })
        .await
    }

    async fn refunds(
        &self,
        user_id: UserId,
        payment: TransactionId,
    ) -> Result<Vec<Transaction>, StoreError> {
        self.read((user_id, payment), |tx, (user_id, payment)| {
            async move { refunds::of_payment(tx, &user_id, payment).await }.boxed()
        })
        .await
    }

    async fn note_webhook(
        &self,
        provider: Provider,
        event_id: String,
        event_type: String,
        charge: Option<String>,
    ) -> Result<(), StoreError> {
        let order = (provider, event_id, event_type, charge);
        self.write(order, |tx, (provider, event_id, event_type, charge)| {
            list::note_webhook(tx, provider, event_id, event_type, charge).boxed()
        })
        .await
    }

    async fn promise_consents(
        &self,
        user_id: UserId,
        consents: Consents,
    ) -> Result<(), StoreError> {
        self.write((user_id, consents), |tx, (user_id, consents)| {
            methods::promise(tx, user_id, consents).boxed()
        })
        .await
    }

    async fn users_to_collect_from(&self, limit: i64) -> Result<Vec<UserId>, StoreError> {
        self.read(limit, |tx, limit| collect::due(tx, limit).boxed())
            .await
    }

    async fn begin_collection(&self, user_id: UserId, id: TransactionId) -> Result<(), StoreError> {
        self.write((user_id, id), |tx, (user_id, id)| {
            collect::begin(tx, user_id, id).boxed()
        })
        .await
    }

    async fn put_off_collection(&self, user_id: UserId) -> Result<(), StoreError> {
        self.write(user_id, |tx, user_id| collect::put_off(tx, user_id).boxed())
            .await
    }

    async fn take_due_transactions(&self, limit: i64) -> Result<Vec<Transaction>, StoreError> {
        self.write(limit, |tx, limit| list::take_due(tx, limit).boxed())
            .await
    }

    async fn payments_succeeded(
        &self,
        provider: Provider,
        from: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<Vec<Transaction>, StoreError> {
        self.read((provider, from, until), |tx, (provider, from, until)| {
            sweep::succeeded(tx, provider, from, until).boxed()
        })
        .await
    }

    async fn take_sweep(&self, last: NaiveDate) -> Result<Option<NaiveDate>, StoreError> {
        self.write(last, |tx, last| sweep::take(tx, last).boxed())
            .await
    }

    async fn note_swept(&self, day: NaiveDate) -> Result<(), StoreError> {
        self.write(day, |tx, day| sweep::swept(tx, day).boxed())
            .await
    }
}

async fn begin(tx: &mut Tx, order: PaymentOrder) -> Result<BegunPayment, StoreError> {
    let mut ready = tx.lock(&order.user_id).await?;
    let methods = methods::of_user(tx, &order.user_id).await?;
    if let Some(earlier) = repeated(tx, &order.user_id, order.request.as_ref()).await? {
        let mut methods = methods.into_iter();
        return Ok(BegunPayment {
            method: methods.find(|method| Some(method.id) == earlier.payment_method_id),
            transaction: earlier,
            is_new: false,
        });
    }
    let method = match order.by {
        PaidBy::Approval => None,
        PaidBy::Method(id) => Some(chosen(methods, id, &order)?),
    };
    let new = NewTransaction {
        id: order.id,
        user_id: order.user_id.clone(),
        // What it is for is the rules' to say.
        kind: TransactionKind::Topup,
        provider: order.provider,
        amount: billing_core::money::Money::ZERO,
        payment_method_id: method.as_ref().map(|method| method.id),
        allocations: Vec::new(),
        tokens: 0,
        is_automatic: false,
        refund_of: None,
        request: order.request,
        is_live: order.is_live,
    };
    let open = list::open(tx, &order.user_id).await?;
    let transaction = made(tx, &mut ready.account, new, order.what, &open, ready.now).await?;
    let row = TransactionRow::new(&transaction, next_turn(&transaction, ready.now));
    dialect::insert(&mut tx.conn, vec![row]).await?;
    // Periods that have ended are stored with the first thing that happens after.
    let accounts = std::slice::from_mut(&mut ready.account);
    tx.save(accounts, &[], &ready.catalog, ready.now).await?;
    Ok(BegunPayment {
        transaction,
        method,
        is_new: true,
    })
}

async fn made(
    tx: &mut Tx,
    account: &mut Account,
    new: NewTransaction,
    what: PaymentFor,
    open: &[Transaction],
    now: DateTime<Utc>,
) -> Result<Transaction, StoreError> {
    Ok(match what {
        PaymentFor::Topup { amount } => {
            account.order_topup(new, amount, &tx.shared.topups, open, now)?
        }
        PaymentFor::Invoice { id, least } => {
            let invoice = one_invoice(tx, account.id().clone(), id).await?;
            account.order_payment(new, &invoice, least, open, now)?
        }
    })
}

/// The method that was named, or the default: one of the provider, for the same kind of money.
fn chosen(
    methods: Vec<PaymentMethod>,
    id: Option<PaymentMethodId>,
    order: &PaymentOrder,
) -> Result<PaymentMethod, Refusal> {
    let mut methods = methods.into_iter();
    let found = methods.find(|method| id.map_or(method.is_default, |id| method.id == id));
    let fits = |method: &PaymentMethod| {
        method.provider == order.provider && method.is_live == order.is_live
    };
    found.filter(fits).ok_or(Refusal::PaymentMethodMissing)
}

/// The transaction that an earlier call with the same request id has made.
async fn repeated(
    tx: &mut Tx,
    user_id: &UserId,
    request: Option<&CallerRequest>,
) -> Result<Option<Transaction>, StoreError> {
    let Some(request) = request else {
        return Ok(None);
    };
    let row = payment_transactions::table
        .filter(payment_transactions::user_id.eq(user_id.as_str()))
        .filter(payment_transactions::request_id.eq(request.id.as_str()))
        .select(TransactionRow::as_select())
        .first(&mut tx.conn)
        .await
        .optional()?;
    let earlier = row.map(Transaction::try_from).transpose()?;
    if let Some(earlier) = &earlier {
        earlier.check_repeat(request.fingerprint)?;
    }
    Ok(earlier)
}

/// A transaction as it is stored.
async fn stored(
    tx: &mut Tx,
    user_id: &UserId,
    id: TransactionId,
) -> Result<Transaction, StoreError> {
    let row = payment_transactions::table
        .find((user_id.as_str(), DbUuid(id.uuid())))
        .select(TransactionRow::as_select())
        .first(&mut tx.conn)
        .await
        .optional()?;
    let row = row.ok_or_else(|| Refusal::TransactionNotFound(id.to_string()))?;
    row.try_into()
}

/// Stores a user's transactions, whose account is locked. One of which a webhook has told since its
/// turn was taken keeps the turn that gave it: what is stored may be older.
async fn keep_all(
    tx: &mut Tx,
    user_id: &UserId,
    transactions: &[&Transaction],
) -> Result<(), StoreError> {
    let now = tx.now();
    let ids = transactions.iter().map(|of| DbUuid(of.id.uuid()));
    let told: Vec<(DbUuid, Option<DbTimestamp>)> = payment_transactions::table
        .filter(payment_transactions::user_id.eq(user_id.as_str()))
        .filter(payment_transactions::id.eq_any(ids.collect::<Vec<_>>()))
        .filter(payment_transactions::provider_reference.is_not_null())
        .filter(payment_transactions::next_look_at.le(DbTimestamp(now)))
        .select((payment_transactions::id, payment_transactions::next_look_at))
        .load(&mut tx.conn)
        .await?;
    let rows = transactions.iter().map(|of| {
        let mut told = told.iter().filter(|(id, _)| id.0 == of.id.uuid());
        let turn = told.next().and_then(|(_, at)| at.as_ref()).map(|at| at.0);
        TransactionRow::new(of, turn.or_else(|| next_turn(of, now)))
    });
    dialect::upsert(&mut tx.conn, rows.collect()).await
}

/// When the provider is asked again: what is settled tells of itself.
fn next_turn(transaction: &Transaction, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let is_open = TransactionStatus::OPEN.contains(&transaction.status);
    is_open
        .then(|| turn_after(transaction.created_at, transaction.expires_at, now))
        .flatten()
}

/// The next look at what is open since a time, or the end of the user's time if that is sooner.
fn turn_after(
    since: DateTime<Utc>,
    expires_at: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Option<DateTime<Utc>> {
    let end = expires_at.filter(|end| *end > now);
    [next_look(since, now), end].into_iter().flatten().min()
}
