//! Text set in lines: which font, which direction, where a line ends.

mod clean;
mod fonts;
mod shape;
mod wrap;

use std::rc::Rc;

use super::PdfError;
pub(super) use clean::clean;
use fonts::Fonts;
pub(super) use shape::{Line, Run};

/// A length in thousandths of a point.
pub(super) type Length = i64;

/// How bold letters are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Weight {
    Regular,
    SemiBold,
}

/// What colour is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ink {
    Text,
    Muted,
    Accent,
    Hairline,
}

/// How a text looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Style {
    pub(super) weight: Weight,
    pub(super) ink: Ink,
    pub(super) size: Length,
    /// Whether all digits are equally wide, so that they stand below each other.
    pub(super) is_tabular: bool,
}

impl Style {
    pub(super) const fn new(size: Length, weight: Weight, ink: Ink) -> Self {
        Self {
            weight,
            ink,
            size,
            is_tabular: false,
        }
    }

    pub(super) const fn tabular(self) -> Self {
        Self {
            is_tabular: true,
            ..self
        }
    }

    /// The height of a line.
    pub(super) const fn leading(self) -> Length {
        self.size * 145 / 100
    }

    /// From the top of a line to where its letters stand: capitals are in its middle.
    pub(super) const fn baseline(self) -> Length {
        (self.leading() + self.size * 72 / 100) / 2
    }
}

/// The lines of a text in a column; none of no text.
///
/// # Errors
/// When a font that is built in cannot be read.
pub(super) fn set(text: &str, style: Style, width: Length) -> Result<Vec<Rc<Line>>, PdfError> {
    let fonts = Fonts::get().ok_or(PdfError::Fonts)?;
    let clean = clean(text);
    let paragraphs = clean.split('\n').map(str::trim_end);
    Ok(paragraphs
        .filter(|paragraph| !paragraph.is_empty())
        .flat_map(|paragraph| wrap::paragraph(fonts, paragraph, style, width))
        .map(Rc::new)
        .collect())
}

#[cfg(test)]
mod tests;
