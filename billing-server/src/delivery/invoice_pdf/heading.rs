//! The top of the first page: what it is, who sells, who buys, what it comes to.

use super::{
    PdfError,
    block::{Block, Column},
    document::{Document, Kind, Settlement},
    format,
    labels::Headline,
    looks::{
        BODY, CONTENT, CONTENT_WIDTH, HEADLINE, MARGIN, NAME, QUIET, SELLER, SMALL, STRONG, TITLE,
    },
    text::Length,
};

/// Between two columns.
const GUTTER: Length = 24_000;
const LABEL_WIDTH: Length = 104_000;
const HALF: Length = (CONTENT_WIDTH - GUTTER) / 2;
/// How many lines of an address are printed as they are; what follows is put in one.
const ADDRESS_LINES: usize = 8;

/// The top of the first page.
///
/// # Errors
/// When a text cannot be set.
pub(super) fn heading(document: &Document) -> Result<Block, PdfError> {
    let mut block = Block::default();
    block.beside(title(document)?);
    block.gap(18_000);
    block.add(facts(document)?);
    block.gap(22_000);
    block.beside([seller(document)?, buyer(document)?]);
    block.gap(26_000);
    block.text(&headline(document), HEADLINE, CONTENT)?;
    block.gap(14_000);
    Ok(block)
}

fn title(document: &Document) -> Result<[Block; 2], PdfError> {
    let wide = Column::left(MARGIN, HALF + GUTTER);
    let narrow = Column::right(MARGIN + HALF + GUTTER * 2, HALF - GUTTER);
    let title = Block::of(document.language.title(document.kind), TITLE, wide)?;
    let mut seller = Block::default();
    // Level with the title's capitals.
    seller.gap(TITLE.baseline() - SELLER.baseline());
    seller.text(&document.seller.name, SELLER, narrow)?;
    Ok([title, seller])
}

/// Numbers and dates.
fn facts(document: &Document) -> Result<Block, PdfError> {
    let labels = document.language.labels();
    let corrects = document.corrects.as_ref().map(|corrected| {
        let day = format::date(corrected.issued_on);
        format!("{} ({day})", corrected.document_number)
    });
    let number = Some(document.document_number.clone());
    let invoice = Some(document.invoice_number.clone());
    let facts = [
        (labels.document_number, number, STRONG),
        (labels.invoice_number, invoice, BODY),
        (labels.corrects, corrects, BODY),
        (
            labels.issued_on,
            Some(format::date(document.issued_on)),
            BODY,
        ),
        (labels.due_on, document.due_on.map(format::date), BODY),
        (
            labels.service_period,
            document.service_period.map(format::period),
            BODY,
        ),
    ];
    let mut block = Block::default();
    for (label, value, style) in facts {
        let Some(value) = value.filter(|value| !value.is_empty()) else {
            continue;
        };
        let beside = Column::left(MARGIN + LABEL_WIDTH, CONTENT_WIDTH - LABEL_WIDTH);
        block.beside([
            Block::of(label, QUIET, Column::left(MARGIN, LABEL_WIDTH))?,
            Block::of(&value, style, beside)?,
        ]);
        block.gap(1_500);
    }
    Ok(block)
}

fn seller(document: &Document) -> Result<Block, PdfError> {
    let labels = document.language.labels();
    let seller = &document.seller;
    let mut block = Block::default();
    let column = Column::left(MARGIN, HALF);
    block.text(labels.seller, SMALL, column)?;
    block.gap(2_000);
    block.text(&seller.name, NAME, column)?;
    block.text(&address(&seller.address), BODY, column)?;
    block.text(&seller.country, BODY, column)?;
    labelled(&mut block, labels.tax_id, &seller.tax_id, column)?;
    labelled(
        &mut block,
        labels.registration,
        &seller.registration,
        column,
    )?;
    Ok(block)
}

fn buyer(document: &Document) -> Result<Block, PdfError> {
    let labels = document.language.labels();
    let buyer = &document.buyer;
    let mut block = Block::default();
    let column = Column::left(MARGIN + HALF + GUTTER, HALF);
    block.text(labels.buyer, SMALL, column)?;
    block.gap(2_000);
    block.text(&buyer.name, NAME, column)?;
    block.text(&address(&buyer.address), BODY, column)?;
    block.text(&buyer.country, BODY, column)?;
    labelled(&mut block, labels.tax_id, &buyer.tax_id, column)?;
    labelled(&mut block, labels.user_id, &buyer.user_id, column)?;
    Ok(block)
}

fn labelled(block: &mut Block, label: &str, value: &str, column: Column) -> Result<(), PdfError> {
    if value.is_empty() {
        return Ok(());
    }
    block.text(&format!("{label}: {value}"), QUIET, column)
}

/// An address without so many lines that nothing else has room.
fn address(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let lines: Vec<&str> = lines.into_iter().filter(|line| !line.is_empty()).collect();
    let (first, others) = lines.split_at(lines.len().min(ADDRESS_LINES));
    [first.join("\n"), others.join(", ")].join("\n")
}

fn headline(document: &Document) -> String {
    let amount = |amount| format::money(&document.currency, amount);
    let due_on = document.due_on.map(format::date);
    let corrected = document.corrects.as_ref();
    let text = |headline: &Headline<'_>| document.language.headline(headline);
    match (document.kind, &document.settlement, corrected) {
        (Kind::CreditNote, ..) | (Kind::Cancellation, _, None) => {
            text(&Headline::Credited(&amount(document.total)))
        }
        (Kind::Cancellation, _, Some(corrected)) => {
            text(&Headline::Cancelled(&corrected.document_number))
        }
        (_, Settlement::Paid { on, .. }, _) => {
            text(&Headline::Paid(&amount(document.total), &format::date(*on)))
        }
        (_, Settlement::ToPay(_), _) => {
            let due = amount(document.amount_due);
            text(&Headline::Due(&due, due_on.as_deref()))
        }
    }
}
