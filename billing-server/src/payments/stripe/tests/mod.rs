//! The adapter against a strict fake of Stripe, and against Stripe's own mock server.

mod account;
mod charges;
mod faults;
mod keys;
mod methods;
mod mock_server;
mod refunds;
mod webhooks;

use std::time::Duration;

use billing_core::{
    ids::{TransactionId, UserId},
    money::Money,
    payment::{Charge, ChargeStatus, Decline},
};
use integration_tests::stripe::{Behaviour, FakeStripe, SECRET_KEY, WEBHOOK_SECRET};
use uuid::Uuid;

use super::{Stripe, StripeAccount};
use crate::payments::provider::{
    ChargeOrder, CreatedCharge, Payer, ProviderClient, RefundOrder, SavedMethods,
};

/// When the fake's clock starts, in seconds since 1970.
const NOW: i64 = 1_700_000_000;

/// A fake, the way to it, and a customer.
struct Scene {
    fake: FakeStripe,
    stripe: Stripe,
    customer: String,
}

/// The way to an API base; a call times out soon.
fn stripe_at(api_base: &str, secret_key: &str) -> Stripe {
    Stripe::new(&StripeAccount {
        secret_key,
        webhook_secrets: &[WEBHOOK_SECRET],
        api_base,
        connect_timeout: Duration::from_secs(5),
        timeout: Duration::from_secs(5),
    })
    .unwrap()
}

fn transaction(number: u128) -> TransactionId {
    TransactionId::new(Uuid::from_u128(number))
}

fn money(amount: &str) -> Money {
    amount.parse().unwrap()
}

impl Scene {
    async fn new() -> Self {
        let fake = FakeStripe::start(NOW).await;
        let stripe = stripe_at(&fake.api_base(), SECRET_KEY);
        let user = UserId::parse("ada").unwrap();
        let customer = stripe.create_customer("customer", &user).await.unwrap();
        Self {
            fake,
            stripe,
            customer,
        }
    }

    /// An order over an amount, to be paid with a new method.
    fn order(&self, number: u128, amount: &str, behaviour: Behaviour) -> ChargeOrder {
        self.order_with(
            number,
            amount,
            self.fake.add_method(&self.customer, behaviour),
        )
    }

    fn order_with(&self, number: u128, amount: &str, method: String) -> ChargeOrder {
        ChargeOrder {
            transaction: transaction(number),
            amount: money(amount),
            description: "Oblivious AI API Usage".to_owned(),
            payer: Payer::Saved {
                customer: self.customer.clone(),
                method,
            },
        }
    }

    /// A charge that is made and not confirmed; its key is the transaction's number.
    async fn created(&self, number: u128, amount: &str, behaviour: Behaviour) -> CreatedCharge {
        let order = self.order(number, amount, behaviour);
        let key = format!("create-{number}");
        self.stripe.create_charge(&key, &order).await.unwrap()
    }

    /// A charge that is made and confirmed while the user is away.
    async fn confirmed(&self, number: u128, amount: &str, behaviour: Behaviour) -> Charge {
        let reference = self
            .created(number, amount, behaviour)
            .await
            .charge
            .reference;
        let key = format!("confirm-{number}");
        self.stripe
            .confirm_charge(&key, &reference, true)
            .await
            .unwrap()
    }

    fn refund_order(&self, number: u128, charge: &str, amount: &str) -> RefundOrder {
        RefundOrder {
            transaction: transaction(number),
            charge: charge.to_owned(),
            amount: money(amount),
        }
    }
}

fn decline(charge: Charge) -> Decline {
    match charge.status {
        ChargeStatus::Declined(decline) => decline,
        status => panic!("{status:?} is no decline"),
    }
}
