//! The rows of an Azure LLM inference trace, dealt over users and models.

use std::io::BufRead;

use billing_client::Usage;
use chrono::{DateTime, NaiveDateTime, Utc};
use csv::StringRecord;

use super::row::{Requests, Row, Rows};
use crate::cli::import::table::{Columns, table};

const COLUMNS: [&str; 3] = ["TIMESTAMP", "ContextTokens", "GeneratedTokens"];

/// Who may have made the calls of a trace, and of which models.
#[derive(Debug, Clone)]
pub(super) struct Deal {
    pub(super) users: u64,
    pub(super) models: Vec<String>,
    pub(super) seed: u64,
}

/// Gives every row a user and a model. The same file and the same deal always give the same rows;
/// another seed gives other calls, with other request ids.
pub(super) fn rows(file: impl BufRead + Send + 'static, deal: Deal) -> Result<Rows, String> {
    let known = |name: &str| COLUMNS.contains(&name);
    let (columns, rows) = table(file, &known, &COLUMNS)?;
    let mut requests = Requests::new(Some(deal.seed))?;
    let mut random = SplitMix64(deal.seed);
    let rows = rows.map(move |row| {
        let (line, row) = row?;
        // Dealt before the row is read, so that a malformed one does not shift the others.
        let user = format!("user-{:03}", random.below(deal.users));
        let model = pick(&deal.models, &mut random);
        let usage = row.and_then(|row| {
            let call = call(&columns, &row, Usage::new(user, "", model))?;
            requests.of(&call.into())
        });
        Ok(Row { line, usage })
    });
    Ok(Box::new(rows))
}

fn call(columns: &Columns, row: &StringRecord, usage: Usage) -> Result<Usage, String> {
    let text = |column| columns.text(row, column).unwrap_or_default();
    let tokens = |column| -> Result<i64, String> {
        let parsed = text(column).parse();
        parsed.map_err(|_| format!("{column} must be a whole number"))
    };
    Ok(usage
        .prompt_tokens(tokens("ContextTokens")?)
        .completion_tokens(tokens("GeneratedTokens")?)
        .created_at(time(text("TIMESTAMP"))?))
}

fn time(text: &str) -> Result<DateTime<Utc>, String> {
    NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f")
        .map(|time| time.and_utc())
        .map_err(|_| "TIMESTAMP must be a time such as 2023-11-16 18:15:46.68".to_owned())
}

fn pick(models: &[String], random: &mut SplitMix64) -> String {
    let count = u64::try_from(models.len()).unwrap_or(u64::MAX);
    let index = usize::try_from(random.below(count)).ok();
    let model = index.and_then(|index| models.get(index));
    model.cloned().unwrap_or_default()
}

/// Sebastiano Vigna's generator, written out because a crate's may change with its version.
struct SplitMix64(u64);

impl SplitMix64 {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`; 0 when there is none.
    fn below(&mut self, bound: u64) -> u64 {
        self.next().checked_rem(bound).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, io};

    use rstest::rstest;

    use super::*;

    const TRACE: &[u8] = b"TIMESTAMP,ContextTokens,GeneratedTokens\r\n\
        2023-11-16 18:15:46.6805900,374,44\r\n\
        2023-11-16 18:15:50.9951690,396,109\r\n\
        2023-11-16 18:15:51,879,55\r\n";

    fn read(file: &'static [u8], users: u64, seed: u64) -> Vec<Row> {
        let models = ["small".to_owned(), "large".to_owned()].to_vec();
        let deal = Deal {
            users,
            models,
            seed,
        };
        let rows = rows(file, deal).unwrap();
        rows.collect::<io::Result<_>>().unwrap()
    }

    #[test]
    fn a_generator_of_the_same_name_gives_the_same_numbers() {
        let mut random = SplitMix64(1_234_567);
        let numbers = [random.next(), random.next(), random.next()];
        assert_eq!(
            numbers,
            [
                6_457_827_717_110_365_317,
                3_203_168_211_198_807_973,
                9_817_491_932_198_370_423
            ]
        );
    }

    #[test]
    fn a_row_keeps_its_figures_to_the_microsecond() {
        let row = read(TRACE, 1, 7).swap_remove(0);
        let usage = row.usage.unwrap();
        let models = ["small", "large"].map(|model| {
            Usage::new("user-000", &usage.request_id, model)
                .prompt_tokens(374)
                .completion_tokens(44)
                .created_at("2023-11-16T18:15:46.680590Z".parse().unwrap())
                .into()
        });
        assert_eq!(row.line, 2);
        assert!(models.contains(&usage), "{usage:?}");
    }

    #[test]
    fn a_seed_decides_the_deal_and_the_request_ids() {
        assert_eq!(read(TRACE, 50, 1), read(TRACE, 50, 1));
        assert_ne!(read(TRACE, 50, 1), read(TRACE, 50, 2));
        let ids: BTreeSet<_> = [1, 2]
            .into_iter()
            .flat_map(|seed| read(TRACE, 50, seed))
            .map(|row| row.usage.unwrap().request_id)
            .collect();
        assert_eq!(ids.len(), 6);
    }

    #[rstest]
    #[case(
        b"TIMESTAMP,ContextTokens,GeneratedTokens\nnever,1,1\n",
        "TIMESTAMP must be a time such as 2023-11-16 18:15:46.68"
    )]
    #[case(
        b"TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:15:46,,1\n",
        "ContextTokens must be a whole number"
    )]
    fn a_malformed_row_is_rejected(#[case] file: &'static [u8], #[case] reason: &str) {
        assert_eq!(read(file, 1, 1)[0].usage, Err(reason.to_owned()));
    }

    #[test]
    fn another_file_is_refused() {
        let deal = Deal {
            users: 1,
            models: Vec::new(),
            seed: 1,
        };
        let refused = rows(b"TIMESTAMP,ContextTokens\n".as_slice(), deal);
        assert_eq!(
            refused.err().as_deref(),
            Some("column GeneratedTokens is missing")
        );
    }
}
