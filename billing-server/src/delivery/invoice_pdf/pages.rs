//! The pages of a document: what stands where.

use billing_core::money::Money;

use super::{
    PdfError,
    block::{Block, Column, Mark},
    document::{Discount, Document},
    format, heading,
    looks::{
        ABOVE_FOOT, BAND, CONTENT, CONTENT_RIGHT, CONTENT_WIDTH, FIRST_TOP, FOOT_BOTTOM, HAIRLINE,
        MARGIN, OTHER_TOP, PAGE_WIDTH, RUNNING_TOP, SMALL,
    },
    paginate::{Room, TablePage, paginate},
    table::{self, Row},
    text::{Ink, Length},
    totals::{self, SmallPrint},
};

/// Totals that are higher leave their discounts to the table, so that they fit on every page.
const HIGHEST_TOTALS: Length = (FOOT_BOTTOM - OTHER_TOP) / 2;

/// What is drawn on one page.
pub(super) type Page = Vec<Mark>;

/// All pages of a document.
///
/// # Errors
/// When a text cannot be set or a sum is too large.
pub(super) fn pages(document: &Document) -> Result<Vec<Page>, PdfError> {
    let (rows, totals) = content(document)?;
    let heading = heading::heading(document)?;
    let head = table::head(document)?;
    let bottom = FOOT_BOTTOM - foot(document, "")?.height - ABOVE_FOOT;
    let mut flow = Flow::begin(heading, bottom);
    let room = Room {
        first: bottom - flow.page.height - head.height,
        other: bottom - OTHER_TOP - head.height,
        carry: table::carried("", Money::ZERO)?.height,
    };
    let heights: Vec<Length> = rows.iter().map(|row| row.block.height).collect();
    let shares = paginate(&heights, totals.height, room);
    for (number, share) in shares.iter().enumerate() {
        if number > 0 {
            flow.next_page();
        }
        if !share.rows.is_empty() {
            flow.page.add(head.clone());
        }
        part(document, &mut flow.page, &rows, share)?;
        if share.has_totals {
            flow.page.add(totals.clone());
        }
    }
    for note in totals::notes(document)? {
        flow.note(note);
    }
    furnish(document, flow.end())
}

/// The rows and the totals. Discounts stand among the totals, unless they are very many.
fn content(document: &Document) -> Result<(Vec<Row>, Block), PdfError> {
    let none: &[Discount] = &[];
    let totals = totals::totals(document, &document.discounts)?;
    if totals.height <= HIGHEST_TOTALS {
        return Ok((table::rows(document, none)?, totals));
    }
    let rows = table::rows(document, &document.discounts)?;
    Ok((rows, totals::totals(document, none)?))
}

/// One page's part of the table, with the sum that is brought and carried.
fn part(
    document: &Document,
    page: &mut Block,
    rows: &[Row],
    share: &TablePage,
) -> Result<(), PdfError> {
    let labels = document.language.labels();
    let before = share
        .rows
        .start
        .checked_sub(1)
        .and_then(|row| rows.get(row));
    let here = rows.get(share.rows.clone()).unwrap_or_default();
    if let Some(before) = before.filter(|_| !here.is_empty()) {
        page.add(table::carried(labels.brought_forward, before.sum)?);
    }
    for row in here {
        page.add(row.block.clone());
    }
    if let Some(last) = here.last().filter(|_| !share.has_totals) {
        page.add(table::carried(labels.carried_forward, last.sum)?);
    }
    Ok(())
}

/// Pages as they are filled, from top to bottom.
struct Flow {
    done: Vec<Block>,
    page: Block,
    /// Where the content of every page ends.
    bottom: Length,
}

impl Flow {
    /// The heading, which may be longer than a page: addresses have a thousand characters.
    fn begin(heading: Block, bottom: Length) -> Self {
        let mut page = Block::default();
        page.bar(0, PAGE_WIDTH, BAND, Ink::Accent);
        page.height = FIRST_TOP;
        let mut flow = Self {
            done: Vec::new(),
            page,
            bottom,
        };
        let mut rest = heading;
        while flow.page.height + rest.height > bottom {
            let (top, below) = rest.split(bottom - flow.page.height);
            flow.page.add(top);
            flow.next_page();
            rest = below;
        }
        flow.page.add(rest);
        flow
    }

    fn next_page(&mut self) {
        let mut page = Block::default();
        page.gap(OTHER_TOP);
        self.done.push(std::mem::replace(&mut self.page, page));
    }

    fn note(&mut self, note: Block) {
        if self.page.height + note.height > self.bottom {
            self.next_page();
        }
        self.page.add(note);
    }

    fn end(mut self) -> Vec<Block> {
        self.done.push(self.page);
        self.done
    }
}

/// Adds what every page has: a foot, and a heading if it is not the first.
fn furnish(document: &Document, pages: Vec<Block>) -> Result<Vec<Page>, PdfError> {
    let count = pages.len();
    let furnished = pages.into_iter().enumerate();
    furnished
        .map(|(index, mut page)| {
            if index > 0 {
                page.put(running_heading(document)?, RUNNING_TOP);
            }
            let number = document.language.page(index.saturating_add(1), count);
            let foot = foot(document, &number)?;
            let top = FOOT_BOTTOM - foot.height;
            page.put(foot, top);
            Ok(page.marks)
        })
        .collect()
}

fn running_heading(document: &Document) -> Result<Block, PdfError> {
    let title = document.language.title(document.kind);
    let mut block = between(
        &format!("{title} {}", document.document_number),
        &document.seller.name,
    )?;
    block.gap(6_000);
    block.bar(MARGIN, CONTENT_WIDTH, HAIRLINE, Ink::Hairline);
    Ok(block)
}

fn foot(document: &Document, number: &str) -> Result<Block, PdfError> {
    let total = format::money(&document.currency, document.total);
    let mut block = Block::default();
    block.bar(MARGIN, CONTENT_WIDTH, HAIRLINE, Ink::Hairline);
    block.gap(6_000);
    if let SmallPrint::Short(text) = totals::small_print(document)?
        && text.height > 0
    {
        block.add(text);
        block.gap(5_000);
    }
    let text = format!("{} \u{b7} {total}", document.document_number);
    block.add(between(&text, number)?);
    Ok(block)
}

/// One line of two texts, each as far as it fits in its half.
fn between(left: &str, right: &str) -> Result<Block, PdfError> {
    let half = |column: Column| Column {
        width: CONTENT_WIDTH / 2,
        ..column
    };
    let right_half = Column {
        x: MARGIN + CONTENT_WIDTH / 2,
        ..half(CONTENT_RIGHT)
    };
    let mut block = Block::default();
    let mut sides = [
        Block::of(left, SMALL, half(CONTENT))?,
        Block::of(right, SMALL, right_half)?,
    ];
    for side in &mut sides {
        side.marks.truncate(1);
        side.height = SMALL.leading();
    }
    block.beside(sides);
    Ok(block)
}
