//! A line of text as glyphs of fonts, in the order in which they are drawn.

use std::ops::Range;

use harfrust::{Feature, GlyphBuffer, Tag};
use unicode_bidi::{BidiInfo, Level};
use unicode_segmentation::UnicodeSegmentation;

use super::{
    Length, Style, Weight,
    fonts::{Face, Fonts},
};

/// A line, ready to be drawn.
pub(crate) struct Line {
    pub(crate) runs: Vec<Run>,
    pub(crate) width: Length,
}

/// Glyphs of one font, from left to right.
pub(crate) struct Run {
    pub(crate) face: &'static Face,
    pub(crate) text: String,
    pub(crate) glyphs: Vec<Glyph>,
    pub(crate) width: Length,
    /// Whether to draw it with thicker strokes.
    pub(crate) is_thick: bool,
}

/// One glyph, measured in units of its font.
pub(crate) struct Glyph {
    pub(crate) id: u32,
    /// What of the run's text it stands for, in bytes.
    pub(crate) cluster: Range<usize>,
    pub(crate) advance: i32,
    pub(crate) offset: (i32, i32),
}

/// A paragraph of which lines are made.
pub(super) struct Paragraph<'a> {
    fonts: &'static Fonts,
    text: &'a str,
    bidi: BidiInfo<'a>,
    style: Style,
    features: Vec<Feature>,
}

impl<'a> Paragraph<'a> {
    pub(super) fn new(fonts: &'static Fonts, text: &'a str, style: Style) -> Self {
        let tabular = Feature::new(Tag::new(b"tnum"), 1, ..);
        Self {
            fonts,
            text,
            bidi: BidiInfo::new(text, None),
            style,
            features: style.is_tabular.then_some(tabular).into_iter().collect(),
        }
    }

    /// A stretch of the paragraph as one line.
    pub(super) fn line(&self, range: Range<usize>) -> Line {
        let mut runs = Vec::new();
        for (range, level) in self.directions(range) {
            let text = self.text.get(range).unwrap_or_default();
            let mut pieces = self.pieces(text);
            if level.is_rtl() {
                pieces.reverse();
            }
            let shaped = pieces.into_iter();
            runs.extend(shaped.flat_map(|(face, text)| self.shape(face, text, level.is_rtl())));
        }
        let width = runs.iter().map(|run| run.width).sum();
        Line { runs, width }
    }

    /// The stretches of one direction in a line, from left to right.
    fn directions(&self, range: Range<usize>) -> Vec<(Range<usize>, Level)> {
        let Some(paragraph) = self.bidi.paragraphs.first().filter(|_| !range.is_empty()) else {
            return Vec::new();
        };
        let (levels, runs) = self.bidi.visual_runs(paragraph, range);
        let level = |start: usize| levels.get(start).copied().unwrap_or(Level::ltr());
        runs.into_iter()
            .map(|run| (run.clone(), level(run.start)))
            .collect()
    }

    /// The stretches of a text that one font has, or none.
    fn pieces<'t>(&self, text: &'t str) -> Vec<(Option<&'static Face>, &'t str)> {
        let mut pieces: Vec<(Option<&'static Face>, Range<usize>)> = Vec::new();
        for (start, cluster) in text.grapheme_indices(true) {
            let before = pieces.last_mut();
            let near = before.as_ref().and_then(|(face, _)| *face);
            let face = self.fonts.choose(cluster, self.style.weight, near);
            let end = start.saturating_add(cluster.len());
            match before {
                Some((last, range)) if same(*last, face) => range.end = end,
                _ => pieces.push((face, start..end)),
            }
        }
        let texts = pieces.into_iter();
        texts
            .map(|(face, range)| (face, text.get(range).unwrap_or_default()))
            .collect()
    }

    /// A stretch in its font; boxes where it has no glyph.
    fn shape(&self, face: Option<&'static Face>, text: &str, is_rtl: bool) -> Option<Run> {
        let shaped = face.and_then(|face| {
            let glyphs = glyphs(text, &face.shape(text, is_rtl, &self.features));
            let is_whole = glyphs.iter().all(|glyph| glyph.id != 0);
            is_whole.then_some((face, glyphs))
        });
        let (face, glyphs) = shaped.or_else(|| self.boxes(text, is_rtl))?;
        let units: i64 = glyphs.iter().map(|glyph| i64::from(glyph.advance)).sum();
        Some(Run {
            width: units.saturating_mul(self.style.size) / face.units,
            is_thick: face.is_thickened && self.style.weight == Weight::SemiBold,
            face,
            text: text.to_owned(),
            glyphs,
        })
    }

    /// A box for each cluster.
    fn boxes(&self, text: &str, is_rtl: bool) -> Option<(&'static Face, Vec<Glyph>)> {
        let (face, id) = self.fonts.main(self.style.weight);
        let shape = face.shape("\u{25a1}", false, &[]);
        let advance = shape.glyph_positions().first()?.x_advance;
        let clusters = text.grapheme_indices(true);
        let mut glyphs: Vec<Glyph> = clusters
            .map(|(start, cluster)| Glyph {
                id,
                cluster: start..start.saturating_add(cluster.len()),
                advance,
                offset: (0, 0),
            })
            .collect();
        if is_rtl {
            glyphs.reverse();
        }
        Some((face, glyphs))
    }
}

fn same(one: Option<&Face>, other: Option<&Face>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => one.is(other),
        (one, other) => one.is_none() && other.is_none(),
    }
}

/// The glyphs with the stretch of text that each stands for: to where the next cluster begins.
fn glyphs(text: &str, shaped: &GlyphBuffer) -> Vec<Glyph> {
    let start = |cluster: u32| usize::try_from(cluster).unwrap_or(usize::MAX);
    let infos = shaped.glyph_infos();
    let mut starts: Vec<usize> = infos.iter().map(|info| start(info.cluster)).collect();
    starts.push(text.len());
    starts.sort_unstable();
    starts.dedup();
    let drawn = infos.iter().zip(shaped.glyph_positions());
    drawn
        .map(|(info, position)| {
            let from = start(info.cluster);
            let next = starts.partition_point(|place| *place <= from);
            Glyph {
                id: info.glyph_id,
                cluster: from..starts.get(next).copied().unwrap_or(text.len()),
                advance: position.x_advance,
                offset: (position.x_offset, position.y_offset),
            }
        })
        .collect()
}
