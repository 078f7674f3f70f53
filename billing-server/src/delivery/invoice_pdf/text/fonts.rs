//! The fonts that documents are set in, parsed once for all documents.

use std::{ptr, sync::LazyLock};

use harfrust::{Direction, Feature, FontRef, GlyphBuffer, ShapeOptions, ShaperData, UnicodeBuffer};
use krilla::text::Font;
use skrifa::{MetadataProvider, charmap::Charmap};

use super::Weight;

/// Stands for what no font has.
const BOX: char = '\u{25a1}';

static FONTS: LazyLock<Option<Fonts>> = LazyLock::new(Fonts::parse);

/// One font.
pub(crate) struct Face {
    pub(crate) pdf: Font,
    font: FontRef<'static>,
    charmap: Charmap<'static>,
    shaper: ShaperData,
    /// Font units in the height of a line.
    pub(crate) units: i64,
    /// Whether bold text is made of it by thicker strokes.
    pub(crate) is_thickened: bool,
}

/// All fonts.
pub(crate) struct Fonts {
    regular: Face,
    semibold: Face,
    /// For what those two have not, in the order of trying.
    others: [Face; 3],
    box_regular: u32,
    box_semibold: u32,
}

impl Face {
    fn parse(bytes: &'static [u8], is_thickened: bool) -> Option<Self> {
        let font = FontRef::new(bytes).ok()?;
        let shaper = ShaperData::new(&font);
        let units = shaper.shaper(&font).build().units_per_em();
        Some(Self {
            pdf: Font::new(bytes.into(), 0)?,
            charmap: font.charmap(),
            font,
            shaper,
            units: i64::from(units).max(1),
            is_thickened,
        })
    }

    /// The glyph of a character. What stands for nothing that others agree on has none.
    fn glyph(&self, character: char) -> Option<u32> {
        if is_private(character) {
            return None;
        }
        let glyph = self.charmap.map(character)?.to_u32();
        (glyph != 0).then_some(glyph)
    }

    /// Whether the font has all that is seen of a cluster.
    pub(crate) fn has(&self, cluster: &str) -> bool {
        let mut seen = cluster.chars().filter(|c| !is_unseen(*c));
        seen.all(|c| self.glyph(c).is_some())
    }

    /// The glyphs of a text in one direction, from left to right.
    pub(crate) fn shape(&self, text: &str, is_rtl: bool, features: &[Feature]) -> GlyphBuffer {
        let mut buffer = UnicodeBuffer::new();
        buffer.push_str(text);
        buffer.set_direction(if is_rtl {
            Direction::RightToLeft
        } else {
            Direction::LeftToRight
        });
        buffer.guess_segment_properties();
        let shaper = self.shaper.shaper(&self.font).build();
        shaper.shape(buffer, ShapeOptions::new().features(features))
    }

    pub(crate) fn is(&self, other: &Self) -> bool {
        ptr::eq(self, other)
    }
}

impl Fonts {
    /// All fonts; `None` if one that is built in cannot be read.
    pub(crate) fn get() -> Option<&'static Self> {
        FONTS.as_ref()
    }

    fn parse() -> Option<Self> {
        let regular = include_bytes!("../../../../fonts/Inter-Regular.ttf");
        let semibold = include_bytes!("../../../../fonts/Inter-SemiBold.ttf");
        let hebrew = include_bytes!("../../../../fonts/NotoSansHebrew-Regular.ttf");
        let arabic = include_bytes!("../../../../fonts/NotoSansArabic-Regular.ttf");
        let cjk = include_bytes!("../../../../fonts/DroidSansFallback.ttf");
        let (regular, semibold) = (Face::parse(regular, false)?, Face::parse(semibold, false)?);
        Some(Self {
            box_regular: regular.glyph(BOX)?,
            box_semibold: semibold.glyph(BOX)?,
            regular,
            semibold,
            others: [
                Face::parse(hebrew, true)?,
                Face::parse(arabic, true)?,
                Face::parse(cjk, true)?,
            ],
        })
    }

    /// The font for a cluster, `near` one that stands before it; `None` if there is none.
    pub(crate) fn choose(
        &'static self,
        cluster: &str,
        weight: Weight,
        near: Option<&'static Face>,
    ) -> Option<&'static Face> {
        let (main, _) = self.main(weight);
        // A space is as wide as the words that it stands between want it.
        let near = near.filter(|_| cluster.chars().all(char::is_whitespace));
        let mut faces = near.into_iter().chain([main]).chain(&self.others);
        faces.find(|face| face.has(cluster))
    }

    /// The font that most text is set in, and its box for what no font has.
    pub(crate) fn main(&'static self, weight: Weight) -> (&'static Face, u32) {
        match weight {
            Weight::Regular => (&self.regular, self.box_regular),
            Weight::SemiBold => (&self.semibold, self.box_semibold),
        }
    }
}

/// Characters that say how others are drawn, and are not drawn themselves.
const fn is_unseen(character: char) -> bool {
    matches!(
        character,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{2064}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}'
    )
}

const fn is_private(character: char) -> bool {
    matches!(
        character,
        '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..='\u{ffffd}' | '\u{100000}'..='\u{10fffd}'
    )
}
