//! The invoice and its kin as PDF/A-2u: what [`Document`] says, on A4.
//!
//! The same document is the same bytes: nothing here knows a clock, and ids come from content.
//! - [`text`]: lines of glyphs; fonts are chosen per cluster, directions per paragraph
//! - `block`: set text and rules that are placed as a whole, by whole thousandths of a point
//! - `heading`, `table`, `totals`: the parts of a document
//! - `paginate`: which rows stand on which page, from nothing but heights
//! - `pages`: all that together
//! - `canvas`: the only one that knows how PDF is written

mod block;
mod canvas;
pub(crate) mod document;
mod format;
mod heading;
mod labels;
mod looks;
mod pages;
mod paginate;
mod table;
mod text;
mod totals;

use billing_core::money::NumberError;
use krilla::error::KrillaError;

use document::Document;

/// Why a document could not be rendered. None of it depends on what texts say.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PdfError {
    /// A font that is built in cannot be read.
    #[error("the fonts cannot be read")]
    Fonts,
    /// A sum does not fit.
    #[error("a sum of the document {0}")]
    Sum(#[from] NumberError),
    /// Something has no size that can be drawn.
    #[error("{0} cannot be drawn")]
    Layout(&'static str),
    /// The file would not be valid.
    #[error("the file would not be valid: {0:?}")]
    Invalid(KrillaError),
}

impl From<KrillaError> for PdfError {
    fn from(error: KrillaError) -> Self {
        Self::Invalid(error)
    }
}

/// The document as a file.
///
/// # Errors
/// When a sum of its amounts is too large, or krilla refuses what was drawn.
pub(crate) fn render(document: &Document) -> Result<Vec<u8>, PdfError> {
    canvas::draw(document, &pages::pages(document)?)
}

#[cfg(test)]
mod tests;
