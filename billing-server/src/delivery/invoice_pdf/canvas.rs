//! Pages as PDF/A.
#![expect(
    clippy::float_arithmetic,
    clippy::as_conversions,
    reason = "krilla's coordinates are floats, and nothing else here is one"
)]

use chrono::Datelike;
use krilla::{
    SerializeSettings,
    color::rgb,
    configure::{Archival, ConfigurationBuilder},
    geom::{PathBuilder, Point, Rect},
    metadata::{DateTime, Metadata},
    num::NormalizedF32,
    page::PageSettings,
    paint::{Fill, Stroke},
    surface::Surface,
    text::{GlyphId, KrillaGlyph},
};

use super::{
    PdfError,
    block::Mark,
    document::Document,
    looks::{PAGE_HEIGHT, PAGE_WIDTH},
    pages::Page,
    text::{self, Ink, Length, Line, Run, Style},
};

/// How much thicker than drawn strokes of letters are, of their size, where a font is not bold.
const THICKER: f32 = 0.024;

/// The file.
///
/// # Errors
/// When it would not be valid PDF/A.
pub(super) fn draw(document: &Document, pages: &[Page]) -> Result<Vec<u8>, PdfError> {
    let configuration = ConfigurationBuilder::new()
        .with_archival_validator(Archival::A2_U)
        .finish()
        .map_err(|_| PdfError::Layout("the configuration"))?;
    let mut pdf = krilla::Document::new_with(SerializeSettings {
        configuration,
        enable_tagging: false,
        ..SerializeSettings::default()
    });
    pdf.set_metadata(metadata(document));
    for marks in pages {
        let settings = PageSettings::from_wh(points(PAGE_WIDTH), points(PAGE_HEIGHT));
        let mut page = pdf.start_page_with(settings.ok_or(PdfError::Layout("the page's size"))?);
        let mut surface = page.surface();
        for mark in marks {
            draw_mark(&mut surface, mark)?;
        }
        surface.finish();
        page.finish();
    }
    pdf.finish().map_err(PdfError::from)
}

fn metadata(document: &Document) -> Metadata {
    let title = document.language.title(document.kind);
    let day = document.issued_on;
    let part = |number: u32| u8::try_from(number).unwrap_or(1);
    let issued_on = DateTime::new(u16::try_from(day.year()).unwrap_or(0))
        .month(part(day.month()))
        .day(part(day.day()))
        .hour(0)
        .minute(0)
        .second(0);
    let line = |text: &str| text::clean(text).replace('\n', " ");
    Metadata::new()
        .title(line(&format!("{title} {}", document.document_number)))
        .authors(vec![line(&document.seller.name)])
        .creator(env!("CARGO_PKG_NAME").to_owned())
        .language(document.language.tag().to_owned())
        .creation_date(issued_on)
        .document_id(document.document_number.clone())
}

fn draw_mark(surface: &mut Surface<'_>, mark: &Mark) -> Result<(), PdfError> {
    match mark {
        Mark::Text { x, y, line, style } => {
            draw_line(surface, (*x, *y), line, *style);
            Ok(())
        }
        Mark::Bar {
            x,
            y,
            width,
            height,
            ink,
        } => {
            let (x, y) = (points(*x), points(*y));
            let rect = Rect::from_xywh(x, y, points(*width), points(*height));
            let mut path = PathBuilder::new();
            path.push_rect(rect.ok_or(PdfError::Layout("a bar"))?);
            surface.set_stroke(None);
            surface.set_fill(Some(fill(*ink)));
            surface.draw_path(&path.finish().ok_or(PdfError::Layout("a bar"))?);
            Ok(())
        }
    }
}

fn draw_line(surface: &mut Surface<'_>, at: (Length, Length), line: &Line, style: Style) {
    let (mut x, y) = at;
    for run in &line.runs {
        surface.set_fill(Some(fill(style.ink)));
        surface.set_stroke(run.is_thick.then(|| Stroke {
            paint: color(style.ink).into(),
            width: points(style.size) * THICKER,
            ..Stroke::default()
        }));
        let start = Point::from_xy(points(x), points(y));
        let font = run.face.pdf.clone();
        surface.draw_glyphs(
            start,
            &glyphs(run),
            font,
            &run.text,
            points(style.size),
            false,
        );
        x += run.width;
    }
}

fn glyphs(run: &Run) -> Vec<KrillaGlyph> {
    let em = |units: i32| units as f32 / run.face.units as f32;
    let glyphs = run.glyphs.iter();
    glyphs
        .map(|glyph| {
            let (x, y) = glyph.offset;
            let id = GlyphId::new(glyph.id);
            let cluster = glyph.cluster.clone();
            KrillaGlyph::new(id, em(glyph.advance), em(x), em(y), 0.0, cluster, None)
        })
        .collect()
}

fn fill(ink: Ink) -> Fill {
    Fill {
        paint: color(ink).into(),
        opacity: NormalizedF32::ONE,
        ..Fill::default()
    }
}

fn color(ink: Ink) -> rgb::Color {
    match ink {
        Ink::Text => rgb::Color::new(0x1a, 0x1f, 0x36),
        Ink::Muted => rgb::Color::new(0x5e, 0x67, 0x7d),
        Ink::Accent => rgb::Color::new(0x2f, 0x4b, 0xd8),
        Ink::Hairline => rgb::Color::new(0xdd, 0xe1, 0xe9),
    }
}

/// A length in points.
fn points(length: Length) -> f32 {
    length as f32 / 1_000.0
}
