//! Records and sums as their tables hold them, read behind the store's back and added up here.

use std::collections::BTreeMap;

use billing_core::{
    ids::{ModelId, PlanVersionId, PriceId, RecordId, UserId},
    money::Money,
    month::Month,
    usage::{Sums, Tokens, WindowRef},
};
use chrono::{DateTime, NaiveDate};
use serde_json::Value;
use uuid::Uuid;

use super::{TestStore, user};

/// What records are told apart by in sums.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SumKey {
    pub(crate) user_id: UserId,
    pub(crate) day: NaiveDate,
    pub(crate) invoice_month: Month,
    pub(crate) model: ModelId,
    pub(crate) price_id: PriceId,
    pub(crate) window: Option<WindowRef>,
    pub(crate) is_reversal: bool,
}

/// One record, or one row of sums, which has no id.
#[derive(Debug, Clone)]
pub(crate) struct Logged {
    pub(crate) key: SumKey,
    pub(crate) id: Option<RecordId>,
    pub(crate) is_completed: bool,
    pub(crate) sums: Sums,
}

/// Where rows of usage are read from, with how each calls what differs between them.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Source {
    /// The truth.
    Records,
    /// The folded sums alone.
    Rollups,
    /// What every reader reads.
    Totals,
}

/// The columns of tokens and amounts, which all sources have.
const COUNTS: [&str; 6] = [
    "prompt_tokens",
    "completion_tokens",
    "cached_prompt_tokens",
    "cache_write_tokens",
    "reasoning_tokens",
    "overage_tokens",
];
const AMOUNTS: [&str; 5] = [
    "cost_usd",
    "covered_amount",
    "overage_cost",
    "discount_amount",
    "final_cost",
];

impl TestStore {
    /// Everything that a source holds.
    pub(crate) async fn logged(&self, source: Source) -> Vec<Logged> {
        let rows = self.texts(&self.select(source)).await;
        rows.iter().map(|row| read(row)).collect()
    }

    /// What a source adds up to.
    pub(crate) async fn sums(&self, source: Source) -> BTreeMap<SumKey, Sums> {
        let logged = self.logged(source).await;
        by_key(&logged, |logged| logged.key.clone())
    }

    fn select(&self, source: Source) -> String {
        let array = self.either("json_array", "json_build_array");
        let end = self.either("", "::text");
        let day = self.either(
            "strftime('%Y-%m-%d', coalesce(rated_at, created_at) / 1000000, 'unixepoch')",
            "to_char(coalesce(rated_at, created_at) AT TIME ZONE 'UTC', 'YYYY-MM-DD')",
        );
        let id = self.either("lower(hex(id))", "replace(id::text, '-', '')");
        let window = self.either(
            "coalesce(window_start, 0)",
            "coalesce((extract(epoch FROM window_start) * 1000000)::bigint, 0)",
        );
        let keys = match source {
            Source::Records => format!(
                "user_id, {day}, coalesce(invoice_month, billing_month), model, price_id, \
                 coalesce(plan_version_id, 0), {window}, CASE WHEN status = 3 THEN 1 ELSE 0 END, \
                 CASE WHEN status >= 2 THEN -1 ELSE 1 END, {id}, \
                 CASE WHEN status = 0 THEN 1 ELSE 0 END"
            ),
            Source::Rollups => format!(
                "user_id, day, invoice_month, \
                 (SELECT p.model_id FROM model_prices AS p WHERE p.id = price_id), price_id, \
                 plan_version_id, {window}, CASE WHEN reversal THEN 1 ELSE 0 END, record_count, \
                 NULL, 0"
            ),
            Source::Totals => format!(
                "user_id, day, invoice_month, model, price_id, plan_version_id, {window}, \
                 CASE WHEN reversal THEN 1 ELSE 0 END, record_count, NULL, 0"
            ),
        };
        let counts = COUNTS.map(|column| format!("coalesce({column}, 0)"));
        let amounts = AMOUNTS.map(|column| format!("coalesce(CAST({column} AS TEXT), '0')"));
        let table = match source {
            Source::Records => "billing_records",
            Source::Rollups => "usage_rollups",
            Source::Totals => "usage_totals",
        };
        let (counts, amounts) = (counts.join(", "), amounts.join(", "));
        format!("SELECT {array}({keys}, {counts}, {amounts}){end} FROM {table}")
    }
}

/// Adds rows up by a part of what tells them apart.
pub(crate) fn by_key<K: Ord>(logged: &[Logged], key: impl Fn(&Logged) -> K) -> BTreeMap<K, Sums> {
    let mut sums = BTreeMap::<K, Sums>::new();
    for row in logged {
        let entry = sums.entry(key(row)).or_default();
        *entry = entry.plus(&row.sums).unwrap();
    }
    sums
}

/// The values of one row, which was selected as a JSON array, in their order.
pub(crate) struct Values(std::vec::IntoIter<Value>);

impl Values {
    pub(crate) fn of(row: &str) -> Self {
        Self(serde_json::from_str::<Vec<Value>>(row).unwrap().into_iter())
    }

    fn next(&mut self) -> Value {
        self.0.next().expect("the row has a value more")
    }

    pub(crate) fn text(&mut self) -> String {
        let value = self.next();
        value.as_str().expect("the value is a text").to_owned()
    }

    pub(crate) fn number(&mut self) -> i64 {
        self.next().as_i64().expect("the value is a whole number")
    }

    pub(crate) fn money(&mut self) -> Money {
        self.text().parse().expect("the value is an amount")
    }

    fn id(&mut self) -> Option<RecordId> {
        let value = self.next();
        let text = value.as_str()?;
        Some(RecordId::new(Uuid::try_parse(text).unwrap()))
    }
}

fn read(row: &str) -> Logged {
    let mut row = Values::of(row);
    let user_id = user(&row.text());
    let day = row.text().parse().unwrap();
    let invoice_month = row.text().parse().unwrap();
    let model = ModelId::parse(row.text()).unwrap();
    let price_id = PriceId::new(i32::try_from(row.number()).unwrap());
    let version = i32::try_from(row.number()).unwrap();
    let start = DateTime::from_timestamp_micros(row.number()).unwrap();
    let window = (version > 0).then(|| WindowRef {
        plan_version_id: PlanVersionId::new(version),
        start,
    });
    let key = SumKey {
        user_id,
        day,
        invoice_month,
        model,
        price_id,
        window,
        is_reversal: row.number() == 1,
    };
    let records = row.number();
    let (id, is_completed) = (row.id(), row.number() == 1);
    Logged {
        key,
        id,
        is_completed,
        sums: read_sums(records, &mut row),
    }
}

fn read_sums(records: i64, row: &mut Values) -> Sums {
    Sums {
        records,
        tokens: Tokens {
            prompt: row.number(),
            completion: row.number(),
            cached_prompt: row.number(),
            cache_write: row.number(),
            reasoning: row.number(),
        },
        overage_tokens: row.number(),
        cost_usd: row.money(),
        covered_amount: row.money(),
        overage_cost: row.money(),
        discount_amount: row.money(),
        final_cost: row.money(),
    }
}
