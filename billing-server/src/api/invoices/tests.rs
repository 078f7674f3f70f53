//! Invoices as they are sent, and requests as they are read.

use std::fmt::Debug;

use billing_core::{
    catalog::TokenKind,
    document::{Buyer, Language, Seller, SeriesName, Snapshot, TaxExemption},
    ids::{CreditNoteId, InvoiceId, ModelId, PlanVersionId, PriceId, RedemptionId, UserId},
    invoice::{
        Bill, Cancellation, CreditNote, Discount, DiscountSource, Invoice, InvoiceStatus, Item,
        ItemKind, ItemPart, PAID_BY_CREDIT, PartKind,
    },
    money::{Money, Rate},
};
use billing_proto::v1::{self, Amount};
use billing_store::InvoiceChange;
use chrono::{DateTime, Utc};
use rstest::rstest;
use uuid::Uuid;

use super::{
    convert::{credit_note, invoice, invoice_summary, status},
    requests,
};
use crate::{api::time::timestamp, auth::ResolvedUser, error::ApiError};

const INVOICE: &str = "inv-00000000000000000000000000000000";

fn alice() -> ResolvedUser {
    "alice".into()
}

fn usd(text: &str) -> Money {
    text.parse().unwrap()
}

fn time(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn digits(text: &str) -> Option<Amount> {
    Some(Amount {
        value: text.to_owned(),
    })
}

fn usage_item() -> Item {
    Item {
        kind: ItemKind::Usage,
        model: Some(ModelId::trusted("gpt-4".to_owned())),
        quantity: 500_000,
        unit_price: usd("0.030000"),
        amount: usd("15"),
        description: "AI API usage - gpt-4".to_owned(),
        period_start: None,
        period_end: None,
        breakdown: vec![ItemPart {
            kind: PartKind::Tokens(TokenKind::Prompt),
            tokens: 500_000,
            unit_price: usd("0.03"),
            amount: usd("15"),
            price_id: Some(PriceId::new(7)),
            plan_version_id: Some(PlanVersionId::new(3)),
        }],
    }
}

fn discount_of(source: DiscountSource, amount: &str) -> Discount {
    Discount {
        source,
        exact: usd(amount),
        amount: usd(amount),
    }
}

fn issued() -> Invoice {
    let bill = Bill {
        items: vec![usage_item()],
        amount: usd("15"),
        discounts: vec![
            discount_of(DiscountSource::Account, "1.5"),
            discount_of(
                DiscountSource::Coupon {
                    redemption_id: RedemptionId::new(Uuid::nil()),
                    code: "SAVE20".to_owned(),
                },
                "2.7",
            ),
        ],
        discount_amount: usd("4.2"),
        tax_rate: "0.1".parse().unwrap(),
        tax_amount: usd("1.08"),
        final_amount: usd("11.88"),
        credited: Money::ZERO,
        credited_tax: Money::ZERO,
    };
    let user_id = UserId::trusted("alice".to_owned());
    let month = "2024-11".parse().unwrap();
    let id = InvoiceId::new(Uuid::nil());
    let now = time("2024-12-01T00:00:00Z");
    Invoice {
        status: InvoiceStatus::Issued,
        number: "INV-alice-2024-11".to_owned(),
        credit_applied: usd("1.88"),
        credit_noted: Money::ZERO,
        corrected: Money::ZERO,
        is_receipt: false,
        corrected_tax: Money::ZERO,
        issued_at: Some(now),
        due_date: Some(time("2024-12-31T00:00:00Z")),
        ..Invoice::draft(Some(id), user_id, month, bill, now)
    }
}

fn refused_fields<T: Debug>(result: Result<T, ApiError>) -> Vec<String> {
    let violations = result.unwrap_err().violations.into_iter();
    violations.map(|violation| violation.field).collect()
}

#[test]
fn amounts_have_cents_and_prices_no_trailing_zeros() {
    let sent = invoice(issued()).unwrap();
    assert_eq!(sent.amount, digits("15.00"));
    assert_eq!(sent.final_amount, digits("11.88"));
    assert_eq!(sent.amount_due, digits("10.00"));
    let item = &sent.items[0];
    assert_eq!(item.unit_price.as_ref().unwrap().value, "0.03");
    assert_eq!(
        (item.amount.clone(), item.r#type()),
        (digits("15.00"), v1::ItemType::Usage)
    );
    let part = &item.breakdown[0];
    assert_eq!(part.name, "prompt");
    assert_eq!(part.amount, digits("15.00"));
    assert_eq!(part.price_id, "price-7");
    assert_eq!(part.plan_version_id, "plan-version-3");
}

#[test]
fn discounts_and_taxes_stand_beside_the_items() {
    let sent = invoice(issued()).unwrap();
    let discounts: Vec<_> = sent
        .discounts
        .iter()
        .map(|discount| (discount.description.as_str(), discount.amount.clone()))
        .collect();
    let expected = [
        ("Account discount", digits("1.50")),
        ("SAVE20", digits("2.70")),
    ];
    assert_eq!(discounts, expected);
    assert_eq!(sent.taxes.len(), 1);
    assert_eq!(sent.taxes[0].rate.as_ref().unwrap().value, "0.1");
    assert_eq!(sent.taxes[0].amount, digits("1.08"));
    assert_eq!(sent.currency, "USD");
}

#[test]
fn an_untaxed_invoice_names_no_tax() {
    let mut untaxed = issued();
    untaxed.bill.tax_rate = Rate::ZERO;
    untaxed.bill.tax_amount = Money::ZERO;
    let sent = invoice(untaxed).unwrap();
    assert_eq!((sent.taxes, sent.tax_amount), (Vec::new(), digits("0.00")));
}

#[test]
fn a_draft_that_is_not_kept_has_neither_id_nor_number_nor_dates() {
    let Invoice {
        user_id,
        month,
        bill,
        created_at,
        ..
    } = issued();
    let sent = invoice(Invoice::draft(None, user_id, month, bill, created_at)).unwrap();
    assert_eq!((sent.id.as_str(), sent.invoice_number.as_str()), ("", ""));
    assert_eq!(sent.status(), v1::InvoiceStatus::Draft);
    assert_eq!(
        (sent.issued_at, sent.due_date, sent.paid_at),
        (None, None, None)
    );
    assert_eq!(sent.payment_method, None);
}

#[test]
fn a_document_says_who_issued_it_to_whom_and_why_it_charges_no_tax() {
    let cancelled_at = time("2024-12-03T00:00:00Z");
    let sent = invoice(Invoice {
        document_number: "INV-2024-000042".to_owned(),
        snapshot: Some(snapshot()),
        status: InvoiceStatus::Void,
        cancellation: Some(Cancellation {
            number: "CN-2024-000007".to_owned(),
            at: cancelled_at,
        }),
        ..issued()
    });
    let sent = sent.unwrap();
    assert_eq!(sent.document_number, "INV-2024-000042");
    assert_eq!(sent.exemption(), v1::TaxExemption::ReverseCharge);
    assert_eq!(sent.tax_note, "反向征税：税款由购买方缴纳。");
    let parties = sent.parties.unwrap();
    let (seller, buyer) = (parties.seller.unwrap(), parties.buyer.unwrap());
    assert_eq!(
        (seller.name.as_str(), seller.footer.as_str()),
        ("Seller", "Thank you")
    );
    assert_eq!(
        (buyer.country.as_str(), buyer.language.as_str()),
        ("DE", "zh")
    );
    assert_eq!(sent.service_start, timestamp(time("2024-11-01T00:00:00Z")));
    assert_eq!(sent.service_end, timestamp(time("2024-12-01T00:00:00Z")));
    assert_eq!(sent.cancellation_number, "CN-2024-000007");
    assert_eq!(sent.cancelled_at, timestamp(cancelled_at));
    let item = &sent.items[0];
    assert_eq!((item.unit.as_str(), item.unit_price_per), ("token", 1_000));
}

fn snapshot() -> Snapshot {
    let seller = Seller {
        name: "Seller".to_owned(),
        footer: "Thank you".to_owned(),
        ..Seller::default()
    };
    let buyer = Buyer {
        country: "DE".to_owned(),
        tax_id: "DE1".to_owned(),
        language: Language::Chinese,
        ..Buyer::default()
    };
    Snapshot::new(seller, buyer, Some(TaxExemption::ReverseCharge))
}

#[rstest]
#[case("INV", 2024, 100, &[])]
#[case("inv", 1999, 0, &["series", "year", "next_number"])]
#[case("INV", 10_000, 1_000_000_000_000, &["year", "next_number"])]
fn a_series_goes_on_with_a_number_of_a_year(
    #[case] series: &str,
    #[case] year: i32,
    #[case] next_number: i64,
    #[case] fields: &[&str],
) {
    let read = requests::series(v1::SetDocumentSeriesRequest {
        series: series.to_owned(),
        year,
        next_number,
    });
    if fields.is_empty() {
        let name = SeriesName::parse(series).unwrap();
        assert_eq!(read.unwrap(), (name, year, next_number));
    } else {
        assert_eq!(refused_fields(read), fields);
    }
}

#[test]
fn a_paid_invoice_leaves_nothing_to_collect() {
    let mut paid = issued();
    paid.status = InvoiceStatus::Paid;
    paid.paid_at = paid.issued_at;
    paid.payment_method = Some(PAID_BY_CREDIT.to_owned());
    let summary = invoice_summary(paid.clone()).unwrap();
    assert_eq!(summary.status(), v1::InvoiceStatus::Paid);
    assert_eq!(summary.paid_at, timestamp(time("2024-12-01T00:00:00Z")));
    assert_eq!(summary.final_amount, digits("11.88"));
    assert_eq!(summary.amount_due, digits("0.00"));
    let sent = invoice(paid).unwrap();
    assert_eq!(sent.amount_due, digits("0.00"));
    assert_eq!(sent.payment_method.as_deref(), Some("credit_balance"));
}

#[test]
fn every_status_is_sent_and_filtered_by_its_name() {
    for known in InvoiceStatus::ALL {
        let sent = status(known);
        let name = format!("INVOICE_STATUS_{}", known.name().to_uppercase());
        assert_eq!(sent.as_str_name(), name);
        let request = v1::ListInvoicesRequest {
            status: sent.into(),
            ..v1::ListInvoicesRequest::default()
        };
        assert_eq!(
            requests::page(Some(&alice()), &request)
                .unwrap()
                .filter
                .status,
            Some(known)
        );
    }
}

#[test]
fn a_list_names_everything_at_fault_at_once() {
    let request = v1::ListInvoicesRequest {
        page: Some(-1),
        page_size: -1,
        status: 99,
        billing_month: "2024-13".to_owned(),
        issued_after: Some(prost_types::Timestamp {
            seconds: i64::MAX,
            nanos: 0,
        }),
        ..v1::ListInvoicesRequest::default()
    };
    let fields = refused_fields(requests::page(Some(&" ".into()), &request));
    let wrong = [
        "page",
        "page_size",
        "status",
        "user_id",
        "billing_month",
        "issued_after",
    ];
    assert_eq!(fields, wrong);
}

#[test]
fn a_month_and_its_user_are_refused_together() {
    let fields = refused_fields(requests::of_month(&" ".into(), "2024-13"));
    assert_eq!(fields, ["user_id", "billing_month"]);
}

#[rstest]
#[case("", "a\nb", &["id", "payment_method"])]
#[case(INVOICE, &"x".repeat(101), &["payment_method"])]
#[case(" ", "", &["id"])]
#[case(&"x".repeat(129), "", &["id"])]
fn a_payment_has_an_invoice_and_a_method_that_can_be_read(
    #[case] id: &str,
    #[case] method: &str,
    #[case] fields: &[&str],
) {
    let request = v1::MarkInvoicePaidRequest {
        user_id: "alice".to_owned(),
        id: id.to_owned(),
        payment_method: method.to_owned(),
        transaction_id: String::new(),
    };
    assert_eq!(refused_fields(requests::payment(&alice(), request)), fields);
}

#[test]
fn a_payment_may_have_a_method_and_an_id() {
    let cases = [
        ("", "manual", "", None),
        ("bank transfer", "bank transfer", "tx-1", Some("tx-1")),
    ];
    for (method, named, sent, read) in cases {
        let request = v1::MarkInvoicePaidRequest {
            user_id: "alice".to_owned(),
            id: INVOICE.to_owned(),
            payment_method: method.to_owned(),
            transaction_id: sent.to_owned(),
        };
        let (_, _, payment) = requests::payment(&alice(), request).unwrap();
        assert_eq!(payment.method, named);
        assert_eq!(payment.transaction_id.as_deref(), read);
    }
}

#[test]
fn the_reason_of_a_void_is_limited() {
    let request = |reason: String| v1::VoidInvoiceRequest {
        user_id: "alice".to_owned(),
        id: INVOICE.to_owned(),
        reason,
        write_off: false,
    };
    let (_, _, change) = requests::void(&alice(), request("x".repeat(500))).unwrap();
    assert!(matches!(change, InvoiceChange::Void { reason, .. } if reason.len() == 500));
    let fields = refused_fields(requests::void(&alice(), request("x".repeat(501))));
    assert_eq!(fields, ["reason"]);
}

#[rstest]
#[case(None, "must be set")]
#[case(digits("0.00"), "must be above 0")]
#[case(digits("-1"), "must not be negative")]
#[case(digits("0.001"), "must be in whole cents")]
#[case(digits("ten"), "must be a decimal number")]
fn a_credit_note_is_over_whole_cents_above_0(
    #[case] amount: Option<Amount>,
    #[case] description: &str,
) {
    let refused = requests::credit_note(&alice(), note_request(amount), note_id()).unwrap_err();
    assert_eq!(refused.violations.len(), 1);
    assert_eq!(refused.violations[0].field, "amount");
    assert_eq!(refused.violations[0].description, description);
}

#[test]
fn a_credit_note_is_read_with_its_request_id() {
    let order = requests::credit_note(&alice(), note_request(digits("1.10")), note_id()).unwrap();
    assert_eq!(
        (order.amount, order.reason.as_str()),
        (usd("1.1"), "goodwill")
    );
    assert_eq!(order.request_id.unwrap().as_str(), "call-1");
}

#[test]
fn a_credit_note_is_sent_with_its_total() {
    let sent = credit_note(CreditNote {
        id: note_id(),
        number: "CN-INV-alice-2024-11-1".to_owned(),
        document_number: "CN-2024-000001".to_owned(),
        snapshot: snapshot(),
        user_id: UserId::trusted("alice".to_owned()),
        invoice_id: InvoiceId::new(Uuid::nil()),
        amount: usd("2.5"),
        tax_amount: usd("0.25"),
        applied: Money::ZERO,
        reason: String::new(),
        request_id: None,
        created_at: time("2024-12-02T00:00:00Z"),
    });
    let sent = sent.unwrap();
    assert_eq!((sent.total, sent.request_id.as_str()), (digits("2.75"), ""));
    assert_eq!(sent.document_number, "CN-2024-000001");
    assert_eq!(sent.exemption, Some(1));
    assert_eq!(sent.parties.unwrap().buyer.unwrap().tax_id, "DE1");
}

fn note_id() -> CreditNoteId {
    CreditNoteId::new(Uuid::nil())
}

fn note_request(amount: Option<Amount>) -> v1::CreateCreditNoteRequest {
    v1::CreateCreditNoteRequest {
        user_id: "alice".to_owned(),
        id: INVOICE.to_owned(),
        amount,
        reason: "goodwill".to_owned(),
        request_id: "call-1".to_owned(),
    }
}

#[rstest]
#[case("inv-1")]
#[case("inv-0192F0C0D1E27A3B8C4D5E6F70819203")]
#[case("crn-00000000000000000000000000000000")]
fn an_id_that_no_invoice_can_have_is_answered_like_an_unknown_one(#[case] id: &str) {
    let refused = requests::named(&alice(), id.to_owned()).unwrap_err();
    let message = format!("invoice {id:?}: there is no such invoice");
    assert_eq!(
        (refused.code.as_str(), refused.message),
        ("INVOICE_NOT_FOUND", message)
    );
    let void = v1::VoidInvoiceRequest {
        id: id.to_owned(),
        reason: "a\nb".to_owned(),
        ..v1::VoidInvoiceRequest::default()
    };
    assert_eq!(refused_fields(requests::void(&alice(), void)), ["reason"]);
}
