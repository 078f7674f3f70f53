//! Which invoice a call gets, and its number.

use rstest::rstest;

use super::*;
use crate::refusal::Refusal;

fn live(status: InvoiceStatus) -> LiveInvoice {
    LiveInvoice {
        id: InvoiceId::new(uuid("inv-1")),
        status,
        created_at: day("2024-12-02"),
    }
}

#[rstest]
#[case::over("2024-11", None, Ok(Some(Requested::New)), Ok(Some(Requested::Draft)))]
#[case::running(
    "2024-12",
    None,
    Ok(Some(Requested::Draft)),
    Ok(Some(Requested::Draft))
)]
#[case::to_come("2025-01", None, Err(()), Err(()))]
#[case::issued("2024-11", Some(InvoiceStatus::Issued), Ok(None), Ok(None))]
#[case::paid("2024-11", Some(InvoiceStatus::Paid), Ok(None), Ok(None))]
#[case::kept_draft(
    "2024-11",
    Some(InvoiceStatus::Draft),
    Ok(Some(Requested::New)),
    Ok(None)
)]
fn a_call_gets_what_there_is_or_a_draft_or_an_invoice(
    #[case] of: &str,
    #[case] status: Option<InvoiceStatus>,
    #[case] generated: Result<Option<Requested>, ()>,
    #[case] previewed: Result<Option<Requested>, ()>,
) {
    let now = day("2024-12-03");
    let live = status.map(live);
    let expected = |answer: Result<Option<Requested>, ()>| match answer {
        // What there is, where nothing else is told.
        Ok(None) => Ok(Requested::Stored(live.unwrap().id)),
        Ok(Some(requested)) => Ok(requested),
        Err(()) => Err("billing_month must not be in the future".to_owned()),
    };
    let told = |answer: Result<Requested, Refusal>| answer.map_err(|refusal| refusal.to_string());
    let month = month(of);
    assert_eq!(
        told(Requested::generated(month, live, now)),
        expected(generated)
    );
    assert_eq!(
        told(Requested::previewed(month, live, now)),
        expected(previewed)
    );
}

#[test]
fn of_a_months_invoices_at_most_one_is_not_void() {
    let mut invoices = MonthInvoices::default();
    for status in [
        InvoiceStatus::Void,
        InvoiceStatus::Paid,
        InvoiceStatus::Void,
    ] {
        invoices.add(live(status));
    }
    let expected = MonthInvoices {
        live: Some(live(InvoiceStatus::Paid)),
        voided: 2,
    };
    assert_eq!(invoices, expected);
}

#[rstest]
#[case(0, "INV-alice-2024-11")]
#[case(1, "INV-alice-2024-11-2")]
#[case(9, "INV-alice-2024-11-10")]
fn a_number_tells_the_user_the_month_and_how_often_it_was_voided(
    #[case] voided: i64,
    #[case] number: &str,
) {
    let alice = UserId::trusted("alice".into());
    assert_eq!(invoice_number(&alice, month(NOVEMBER), voided), number);
}
