//! Measures, in thousandths of a point, and styles.

use super::{
    block::Column,
    text::{Ink, Length, Style, Weight},
};

/// A4.
pub(super) const PAGE_WIDTH: Length = 595_276;
pub(super) const PAGE_HEIGHT: Length = 841_890;
pub(super) const MARGIN: Length = 54_000;
pub(super) const CONTENT_WIDTH: Length = PAGE_WIDTH - 2 * MARGIN;
pub(super) const CONTENT: Column = Column::left(MARGIN, CONTENT_WIDTH);
pub(super) const CONTENT_RIGHT: Column = Column::right(MARGIN, CONTENT_WIDTH);

/// Where the first page begins, and where every other one does.
pub(super) const FIRST_TOP: Length = 44_000;
pub(super) const OTHER_TOP: Length = 78_000;
/// Where the heading of every page but the first begins.
pub(super) const RUNNING_TOP: Length = 40_000;
/// Where the foot of a page ends, and how far above it content does.
pub(super) const FOOT_BOTTOM: Length = 812_000;
pub(super) const ABOVE_FOOT: Length = 12_000;
/// The coloured bar at the top of the first page.
pub(super) const BAND: Length = 5_000;

pub(super) const HAIRLINE: Length = 500;
/// Under the heads of columns, and above what is to be paid.
pub(super) const LINE: Length = 1_000;

const REGULAR: Weight = Weight::Regular;
const SEMIBOLD: Weight = Weight::SemiBold;

pub(super) const TITLE: Style = Style::new(26_000, SEMIBOLD, Ink::Text);
pub(super) const HEADLINE: Style = Style::new(17_000, SEMIBOLD, Ink::Text);
pub(super) const SELLER: Style = Style::new(11_500, SEMIBOLD, Ink::Text);
pub(super) const NAME: Style = Style::new(9_500, SEMIBOLD, Ink::Text);
pub(super) const BODY: Style = Style::new(9_000, REGULAR, Ink::Text);
pub(super) const STRONG: Style = Style::new(9_000, SEMIBOLD, Ink::Text);
pub(super) const QUIET: Style = Style::new(9_000, REGULAR, Ink::Muted);
pub(super) const SMALL: Style = Style::new(7_500, REGULAR, Ink::Muted);
pub(super) const DUE: Style = Style::new(10_500, SEMIBOLD, Ink::Accent);
