//! Tables as people read them, and numbers in them.

use billing_client::{google::r#type::Decimal, v1::Amount};
use billing_core::money::Money;

use super::exit::CommandError;

/// What stands where there is nothing.
const NOTHING: &str = "-";

/// Rows below their header. The columns from `numbers` on stand to the right.
pub(super) fn table<const N: usize>(
    header: [&str; N],
    numbers: usize,
    rows: Vec<[String; N]>,
) -> String {
    let rows = rows.into_iter().map(|row| row.map(or_nothing));
    let mut lines = vec![header.map(str::to_owned)];
    lines.extend(rows);
    let widths = |column: usize| {
        let cells = lines.iter().filter_map(|line| line.get(column));
        cells.map(|cell| cell.chars().count()).max()
    };
    let widths: Vec<_> = (0..N).map(|n| widths(n).unwrap_or_default()).collect();
    let line = |cells: &[String; N]| {
        let cells = cells.iter().zip(&widths).enumerate();
        let cells = cells.map(|(column, (cell, width))| {
            if column < numbers {
                format!("{cell:<width$}")
            } else {
                format!("{cell:>width$}")
            }
        });
        let line = cells.collect::<Vec<_>>().join("  ");
        line.trim_end().to_owned()
    };
    lines.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn or_nothing(cell: String) -> String {
    if cell.is_empty() {
        return NOTHING.to_owned();
    }
    cell
}

/// An amount, exactly; at least two decimals and as many as it has.
pub(super) fn digits(amount: &Option<Amount>) -> Result<String, CommandError> {
    Ok(money(amount)?.digits(2))
}

/// An amount, exactly.
pub(super) fn money(amount: &Option<Amount>) -> Result<Money, CommandError> {
    let digits = amount.as_ref().map_or("0", |amount| &amount.value);
    digits.parse().map_err(CommandError::failure)
}

/// A price; nothing where there is none.
pub(super) fn price(price: &Option<Decimal>) -> String {
    let digits = price.as_ref().map(|price| price.value.clone());
    digits.unwrap_or_default()
}

/// A time; nothing where there is none.
pub(super) fn time(time: &Option<prost_types::Timestamp>) -> String {
    time.as_ref().map(ToString::to_string).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell_and_numbers_end_below_each_other() {
        let row = |name: &str, number: &str| [name.to_owned(), number.to_owned()];
        let rows = vec![row("é", "1.50"), row("", "100.00")];
        assert_eq!(
            table(["user", "USD"], 1, rows),
            "user     USD\né       1.50\n-     100.00"
        );
    }
}
