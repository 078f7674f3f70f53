//! Text that spreadsheets would take for a formula.

use std::borrow::Cow;

/// What a formula begins with, or what hides that it is one.
const STARTS: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// Text as it may stand in a cell of a CSV file: with a `'` before it if a spreadsheet would
/// calculate it otherwise. Not for numbers, which may begin with a minus sign.
#[must_use]
pub(crate) fn neutral(text: &str) -> Cow<'_, str> {
    if text.starts_with(STARTS) {
        return Cow::Owned(format!("'{text}"));
    }
    Cow::Borrowed(text)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("=1+2", "'=1+2")]
    #[case("+1", "'+1")]
    #[case("-1", "'-1")]
    #[case("@SUM(A1)", "'@SUM(A1)")]
    #[case("\t=1", "'\t=1")]
    #[case("\r=1", "'\r=1")]
    #[case("", "")]
    #[case("gpt-4", "gpt-4")]
    #[case("a=b", "a=b")]
    #[case("'=1", "'=1")]
    fn what_begins_like_a_formula_is_text(#[case] text: &str, #[case] cell: &str) {
        assert_eq!(neutral(text), cell);
    }
}
