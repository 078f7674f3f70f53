//! Usage as columns named like the fields of a record.

use std::io::{self, Read};

use csv::{ErrorKind, Reader, StringRecord};

use super::row::{Fields, Row, Rows, check_length};
use crate::cli::import::columns::Columns;

const REQUIRED: [&str; 2] = ["user_id", "model"];

/// The rows below the header. Fails when the header names other columns.
pub(super) fn rows(file: impl Read + Send + 'static, hash: &str) -> Result<Rows, String> {
    let mut reader = Reader::from_reader(file);
    let columns = Columns::read(&mut reader, &Fields::NAMES, &REQUIRED)?;
    let hash = hash.to_owned();
    let rows = records(reader).map(move |record| {
        let (line, record) = record?;
        let usage = record.and_then(|record| {
            check_length(record.as_slice().len())?;
            let fields: Fields = record
                .deserialize(Some(columns.header()))
                .map_err(|error| fault(&columns, &error))?;
            fields.usage(format!("{hash}-{line}"))
        });
        Ok(Row { line, usage })
    });
    Ok(Box::new(rows))
}

/// The records of a CSV file with their lines; a malformed one stops no other. They are counted,
/// because the reader's lines are wrong after CRLF and no field may hold a line break.
pub(super) fn records<R: Read>(
    reader: Reader<R>,
) -> impl Iterator<Item = io::Result<(u64, Result<StringRecord, String>)>> {
    let records = reader.into_records().zip(2_u64..);
    records.map(
        |(record, line)| match record.map_err(csv::Error::into_kind) {
            Ok(record) => Ok((line, Ok(record))),
            Err(ErrorKind::Io(error)) => Err(error),
            Err(ErrorKind::UnequalLengths {
                expected_len, len, ..
            }) => Ok((
                line,
                Err(format!("must have {expected_len} columns, not {len}")),
            )),
            // All that is left to go wrong with a row.
            Err(_) => Ok((line, Err("must be UTF-8".to_owned()))),
        },
    )
}

/// What is wrong with a row, by the column's name.
fn fault(columns: &Columns, error: &csv::Error) -> String {
    let ErrorKind::Deserialize { err, .. } = error.kind() else {
        return error.to_string();
    };
    let index = err.field().and_then(|index| usize::try_from(index).ok());
    match index.and_then(|index| columns.header().get(index)) {
        Some(column) => format!("{column}: {}", err.kind()),
        None => err.kind().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use billing_client::Usage;
    use rstest::rstest;

    use super::*;

    fn read(file: &'static [u8]) -> Vec<Row> {
        let rows = rows(file, "hash").unwrap();
        rows.collect::<io::Result<_>>().unwrap()
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
        let (line, usage) = (2, Ok(expected));
        assert_eq!(rows, [Row { line, usage }]);
    }

    #[test]
    fn a_request_id_that_is_missing_is_made_of_hash_and_line() {
        let rows = read(b"user_id,model,request_id\r\nalice,m,\r\nbob,m,mine\r\nalice,m,\r\n");
        let ids: Vec<_> = rows
            .iter()
            .map(|row| row.usage.as_ref().unwrap().request_id())
            .collect();
        assert_eq!(ids, ["hash-2", "mine", "hash-4"]);
    }

    #[rstest]
    #[case(
        b"user_id,model,prompt_tokens\na,m,many\nb,m,1",
        "prompt_tokens: invalid digit found in string"
    )]
    #[case(
        b"user_id,model,prompt_tokens\na,m,1.5\nb,m,1",
        "prompt_tokens: invalid digit found in string"
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
    #[case(b"user_id,model,prompt_tokens\n\xff,m,1\nb,m,1", "must be UTF-8")]
    fn a_malformed_row_stops_no_other(#[case] file: &'static [u8], #[case] reason: &str) {
        let rows = read(file);
        assert_eq!((rows[0].line, rows[1].line), (2, 3));
        assert_eq!(rows[0].usage, Err(reason.to_owned()));
        assert!(rows[1].usage.is_ok());
    }

    #[test]
    fn a_malformed_time_is_rejected_by_name() {
        let rows = read(b"user_id,model,created_at\na,m,yesterday\n");
        let reason = "created_at must be a time such as 2024-11-01T00:00:00Z";
        assert_eq!(rows[0].usage, Err(reason.to_owned()));
    }

    #[test]
    fn a_row_that_never_ends_is_rejected() {
        let file = format!("user_id,model\na,{}\nb,m\n", "m".repeat(70_000));
        let rows: Vec<_> = rows(io::Cursor::new(file), "hash").unwrap().collect();
        let reason = rows[0].as_ref().unwrap().usage.as_ref().unwrap_err();
        assert_eq!(reason, "must be at most 65536 bytes long");
        assert!(rows[1].as_ref().unwrap().usage.is_ok());
    }

    #[rstest]
    #[case(b"", "column user_id is missing")]
    #[case(b"user_id,prompt_tokens\n", "column model is missing")]
    #[case(b"user_id,model,tokens\n", "column tokens is unknown")]
    #[case(b"user_id,model,model\n", "column model is there twice")]
    fn another_header_is_refused(#[case] file: &'static [u8], #[case] reason: &str) {
        assert_eq!(rows(file, "hash").err().as_deref(), Some(reason));
    }
}
