//! Invoices as they come over the wire.

use billing_proto::{google::r#type::Decimal as WireDecimal, v1::Amount};
use rstest::rstest;

use super::*;

fn amount(value: &str) -> Option<Amount> {
    Some(Amount {
        value: value.to_owned(),
    })
}

fn draft() -> v1::Invoice {
    v1::Invoice {
        user_id: "alice".to_owned(),
        billing_month: "2024-11".to_owned(),
        status: v1::InvoiceStatus::Draft.into(),
        amount: amount("15.00"),
        final_amount: amount("15.00"),
        discount_amount: amount("0.00"),
        tax_amount: amount("0.00"),
        credit_applied: amount("0.00"),
        amount_due: amount("0.00"),
        items: vec![v1::InvoiceItem {
            model: "gpt-4".to_owned(),
            quantity: 500_000,
            unit_price: Some(WireDecimal {
                value: "0.03".to_owned(),
            }),
            amount: amount("15.00"),
            r#type: v1::ItemType::Usage.into(),
            ..v1::InvoiceItem::default()
        }],
        ..v1::Invoice::default()
    }
}

#[test]
fn a_draft_has_items_and_no_dates() {
    let invoice = Invoice::try_from(draft()).unwrap();
    assert_eq!(invoice.status, InvoiceStatus::Draft);
    assert_eq!(invoice.final_amount.to_string(), "15.00");
    assert_eq!((invoice.issued_at, invoice.due_date), (None, None));
    assert_eq!(invoice.items[0].item_type, InvoiceItemType::Usage);
    assert_eq!(invoice.items[0].unit_price.to_string(), "0.03");
}

#[test]
fn an_item_without_an_amount_is_malformed() {
    let mut invoice = draft();
    invoice.items[0].amount = None;
    let error = Invoice::try_from(invoice).unwrap_err();
    assert_eq!(error, Error::Decode { field: "amount" });
}

#[test]
fn a_status_of_the_future_is_unknown() {
    let invoice = v1::Invoice {
        status: 99,
        ..draft()
    };
    let invoice = Invoice::try_from(invoice).unwrap();
    assert_eq!(invoice.status, InvoiceStatus::Unknown);
}

#[rstest]
#[case(InvoiceStatus::Draft)]
#[case(InvoiceStatus::Issued)]
#[case(InvoiceStatus::Paid)]
#[case(InvoiceStatus::Overdue)]
#[case(InvoiceStatus::Void)]
#[case(InvoiceStatus::Uncollectible)]
fn a_status_is_asked_for_as_it_is_answered(#[case] status: InvoiceStatus) {
    assert_eq!(InvoiceStatus::from(v1::InvoiceStatus::from(status)), status);
}
