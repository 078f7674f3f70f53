//! A user whose next fee does not fit: nothing can be done before it is charged.

use billing_core::{
    ids::InvoiceId, money::NumberError, refusal::Refusal, settings::SettingsChange,
    subscription::SubscriptionOrder,
};
use billing_store::InvoiceOrder;

use super::{Case, case, world::World};
use crate::support::{batch, month, redeem, taxed, unique, usage, user};

pub(super) fn cases(world: &World) -> Vec<Case<'_>> {
    let store = world.store.store.as_ref();
    let grace = || user("grace");
    let too_large = || Refusal::TooLarge {
        what: "a fee",
        error: NumberError::TooLarge,
    };
    let rate = || "0.5".parse().unwrap();
    let change = SettingsChange {
        alert_threshold: Some(7),
        ..SettingsChange::default()
    };
    let order = InvoiceOrder {
        user_id: grace(),
        month: month("2026-10"),
        id: InvoiceId::new(unique()),
        keep_draft: false,
    };
    let calls = batch([usage("grace", "call", 1, 1)]);
    let recorded = async move { store.commit_usage(&calls).await };
    let resumed = store.order_subscription(grace(), SubscriptionOrder::Resume);
    vec![
        case("usage", recorded, too_large()),
        case("an account", store.account(grace()), too_large()),
        case(
            "settings",
            store.update_settings(grace(), change),
            too_large(),
        ),
        case("a tax", store.set_tax(grace(), taxed("0.5")), too_large()),
        case(
            "a discount",
            store.set_discount_rate(grace(), rate(), None),
            too_large(),
        ),
        case(
            "a coupon",
            store.redeem(redeem("grace", "OTHER")),
            too_large(),
        ),
        case("an order", resumed, too_large()),
        case("an invoice", store.generate_invoice(order), too_large()),
    ]
}
