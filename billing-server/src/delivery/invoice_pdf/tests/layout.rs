//! What stands on which page.

use std::ops::RangeInclusive;

use billing_core::money::Money;
use rstest::rstest;

use super::{
    super::{
        block::Mark,
        document::{Discount, Document, Exemption, Language},
        looks::{MARGIN, PAGE_HEIGHT, PAGE_WIDTH},
        pages::pages,
    },
    samples::{
        cancellation, credit_note, invoice, long, receipt, reverse_charge, samples, usage, usd,
    },
};

/// From one line on to the third page, so that the lines end at every place of a page.
const LENGTHS: RangeInclusive<i64> = 1..=46;

/// The lines of each page, from top to bottom.
pub(super) fn texts(document: &Document) -> Vec<Vec<String>> {
    let pages = pages(document).unwrap();
    let texts = pages.iter().map(|marks| {
        let lines = marks.iter().filter_map(|mark| match mark {
            Mark::Text { line, .. } => Some(line.runs.iter().map(|run| run.text.as_str())),
            Mark::Bar { .. } => None,
        });
        lines.map(Iterator::collect).collect()
    });
    texts.collect()
}

fn has(page: &[String], text: &str) -> bool {
    page.iter().any(|line| line == text)
}

/// The text beside a label.
fn beside<'a>(page: &'a [String], label: &str) -> Option<&'a str> {
    let place = page.iter().position(|line| line == label)?;
    page.get(place + 1).map(String::as_str)
}

#[test]
fn what_is_drawn_is_within_the_margins_and_above_the_foot() {
    let many = LENGTHS.map(|lines| ("", long(lines)));
    for (name, document) in samples().into_iter().chain(many) {
        for marks in pages(&document).unwrap() {
            // The foot is drawn last, and begins with its rule.
            let rule = |mark: &Mark| matches!(mark, Mark::Bar { .. });
            let foot = marks.iter().rposition(rule).unwrap();
            let Mark::Bar { y: foot_top, .. } = marks[foot] else {
                unreachable!();
            };
            for (place, mark) in marks.iter().enumerate() {
                if let Mark::Text { x, y, line, .. } = mark {
                    let right = x + line.width;
                    assert!(*x >= MARGIN && right <= PAGE_WIDTH - MARGIN, "{name}");
                    assert!(*y > 0 && *y < PAGE_HEIGHT - 20_000, "{name}");
                    assert_eq!(*y > foot_top, place > foot, "{name}");
                }
            }
        }
    }
}

#[rstest]
#[case(1, 1)]
#[case(2, 1)]
#[case(10, 2)]
#[case(30, 3)]
#[case(200, 13)]
fn a_document_has_as_many_pages_as_its_lines_take(#[case] lines: i64, #[case] pages: usize) {
    assert_eq!(texts(&long(lines)).len(), pages);
}

#[test]
fn the_totals_are_together_and_with_a_line_however_many_lines_there_are() {
    for lines in LENGTHS {
        let pages = texts(&long(lines));
        let totals = [
            "Subtotal",
            "Coupon SAVE20",
            "Net amount",
            "Tax 10%",
            "Total",
            "Amount due",
        ];
        let with: Vec<_> = pages.iter().filter(|page| has(page, "Subtotal")).collect();
        let [page] = with.as_slice() else {
            panic!("{lines} lines: {} pages with totals", with.len());
        };
        assert!(totals.iter().all(|label| has(page, label)), "{lines} lines");
        assert!(
            has(page, &format!("AI API usage - model-{lines}")),
            "{lines} lines"
        );
    }
}

#[test]
fn every_line_is_printed_once_and_the_sum_is_carried_over_each_page() {
    for lines in [10, 47, 200] {
        let pages = texts(&long(lines));
        let all: Vec<&String> = pages.iter().flatten().collect();
        for number in 1..=lines {
            let line = format!("AI API usage - model-{number}");
            assert_eq!(all.iter().filter(|text| ***text == line).count(), 1);
        }
        for (number, both) in pages.windows(2).enumerate() {
            let carried = beside(&both[0], "Carried forward");
            assert!(carried.is_some(), "page {} of {lines} lines", number + 1);
            assert_eq!(carried, beside(&both[1], "Brought forward"));
            assert!(has(&both[1], "Amount (USD)"));
        }
    }
}

#[test]
fn what_is_carried_is_the_sum_of_the_lines_before() {
    let pages = texts(&long(10));
    let lines = pages[0]
        .iter()
        .filter(|text| text.starts_with("AI API usage"));
    let count = i64::try_from(lines.count()).unwrap();
    let sum = (1..=count).fold(Money::ZERO, |sum, number| {
        sum.plus(usage(number).amount).unwrap()
    });
    let carried = beside(&pages[0], "Carried forward").unwrap();
    assert_eq!(carried.replace(',', ""), sum.digits(2));
}

#[test]
fn every_page_says_which_it_is_of_how_many() {
    let pages = texts(&long(60));
    for (index, page) in pages.iter().enumerate() {
        assert!(has(page, &format!("Page {} of {}", index + 1, pages.len())));
        assert!(has(page, "INV-2024-000123 \u{b7} USD 16.95"));
        assert_eq!(index > 0, has(page, "Invoice INV-2024-000123"));
    }
}

#[test]
fn a_description_longer_than_a_page_goes_on_on_the_next() {
    let mut document = long(2);
    document.lines[0].description = "word ".repeat(1_500);
    let pages = texts(&document);
    assert!(pages.len() > 2);
    let words = pages.iter().flatten().flat_map(|line| line.split(' '));
    assert_eq!(words.filter(|word| *word == "word").count(), 1_500);
}

#[test]
fn discounts_that_are_too_many_for_the_totals_stand_in_the_table() {
    let discount = |number| Discount {
        label: format!("Coupon {number}"),
        amount: usd("0.01"),
    };
    let document = Document {
        discounts: (1..=100).map(discount).collect(),
        ..invoice()
    };
    let pages = texts(&document);
    assert!(pages.len() > 2);
    assert!(pages.iter().flatten().any(|text| text == "Coupon 100"));
    let last = pages.iter().find(|page| has(page, "Subtotal")).unwrap();
    assert!(has(last, "Amount due"));
}

#[rstest]
#[case::of_short_lines("line\n", 1)]
#[case::of_ideographs("\u{5b57}", 2)]
#[case::of_wide_letters("W", 2)]
fn an_address_of_the_greatest_length_is_printed_whole(#[case] of: &str, #[case] least: usize) {
    let mut document = invoice();
    document.seller.address = of.repeat(1_000 / of.chars().count());
    let pages = texts(&document);
    assert!(pages.len() >= least);
    let printed: String = pages.concat().concat();
    let mark = of.trim_end();
    assert!(printed.matches(mark).count() >= 1_000 / of.chars().count());
}

#[test]
fn an_invoice_says_everything() {
    let page = texts(&invoice()).concat();
    for text in [
        "Invoice",
        "INV-2024-000123",
        "INV-user_42-2024-11",
        "2024-12-02",
        "2025-01-01",
        "2024-11-01 \u{2013} 2024-11-30",
        "Lumen Gateway GmbH",
        "Friedrichstra\u{df}e 123",
        "Tax ID: DE123456789",
        "Orchard Analytics Ltd",
        "Tax ID: GB987654321",
        "Customer ID: user_42",
        "USD 16.95 due 2025-01-01",
        "600,333",
        "tokens",
        "0.001658",
        "per 1,000 tokens",
        "exactly 0.9954995",
        "21.40",
        "0.0045005",
        "-3.85",
        "Tax 10%",
        "USD 16.95",
    ] {
        assert!(has(&page, text), "{text}");
    }
}

#[rstest]
#[case::receipt(
    receipt(),
    &["Receipt", "USD 16.95 paid on 2024-12-02", "Paid on 2024-12-02 by card."],
    &["Due date"],
)]
#[case::credit_note(
    credit_note(),
    &["Credit note", "USD 16.95 credited", "INV-2024-000123 (2024-12-02)"],
    &["Amount due", "Payment"],
)]
#[case::cancellation(cancellation(), &["Cancellation", "Cancels INV-2024-000123"], &["Amount due"])]
#[case::partly_paid(
    reverse_charge(),
    &["Tax 0%", "Paid from credit balance", "-5.00", "Credit notes", "-1.00", "USD 9.41"],
    &["Tax 10%"],
)]
fn a_document_says_what_its_kind_says(
    #[case] document: Document,
    #[case] says: &[&str],
    #[case] says_not: &[&str],
) {
    let page = texts(&document).concat();
    assert!(says.iter().all(|text| has(&page, text)), "{page:?}");
    assert!(!says_not.iter().any(|text| has(&page, text)), "{page:?}");
}

#[rstest]
#[case(
    Exemption::ReverseCharge,
    "Reverse charge: the customer is liable for the tax on this supply."
)]
#[case(Exemption::Exempt, "This supply is exempt from tax.")]
#[case(Exemption::OutsideScope, "This supply is outside the scope of tax.")]
fn a_document_says_why_there_is_no_tax(#[case] exemption: Exemption, #[case] says: &str) {
    let document = Document {
        exemption: Some(exemption),
        ..invoice()
    };
    assert!(has(&texts(&document).concat(), says));
}

#[test]
fn nothing_is_said_in_english_to_who_reads_chinese() {
    let mut document = long(30);
    document.language = Language::Chinese;
    document.exemption = Some(Exemption::ReverseCharge);
    let page = texts(&document).concat();
    for english in [
        "Invoice",
        "Subtotal",
        "Total",
        "Carried forward",
        "Payment",
        "Description",
    ] {
        assert!(!has(&page, english), "{english}");
    }
    assert!(has(&page, "小计") && has(&page, "转下页"));
}

#[test]
fn small_print_stands_on_every_page_and_at_the_end_if_it_is_long() {
    let mut document = long(30);
    document.seller.footer = "Small print.".to_owned();
    assert!(
        texts(&document)
            .iter()
            .all(|page| has(page, "Small print."))
    );

    document.seller.footer = "Small print.\n".repeat(200);
    let printed = texts(&document).concat();
    let count = printed
        .iter()
        .filter(|text| *text == "Small print.")
        .count();
    assert_eq!(count, 200);
}
