use proptest::prelude::*;
use rstest::rstest;
use unicode_segmentation::UnicodeSegmentation;

use super::{super::tests::samples::MIXED, *};

const STYLE: Style = Style::new(9_000, Weight::Regular, Ink::Text);
const WIDE: Length = 10_000_000;

fn lines(text: &str, style: Style, width: Length) -> Vec<Rc<Line>> {
    set(text, style, width).unwrap()
}

/// What stands on a line from left to right, cluster by cluster.
fn seen(line: &Line) -> Vec<&str> {
    let runs = line.runs.iter();
    runs.flat_map(|run| {
        run.glyphs
            .iter()
            .map(|glyph| &run.text[glyph.cluster.clone()])
    })
    .collect()
}

/// The box of the font that most text is set in.
fn box_of(style: Style) -> u32 {
    Fonts::get().unwrap().main(style.weight).1
}

fn is_boxed(text: &str) -> bool {
    let set = lines(text, STYLE, WIDE);
    let mut glyphs = set
        .iter()
        .flat_map(|line| &line.runs)
        .flat_map(|run| &run.glyphs);
    glyphs.all(|glyph| glyph.id == box_of(STYLE))
}

#[rstest]
fn every_character_of_a_mixed_text_has_a_glyph_of_a_font_that_has_it_or_the_box(
    #[values(Weight::Regular, Weight::SemiBold)] weight: Weight,
) {
    let style = Style { weight, ..STYLE };
    let set = lines(MIXED, style, WIDE);
    let [line] = set.as_slice() else {
        panic!("one line");
    };
    let mut letters: Vec<char> = line.runs.iter().flat_map(|run| run.text.chars()).collect();
    let mut wanted: Vec<char> = MIXED.chars().collect();
    letters.sort_unstable();
    wanted.sort_unstable();
    assert_eq!(letters, wanted);
    for glyph in line.runs.iter().flat_map(|run| &run.glyphs) {
        assert_ne!(glyph.id, 0);
    }
    for run in &line.runs {
        for cluster in run.text.graphemes(true) {
            let boxed = run.glyphs.iter().all(|glyph| glyph.id == box_of(style));
            assert!(run.face.has(cluster) != boxed, "{cluster}");
        }
    }
}

#[rstest]
#[case::emoji("\u{1f600}")]
#[case::family("\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467}")]
#[case::private_use("\u{e000}")]
#[case::never_assigned("\u{378}")]
#[case::script_without_a_font("\u{e44}")]
fn what_no_font_has_is_one_box(#[case] text: &str) {
    assert!(is_boxed(text));
    assert_eq!(seen(&lines(text, STYLE, WIDE)[0]), [text]);
}

#[rstest]
#[case::latin("a\u{e9}\u{141}\u{1e9e}")]
#[case::greek("\u{3b1}\u{38f}")]
#[case::cyrillic("\u{416}\u{491}")]
#[case::hebrew("\u{5d0}\u{5ea}")]
#[case::arabic("\u{627}\u{64a}")]
#[case::chinese("\u{4e00}\u{9f98}")]
#[case::japanese("\u{3042}\u{30f6}")]
#[case::korean("\u{ac00}\u{d7a3}")]
fn what_a_font_has_is_no_box(#[case] text: &str) {
    for character in text.chars() {
        assert!(!is_boxed(&character.to_string()), "{character}");
    }
}

#[rstest]
#[case::hebrew("\u{5e9}\u{5dc}\u{5d5}\u{5dd}", "\u{5dd}\u{5d5}\u{5dc}\u{5e9}")]
#[case::number_in_hebrew("\u{5d0}\u{5d1} 12", "12 \u{5d1}\u{5d0}")]
#[case::hebrew_in_latin("ab \u{5d0}\u{5d1} cd", "ab \u{5d1}\u{5d0} cd")]
#[case::latin_in_hebrew("\u{5d0} (ab) \u{5d1}", "\u{5d1} )ab( \u{5d0}")]
#[case::an_override_has_no_power("\u{202e}100.00", "100.00")]
fn a_line_is_drawn_in_its_directions(#[case] text: &str, #[case] drawn: &str) {
    assert_eq!(seen(&lines(text, STYLE, WIDE)[0]).concat(), drawn);
}

#[test]
fn letters_of_arabic_are_joined() {
    let ids = |text: &str| -> Vec<u32> {
        let set = lines(text, STYLE, WIDE);
        let runs = set.iter().flat_map(|line| &line.runs);
        runs.flat_map(|run| &run.glyphs)
            .map(|glyph| glyph.id)
            .collect()
    };
    let alone = ids("\u{644}");
    let joined = ids("\u{644}\u{644}\u{644}");
    assert_eq!(joined.len(), 3);
    assert!(joined.iter().all(|id| !alone.contains(id)));
}

#[rstest]
#[case::wide_letters(&"W".repeat(128))]
#[case::ideographs(&"\u{5b57}".repeat(128))]
#[case::words(&"some words ".repeat(40))]
#[case::arabic(&"\u{645}\u{631}\u{62d}\u{628}\u{627}".repeat(40))]
#[case::boxes(&"\u{1f600}".repeat(128))]
fn long_texts_stay_in_their_column(#[case] text: &str) {
    let width = 200_000;
    let set = lines(text, STYLE, width);
    assert!(set.len() > 1);
    assert!(set.iter().all(|line| 0 < line.width && line.width <= width));
}

#[test]
fn a_text_of_nothing_has_no_lines() {
    assert!(lines(" \n\u{7}\n", STYLE, WIDE).is_empty());
}

#[test]
fn digits_of_amounts_are_equally_wide() {
    let width = |text| lines(text, STYLE.tabular(), WIDE)[0].width;
    assert_eq!(width("111"), width("888"));
}

proptest! {
    #[test]
    fn any_text_is_set_without_a_missing_glyph(text in any::<String>(), width in 1_i64..400_000) {
        for line in lines(&text, STYLE, width) {
            prop_assert!(line.runs.iter().flat_map(|run| &run.glyphs).all(|g| g.id != 0));
        }
    }
}
