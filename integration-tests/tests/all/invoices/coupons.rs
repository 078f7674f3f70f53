//! Coupons and the user's rate on invoices.

use billing_proto::{
    google::r#type::Decimal,
    v1::{
        ApplyCouponRequest, CouponType, CreateCouponRequest, Invoice, InvoiceStatus,
        ListRedemptionsRequest, SetDiscountRateRequest,
    },
};
use integration_tests::{Backend, on_both_databases};

use super::world::{ALICE, World, digits, totals};

on_both_databases!(
    a_coupon_of_all_leaves_nothing_to_pay,
    a_rate_of_nothing_leaves_nothing_to_pay,
    a_fixed_coupon_is_used_up_in_cents,
    a_coupon_takes_its_part_of_fees,
    discounts_stand_in_their_order,
    a_void_invoice_gives_back_what_coupons_took,
);

impl World {
    pub(super) async fn redeem(&mut self, code: &str, kind: CouponType, value: &str) {
        let value = value.to_owned();
        let coupon = CreateCouponRequest {
            code: code.to_owned(),
            r#type: kind.into(),
            value: Some(Decimal { value }),
            ..CreateCouponRequest::default()
        };
        let made = self.wire.coupons.create_coupon(coupon).await;
        made.expect("the coupon is made");
        let apply = ApplyCouponRequest {
            coupon_code: code.to_owned(),
            user_id: ALICE.to_owned(),
            request_id: String::new(),
        };
        let applied = self.wire.coupons.apply_coupon(apply).await;
        applied.expect("alice can redeem it");
    }

    async fn pays(&mut self, rate: &str) {
        let value = rate.to_owned();
        let request = SetDiscountRateRequest {
            user_id: ALICE.to_owned(),
            discount_rate: Some(Decimal { value }),
            effective_from: None,
        };
        let set = self.wire.accounts.set_discount_rate(request).await;
        set.expect("the rate is set");
    }

    /// What each redemption has saved, the latest first.
    async fn saved(&mut self) -> Vec<String> {
        let request = ListRedemptionsRequest {
            user_id: ALICE.to_owned(),
            ..ListRedemptionsRequest::default()
        };
        let listed = self.wire.coupons.list_redemptions(request).await;
        let redemptions = listed
            .expect("redemptions are listed")
            .into_inner()
            .redemptions;
        let saved = redemptions
            .iter()
            .map(|r| digits(r.discount_amount.as_ref()));
        saved.map(str::to_owned).collect()
    }
}

fn discounts(invoice: &Invoice) -> Vec<&str> {
    let discounts = invoice.discounts.iter();
    discounts
        .map(|discount| digits(discount.amount.as_ref()))
        .collect()
}

async fn a_coupon_of_all_leaves_nothing_to_pay(backend: Backend) {
    let mut world = World::at(backend, "2024-11-15T10:30:00Z").await;
    world.tax("0.1").await;
    // The items are a cent more than what is owed exactly.
    world
        .record(super::world::usage("a", "gpt-3.5-turbo", 3_400))
        .await;
    world.use_gpt4("b", 170).await;
    world.redeem("ALL", CouponType::Percentage, "100").await;
    world.advance("2024-12-01T00:00:00Z").await;
    let invoice = world.generate("2024-11").await;
    assert_eq!(totals(&invoice), ["0.02", "0.02", "0.00", "0.00"]);
    assert_eq!(invoice.status(), InvoiceStatus::Paid);
    assert_eq!(invoice.payment_method(), "none");
    assert_eq!(world.saved().await, ["0.02"]);
    world.assert_reconciled(&["2024-11"]).await;
}

async fn a_rate_of_nothing_leaves_nothing_to_pay(backend: Backend) {
    let mut world = World::at(backend, "2024-11-15T10:30:00Z").await;
    world.pays("0").await;
    world
        .record(super::world::usage("a", "gpt-3.5-turbo", 3_400))
        .await;
    world.use_gpt4("b", 170).await;
    world.advance("2024-12-01T00:00:00Z").await;
    let invoice = world.generate("2024-11").await;
    assert_eq!(totals(&invoice), ["0.02", "0.02", "0.00", "0.00"]);
    assert_eq!(invoice.payment_method(), "none");
}

async fn a_fixed_coupon_is_used_up_in_cents(backend: Backend) {
    let mut world = World::at(backend, "2024-11-15T10:30:00Z").await;
    world.redeem("TEN", CouponType::Fixed, "10").await;
    for (day, over, month, total, saved) in [
        ("2024-11-20", "2024-12-03", "2024-11", "0.00", "4.00"),
        ("2024-12-20", "2025-01-03", "2024-12", "0.00", "8.00"),
        ("2025-01-20", "2025-02-03", "2025-01", "2.00", "10.00"),
        ("2025-02-20", "2025-03-03", "2025-02", "4.00", "10.00"),
    ] {
        world.advance(&format!("{day}T00:00:00Z")).await;
        // 3.996, which is 4.00 on an invoice.
        world.use_gpt4(day, 133_200).await;
        world.advance(&format!("{over}T00:00:00Z")).await;
        let invoice = world.generate(month).await;
        let [amount, _, _, owed] = totals(&invoice);
        assert_eq!((amount, owed), ("4.00", total), "{month}");
        assert_eq!(world.saved().await, [saved], "{month}");
    }
    let months = ["2024-11", "2024-12", "2025-01", "2025-02"];
    world.assert_reconciled(&months).await;
}

async fn a_coupon_takes_its_part_of_fees(backend: Backend) {
    let mut world = World::at(backend, "2024-11-15T10:30:00Z").await;
    world.subscribe("plan-basic").await;
    world.redeem("HALF", CouponType::Percentage, "50").await;
    assert_eq!(world.saved().await, ["0.00"]);
    world.advance("2024-12-01T00:00:00Z").await;
    let invoice = world.generate("2024-11").await;
    // 4.995
    assert_eq!(totals(&invoice), ["9.99", "5.00", "0.00", "4.99"]);
    assert_eq!(world.saved().await, ["5.00"]);
}

async fn discounts_stand_in_their_order(backend: Backend) {
    let mut world = World::at(backend, "2024-11-15T10:30:00Z").await;
    world.pays("0.9").await;
    world.redeem("FIVE", CouponType::Fixed, "5").await;
    world.redeem("FIFTH", CouponType::Percentage, "20").await;
    world.redeem("HALF", CouponType::Percentage, "50").await;
    world.use_gpt4("a", 1_000_000).await;
    world.advance("2024-12-01T00:00:00Z").await;
    let invoice = world.generate("2024-11").await;
    // Of 30.00 the rate leaves 27.00, then a fifth goes, then half, then 5.00.
    assert_eq!(discounts(&invoice), ["3.00", "5.40", "10.80", "5.00"]);
    let names = invoice
        .discounts
        .iter()
        .map(|discount| &discount.description);
    for (name, code) in names.skip(1).zip(["FIFTH", "HALF", "FIVE"]) {
        assert!(name.contains(code), "{name} names {code}");
    }
    assert_eq!(totals(&invoice), ["30.00", "24.20", "0.00", "5.80"]);
    assert_eq!(world.saved().await, ["10.80", "5.40", "5.00"]);
}

async fn a_void_invoice_gives_back_what_coupons_took(backend: Backend) {
    let mut world = World::at(backend, "2024-11-15T10:30:00Z").await;
    world.pays("0.9").await;
    world.redeem("FIFTH", CouponType::Percentage, "20").await;
    world.redeem("THREE", CouponType::Fixed, "3").await;
    world.use_gpt4("a", 12_345).await;
    world.advance("2024-12-03T00:00:00Z").await;
    let first = world.generate("2024-11").await;
    // 0.37035, of which 0.333315 are owed: a fifth is 0.066663, and THREE takes the rest.
    assert_eq!(discounts(&first), ["0.04", "0.07", "0.26"]);
    assert_eq!(totals(&first)[3], "0.00");
    assert_eq!(world.saved().await, ["0.26", "0.07"]);
    world.use_gpt4("december", 300_000).await;
    assert_eq!(world.saved().await, ["3.00", "0.07"]);
    world.advance("2025-01-03T00:00:00Z").await;
    let december = world.generate("2024-12").await;
    // 9.00, of which 8.10 are owed; FIFTH was for one month.
    assert_eq!(discounts(&december), ["0.90", "2.74"]);
    assert_eq!(totals(&december)[3], "5.36");
    world.void(&december.id).await.unwrap();
    assert_eq!(world.saved().await, ["3.00", "0.07"]);
    let again = world.generate("2024-12").await;
    assert_eq!(totals(&again), totals(&december));
    assert_eq!(world.saved().await, ["3.00", "0.07"]);
    world.assert_reconciled(&["2024-11", "2024-12"]).await;
}
