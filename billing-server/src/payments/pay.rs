//! Taking a payment from its row to its end: the charge is made, its id is stored, and only then
//! does money move.

use billing_core::{
    ids::{TransactionId, UserId},
    payment::{
        Charge, ChargeStatus, Failure, PaymentMethod, Step, Transaction, TransactionStatus,
        looks_before, provider_key,
    },
    refusal::Refusal,
};
use billing_store::{BegunPayment, Followed, PaymentOrder, StoreError};

use super::provider::{ChargeOrder, ClientSecret, Payer, ProviderClient, ProviderError};
use super::{orders, refunds};
use crate::{app::App, error::ApiError};

/// A payment as far as it has come.
#[derive(Debug)]
pub(crate) struct Paid {
    /// The transaction.
    pub(crate) transaction: Transaction,
    /// What the user's own browser goes on with.
    pub(crate) client_secret: Option<ClientSecret>,
}

/// Begins a payment and takes it as far as it comes. A provider that does not answer leaves it open:
/// it is asked again later.
///
/// # Errors
/// When the rules refuse it, the provider is not configured or the database fails.
pub(crate) async fn pay(app: &App, order: PaymentOrder) -> Result<Paid, ApiError> {
    app.providers().get(order.provider)?;
    let begun = begin(app, order).await?;
    if !begun.is_new && !begun.transaction.status.is_open() {
        return Ok(Paid {
            transaction: begun.transaction,
            client_secret: None,
        });
    }
    advance(app, begun.transaction, begun.method, false).await
}

/// Stores a payment that somebody asks for. What waits in its way and gives way is ended first.
///
/// # Errors
/// When the rules refuse it or the database fails.
pub(super) async fn begin(app: &App, order: PaymentOrder) -> Result<BegunPayment, ApiError> {
    let user_id = order.user_id.clone();
    match app.store().begin_payment(order.clone()).await {
        Err(StoreError::Rejected(Refusal::PaymentInFlight { transaction, .. }))
            if gives_way(app, user_id, transaction).await? =>
        {
            Ok(app.store().begin_payment(order).await?)
        }
        begun => Ok(begun?),
    }
}

/// Ends a charge that nobody has asked for and that waits for the user, who pays by another now.
async fn gives_way(app: &App, user_id: UserId, id: TransactionId) -> Result<bool, ApiError> {
    let waiting = app.store().transaction(user_id, id).await?;
    let is_waiting = waiting.is_automatic && waiting.status == TransactionStatus::RequiresAction;
    let Some(reference) = waiting.provider_reference.clone().filter(|_| is_waiting) else {
        return Ok(false);
    };
    let ended = expire(app, waiting, &reference).await?;
    Ok(!ended.status.is_open())
}

/// Takes an open transaction on, wherever it stands; `off_session` says that the user is away.
///
/// # Errors
/// When the provider is not configured or the database fails.
pub(super) async fn advance(
    app: &App,
    transaction: Transaction,
    method: Option<PaymentMethod>,
    off_session: bool,
) -> Result<Paid, ApiError> {
    let client = app.providers().get(transaction.provider)?;
    let mut client_secret = None;
    let charge = match &transaction.provider_reference {
        Some(reference) => client.charge(reference).await,
        None => match made(app, client, &transaction, method).await? {
            Made::Charge(charge, secret) => {
                client_secret = secret;
                Ok(charge)
            }
            Made::Not(transaction) => {
                return Ok(Paid {
                    transaction,
                    client_secret,
                });
            }
        },
    };
    let transaction = move_money(app, client, transaction, charge, off_session).await?;
    Ok(Paid {
        transaction,
        client_secret,
    })
}

/// What came of asking for a charge.
pub(super) enum Made {
    /// A charge that moves no money yet.
    Charge(Charge, Option<ClientSecret>),
    /// None; the transaction as it stands.
    Not(Transaction),
}

async fn made(
    app: &App,
    client: &dyn ProviderClient,
    transaction: &Transaction,
    method: Option<PaymentMethod>,
) -> Result<Made, ApiError> {
    let Some(method) = method else {
        if client.saved_methods().is_none() {
            return orders::not_made(app, transaction).await;
        }
        let failure = Failure {
            code: "payment_method_missing".to_owned(),
            message: Refusal::PaymentMethodMissing.to_string(),
        };
        return refused(app, transaction, failure).await;
    };
    let payer = Payer::Saved {
        customer: method.customer_id,
        method: method.reference,
    };
    create(app, client, transaction, payer).await
}

/// Has a charge made of what a transaction says.
pub(super) async fn create(
    app: &App,
    client: &dyn ProviderClient,
    transaction: &Transaction,
    payer: Payer,
) -> Result<Made, ApiError> {
    let order = ChargeOrder {
        transaction: transaction.id,
        amount: transaction.amount,
        description: app.providers().description(transaction.provider).to_owned(),
        payer,
    };
    match client
        .create_charge(&key(app, transaction, Step::Create), &order)
        .await
    {
        Ok(created) => Ok(Made::Charge(created.charge, created.client_secret)),
        Err(ProviderError::Refused { code, message, .. }) => {
            refused(app, transaction, Failure { code, message }).await
        }
        Err(error) => {
            tracing::warn!(%error, transaction.id = %transaction.id, "a charge is not made yet");
            Ok(Made::Not(transaction.clone()))
        }
    }
}

/// Ends a transaction of which no charge is made.
pub(super) async fn refused(
    app: &App,
    transaction: &Transaction,
    failure: Failure,
) -> Result<Made, ApiError> {
    let (user_id, id) = (transaction.user_id.clone(), transaction.id);
    let ended = app.store().refuse_payment(user_id, id, failure).await?;
    Ok(Made::Not(ended))
}

/// Stores what is known of a charge, and has its money moved, if that has not happened and is still
/// wanted. Whatever goes wrong, the charge itself tells how it stands.
async fn move_money(
    app: &App,
    client: &dyn ProviderClient,
    transaction: Transaction,
    charge: Result<Charge, ProviderError>,
    off_session: bool,
) -> Result<Transaction, ApiError> {
    let Ok(charge) = charge else {
        return follow_answer(app, client, transaction, charge).await;
    };
    let reference = charge.reference.clone();
    let is_ready = charge.status == ChargeStatus::Ready;
    let Followed {
        transaction,
        is_wanted,
    } = follow(app, &transaction, charge).await?;
    if !is_ready || !transaction.status.is_open() {
        return Ok(transaction);
    }
    let answer = if is_wanted {
        let key = key(app, &transaction, Step::Confirm);
        client.confirm_charge(&key, &reference, off_session).await
    } else {
        tracing::info!(transaction.id = %transaction.id, "nobody asks for a charge any more");
        let key = key(app, &transaction, Step::Cancel);
        client.cancel_charge(&key, &reference).await
    };
    let answer = match answer {
        Err(error) => {
            tracing::warn!(%error, transaction.id = %transaction.id, "a charge is looked up again");
            client.charge(&reference).await
        }
        charge => charge,
    };
    follow_answer(app, client, transaction, answer).await
}

/// Follows what the provider answers of a charge whose id is stored, if it does.
async fn follow_answer(
    app: &App,
    client: &dyn ProviderClient,
    transaction: Transaction,
    answer: Result<Charge, ProviderError>,
) -> Result<Transaction, ApiError> {
    let id = transaction.id;
    match answer {
        Ok(charge) => Ok(follow(app, &transaction, charge).await?.transaction),
        Err(ProviderError::NotFound(_)) if orders::waits(client, &transaction) => Ok(transaction),
        Err(ProviderError::NotFound(provider)) => {
            let reason = format!("{provider} does not know its charge");
            let user_id = transaction.user_id.clone();
            Ok(app.store().note_attention(user_id, id, reason).await?)
        }
        Err(error) => {
            tracing::warn!(%error, transaction.id = %id, "a payment stays open");
            Ok(app.store().transaction(transaction.user_id, id).await?)
        }
    }
}

/// Ends a transaction at the provider for which the user had to act and did not.
///
/// # Errors
/// As [`advance`].
pub(super) async fn expire(
    app: &App,
    transaction: Transaction,
    reference: &str,
) -> Result<Transaction, ApiError> {
    let client = app.providers().get(transaction.provider)?;
    if client.saved_methods().is_none() {
        return orders::lapse(app, client, transaction, reference).await;
    }
    let key = key(app, &transaction, Step::Cancel);
    match client.cancel_charge(&key, reference).await {
        Ok(charge) => Ok(follow(app, &transaction, charge).await?.transaction),
        Err(error) => {
            tracing::warn!(%error, transaction.id = %transaction.id, "a charge is not ended yet");
            Ok(transaction)
        }
    }
}

/// Follows a charge, and takes in what was given back of it elsewhere.
pub(super) async fn follow(
    app: &App,
    transaction: &Transaction,
    charge: Charge,
) -> Result<Followed, ApiError> {
    let (user_id, id) = (transaction.user_id.clone(), transaction.id);
    let told = charge.clone();
    let followed = app.store().follow_charge(user_id, id, charge).await?;
    refunds::find(app, &followed.transaction, &told).await?;
    if let Some(attention) = &followed.transaction.attention {
        tracing::warn!(attention, transaction.id = %id, "a payment needs an operator");
    }
    Ok(followed)
}

/// The key of this attempt: a stored answer of the one before must not decide for good.
pub(super) fn key(app: &App, transaction: &Transaction, step: Step) -> String {
    let attempt = looks_before(transaction.created_at, app.now());
    provider_key(transaction.id, step, attempt)
}

impl Paid {
    /// Whether the card was declined.
    pub(crate) fn is_declined(&self) -> bool {
        self.transaction.status == TransactionStatus::Failed
    }
}
