//! What every reader answers at one moment, and whether that is what the records add up to.

use std::sync::Arc;

use billing_core::{
    account::AccountState,
    catalog::Catalog,
    coupon::Redemption,
    ids::{ModelId, UserId},
    invoice::{Invoice, Subtotal},
    money::Money,
    month::Month,
    refusal::Refusal,
    report::{Days, GroupKey, GroupSums, Grouping, RankBy, TopUser, UsageTotals},
};
use billing_store::{Store, SumsFilter};
use chrono::{DateTime, Utc};

use super::{
    expected::Truth,
    world::{MODELS, USERS},
};
use crate::support::{TestStore, time, user};

const RANKINGS: [RankBy; 3] = [RankBy::Cost, RankBy::Tokens, RankBy::Records];
/// More than there are of anything.
const ALL: i64 = 10_000;
/// Fewer groups than most breakdowns have.
const PAGE: i64 = 7;

#[derive(Debug, PartialEq)]
pub(super) struct Reading {
    users: Vec<OfUser>,
    months: Vec<OfMonth>,
    breakdowns: Vec<(String, Vec<GroupSums>)>,
    /// The finest breakdown again, page by page.
    paged: Vec<GroupSums>,
}

#[derive(Debug, PartialEq)]
struct OfUser {
    /// Without what folding changes and nobody sees.
    account: AccountState,
    month: UsageTotals,
    total_cost: Money,
    /// Previewed invoices; `None` where there is nothing to bill.
    invoices: Vec<(Month, Option<Invoice>)>,
    redemptions: Vec<Redemption>,
    catalog_version: i64,
}

#[derive(Debug, PartialEq)]
struct OfMonth {
    month: Month,
    totals: UsageTotals,
    rankings: Vec<Vec<TopUser>>,
    best: Vec<TopUser>,
}

impl Reading {
    pub(super) async fn take(store: &TestStore, truth: &Truth) -> Self {
        let months = truth.months(Month::of(store.clock.now()));
        let readers = store.store.as_ref();
        let mut reading = Self {
            users: Vec::new(),
            months: Vec::new(),
            breakdowns: Vec::new(),
            paged: paged(readers).await,
        };
        for name in USERS {
            let read = of_user(readers, &user(name), &months, truth).await;
            reading.users.push(read);
        }
        for month in months {
            reading.months.push(of_month(readers, month).await);
        }
        for filter in filters() {
            let groups = readers.usage_sums(filter.clone(), ALL).await.unwrap();
            reading.breakdowns.push((format!("{filter:?}"), groups));
        }
        reading
    }

    pub(super) fn assert_is(&self, truth: &Truth, now: DateTime<Utc>) {
        for read in &self.users {
            read.assert_is(truth, now);
        }
        for read in &self.months {
            let month = read.month;
            assert_eq!(read.totals, truth.totals(None, Some(month)), "{month}");
            for (by, ranking) in RANKINGS.into_iter().zip(&read.rankings) {
                assert_eq!(*ranking, truth.top_users(month, by), "{month} {by:?}");
            }
            let best = read.rankings[0].iter().take(2).cloned();
            assert_eq!(read.best, best.collect::<Vec<_>>(), "{month}");
        }
        for (filter, (name, groups)) in filters().iter().zip(&self.breakdowns) {
            assert_eq!(*groups, truth.groups(filter), "{name}");
        }
        assert_eq!(self.paged, truth.groups(&finest()));
    }
}

impl OfUser {
    fn assert_is(&self, truth: &Truth, now: DateTime<Utc>) {
        let account = &self.account;
        let user_id = &account.user_id;
        let month = truth.totals(Some(user_id), Some(Month::of(now)));
        assert_eq!(self.month, month, "this month of {user_id}");
        let all = truth.totals(Some(user_id), None);
        assert_eq!(self.total_cost, all.final_cost, "all time of {user_id}");
        let closed_cost = truth.closed_cost(account);
        assert_eq!(account.closed_cost, closed_cost, "closed of {user_id}");
        let owed = account.uninvoiced.iter();
        let owed = owed.filter(|(_, owed)| **owed != Money::ZERO);
        let owed = owed.map(|(month, owed)| (*month, *owed)).collect();
        assert_eq!(truth.owed(account), owed, "owed by {user_id}");
        let last = truth.of_user(user_id).filter_map(|row| row.id).max();
        assert_eq!(account.last_record_id, last, "last of {user_id}");
    }
}

async fn of_user(readers: &dyn Store, user_id: &UserId, months: &[Month], truth: &Truth) -> OfUser {
    let usage = readers.user_usage(user_id.clone()).await.unwrap();
    let redemptions = readers.redemptions(Some(user_id.clone()), None, ALL);
    let redemptions = redemptions.await.unwrap().into_iter();
    let redemptions: Vec<_> = redemptions.map(|(_, redeemed)| redeemed).collect();
    let catalog = readers.catalog().await.unwrap();
    let mut account = usage.account.state;
    let (folded_to, tail) = (account.folded_to.take(), account.tail_records);
    account.tail_records = 0;
    let behind = truth.of_user(user_id).filter(|row| row.id > folded_to);
    assert_eq!(tail, i64::try_from(behind.count()).unwrap(), "{user_id}");
    let mut invoices = Vec::new();
    for month in months {
        let invoice = readers.preview_invoice(user_id.clone(), *month).await;
        let invoice = match invoice {
            Ok(invoice) => Some(invoice),
            Err(error) => {
                let nothing = Refusal::NothingToBill(*month);
                assert_eq!(error.refusal(), Some(&nothing), "{error}");
                None
            }
        };
        assert_bills(
            truth,
            &catalog,
            user_id,
            *month,
            invoice.as_ref(),
            &redemptions,
        );
        invoices.push((*month, invoice));
    }
    OfUser {
        account,
        month: usage.month,
        total_cost: usage.total_cost,
        invoices,
        redemptions,
        catalog_version: catalog.version(),
    }
}

/// An invoice asks for what the month's records and lines come to.
fn assert_bills(
    truth: &Truth,
    catalog: &Arc<Catalog>,
    user_id: &UserId,
    month: Month,
    invoice: Option<&Invoice>,
    redemptions: &[Redemption],
) {
    let carrier = invoice.and_then(|invoice| invoice.id);
    let charges = truth.charges(user_id, month, carrier);
    let Some(invoice) = invoice else {
        let subtotal = Subtotal::new(month, &charges, catalog).unwrap();
        assert!(subtotal.is_none(), "{user_id} {month}: {subtotal:?}");
        return;
    };
    let mismatches = invoice.check(&charges, redemptions, catalog).unwrap();
    assert_eq!(mismatches, [], "{user_id} {month}: {invoice:#?}");
}

async fn of_month(readers: &dyn Store, month: Month) -> OfMonth {
    let mut rankings = Vec::new();
    for by in RANKINGS {
        rankings.push(readers.top_users(month, by, 100).await.unwrap());
    }
    OfMonth {
        month,
        totals: readers.month_figures(month).await.unwrap().usage,
        rankings,
        best: readers.top_users(month, RankBy::Cost, 2).await.unwrap(),
    }
}

/// Every grouping of everything, and what else a breakdown may leave out.
fn filters() -> Vec<SumsFilter> {
    let choices = [false, true];
    let groupings = choices.into_iter().flat_map(|by_day| {
        choices.into_iter().flat_map(move |by_model| {
            choices.map(move |by_user| Grouping {
                by_day,
                by_model,
                by_user,
            })
        })
    });
    let everything = groupings.map(|grouping| SumsFilter {
        grouping,
        ..finest()
    });
    let of_user = SumsFilter {
        user_id: Some(user(USERS[1])),
        ..finest()
    };
    let of_model = SumsFilter {
        model: Some(ModelId::parse(MODELS[1]).unwrap()),
        ..finest()
    };
    let of_month = SumsFilter {
        days: Days::of_month("2026-10".parse().unwrap()),
        ..finest()
    };
    everything.chain([of_user, of_model, of_month]).collect()
}

/// By day, model and user, from before the first record to after the last.
fn finest() -> SumsFilter {
    SumsFilter {
        days: Days {
            first: time("2026-01-01T00:00:00Z").date_naive(),
            end: time("2028-01-01T00:00:00Z").date_naive(),
        },
        user_id: None,
        model: None,
        grouping: Grouping {
            by_day: true,
            by_model: true,
            by_user: true,
        },
        after: None,
    }
}

async fn paged(readers: &dyn Store) -> Vec<GroupSums> {
    let (mut all, mut after) = (Vec::<GroupSums>::new(), None::<GroupKey>);
    loop {
        let filter = SumsFilter { after, ..finest() };
        let page = readers.usage_sums(filter, PAGE).await.unwrap();
        after = page.last().map(|last| last.key.clone());
        all.extend(page);
        if after.is_none() {
            return all;
        }
    }
}
