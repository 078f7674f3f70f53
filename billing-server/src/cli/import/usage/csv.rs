//! Usage as columns named like the fields of a record.

use std::io::BufRead;

use super::row::{Requests, Row, Rows};
use crate::cli::import::table::table;

const REQUIRED: [&str; 2] = ["user_id", "model"];

/// The rows below the header. Fails when the header names other columns.
pub(super) fn rows(
    file: impl BufRead + Send + 'static,
    mut requests: Requests,
) -> Result<Rows, String> {
    let (columns, rows) = table(file, &|name| requests.has_field(name), &REQUIRED)?;
    Ok(Box::new(rows.map(move |row| {
        let (line, row) = row?;
        let usage = row.and_then(|row| requests.of_texts(columns.named(&row)));
        Ok(Row { line, usage })
    })))
}

#[cfg(test)]
mod tests {
    use std::io;

    use billing_client::Usage;
    use rstest::rstest;

    use super::*;

    fn read(file: &'static [u8]) -> Vec<Row> {
        let rows = rows(file, Requests::new(None).unwrap()).unwrap();
        rows.collect::<io::Result<_>>().unwrap()
    }

    fn ids(file: &'static str) -> Vec<String> {
        let rows = read(file.as_bytes()).into_iter();
        rows.map(|row| row.usage.unwrap().request_id).collect()
    }

    #[test]
    fn every_column_reaches_its_field() {
        let rows = read(
            b"created_at,reasoning_tokens,cache_write_tokens,cached_prompt_tokens,total_tokens,\
              completion_tokens,prompt_tokens,provider,model,request_id,user_id\n\
              2024-11-03T10:00:00.5+01:00,1,2,3,30,10,20,acme,\"a,b\",r-1,alice\n",
        );
        let expected = Usage::new("alice", "r-1", "a,b")
            .provider("acme")
            .prompt_tokens(20)
            .completion_tokens(10)
            .total_tokens(30)
            .cached_prompt_tokens(3)
            .cache_write_tokens(2)
            .reasoning_tokens(1)
            .created_at("2024-11-03T09:00:00.5Z".parse().unwrap());
        let (line, usage) = (2, Ok(expected.into()));
        assert_eq!(rows, [Row { line, usage }]);
    }

    #[test]
    fn a_file_that_is_saved_otherwise_gives_the_same_ids() {
        let plain = "user_id,model,prompt_tokens\nalice,m,1\nbob,m,2\nalice,m,1\n";
        let of_plain = ids(plain);
        assert_ne!(of_plain[0], of_plain[2]);
        for saved in [
            "\u{feff}user_id,model,prompt_tokens\r\nalice,m,1\r\n\r\nbob,m,2\r\nalice,m,1",
            "prompt_tokens,request_id,model,user_id\n1,,m,alice\n2,,m,bob\n1,,m,alice\n",
            "\"user_id\",\"model\",\"prompt_tokens\"\n\"alice\",\"m\",\"1\"\nbob,\"m\",2\nalice,m,1",
        ] {
            assert_eq!(ids(saved), of_plain);
        }
        let corrected = ids("user_id,model,prompt_tokens\nalice,m,1\nbob,m,3\nalice,m,1\nal,m,1\n");
        assert_eq!(corrected[0], of_plain[0]);
        assert_ne!(corrected[1], of_plain[1]);
        assert_eq!(corrected[2], of_plain[2]);
    }

    #[rstest]
    #[case(
        b"user_id,model,prompt_tokens\na,m,many\nb,m,1",
        "prompt_tokens must be "
    )]
    #[case(
        b"user_id,model,prompt_tokens\na,m,1.5\nb,m,1",
        "prompt_tokens must be "
    )]
    #[case(
        b"user_id,model,prompt_tokens\n,m,1\nb,m,1",
        "user_id must not be empty"
    )]
    #[case(
        b"user_id,model,prompt_tokens\na,m\nb,m,1",
        "must have 3 columns, not 2"
    )]
    #[case(
        b"user_id,model,prompt_tokens\na,m,1,2\nb,m,1",
        "must have 3 columns, not 4"
    )]
    #[case(
        b"user_id,model,prompt_tokens\na,\"m,1\nb,m,1",
        "has a quote that is never closed"
    )]
    #[case(b"user_id,model,prompt_tokens\n\xff,m,1\nb,m,1", "must be UTF-8")]
    fn a_malformed_row_stops_no_other(#[case] file: &'static [u8], #[case] start: &str) {
        let rows = read(file);
        assert_eq!((rows[0].line, rows[1].line), (2, 3));
        let reason = rows[0].usage.as_ref().unwrap_err();
        assert!(reason.starts_with(start), "{reason}");
        assert!(rows[1].usage.is_ok());
    }

    #[test]
    fn a_malformed_time_is_rejected_by_name() {
        let rows = read(b"user_id,model,created_at\na,m,yesterday\n");
        let reason = "created_at must be a time such as 2024-11-01T00:00:00Z";
        assert_eq!(rows[0].usage, Err(reason.to_owned()));
    }

    #[test]
    fn another_header_is_refused() {
        let file = b"user_id,model,tokens\n".as_slice();
        let refused = rows(file, Requests::new(None).unwrap()).err();
        assert_eq!(refused.as_deref(), Some("column tokens is unknown"));
    }
}
