//! Numbers, and what documents say of tax.

use proptest::prelude::*;
use rstest::rstest;

use super::*;
use crate::testing::time;

fn invoices() -> Series {
    Series::new(SeriesName::parse("INV").unwrap(), 2026)
}

#[rstest]
#[case(0, "INV-2026-000001")]
#[case(41, "INV-2026-000042")]
#[case(999_998, "INV-2026-999999")]
#[case(999_999, "INV-2026-1000000")]
#[case(MAX_NUMBER - 1, "INV-2026-999999999999")]
fn a_number_has_at_least_six_digits(#[case] last: i64, #[case] number: &str) {
    let mut series = Series {
        last_number: last,
        ..invoices()
    };
    assert_eq!(series.take(time("2026-03-01T00:00:00Z")).number, number);
}

#[rstest]
#[case("INV", true)]
#[case("A", true)]
#[case("ACME-2-RE", true)]
#[case("0123456789ABCDEF", true)]
#[case("0123456789ABCDEFG", false)]
#[case("", false)]
#[case("inv", false)]
#[case("IN V", false)]
#[case("ÄB", false)]
#[case("INV_1", false)]
fn a_series_is_named_by_capitals_digits_and_dashes(#[case] name: &str, #[case] sound: bool) {
    assert_eq!(SeriesName::parse(name).is_ok(), sound);
}

#[test]
fn a_document_that_comes_late_has_the_date_of_the_one_before() {
    let mut series = invoices();
    let dates = [
        "2026-03-01T00:00:00.000002Z",
        "2026-03-01T00:00:00.000001Z",
        "2026-03-01T00:00:00.000003Z",
    ];
    let taken = dates.map(|date| series.take(time(date)));
    let at = taken.map(|numbered| numbered.at);
    assert_eq!(at, [time(dates[0]), time(dates[0]), time(dates[2])]);
    assert_eq!(series.last_at, Some(time(dates[2])));
}

#[rstest]
#[case(
    4,
    Err("next_number must be from 5, which comes next in INV-2026, to 999999999999")
)]
#[case(5, Ok("INV-2026-000005"))]
#[case(100, Ok("INV-2026-000100"))]
#[case(MAX_NUMBER + 1, Err("next_number must be from 5, which comes next in INV-2026, to 999999999999"))]
#[case(
    0,
    Err("next_number must be from 5, which comes next in INV-2026, to 999999999999")
)]
fn a_series_is_only_set_forward(#[case] next: i64, #[case] expected: Result<&str, &str>) {
    let mut series = Series {
        last_number: 4,
        ..invoices()
    };
    let set = series.set_next(next);
    let number = series.take(time("2026-03-01T00:00:00Z")).number;
    match expected {
        Ok(expected) => assert_eq!((set, number.as_str()), (Ok(()), expected)),
        Err(message) => {
            assert_eq!(set.unwrap_err().to_string(), message);
            assert_eq!(number, "INV-2026-000005");
        }
    }
}

#[test]
fn only_series_that_documents_use_are_known() {
    let options = DocumentOptions::default();
    assert_eq!(options.check(&options.credit_note_series), Ok(()));
    let unknown = SeriesName::parse("CN2").unwrap();
    let unknown = options.check(&unknown).unwrap_err();
    assert_eq!(unknown.to_string(), "series must be INV or CN");
}

#[rstest]
#[case(
    Some(TaxExemption::ReverseCharge),
    Language::English,
    "Reverse charge: the recipient owes the tax."
)]
#[case(
    Some(TaxExemption::ReverseCharge),
    Language::Chinese,
    "反向征税：税款由购买方缴纳。"
)]
#[case(Some(TaxExemption::Exempt), Language::English, "Exempt from tax.")]
#[case(
    Some(TaxExemption::OutsideScope),
    Language::English,
    "Outside the scope of tax."
)]
#[case(None, Language::Chinese, "")]
fn a_document_says_why_it_charges_no_tax(
    #[case] exemption: Option<TaxExemption>,
    #[case] language: Language,
    #[case] note: &str,
) {
    let buyer = Buyer {
        language,
        ..Buyer::default()
    };
    let snapshot = Snapshot::new(Seller::default(), buyer, exemption);
    assert_eq!(
        (snapshot.exemption, snapshot.tax_note.as_str()),
        (exemption, note)
    );
}

#[test]
fn exemptions_and_languages_have_names() {
    for exemption in TaxExemption::ALL {
        assert_eq!(TaxExemption::named(exemption.name()), Some(exemption));
    }
    for language in Language::ALL {
        assert_eq!(Language::coded(language.code()), Some(language));
    }
    assert_eq!(
        (TaxExemption::named(""), Language::coded("EN")),
        (None, None)
    );
}

proptest! {
    #[test]
    fn numbers_follow_one_another_and_dates_never_go_back(
        seconds in prop::collection::vec(0_i64..1_000_000, 1..60),
    ) {
        let mut series = invoices();
        let start = time("2026-01-01T00:00:00Z");
        let mut last = None;
        for (number, seconds) in (1_i64..).zip(seconds) {
            let now = start + chrono::TimeDelta::seconds(seconds);
            let taken = series.take(now);
            prop_assert_eq!(taken.number, format!("INV-2026-{number:06}"));
            prop_assert!(taken.at >= now && last.is_none_or(|last| taken.at >= last));
            last = Some(taken.at);
        }
    }
}
