//! What a receiver answers, as far as it is read.

use std::time::{Duration, SystemTime};

use http::{HeaderMap, header::RETRY_AFTER};

/// How much of an answer is read, in bytes.
const MAX_READ: usize = 64 * 1_024;
/// How much of it is kept, in bytes.
const MAX_KEPT: usize = 1_024;

/// The body of an answer as it arrives.
#[derive(Default)]
pub(super) struct Body {
    kept: Vec<u8>,
    read: usize,
}

impl Body {
    /// Takes in what has arrived.
    pub(super) fn take(&mut self, bytes: &[u8]) {
        let room = MAX_KEPT.saturating_sub(self.kept.len());
        self.kept.extend(bytes.iter().take(room));
        self.read = self.read.saturating_add(bytes.len());
    }

    /// Whether more is to be read.
    pub(super) const fn wants_more(&self) -> bool {
        self.read < MAX_READ
    }

    /// What is kept, as text that can be stored: at most [`MAX_KEPT`] bytes.
    pub(super) fn into_text(self) -> String {
        let text = String::from_utf8_lossy(&self.kept);
        // What stands for a broken character is longer than it was.
        let mut text = text.replace('\0', "\u{fffd}");
        text.truncate(text.floor_char_boundary(MAX_KEPT));
        text
    }
}

/// How long the receiver asks to be left alone: a number of seconds, or a date.
pub(super) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::nothing(b"", "")]
    #[case::text("grüß dich".as_bytes(), "grüß dich")]
    #[case::broken_text(b"a\xffb", "a\u{fffd}b")]
    #[case::no_character_of_a_database(b"a\0b", "a\u{fffd}b")]
    fn an_answer_is_kept_as_text(#[case] bytes: &[u8], #[case] text: &str) {
        let mut body = Body::default();
        body.take(bytes);
        assert_eq!(body.into_text(), text);
    }

    #[rstest]
    #[case::plain(b'a', 1_024)]
    #[case::broken_characters_of_three_bytes_each(0xff, 1_023)]
    fn one_kibibyte_is_kept(#[case] byte: u8, #[case] kept: usize) {
        let mut body = Body::default();
        for _ in 0..3 {
            body.take(&[byte; 700]);
        }
        assert_eq!(body.into_text().len(), kept);
    }

    #[test]
    fn sixty_four_kibibytes_are_read() {
        let mut body = Body::default();
        for _ in 0..63 {
            body.take(&[b'a'; 1_024]);
        }
        assert!(body.wants_more());
        body.take(&[b'a'; 1_024]);
        assert!(!body.wants_more());
    }

    #[rstest]
    #[case::seconds("120", Some(120))]
    #[case::spaces(" 7 ", Some(7))]
    #[case::none_at_all("0", Some(0))]
    #[case::a_date("Fri, 15 Nov 2024 10:30:30 GMT", Some(30))]
    #[case::a_date_of_old("Friday, 15-Nov-24 10:30:30 GMT", Some(30))]
    #[case::a_date_that_is_over("Fri, 15 Nov 2024 10:29:00 GMT", Some(0))]
    #[case::negative("-1", None)]
    #[case::a_fraction("1.5", None)]
    #[case::words("soon", None)]
    #[case::nothing("", None)]
    fn a_wait_is_seconds_or_a_date(#[case] text: &str, #[case] seconds: Option<u64>) {
        // 15 November 2024, 10:30:00.
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_731_666_600);
        let mut headers = HeaderMap::new();
        assert_eq!(retry_after(&headers, now), None);
        headers.insert(RETRY_AFTER, HeaderValue::from_str(text).unwrap());
        let expected = seconds.map(Duration::from_secs);
        assert_eq!(retry_after(&headers, now), expected);
    }
}
