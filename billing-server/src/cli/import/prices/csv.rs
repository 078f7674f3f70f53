//! Prices as columns, in USD per 1,000 tokens.

use std::io::BufRead;

use csv::StringRecord;

use super::entry::{Cell, Entry, Found, Listed, prices};
use crate::cli::import::table::{Columns, table};

const COLUMNS: [&str; 7] = [
    "model_id",
    "provider",
    "prompt_price_per_k",
    "completion_price_per_k",
    "cached_prompt_price_per_k",
    "cache_write_price_per_k",
    "reasoning_price_per_k",
];
const REQUIRED: [&str; 3] = ["model_id", "prompt_price_per_k", "completion_price_per_k"];

/// Reads every row. Fails when the header names other columns.
pub(super) fn read(file: impl BufRead) -> Result<Vec<Entry>, String> {
    let (columns, rows) = table(file, &|name| COLUMNS.contains(&name), &REQUIRED)?;
    let entries = rows.map(|row| {
        let (line, row) = row.map_err(|error| error.to_string())?;
        Ok(match row {
            Ok(row) => {
                let model = columns.text(&row, "model_id").unwrap_or_default();
                Entry {
                    found: found(&columns, &row, model).unwrap_or_else(Found::Rejected),
                    model: model.to_owned(),
                }
            }
            Err(reason) => Entry {
                model: String::new(),
                found: Found::Rejected(format!("line {line} {reason}")),
            },
        })
    });
    entries.collect()
}

fn found(columns: &Columns, row: &StringRecord, model: &str) -> Result<Found, String> {
    let required = |name| match columns.text(row, name) {
        // A missing price is not a price of 0.
        None => Err(format!("{name} must not be empty")),
        text => Ok((name, text)),
    };
    let optional = |name| -> Cell<'_> { (name, columns.text(row, name)) };
    let cells = [
        required("prompt_price_per_k")?,
        required("completion_price_per_k")?,
        optional("cached_prompt_price_per_k"),
        optional("cache_write_price_per_k"),
        optional("reasoning_price_per_k"),
    ];
    let read = prices(cells, 0)?;
    let (prices, warnings) = read.ok_or("prompt_price_per_k must not be empty")?;
    Ok(Found::Price(Listed {
        model: model.to_owned(),
        provider: columns.text(row, "provider").unwrap_or_default().to_owned(),
        prices,
        warnings,
    }))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[test]
    fn columns_may_be_left_out_or_empty_and_stand_in_any_order() {
        let file = "reasoning_price_per_k,completion_price_per_k,model_id,prompt_price_per_k\n\
                    ,0.06,a,0.03\n1.5e-3,2,\"b,c\",1\n";
        let entries = read(file.as_bytes()).unwrap();
        assert_eq!(entries[1].model, "b,c");
        let shown: Vec<_> = entries
            .iter()
            .map(|entry| match &entry.found {
                Found::Price(Listed { prices: p, .. }) => {
                    format!("{} {} {:?}", p.prompt, p.completion, p.reasoning)
                }
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(shown, ["0.03 0.06 None", "1 2 Some(0.0015)"]);
    }

    #[rstest]
    #[case("a,,1", "prompt_price_per_k must not be empty")]
    #[case("a,1,", "completion_price_per_k must not be empty")]
    #[case("a,1,x", "completion_price_per_k must be a decimal number")]
    #[case("a,1,$1", "completion_price_per_k must be a decimal number")]
    fn a_malformed_row_is_rejected(#[case] row: &str, #[case] reason: &str) {
        let file = format!("model_id,prompt_price_per_k,completion_price_per_k\n{row}\n");
        let entry = read(file.as_bytes()).unwrap().pop().unwrap();
        assert_eq!(entry.found, Found::Rejected(reason.to_owned()));
    }

    #[rstest]
    #[case("", "column model_id is missing")]
    #[case(
        "model_id,prompt_price_per_k\n",
        "column completion_price_per_k is missing"
    )]
    #[case(
        "model_id,prompt_price_per_k,completion_price_per_k,prize\n",
        "column prize is unknown"
    )]
    fn another_header_is_refused(#[case] file: &str, #[case] reason: &str) {
        assert_eq!(read(file.as_bytes()).unwrap_err(), reason);
    }
}
