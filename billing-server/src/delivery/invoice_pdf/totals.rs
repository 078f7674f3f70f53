//! The totals, which are never broken over a page, and what follows them.

use billing_core::money::Money;

use super::{
    PdfError,
    block::{Block, Column},
    document::{Discount, Document, Kind, Settlement},
    format,
    looks::{BODY, CONTENT, CONTENT_WIDTH, DUE, HAIRLINE, LINE, MARGIN, QUIET, SMALL, STRONG},
    text::{self, Ink, Length, Style},
};

const WIDTH: Length = 268_000;
const LEFT: Length = MARGIN + CONTENT_WIDTH - WIDTH;
const AMOUNT_WIDTH: Length = 104_000;
const LABEL: Column = Column::left(LEFT, WIDTH - AMOUNT_WIDTH);
const AMOUNT: Column = Column::right(LEFT, WIDTH);
const PADDING: Length = 3_700;
/// How much of a note is not broken over a page.
const LINES_TOGETHER: usize = 8;
/// How many lines of small print stand on every page.
const FOOT_LINES: usize = 4;

/// The totals, with `discounts` between the sum of the lines and what is taxed.
///
/// # Errors
/// When a text cannot be set or a sum is too large.
pub(super) fn totals(document: &Document, discounts: &[Discount]) -> Result<Block, PdfError> {
    let labels = document.language.labels();
    let plain = |amount: Money| format::number(amount, 2);
    let with_currency = |amount: Money| format::money(&document.currency, amount);
    let mut block = Block::default();
    block.gap(6_000);
    row(&mut block, labels.subtotal, &plain(document.subtotal), BODY)?;
    if document.rounding_difference != Money::ZERO {
        row(
            &mut block,
            labels.rounding,
            &plain(document.rounding_difference),
            QUIET,
        )?;
    }
    for discount in discounts {
        row(
            &mut block,
            &discount.label,
            &plain(discount.amount.negated()?),
            BODY,
        )?;
    }
    row(&mut block, labels.net, &plain(document.net), BODY)?;
    let tax = format!("{} {}", labels.tax, format::percent(document.tax_rate));
    row(&mut block, &tax, &plain(document.tax_amount), BODY)?;
    row(
        &mut block,
        labels.total,
        &with_currency(document.total),
        STRONG,
    )?;
    for (label, amount) in [
        (labels.credit_applied, document.credit_applied),
        (labels.credited, document.credited),
    ] {
        if amount != Money::ZERO {
            row(&mut block, label, &plain(amount.negated()?), BODY)?;
        }
    }
    if matches!(document.kind, Kind::Invoice | Kind::Receipt) {
        block.bar(LEFT, WIDTH, LINE, Ink::Accent);
        row(
            &mut block,
            labels.amount_due,
            &with_currency(document.amount_due),
            DUE,
        )?;
    }
    if let Some(exemption) = document.exemption {
        block.gap(10_000);
        block.text(document.language.exemption(exemption), STRONG, CONTENT)?;
    }
    Ok(block)
}

fn row(block: &mut Block, label: &str, amount: &str, style: Style) -> Result<(), PdfError> {
    if block.marks.is_empty() || style.ink == Ink::Accent {
        block.gap(PADDING);
    } else {
        block.bar(LEFT, WIDTH, HAIRLINE, Ink::Hairline);
        block.gap(PADDING);
    }
    block.beside([
        Block::of(label, style, LABEL)?,
        Block::of(amount, style.tabular(), AMOUNT)?,
    ]);
    block.gap(PADDING);
    Ok(())
}

/// What follows the totals: how to pay, and small print that no foot has room for. Between any two
/// of its blocks a page may end.
///
/// # Errors
/// When a text cannot be set.
pub(super) fn notes(document: &Document) -> Result<Vec<Block>, PdfError> {
    let labels = document.language.labels();
    let payment = match &document.settlement {
        Settlement::ToPay(how) => how.clone(),
        Settlement::Paid { on, method } => document.language.paid(&format::date(*on), method),
    };
    let mut notes = Vec::new();
    if !payment.is_empty() {
        let mut heading = Block::default();
        heading.gap(18_000);
        heading.text(labels.payment, STRONG, CONTENT)?;
        heading.gap(2_000);
        notes.extend(below(heading, &payment, QUIET)?);
    }
    if let SmallPrint::Long(text) = small_print(document)? {
        let mut rule = Block::default();
        rule.gap(20_000);
        rule.bar(MARGIN, CONTENT_WIDTH, HAIRLINE, Ink::Hairline);
        rule.gap(8_000);
        notes.extend(below(rule, text, SMALL)?);
    }
    Ok(notes)
}

/// The seller's small print.
pub(super) enum SmallPrint<'a> {
    /// For the foot of every page; empty if there is none.
    Short(Block),
    /// For the end.
    Long(&'a str),
}

/// Where the seller's small print belongs.
///
/// # Errors
/// When a text cannot be set.
pub(super) fn small_print(document: &Document) -> Result<SmallPrint<'_>, PdfError> {
    let block = Block::of(&document.seller.footer, SMALL, CONTENT)?;
    if block.marks.len() > FOOT_LINES {
        return Ok(SmallPrint::Long(&document.seller.footer));
    }
    Ok(SmallPrint::Short(block))
}

/// The first lines stay with what is above them, and few lines together.
fn below(mut first: Block, text: &str, style: Style) -> Result<Vec<Block>, PdfError> {
    let mut blocks = Vec::new();
    for lines in text::set(text, style, CONTENT.width)?.chunks(LINES_TOGETHER) {
        let mut block = std::mem::take(&mut first);
        for line in lines {
            block.line(line.clone(), style, CONTENT);
        }
        blocks.push(block);
    }
    Ok(blocks)
}
