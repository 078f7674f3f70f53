//! Blocks of set text and rules, which are placed on pages as a whole.

use std::rc::Rc;

use super::{
    PdfError,
    text::{self, Ink, Length, Line, Style},
};

/// Something that is drawn.
#[derive(Clone)]
pub(super) enum Mark {
    /// A line of text from `x` on, its letters standing on `y`.
    Text {
        x: Length,
        y: Length,
        line: Rc<Line>,
        style: Style,
    },
    /// A filled rectangle, its corner at the top left.
    Bar {
        x: Length,
        y: Length,
        width: Length,
        height: Length,
        ink: Ink,
    },
}

/// On which side of its column a text stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Left,
    Right,
}

/// A column of a page.
#[derive(Debug, Clone, Copy)]
pub(super) struct Column {
    pub(super) x: Length,
    pub(super) width: Length,
    pub(super) side: Side,
}

impl Column {
    pub(super) const fn left(x: Length, width: Length) -> Self {
        let side = Side::Left;
        Self { x, width, side }
    }

    pub(super) const fn right(x: Length, width: Length) -> Self {
        let side = Side::Right;
        Self { x, width, side }
    }
}

/// Marks that belong together, from a top at 0 down to a height.
#[derive(Clone, Default)]
pub(super) struct Block {
    pub(super) marks: Vec<Mark>,
    pub(super) height: Length,
}

impl Mark {
    /// Where it ends, below what hangs from the line.
    fn bottom(&self) -> Length {
        match self {
            Self::Text { y, style, .. } => y + style.size * 3 / 10,
            Self::Bar { y, height, .. } => y + height,
        }
    }

    fn lowered(self, by: Length) -> Self {
        match self {
            Self::Text { x, y, line, style } => Self::Text {
                x,
                y: y + by,
                line,
                style,
            },
            Self::Bar {
                x,
                y,
                width,
                height,
                ink,
            } => Self::Bar {
                x,
                y: y + by,
                width,
                height,
                ink,
            },
        }
    }
}

impl Block {
    /// Adds empty space at the end.
    pub(super) fn gap(&mut self, height: Length) {
        self.height += height;
    }

    /// Adds a text at the end.
    ///
    /// # Errors
    /// When the text cannot be set.
    pub(super) fn text(
        &mut self,
        text: &str,
        style: Style,
        column: Column,
    ) -> Result<(), PdfError> {
        for line in text::set(text, style, column.width)? {
            self.line(line, style, column);
        }
        Ok(())
    }

    /// Adds a line that is set already at the end.
    pub(super) fn line(&mut self, line: Rc<Line>, style: Style, column: Column) {
        let x = match column.side {
            Side::Left => column.x,
            Side::Right => column.x + column.width - line.width,
        };
        let y = self.height + style.baseline();
        self.marks.push(Mark::Text { x, y, line, style });
        self.height += style.leading();
    }

    /// Adds a bar at the end.
    pub(super) fn bar(&mut self, x: Length, width: Length, height: Length, ink: Ink) {
        let y = self.height;
        self.marks.push(Mark::Bar {
            x,
            y,
            width,
            height,
            ink,
        });
        self.height += height;
    }

    /// Adds a block at the end.
    pub(super) fn add(&mut self, block: Self) {
        let top = self.height;
        self.put(block, top);
    }

    /// Adds blocks side by side at the end.
    pub(super) fn beside(&mut self, blocks: impl IntoIterator<Item = Self>) {
        let top = self.height;
        for block in blocks {
            self.put(block, top);
        }
    }

    /// Puts a block at a height of this one, which grows where it must.
    pub(super) fn put(&mut self, block: Self, top: Length) {
        self.height = self.height.max(top + block.height);
        let lowered = block.marks.into_iter().map(|mark| mark.lowered(top));
        self.marks.extend(lowered);
    }

    /// What ends above a height, and what is below it. No line is cut.
    pub(super) fn split(self, height: Length) -> (Self, Self) {
        let marks = self.marks.into_iter();
        let (above, below): (Vec<_>, Vec<_>) = marks.partition(|mark| mark.bottom() <= height);
        let below = below.into_iter().map(|mark| mark.lowered(-height));
        let rest = Self {
            marks: below.collect(),
            height: self.height - height,
        };
        let top = Self {
            marks: above,
            height,
        };
        (top, rest)
    }

    /// A text alone.
    ///
    /// # Errors
    /// When the text cannot be set.
    pub(super) fn of(text: &str, style: Style, column: Column) -> Result<Self, PdfError> {
        let mut block = Self::default();
        block.text(text, style, column)?;
        Ok(block)
    }
}
