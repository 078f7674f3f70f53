//! Usage as JSON objects, one per line.

use std::io::BufRead;

use super::row::{Fields, Row, Rows, check_length};

/// The rows of the file; empty lines are none.
pub(super) fn rows(file: impl BufRead + Send + 'static, hash: &str) -> Rows {
    let hash = hash.to_owned();
    let lines = file.split(b'\n').zip(1_u64..);
    let rows = lines.filter_map(move |(bytes, line)| match bytes {
        Ok(bytes) if bytes.trim_ascii().is_empty() => None,
        Ok(bytes) => Some(Ok(Row {
            line,
            usage: fields(bytes.trim_ascii())
                .and_then(|fields| fields.usage(format!("{hash}-{line}"))),
        })),
        Err(error) => Some(Err(error)),
    });
    Box::new(rows)
}

fn fields(line: &[u8]) -> Result<Fields, String> {
    check_length(line.len())?;
    // An array would be read as an object's values in their order.
    if !line.starts_with(b"{") {
        return Err("must be a JSON object".to_owned());
    }
    serde_json::from_slice(line).map_err(|error| {
        let text = error.to_string();
        // Every text is one line long to the parser.
        let reason = text.rsplit_once(" at line ").map(|(reason, _)| reason);
        format!("{} at column {}", reason.unwrap_or(&text), error.column())
    })
}

#[cfg(test)]
mod tests {
    use std::io;

    use billing_client::Usage;
    use rstest::rstest;

    use super::*;

    fn read(file: &'static [u8]) -> Vec<Row> {
        rows(file, "hash").collect::<io::Result<_>>().unwrap()
    }

    #[test]
    fn lines_are_records_and_empty_ones_are_not() {
        let rows = read(
            br#"{"user_id":"alice","model":"m","prompt_tokens":20,"request_id":null}

{"user_id":"bob","model":"m","request_id":"r","created_at":"2024-11-03T09:00:00Z"}"#,
        );
        let alice = Usage::new("alice", "hash-1", "m").prompt_tokens(20);
        let time = "2024-11-03T09:00:00Z".parse().unwrap();
        let bob = Usage::new("bob", "r", "m").created_at(time);
        let expected = [(1, Ok(alice)), (3, Ok(bob))];
        assert_eq!(rows, expected.map(|(line, usage)| Row { line, usage }));
    }

    #[rstest]
    #[case(
        br#"{"user_id":"a","model":"m","tokens":1}"#,
        "unknown field `tokens`, expected one of "
    )]
    #[case(
        br#"{"user_id":"a","user_id":"b","model":"m"}"#,
        "duplicate field `user_id`"
    )]
    #[case(
        br#"{"user_id":7,"model":"m"}"#,
        "invalid type: integer `7`, expected a string"
    )]
    #[case(
        br#"{"user_id":"a","model":"m","prompt_tokens":1.5}"#,
        "invalid type: floating point"
    )]
    #[case(
        br#"{"user_id":"a","model":"m","prompt_tokens":"1"}"#,
        "invalid type: string"
    )]
    #[case(
        br#"{"user_id":"a","model":"m""#,
        "EOF while parsing an object at column 26"
    )]
    #[case(br#"{"user_id":"","model":"m"}"#, "user_id must not be empty")]
    #[case(br#"["a","r","m"]"#, "must be a JSON object")]
    #[case(b"{\"user_id\":\"\xff\"}", "invalid unicode code point")]
    fn a_malformed_line_is_rejected(#[case] line: &'static [u8], #[case] start: &str) {
        let rows = read(line);
        let reason = rows[0].usage.as_ref().unwrap_err();
        assert!(reason.starts_with(start), "{reason}");
    }
}
