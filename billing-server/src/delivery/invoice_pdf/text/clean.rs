//! What of a text can be printed.

use std::borrow::Cow;

/// The text with its ends of lines as `\n`, and without what is never seen and must not steer:
/// control characters, overrides of the direction, and characters that no text may hold.
pub(crate) fn clean(text: &str) -> Cow<'_, str> {
    if text.chars().all(|c| kept(c) == Some(c)) {
        return Cow::Borrowed(text);
    }
    let ends = text.replace("\r\n", "\n");
    Cow::Owned(ends.chars().filter_map(kept).collect())
}

fn kept(character: char) -> Option<char> {
    match character {
        '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}' => Some('\n'),
        '\t' => Some(' '),
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{206f}' | '\u{feff}' => None,
        '\u{fdd0}'..='\u{fdef}' => None,
        c if c.is_control() || u32::from(c) & 0xfffe == 0xfffe => None,
        c => Some(c),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::as_it_is(
        "Gr\u{fc}n\n\u{5e9}\u{5dc}\u{5d5}\u{5dd}",
        "Gr\u{fc}n\n\u{5e9}\u{5dc}\u{5d5}\u{5dd}"
    )]
    #[case::ends_of_lines("a\r\nb\rc\u{2028}d\u{85}e", "a\nb\nc\nd\ne")]
    #[case::control_characters("a\0b\u{1b}c\td\u{7f}", "abc d")]
    #[case::overrides("1\u{202e}00.1\u{202c}\u{2066}x\u{2069}", "100.1x")]
    #[case::marks_of_direction_stay("a\u{200f}b", "a\u{200f}b")]
    #[case::no_characters("\u{feff}a\u{fffe}\u{ffff}\u{1ffff}\u{fdd0}", "a")]
    fn a_text_keeps_what_can_be_printed(#[case] text: &str, #[case] printed: &str) {
        assert_eq!(clean(text), printed);
    }
}
