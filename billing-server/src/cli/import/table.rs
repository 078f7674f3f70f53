//! CSV files, row by row.
//!
//! A row is a line: no text in it may hold a line break. So a quote that is never closed spoils its
//! own row and swallows none of those behind it.

use std::io::{self, BufRead};

use csv::StringRecord;
use csv_core::{ReadRecordResult, Reader};

use super::lines::Lines;

/// Which column stands where.
#[derive(Debug)]
pub(super) struct Columns(StringRecord);

impl Columns {
    /// Fails when the header names a column that is not `known` or names one twice, or when a
    /// `required` one is missing.
    fn new(
        header: StringRecord,
        known: &dyn Fn(&str) -> bool,
        required: &[&str],
    ) -> Result<Self, String> {
        if let Some(unknown) = header.iter().find(|name| !known(name)) {
            return Err(format!("column {unknown} is unknown"));
        }
        let count = |wanted: &str| header.iter().filter(|name| *name == wanted).count();
        if let Some(repeated) = header.iter().find(|name| count(name) > 1) {
            return Err(format!("column {repeated} is there twice"));
        }
        match required.iter().find(|name| count(name) == 0) {
            Some(missing) => Err(format!("column {missing} is missing")),
            None => Ok(Self(header)),
        }
    }

    /// What a row has in each column.
    pub(super) fn named<'a>(
        &'a self,
        row: &'a StringRecord,
    ) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.0.iter().zip(row)
    }

    /// What a row has in a column; `None` when that is nothing.
    pub(super) fn text<'a>(&self, row: &'a StringRecord, column: &str) -> Option<&'a str> {
        let index = self.0.iter().position(|name| name == column)?;
        row.get(index).filter(|text| !text.is_empty())
    }
}

/// A row's line and its cells, one for each column, or what is wrong with it.
pub(super) type TableRow = (u64, Result<StringRecord, String>);

/// Reads the header, and what follows row by row; a malformed row stops no other.
pub(super) fn table<R: BufRead>(
    file: R,
    known: &dyn Fn(&str) -> bool,
    required: &[&str],
) -> Result<(Columns, impl Iterator<Item = io::Result<TableRow>> + use<R>), String> {
    let mut lines = Lines::new(file);
    let mut splitter = Splitter::new();
    let header = match lines.next() {
        Some(Err(error)) => return Err(error.to_string()),
        Some(Ok((_, line))) => line.and_then(|line| splitter.split(line)),
        None => Ok(StringRecord::new()),
    };
    let header = header.map_err(|reason| format!("the header {reason}"))?;
    let columns = Columns::new(header, known, required)?;
    let width = columns.0.len();
    let rows = lines.map(move |line| {
        let (line, bytes) = line?;
        let cells = bytes.and_then(|bytes| splitter.split(bytes));
        let cells = cells.and_then(|cells| match cells.len() {
            count if count == width => Ok(cells),
            count => Err(format!("must have {width} columns, not {count}")),
        });
        Ok((line, cells))
    });
    Ok((columns, rows))
}

/// Takes lines apart.
struct Splitter {
    csv: Reader,
    cells: Vec<u8>,
    ends: Vec<usize>,
}

impl Splitter {
    fn new() -> Self {
        Self {
            csv: Reader::new(),
            cells: Vec::new(),
            ends: Vec::new(),
        }
    }

    fn split(&mut self, mut line: Vec<u8>) -> Result<StringRecord, String> {
        const NOT_UTF8: &str = "must be UTF-8";
        if str::from_utf8(&line).is_err() {
            return Err(NOT_UTF8.to_owned());
        }
        // The break ends the row, unless a quote is still open then.
        line.push(b'\n');
        self.csv.reset();
        // There are not more bytes in cells than in the line, nor more cells than bytes.
        self.cells.resize(self.cells.len().max(line.len()), 0);
        self.ends.resize(self.ends.len().max(line.len()), 0);
        let (read, _, _, count) = self.csv.read_record(&line, &mut self.cells, &mut self.ends);
        if read != ReadRecordResult::Record {
            return Err("has a quote that is never closed".to_owned());
        }
        let mut row = StringRecord::new();
        let mut start = 0;
        for end in self.ends.iter().take(count) {
            let cell = self.cells.get(start..*end).unwrap_or_default();
            row.push_field(str::from_utf8(cell).map_err(|_| NOT_UTF8)?);
            start = *end;
        }
        Ok(row)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn read(file: &'static str) -> Vec<(u64, Result<Vec<String>, String>)> {
        let (_, rows) = table(file.as_bytes(), &|_| true, &[]).unwrap();
        let rows = rows.map(|row| {
            let (line, cells) = row.unwrap();
            (
                line,
                cells.map(|cells| cells.iter().map(str::to_owned).collect()),
            )
        });
        rows.collect()
    }

    #[rstest]
    #[case("1,2", &["1", "2"])]
    #[case("\"1,5\",\"say \"\"hi\"\"\"", &["1,5", "say \"hi\""])]
    #[case("\u{e9},", &["\u{e9}", ""])]
    #[case("a\"b,c", &["a\"b", "c"])]
    fn cells_are_told_apart(#[case] row: &str, #[case] cells: &[&str]) {
        let mut splitter = Splitter::new();
        let row = splitter.split(row.into()).unwrap();
        assert_eq!(row.iter().collect::<Vec<_>>(), cells);
    }

    #[test]
    fn a_quote_that_is_never_closed_swallows_no_row() {
        let rows = read("a,b\n1,\"2\n3,4\n\"5,6\n7,8");
        let open = || Err("has a quote that is never closed".to_owned());
        let cells = |a: &str, b: &str| Ok(vec![a.to_owned(), b.to_owned()]);
        let expected = [
            (2, open()),
            (3, cells("3", "4")),
            (4, open()),
            (5, cells("7", "8")),
        ];
        assert_eq!(rows, expected);
    }

    #[rstest]
    #[case("", "column a is missing")]
    #[case("b\n", "column a is missing")]
    #[case("a,c\n", "column c is unknown")]
    #[case("a,a\n", "column a is there twice")]
    #[case("a,\"b\n", "the header has a quote that is never closed")]
    fn another_header_is_refused(#[case] file: &'static str, #[case] reason: &str) {
        let known = |name: &str| ["a", "b"].contains(&name);
        let refused = table(file.as_bytes(), &known, &["a"]).err();
        assert_eq!(refused.as_deref(), Some(reason));
    }
}
