//! Free text that people read, on invoices for one.

/// Why a text is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// Longer than its limit, in characters.
    #[error("must be at most {0} characters")]
    TooLong(usize),
    /// A character that no one can see.
    #[error("must not contain control characters")]
    ControlCharacter,
}

/// Checks a text of one line.
///
/// # Errors
/// When it has more than `most` characters or a control character.
pub fn check_line(text: &str, most: usize) -> Result<(), TextError> {
    check(text, most, char::is_control)
}

/// Checks a text that may have several lines.
///
/// # Errors
/// When it has more than `most` characters or a control character that ends no line.
pub fn check_lines(text: &str, most: usize) -> Result<(), TextError> {
    check(text, most, |c| c.is_control() && c != '\n' && c != '\r')
}

fn check(text: &str, most: usize, refused: impl FnMut(char) -> bool) -> Result<(), TextError> {
    if text.chars().nth(most).is_some() {
        Err(TextError::TooLong(most))
    } else if text.contains(refused) {
        Err(TextError::ControlCharacter)
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::nothing("", Ok(()))]
    #[case::longest_in_characters("éé中🦀", Ok(()))]
    #[case::one_more("ééééé", Err(TextError::TooLong(4)))]
    #[case::nul("a\0", Err(TextError::ControlCharacter))]
    #[case::tab("a\tb", Err(TextError::ControlCharacter))]
    fn a_text_has_a_limit_and_no_control_characters(
        #[case] text: &str,
        #[case] checked: Result<(), TextError>,
    ) {
        assert_eq!(check_line(text, 4), checked);
        assert_eq!(check_lines(text, 4), checked);
    }

    #[rstest]
    #[case("a\nb")]
    #[case("a\r\nb")]
    fn only_some_texts_have_several_lines(#[case] text: &str) {
        assert_eq!(check_line(text, 9), Err(TextError::ControlCharacter));
        assert_eq!(check_lines(text, 9), Ok(()));
    }
}
