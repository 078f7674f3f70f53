//! The columns of a CSV file, by name.

use std::io::Read;

use csv::{Reader, StringRecord};

/// Which column stands where.
#[derive(Debug)]
pub(super) struct Columns(StringRecord);

impl Columns {
    /// Reads the header. Fails when it names a column that is not `known` or names one twice, or
    /// when a `required` one is missing.
    pub(super) fn read(
        reader: &mut Reader<impl Read>,
        known: &[&str],
        required: &[&str],
    ) -> Result<Self, String> {
        let header = reader.headers().map_err(|error| error.to_string())?.clone();
        if let Some(unknown) = header.iter().find(|name| !known.contains(name)) {
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

    /// The header, to read rows by.
    pub(super) fn header(&self) -> &StringRecord {
        &self.0
    }

    /// What a row has in a column; `None` when that is nothing.
    pub(super) fn text<'a>(&self, row: &'a StringRecord, column: &str) -> Option<&'a str> {
        let index = self.0.iter().position(|name| name == column)?;
        row.get(index).filter(|text| !text.is_empty())
    }
}
