//! What months are invoiced at, what becomes of invoices, and how they are checked.

mod bills;
mod checks;
mod documents;
mod runs;
mod transitions;

use super::*;
use crate::{coupon::Redemption, testing::*};

fn bill(redemptions: &[Redemption], charges: &Charges, tax: &str) -> Bill {
    let subtotal = Subtotal::new(month(NOVEMBER), charges, &billed_catalog());
    let subtotal = subtotal.unwrap().unwrap();
    let coupons = subtotal.coupons(month(NOVEMBER), redemptions).unwrap();
    subtotal.bill(coupons, rate(tax)).unwrap()
}

/// Description, quantity, unit price and amount of each item.
fn shown(bill: &Bill) -> Vec<(String, i64, String, String)> {
    let items = bill.items.iter();
    items
        .map(|item| {
            let (price, amount) = (item.unit_price.to_string(), item.amount.digits(2));
            (item.description.clone(), item.quantity, price, amount)
        })
        .collect()
}

/// Amount, discount, tax and total.
fn totals(bill: &Bill) -> [String; 4] {
    [
        bill.amount,
        bill.discount_amount,
        bill.tax_amount,
        bill.final_amount,
    ]
    .map(|amount| amount.digits(2))
}

fn item(
    description: &str,
    quantity: i64,
    price: &str,
    amount: &str,
) -> (String, i64, String, String) {
    (
        description.to_owned(),
        quantity,
        price.to_owned(),
        amount.to_owned(),
    )
}
