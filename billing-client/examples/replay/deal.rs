//! Deals the rows of a trace over users and models.

use std::io;

use billing_client::Usage;
use chrono::{DateTime, NaiveDateTime, Utc};

use crate::Outcome;

/// One row of the trace and who made it.
pub(crate) struct Call {
    pub(crate) user: String,
    pub(crate) request_id: String,
    pub(crate) model: String,
    pub(crate) prompt_tokens: i64,
    pub(crate) completion_tokens: i64,
    pub(crate) created_at: DateTime<Utc>,
}

impl Call {
    pub(crate) fn usage(&self) -> Usage {
        Usage::new(&self.user, &self.request_id, &self.model)
            .prompt_tokens(self.prompt_tokens)
            .completion_tokens(self.completion_tokens)
            .created_at(self.created_at)
    }

    /// The calendar month, `YYYY-MM`.
    pub(crate) fn month(&self) -> String {
        self.created_at.format("%Y-%m").to_string()
    }
}

/// Gives every row a user and a model. The same arguments always give the same calls.
pub(crate) fn deal(trace: &[u8], users: u64, models: &[String], seed: u64) -> Outcome<Vec<Call>> {
    let hash = fnv1a(trace);
    let mut random = SplitMix64(seed);
    let mut calls = Vec::new();
    for row in csv::Reader::from_reader(trace).deserialize() {
        let (time, prompt_tokens, completion_tokens): (String, i64, i64) = row?;
        let line = calls.len().saturating_add(2);
        calls.push(Call {
            user: format!("user-{:03}", random.below(users)),
            request_id: format!("{hash:016x}-{seed}-{line}"),
            model: pick(models, &mut random)?.clone(),
            prompt_tokens,
            completion_tokens,
            created_at: NaiveDateTime::parse_from_str(&time, "%Y-%m-%d %H:%M:%S%.f")
                .map_err(|error| format!("line {line}: TIMESTAMP {time}: {error}"))?
                .and_utc(),
        });
    }
    Ok(calls)
}

fn pick<'a>(models: &'a [String], random: &mut SplitMix64) -> Outcome<&'a String> {
    let index = random.below(u64::try_from(models.len())?);
    let model = models.get(usize::try_from(index)?);
    Ok(model.ok_or_else(|| io::Error::other("no models to deal over"))?)
}

/// FNV-1a tells files apart and, unlike the standard library's hashes, never changes.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
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
