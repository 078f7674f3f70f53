//! Where lines end.

use std::ops::Range;

use unicode_linebreak::linebreaks;
use unicode_segmentation::UnicodeSegmentation;

use super::{
    Length, Style,
    fonts::Fonts,
    shape::{Line, Paragraph},
};

/// The lines of a paragraph, none wider than `width`, unless a single cluster is.
pub(super) fn paragraph(
    fonts: &'static Fonts,
    text: &str,
    style: Style,
    width: Length,
) -> Vec<Line> {
    let paragraph = Paragraph::new(fonts, text, style);
    let whole = paragraph.line(0..text.len());
    if whole.width <= width {
        return vec![whole];
    }
    ends(text, |range| paragraph.line(range).width <= width)
        .map(|range| paragraph.line(range))
        .collect()
}

/// The stretches of a text that become its lines: as much as fits, to the last place where a line
/// may end; where there is none, to the last cluster that fits.
fn ends(text: &str, fits: impl Fn(Range<usize>) -> bool) -> impl Iterator<Item = Range<usize>> {
    let mut lines = Vec::new();
    let (mut start, mut end) = (0, 0);
    for (place, _) in linebreaks(text) {
        if fits(trimmed(text, start..place)) {
            end = place;
            continue;
        }
        if end > start {
            lines.push(trimmed(text, start..end));
            start = end;
        }
        while !fits(trimmed(text, start..place)) {
            let cut = prefix(text, start..place, &fits);
            if cut == place {
                break;
            }
            lines.push(trimmed(text, start..cut));
            start = cut;
        }
        end = place;
    }
    lines.push(trimmed(text, start..text.len()));
    lines.into_iter().filter(|line| !line.is_empty())
}

/// The range without the spaces at its end.
fn trimmed(text: &str, range: Range<usize>) -> Range<usize> {
    let length = text.get(range.clone()).map_or(0, |t| t.trim_end().len());
    range.start..range.start.saturating_add(length)
}

/// Where the longest prefix that fits ends, after at least one cluster.
fn prefix(text: &str, range: Range<usize>, fits: &impl Fn(Range<usize>) -> bool) -> usize {
    let stretch = text.get(range.clone()).unwrap_or_default();
    let ends = stretch
        .grapheme_indices(true)
        .map(|(at, cluster)| range.start.saturating_add(at).saturating_add(cluster.len()));
    let mut cut = range.end;
    for (position, end) in ends.enumerate() {
        if position > 0 && !fits(range.start..end) {
            break;
        }
        cut = end;
    }
    cut
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    /// The lines of a text if every character is equally wide.
    fn lines(text: &str, width: usize) -> Vec<&str> {
        let fits = |range: Range<usize>| text[range].chars().count() <= width;
        ends(text, fits).map(|range| &text[range]).collect()
    }

    #[rstest]
    #[case::fits("a b", 9, &["a b"])]
    #[case::at_spaces("one two three", 7, &["one two", "three"])]
    #[case::space_at_the_end("one two   three", 7, &["one two", "three"])]
    #[case::after_hyphens("ab-cd-ef", 6, &["ab-cd-", "ef"])]
    #[case::long_word("wwwwwwww", 3, &["www", "www", "ww"])]
    #[case::long_word_after_another("a wwwww b", 3, &["a", "www", "ww", "b"])]
    #[case::between_ideographs("\u{4e2d}\u{6587}\u{5b57}", 2, &["\u{4e2d}\u{6587}", "\u{5b57}"])]
    #[case::clusters_stay_whole("e\u{301}e\u{301}", 2, &["e\u{301}", "e\u{301}"])]
    #[case::nothing_fits("ab", 0, &["a", "b"])]
    fn a_line_ends_where_it_may(#[case] text: &str, #[case] width: usize, #[case] are: &[&str]) {
        assert_eq!(lines(text, width), are);
    }

    proptest! {
        #[test]
        fn nothing_but_spaces_is_lost(text in "\\PC{0,60}", width in 0_usize..12) {
            let seen = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
            prop_assert_eq!(seen(&lines(&text, width).concat()), seen(&text));
        }
    }
}
