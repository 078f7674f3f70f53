//! Usage as JSON objects, one per line.

use std::io::BufRead;

use super::row::{Requests, Row, Rows};
use crate::cli::import::lines::Lines;

/// The rows of the file.
pub(super) fn rows(file: impl BufRead + Send + 'static, mut requests: Requests) -> Rows {
    Box::new(Lines::new(file).map(move |line| {
        let (line, object) = line?;
        let usage = object.and_then(|object| requests.of_json(object.trim_ascii()));
        Ok(Row { line, usage })
    }))
}

#[cfg(test)]
mod tests {
    use std::io;

    use billing_client::Usage;
    use rstest::rstest;

    use super::*;

    fn read(file: &'static [u8]) -> Vec<Row> {
        let rows = rows(file, Requests::new(None).unwrap());
        rows.collect::<io::Result<_>>().unwrap()
    }

    #[test]
    fn lines_are_records_and_empty_ones_are_not() {
        let rows = read(
            br#"{"user_id":"alice","request_id":"q","model":"m","prompt_tokens":20,"provider":null}

{"user_id":"bob","model":"m","request_id":"r","created_at":"2024-11-03T09:00:00Z"}"#,
        );
        let alice = Usage::new("alice", "q", "m").prompt_tokens(20);
        let time = "2024-11-03T09:00:00Z".parse().unwrap();
        let bob = Usage::new("bob", "r", "m").created_at(time);
        let expected = [(1, alice), (3, bob)];
        assert_eq!(
            rows,
            expected.map(|(line, usage)| Row {
                line,
                usage: Ok(usage.into())
            })
        );
    }

    #[rstest]
    #[case(
        br#"{"user_id":"a","model":"m","tokens":1}"#,
        "tokens is not a field of this request"
    )]
    #[case(
        br#"{"user_id":"a","user_id":"b","model":"m"}"#,
        "duplicate key \"user_id\""
    )]
    #[case(br#"{"user_id":7,"model":"m"}"#, "user_id must be a string")]
    #[case(
        br#"{"user_id":"a","model":"m","prompt_tokens":1.5}"#,
        "prompt_tokens must be "
    )]
    #[case(
        br#"{"user_id":"a","model":"m""#,
        "EOF while parsing an object at column 26"
    )]
    #[case(br#"{"user_id":"","model":"m"}"#, "user_id must not be empty")]
    #[case(br#"["a","r","m"]"#, "must be a JSON object")]
    #[case(b"{\"user_id\":\"\xff\"}", "invalid utf-8 sequence")]
    fn a_malformed_line_is_rejected(#[case] line: &'static [u8], #[case] start: &str) {
        let rows = read(line);
        let reason = rows[0].usage.as_ref().unwrap_err();
        assert!(reason.starts_with(start), "{reason}");
    }
}
