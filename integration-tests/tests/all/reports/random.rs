//! Random usage with voids and coupons, every sum of which adds up.

use std::collections::BTreeMap;

use billing_client::{
    BillingClient, ReadDecimal, Usage,
    v1::{
        ApplyCouponRequest, GetMonthlyReportRequest, GetUsageBreakdownRequest, ListTopUsersRequest,
        TopUsersBy, UsageBreakdownRow, UsageGrouping, VoidUsageRequest,
    },
};
use futures_util::TryStreamExt;
use integration_tests::{Backend, on_both_databases, server::Rest};
use proptest::{prelude::*, strategy::ValueTree, test_runner::TestRunner};
use rust_decimal::Decimal;

use super::{
    client,
    export::{self, Line},
    start,
};
use crate::support::{EVERYTHING, digits, figures};

on_both_databases!(every_grouping_adds_up_to_the_report_and_to_the_records);

const USERS: [&str; 4] = ["alice", "bob", "Bob", "zoé"];
const MODELS: [&str; 2] = ["gpt-4", "gpt-3.5-turbo"];
const MONTH: &str = "2024-11";

/// A user, a model, hours since the end of October, tokens, and whether it is voided.
type Shot = (usize, usize, i64, i64, i64, bool);

fn traffic() -> impl Strategy<Value = Vec<Shot>> {
    let tokens = prop_oneof![0..10_i64, 0..=1_000_000_i64];
    let voided = prop::bool::weighted(0.2);
    let hours = -30..340_i64;
    let shot = (
        0..USERS.len(),
        0..MODELS.len(),
        hours,
        tokens.clone(),
        tokens,
        voided,
    );
    prop::collection::vec(shot, 60)
}

/// Records, three coupons on the way, and voids at the end.
async fn shoot(client: &BillingClient, rest: &Rest, shots: &[Shot]) {
    for code in ["TEN", "HALF", "FIX"] {
        let (kind, value) = if code == "FIX" {
            ("fixed", 3)
        } else {
            ("percentage", 17)
        };
        let coupon = format!(r#"{{"code":"{code}","type":"{kind}","value":{value}}}"#);
        assert_eq!(rest.post("/v1/billing/coupons", &coupon).await.status, 200);
    }
    let mut voided = Vec::new();
    for (number, &(user, model, hours, prompt, completion, void)) in shots.iter().enumerate() {
        let at = "2024-11-01T00:00:00Z"
            .parse::<chrono::DateTime<chrono::Utc>>()
            .unwrap();
        let usage = Usage::new(USERS[user], number.to_string(), MODELS[model])
            .prompt_tokens(prompt)
            .completion_tokens(completion)
            .created_at(at + chrono::TimeDelta::hours(hours));
        let recorded = client.record_usage(usage).await.unwrap();
        if void {
            voided.push((USERS[user], recorded.record.unwrap().id));
        }
        if let Some((user, code)) = [(20, 0, "TEN"), (30, 1, "FIX"), (40, 0, "HALF")]
            .into_iter()
            .find_map(|(at, user, code)| (at == number).then_some((USERS[user], code)))
        {
            let coupon = ApplyCouponRequest {
                coupon_code: code.to_owned(),
                user_id: user.to_owned(),
                ..ApplyCouponRequest::default()
            };
            client.apply_coupon(coupon).await.unwrap();
        }
    }
    for (user, id) in voided {
        let user_id = user.to_owned();
        let reason = String::new();
        let void = VoidUsageRequest {
            user_id,
            id,
            reason,
        };
        client.void_usage(void).await.unwrap();
    }
}

type Key = [String; 3];
type Sums = (i64, i64, i64, Decimal, Decimal, Decimal);

/// What the lines of an export add up to by the parts of the key that are asked for. A correction
/// belongs to the day of what it corrects.
fn expected(lines: &[Line], by: [bool; 3]) -> BTreeMap<Key, Sums> {
    let made: BTreeMap<_, _> = lines
        .iter()
        .map(|line| (&line["id"], &line["created_at"]))
        .collect();
    let mut groups = BTreeMap::<Key, Sums>::new();
    for line in lines {
        let corrects = Some(&line["corrects_id"]).filter(|id| !id.is_empty());
        let day = made[corrects.unwrap_or(&line["id"])]
            .split('T')
            .next()
            .unwrap();
        let mut key = [day, &line["model"], &line["user_id"]].map(String::from);
        for (part, _) in key.iter_mut().zip(by).filter(|(_, asked)| !asked) {
            part.clear();
        }
        let count = |column: &str| line[column].parse::<i64>().unwrap();
        let amount = |column: &str| line[column].parse::<Decimal>().unwrap();
        let sums = groups.entry(key).or_default();
        sums.0 += if corrects.is_some() { -1 } else { 1 };
        sums.1 += count("prompt_tokens");
        sums.2 += count("completion_tokens");
        sums.3 += amount("cost_usd");
        sums.4 += amount("discount_amount");
        sums.5 += amount("final_cost");
    }
    groups
}

/// The rows of all pages.
async fn rows(client: &BillingClient, by: [bool; 3], size: i32) -> Vec<UsageBreakdownRow> {
    use UsageGrouping::{Day, Model, User};
    let groups = [Day, Model, User].into_iter().zip(by);
    let query = GetUsageBreakdownRequest {
        month: MONTH.to_owned(),
        group_by: groups
            .filter_map(|(group, asked)| asked.then_some(group.into()))
            .collect(),
        page_size: size,
        ..GetUsageBreakdownRequest::default()
    };
    client.all(query).try_collect().await.unwrap()
}

fn of_row(row: UsageBreakdownRow) -> (Key, Sums) {
    assert_eq!(row.total_tokens, row.prompt_tokens + row.completion_tokens);
    let sums = (
        row.record_count,
        row.prompt_tokens,
        row.completion_tokens,
        row.cost_usd.decimal().unwrap(),
        row.discount_amount.decimal().unwrap(),
        row.final_cost.decimal().unwrap(),
    );
    ([row.day, row.model, row.user_id], sums)
}

async fn every_grouping_adds_up_to_the_report_and_to_the_records(backend: Backend) {
    let (server, rest) = start(backend).await;
    let client = client(&server, "operator", EVERYTHING).await;
    let shots = traffic().new_tree(&mut TestRunner::deterministic());
    shoot(&client, &rest, &shots.unwrap().current()).await;

    let month = MONTH.to_owned();
    let report = client.get_monthly_report(GetMonthlyReportRequest { month });
    let report = report.await.unwrap();
    let revenue = report.total_revenue.decimal().unwrap();
    let mut taken = Decimal::ZERO;
    let mut users_pay = BTreeMap::new();
    for user in USERS {
        let path = format!("/v1/billing/coupons/redemptions?user_id={user}");
        for redemption in rest.get(&path).await.body.split(r#"{"id":"red-"#).skip(1) {
            let (_, rest) = redemption.split_once(r#""taken_at_apply":"#).unwrap();
            taken += rest.split(',').next().unwrap().parse::<Decimal>().unwrap();
        }
        let stats = client.get_stats(figures(user)).await.unwrap();
        let cost = stats.current_month_cost.decimal().unwrap();
        users_pay.insert(user, (cost, stats.current_month_tokens));
    }
    assert!(taken > Decimal::ZERO);
    let lines = export::export(&client, "").await;
    assert!(lines.iter().any(|line| line["status"] == "correction"));
    for (case, size) in (0..8).zip([1, 2, 3, 5, 7, 11, 50, 1_000]) {
        let by = [case & 1 != 0, case & 2 != 0, case & 4 != 0];
        let found = rows(&client, by, size).await;
        let total: Decimal = found
            .iter()
            .map(|row| row.final_cost.decimal().unwrap())
            .sum();
        let tokens: i64 = found.iter().map(|row| row.total_tokens).sum();
        let records: i64 = found.iter().map(|row| row.record_count).sum();
        assert_eq!(total - taken, revenue, "{by:?}");
        assert_eq!(
            (tokens, records),
            (report.total_tokens, report.record_count),
            "{by:?}"
        );
        let found: Vec<_> = found.into_iter().map(of_row).collect();
        let expected: Vec<_> = expected(&lines, by).into_iter().collect();
        assert_eq!(found, expected, "{by:?}");
    }
    let ranking = ListTopUsersRequest {
        month: MONTH.to_owned(),
        by: TopUsersBy::Cost.into(),
        limit: 100,
    };
    let top: Vec<_> = (client.list_top_users(ranking).await.unwrap().users)
        .into_iter()
        .map(|top| {
            let cost = top.final_cost.decimal().unwrap();
            (top.user_id, (cost, top.total_tokens))
        })
        .collect();
    assert!(top.is_sorted_by(|(_, a), (_, b)| a.0 > b.0));
    let users_pay: BTreeMap<_, _> = users_pay
        .into_iter()
        .map(|(u, f)| (u.to_owned(), f))
        .collect();
    assert_eq!(top.into_iter().collect::<BTreeMap<_, _>>(), users_pay);
    let total = rest.get("/v1/billing/reports/usage?month=2024-11").await;
    assert_eq!(
        digits(&total, "record_count"),
        report.record_count.to_string()
    );
}
