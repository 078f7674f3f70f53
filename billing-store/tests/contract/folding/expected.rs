//! What readers should answer, from the records themselves and what is stored beside them.

use std::{cmp::Reverse, collections::BTreeMap};

use billing_core::{
    account::AccountState,
    ids::{InvoiceId, ModelId, SubscriptionId, UserId},
    invoice::{CarriedCorrection, Charges, Corrected, Correction, InvoiceLine, LineKind, UsageSum},
    money::Money,
    month::Month,
    quota_window::Span,
    report::{GroupKey, GroupSums, RankBy, TopUser, UsageTotals},
    usage::Sums,
};
use billing_store::SumsFilter;
use chrono::DateTime;
use uuid::Uuid;

use crate::support::{Logged, Source, TestStore, Values, by_key, user};

/// What a line or a correction pays for as two numbers of microseconds, 0 for none.
fn period_of(store: &TestStore) -> String {
    let micros = |time: &str| match store.either("sqlite", "postgres") {
        "sqlite" => format!("coalesce({time}, 0)"),
        _ => format!("CAST(coalesce(extract(epoch FROM {time}), 0) * 1000000 AS BIGINT)"),
    };
    format!("{}, {}", micros("period_start"), micros("period_end"))
}

fn period(row: &mut Values) -> Span {
    let mut time = || DateTime::from_timestamp_micros(row.number()).unwrap();
    Span {
        start: time(),
        end: time(),
    }
}

/// Everything that figures are made of.
pub(super) struct Truth {
    pub(super) records: Vec<Logged>,
    /// What redemptions took of usage that was there before them, by user and month.
    taken: Vec<(UserId, Month, Money)>,
    lines: Vec<(UserId, InvoiceLine)>,
    corrections: Vec<(UserId, CarriedCorrection)>,
}

impl Truth {
    pub(super) async fn read(store: &TestStore) -> Self {
        Self {
            records: store.logged(Source::Records).await,
            taken: taken(store).await,
            lines: lines(store).await,
            corrections: corrections(store).await,
        }
    }

    /// Every month that has charges or is `this_month`.
    pub(super) fn months(&self, this_month: Month) -> Vec<Month> {
        let records = self.records.iter();
        let records = records.flat_map(|row| [month_of(row), row.key.invoice_month]);
        let lines = self.lines.iter().map(|(_, line)| line.month);
        let corrections = self.corrections.iter();
        let corrections = corrections.map(|(_, carried)| carried.correction.month);
        let months = records.chain(lines).chain(corrections);
        let mut months: Vec<_> = months.chain([this_month]).collect();
        months.sort_unstable();
        months.dedup();
        months
    }

    /// The totals of a user or of all, of a calendar month or of all time.
    pub(super) fn totals(&self, user_id: Option<&UserId>, month: Option<Month>) -> UsageTotals {
        let wanted = |id: &UserId, of: Month| {
            user_id.is_none_or(|user_id| user_id == id) && month.is_none_or(|month| month == of)
        };
        let records = self.records.iter();
        let sums = sum(records.filter(|row| wanted(&row.key.user_id, month_of(row))));
        let taken = self.taken.iter().filter(|(id, of, _)| wanted(id, *of));
        let taken = taken.fold(Money::ZERO, |sum, (_, _, taken)| sum.plus(*taken).unwrap());
        UsageTotals {
            final_cost: sums.final_cost.minus(taken).unwrap(),
            tokens: sums.tokens.total(),
            records: sums.records,
        }
    }

    /// The ranking of a month's users, however long.
    pub(super) fn top_users(&self, month: Month, by: RankBy) -> Vec<TopUser> {
        let mut users: Vec<_> = self.users();
        users.retain(|top| self.totals(Some(top), Some(month)) != UsageTotals::default());
        users.sort_by_key(|user_id| {
            let totals = self.totals(Some(user_id), Some(month));
            let figure = match by {
                RankBy::Cost => (totals.final_cost, 0),
                RankBy::Tokens => (Money::ZERO, totals.tokens),
                RankBy::Records => (Money::ZERO, totals.records),
            };
            (Reverse(figure), user_id.clone())
        });
        let place = |user_id| TopUser {
            totals: self.totals(Some(&user_id), Some(month)),
            user_id,
        };
        users.into_iter().map(place).collect()
    }

    fn users(&self) -> Vec<UserId> {
        let records = self.records.iter().map(|row| row.key.user_id.clone());
        let taken = self.taken.iter().map(|(user_id, ..)| user_id.clone());
        let mut users: Vec<_> = records.chain(taken).collect();
        users.sort_unstable();
        users.dedup();
        users
    }

    /// The groups that a filter finds, from the first on.
    pub(super) fn groups(&self, filter: &SumsFilter) -> Vec<GroupSums> {
        let wanted = |row: &&Logged| {
            (filter.days.first..filter.days.end).contains(&row.key.day)
                && filter
                    .user_id
                    .as_ref()
                    .is_none_or(|id| *id == row.key.user_id)
                && filter.model.as_ref().is_none_or(|id| *id == row.key.model)
        };
        let records: Vec<_> = self.records.iter().filter(wanted).cloned().collect();
        let grouping = filter.grouping;
        let groups = by_key(&records, |row| GroupKey {
            day: grouping.by_day.then_some(row.key.day),
            model: grouping.by_model.then(|| row.key.model.clone()),
            user_id: grouping.by_user.then(|| row.key.user_id.clone()),
        });
        let groups = groups.into_iter();
        groups.map(|(key, sums)| GroupSums { key, sums }).collect()
    }

    /// Everything that an invoice of a user's month charges for, or the next one of it.
    pub(super) fn charges(
        &self,
        user_id: &UserId,
        month: Month,
        carrier: Option<InvoiceId>,
    ) -> Charges {
        let records: Vec<_> = self.invoiced(user_id, |of| of == month).cloned().collect();
        let usage = by_key(&records, |row| {
            (
                row.key.price_id,
                row.key.window,
                month_of(row),
                row.key.is_reversal,
            )
        });
        let usage = usage.into_iter().map(|(key, sums)| {
            let (price_id, window, billing_month, is_reversal) = key;
            UsageSum {
                price_id,
                window,
                billing_month,
                is_reversal,
                sums,
            }
        });
        let lines = self.lines.iter();
        let lines = lines.filter(|(id, line)| id == user_id && line.month == month);
        let corrections = self.corrections.iter().filter(|(id, carried)| {
            id == user_id && carried.correction.month == month && carried.invoice_id == carrier
        });
        let corrections = corrections.map(|(_, carried)| carried.correction.clone());
        Charges {
            usage: usage.collect(),
            lines: lines.map(|(_, line)| line.clone()).collect(),
            corrections: corrections.collect(),
        }
    }

    /// What usage has cost that is invoiced with closed months.
    pub(super) fn closed_cost(&self, account: &AccountState) -> Money {
        sum(self.invoiced(&account.user_id, |of| !account.is_open(of))).final_cost
    }

    /// What records of open months owe before coupons, as far as it is not nothing.
    pub(super) fn owed(&self, account: &AccountState) -> BTreeMap<Month, Money> {
        let owing = self.invoiced(&account.user_id, |of| account.is_open(of));
        let owing: Vec<_> = owing.filter(|row| !row.key.is_reversal).cloned().collect();
        let owed = by_key(&owing, |row| row.key.invoice_month).into_iter();
        let owed = owed.map(|(month, sums)| (month, sums.net().unwrap()));
        owed.filter(|(_, owed)| *owed != Money::ZERO).collect()
    }

    fn invoiced<'a>(
        &'a self,
        user_id: &'a UserId,
        month: impl Fn(Month) -> bool + 'a,
    ) -> impl Iterator<Item = &'a Logged> {
        let own = self
            .records
            .iter()
            .filter(|row| row.key.user_id == *user_id);
        own.filter(move |row| month(row.key.invoice_month))
    }

    /// A user's records behind a watermark.
    pub(super) fn of_user<'a>(&'a self, user_id: &'a UserId) -> impl Iterator<Item = &'a Logged> {
        self.invoiced(user_id, |_| true)
    }

    /// The rollups alone are what the records add up to.
    pub(super) async fn assert_all_folded(&self, store: &TestStore) {
        let records = by_key(&self.records, |row| row.key.clone());
        assert_eq!(store.sums(Source::Rollups).await, records);
        let behind = "SELECT user_id FROM accounts WHERE tail_records <> 0 \
            OR last_record_id <> folded_to OR (folded_to IS NULL) <> (last_record_id IS NULL)";
        assert_eq!(store.texts(behind).await, [""; 0]);
    }
}

/// The calendar month that rated a record.
fn month_of(row: &Logged) -> Month {
    let day = row.key.day.to_string();
    let (month, _) = day.rsplit_once('-').unwrap();
    month.parse().unwrap()
}

fn sum<'a>(rows: impl Iterator<Item = &'a Logged>) -> Sums {
    rows.fold(Sums::default(), |sum, row| sum.plus(&row.sums).unwrap())
}

async fn taken(store: &TestStore) -> Vec<(UserId, Month, Money)> {
    let array = store.either("json_array", "json_build_array");
    let query = format!(
        "SELECT CAST({array}(user_id, billing_month, CAST(taken_at_apply AS TEXT)) AS TEXT) \
         FROM coupon_usages UNION ALL \
         SELECT CAST({array}(user_id, billing_month, CAST(amount AS TEXT)) AS TEXT) \
         FROM coupon_catch_ups"
    );
    let rows = store.texts(&query).await;
    let read = |row: &String| {
        let mut row = Values::of(row);
        (user(&row.text()), row.text().parse().unwrap(), row.money())
    };
    rows.iter().map(read).collect()
}

async fn corrections(store: &TestStore) -> Vec<(UserId, CarriedCorrection)> {
    let array = store.either("json_array", "json_build_array");
    let (id, corrected) = match store.either("sqlite", "postgres") {
        "sqlite" => ("lower(hex(invoice_id))", "lower(hex(corrects_invoice_id))"),
        _ => ("invoice_id", "corrects_invoice_id"),
    };
    let query = format!(
        "SELECT CAST({array}(user_id, coalesce(CAST({id} AS TEXT), ''), \
         CAST({corrected} AS TEXT), sequence, billing_month, {}, coalesce(description, ''), \
         coalesce(usage_month, ''), coalesce(model, ''), coalesce(tokens, 0), CAST(amount AS TEXT), CAST(tax_rate AS TEXT), CAST(tax_amount AS TEXT)) AS TEXT) \
         FROM invoice_corrections ORDER BY user_id, sequence",
        period_of(store)
    );
    let invoice = |text: String| Uuid::parse_str(&text).ok().map(InvoiceId::new);
    let rows = store.texts(&query).await;
    let read = |row: &String| {
        let mut row = Values::of(row);
        let user_id = user(&row.text());
        let carrier = invoice(row.text());
        let correction = Correction {
            invoice_id: invoice(row.text()).unwrap(),
            sequence: row.number(),
            month: row.text().parse().unwrap(),
            of: what_is_corrected(&mut row),
            amount: row.money(),
            tax_rate: row.text().parse().unwrap(),
            tax_amount: row.money(),
        };
        let carried = CarriedCorrection {
            correction,
            invoice_id: carrier,
        };
        (user_id, carried)
    };
    rows.iter().map(read).collect()
}

fn what_is_corrected(row: &mut Values) -> Corrected {
    let period = period(row);
    match (row.text(), row.text(), row.text(), row.number()) {
        (words, month, model, tokens) if words.is_empty() => Corrected::Usage {
            month: month.parse().unwrap(),
            model: ModelId::trusted(model),
            tokens,
        },
        (description, ..) => Corrected::Fee {
            description,
            period,
        },
    }
}

async fn lines(store: &TestStore) -> Vec<(UserId, InvoiceLine)> {
    let array = store.either("json_array", "json_build_array");
    let query = format!(
        "SELECT CAST({array}(user_id, sequence, billing_month, type, description, \
         CAST(amount AS TEXT), {}) AS TEXT) FROM invoice_lines ORDER BY user_id, sequence",
        period_of(store)
    );
    let rows = store.texts(&query).await;
    let read = |row: &String| {
        let mut row = Values::of(row);
        let user_id = user(&row.text());
        let line = InvoiceLine {
            sequence: row.number(),
            month: row.text().parse().unwrap(),
            kind: match row.text().as_str() {
                "plan_fee" => LineKind::PlanFee,
                "proration" => LineKind::Proration,
                other => panic!("{other} is no kind of line"),
            },
            description: row.text(),
            amount: row.money(),
            period: period(&mut row),
            // No invoice says it.
            subscription_id: SubscriptionId::new(Uuid::nil()),
        };
        (user_id, line)
    };
    rows.iter().map(read).collect()
}
