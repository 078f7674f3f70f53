//! The table of lines: its head, its rows, and the rows that carry the sum.

use std::rc::Rc;

use billing_core::money::Money;

use super::{
    PdfError,
    block::{Block, Column},
    document::{Discount, Document, Line},
    format,
    looks::{BODY, CONTENT_WIDTH, HAIRLINE, LINE, MARGIN, QUIET, SMALL},
    text::{self, Ink, Length, Style},
};

const PADDING: Length = 5_800;
/// How much of a description stays together: a row that is higher than a page must be broken.
const LINES_TOGETHER: usize = 10;

const DESCRIPTION: Column = Column::left(MARGIN, 218_000);
const QUANTITY: Column = Column::right(MARGIN + 224_000, 76_000);
const PRICE: Column = Column::right(MARGIN + 306_000, 86_000);
const AMOUNT: Column = Column::right(MARGIN + 398_000, CONTENT_WIDTH - 398_000);
/// What is carried is one line, however large the sum is.
const CARRIED_SUM: Column = Column::right(MARGIN + CONTENT_WIDTH - 130_000, 130_000);
const CARRIED: Column = Column::right(MARGIN, CONTENT_WIDTH - 136_000);

/// A row, or a part of one that is too high.
pub(super) struct Row {
    pub(super) block: Block,
    /// The sum of the amounts down to this row.
    pub(super) sum: Money,
}

/// The heads of the columns.
///
/// # Errors
/// When a text cannot be set.
pub(super) fn head(document: &Document) -> Result<Block, PdfError> {
    let labels = document.language.labels();
    let amount = format!("{} ({})", labels.amount, document.currency);
    let mut block = Block::default();
    block.beside([
        Block::of(labels.description, SMALL, DESCRIPTION)?,
        Block::of(labels.quantity, SMALL, QUANTITY)?,
        Block::of(labels.unit_price, SMALL, PRICE)?,
        Block::of(&amount, SMALL, AMOUNT)?,
    ]);
    block.gap(4_000);
    block.bar(MARGIN, CONTENT_WIDTH, LINE, Ink::Text);
    Ok(block)
}

/// The row that carries the sum over a page's end.
///
/// # Errors
/// When a text cannot be set.
pub(super) fn carried(label: &str, sum: Money) -> Result<Block, PdfError> {
    let mut block = Block::default();
    block.gap(PADDING);
    block.beside([
        Block::of(label, QUIET, CARRIED)?,
        Block::of(&format::number(sum, 2), QUIET.tabular(), CARRIED_SUM)?,
    ]);
    block.gap(PADDING);
    block.bar(MARGIN, CONTENT_WIDTH, HAIRLINE, Ink::Hairline);
    Ok(block)
}

/// The rows of the lines, and of discounts that are too many to stand among the totals.
///
/// # Errors
/// When a text cannot be set or a sum is too large.
pub(super) fn rows(document: &Document, discounts: &[Discount]) -> Result<Vec<Row>, PdfError> {
    let mut rows = Vec::new();
    let mut sum = Money::ZERO;
    for line in &document.lines {
        sum = sum.plus(line.amount)?;
        let cells = [
            quantity(document, line)?,
            price(document, line)?,
            amount(document, line)?,
        ];
        let description = description(&line.description, line.period.map(format::period))?;
        rows.extend(pieces(description, cells).map(|block| Row { block, sum }));
    }
    for discount in discounts {
        let taken = discount.amount.negated()?;
        sum = sum.plus(taken)?;
        let amount = Block::of(&format::number(taken, 2), BODY.tabular(), AMOUNT)?;
        let description = description(&discount.label, None)?;
        rows.extend(pieces(description, [amount]).map(|block| Row { block, sum }));
    }
    Ok(rows)
}

type SetLine = (Rc<text::Line>, Style);

fn description(text: &str, period: Option<String>) -> Result<Vec<SetLine>, PdfError> {
    let mut lines = set(text, BODY)?;
    lines.extend(set(&period.unwrap_or_default(), SMALL)?);
    Ok(lines)
}

fn set(text: &str, style: Style) -> Result<Vec<SetLine>, PdfError> {
    let lines = text::set(text, style, DESCRIPTION.width)?;
    Ok(lines.into_iter().map(|line| (line, style)).collect())
}

/// A row in pieces that pages can be filled with; the first has the numbers.
fn pieces(
    description: Vec<SetLine>,
    numbers: impl IntoIterator<Item = Block>,
) -> impl Iterator<Item = Block> {
    let mut blocks = Vec::new();
    for lines in description.chunks(LINES_TOGETHER) {
        let mut block = Block::default();
        for (line, style) in lines {
            block.line(Rc::clone(line), *style, DESCRIPTION);
        }
        blocks.push(block);
    }
    if blocks.is_empty() {
        blocks.push(Block::default());
    }
    if let Some(first) = blocks.first_mut() {
        let described = std::mem::take(first);
        first.gap(PADDING);
        first.beside([described].into_iter().chain(numbers));
    }
    if let Some(last) = blocks.last_mut() {
        last.gap(PADDING);
        last.bar(MARGIN, CONTENT_WIDTH, HAIRLINE, Ink::Hairline);
    }
    blocks.into_iter()
}

fn quantity(document: &Document, line: &Line) -> Result<Block, PdfError> {
    let mut block = Block::of(&format::count(line.quantity), BODY.tabular(), QUANTITY)?;
    block.text(document.language.counted(line.unit), SMALL, QUANTITY)?;
    Ok(block)
}

fn price(document: &Document, line: &Line) -> Result<Block, PdfError> {
    let price = format::number(line.unit_price, 2);
    let mut block = Block::of(&price, BODY.tabular(), PRICE)?;
    block.text(document.language.priced(line.unit), SMALL, PRICE)?;
    Ok(block)
}

fn amount(document: &Document, line: &Line) -> Result<Block, PdfError> {
    let amount = format::number(line.amount, 2);
    let mut block = Block::of(&amount, BODY.tabular(), AMOUNT)?;
    if let Some(exact) = line.exact_amount {
        let exact = format::number(exact, 2);
        let text = format!("{} {exact}", document.language.labels().exact);
        block.text(&text, SMALL.tabular(), AMOUNT)?;
    }
    Ok(block)
}
