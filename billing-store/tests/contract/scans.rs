//! What grows with usage is looked up and never scanned, whatever the planner knows of the tables.

use std::sync::Arc;

use billing_core::{
    coupon::CouponValue,
    report::{Days, Grouping, RankBy},
};
use billing_store::{Database, Store, SumsFilter, Tails, connect};
use diesel::{
    Connection, QueryableByName, RunQueryDsl, SqliteConnection, sql_query, sql_types::Text,
};
use test_postgres::{Backend, on_both_databases};
use tokio_postgres::Client;

use crate::support::{
    NOON, TestClock, TestStore, batch, coupon, made_at, month, options, redeem, subscribe_to,
    usage, user,
};

on_both_databases!(
    sums_look_up_the_records_behind_the_watermark_and_no_others,
    lists_of_all_users_follow_an_index,
);

/// How readers ask for sums.
const SUMS: [&str; 7] = [
    "SELECT sum(record_count) FROM usage_totals",
    "SELECT sum(record_count) FROM usage_totals WHERE day >= '2026-11-01' AND day < '2026-12-01'",
    "SELECT sum(record_count) FROM usage_totals WHERE user_id = 'user-1' \
     AND day >= '2026-11-01' AND day < '2026-12-01'",
    "SELECT invoice_month, sum(record_count) FROM usage_totals \
     WHERE user_id IN ('user-1', 'user-2') AND invoice_month >= '2026-11' GROUP BY 1",
    "SELECT price_id, window_start, sum(record_count) FROM usage_totals \
     WHERE user_id = 'user-1' AND invoice_month = '2026-11' GROUP BY 1, 2",
    "SELECT user_id, sum(record_count) FROM usage_totals \
     WHERE day >= '2026-11-01' AND day < '2026-12-01' GROUP BY 1",
    "SELECT day, model, user_id, sum(record_count) FROM usage_totals WHERE model = 'gpt-4' \
     AND day >= '2026-11-01' AND (day, model, user_id) > ('2026-11-02', 'a', 'b') \
     GROUP BY 1, 2, 3 ORDER BY 1, 2, 3 LIMIT 10",
];
/// How lists of all users are read, and the index that each follows.
const LISTS: [(&str, &str); 8] = [
    (
        "SELECT * FROM billing_records ORDER BY id DESC LIMIT 51",
        "billing_records_id",
    ),
    (
        "SELECT id FROM billing_records ORDER BY id DESC LIMIT 1 OFFSET 9999",
        "billing_records_id",
    ),
    (
        "SELECT * FROM billing_records WHERE model = 'gpt-4' AND id < {id} AND id >= {least} \
         ORDER BY id DESC LIMIT 51",
        "billing_records_id",
    ),
    (
        "SELECT * FROM subscriptions WHERE id < {id} ORDER BY id DESC LIMIT 51",
        "subscriptions_id",
    ),
    (
        "SELECT * FROM coupon_usages WHERE id < {id} ORDER BY id DESC LIMIT 51",
        "coupon_usages_id",
    ),
    (
        "SELECT * FROM credit_notes WHERE id < {id} ORDER BY id DESC LIMIT 51",
        "credit_notes_id",
    ),
    (
        "SELECT * FROM invoices ORDER BY id LIMIT 20 OFFSET 20",
        "invoices_id",
    ),
    (
        "SELECT * FROM invoices WHERE billing_month = '2026-10' ORDER BY id LIMIT 20",
        "invoices_month",
    ),
];
const FOLDED: usize = 3_000;
const TAIL: usize = 5;
/// Tables that grow with users or their usage.
const GROWING: [&str; 10] = [
    "accounts",
    "alerts",
    "billing_records",
    "coupon_usages",
    "events",
    "invoice_lines",
    "subscription_periods",
    "subscriptions",
    "usage_rollups",
    "user_discounts",
];

#[derive(QueryableByName)]
struct Step {
    #[diesel(sql_type = Text)]
    detail: String,
}

async fn sums_look_up_the_records_behind_the_watermark_and_no_others(backend: Backend) {
    let store = TestStore::open(backend).await;
    assert_looks_up(&store, "empty").await;
    fill(&store).await;
    assert_looks_up(&store, "full").await;
    match &store.database {
        Database::Postgres(url) => {
            let database = test_postgres::connect(url).await;
            database.batch_execute("ANALYZE").await.unwrap();
        }
        Database::Sqlite(path) => {
            let mut conn = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
            sql_query("ANALYZE").execute(&mut conn).unwrap();
        }
    }
    assert_looks_up(&store, "analyzed").await;
}

async fn lists_of_all_users_follow_an_index(backend: Backend) {
    let store = TestStore::open(backend).await;
    let literal = |digit: &str| {
        let hex = digit.repeat(32);
        store
            .either("x'{hex}'", "UUID '{hex}'")
            .replace("{hex}", &hex)
    };
    for (query, index) in LISTS {
        let query = query.replace("{id}", &literal("7"));
        let query = query.replace("{least}", &literal("1"));
        let plan = explain_without_scans(&store, &query).await.join("\n");
        assert!(plan.contains(index), "{query}\n{plan}");
        assert!(!plan.to_lowercase().contains("sort"), "{query}\n{plan}");
        assert!(!plan.contains("B-TREE"), "{query}\n{plan}");
    }
}

/// The plan, where PostgreSQL finds nothing cheaper for how few rows there are.
async fn explain_without_scans(store: &TestStore, query: &str) -> Vec<String> {
    if let Database::Postgres(url) = &store.database {
        let database = test_postgres::connect(url).await;
        let settings = "SET enable_seqscan = off; SET enable_bitmapscan = off; \
            SET enable_sort = off";
        database.batch_execute(settings).await.unwrap();
        let rows = database.query(&format!("EXPLAIN {query}"), &[]).await;
        return rows.unwrap().iter().map(|row| row.get(0)).collect();
    }
    explain(store, query).await
}

/// Records of six users that are folded, and a few of one user that are not.
async fn fill(store: &TestStore) {
    let call = |number: usize| usage(&format!("user-{}", number % 6), &format!("{number}"), 1, 1);
    store.commit(&batch((0..FOLDED).map(call))).await;
    assert_eq!(store.store.fold_due(Tails::All).await.unwrap(), 6);
    let tail = (0..TAIL).map(|number| usage("user-1", &format!("tail-{number}"), 1, 1));
    store.commit(&batch(tail)).await;
}

async fn assert_looks_up(store: &TestStore, state: &str) {
    for query in SUMS {
        let plan = explain(store, query).await;
        let lookups = match store.backend {
            Backend::Sqlite => lookups_of_sqlite(&plan),
            Backend::Postgres => lookups_of_postgres(&plan),
        };
        let plan = plan.join("\n");
        assert!(
            !plan.contains("Seq Scan on billing_records"),
            "{state}: {query}\n{plan}"
        );
        assert_eq!(lookups, [true], "{state}: {query}\n{plan}");
    }
}

/// Whether each access to records looks them up by user and watermark.
fn lookups_of_sqlite(plan: &[String]) -> Vec<bool> {
    let steps = plan.iter().filter(|step| step.contains("billing_records"));
    steps
        .map(|step| step.contains("(user_id=? AND id>?)"))
        .collect()
}

/// The same; the condition stands in the line after its index.
fn lookups_of_postgres(plan: &[String]) -> Vec<bool> {
    let index = |step: &String| step.contains("Scan") && step.contains(" billing_records_");
    let numbered = plan.iter().enumerate().filter(|(_, step)| index(step));
    let found = numbered.map(|(line, step)| {
        let condition = plan.get(line + 1).map_or("", String::as_str);
        step.contains(" billing_records_pkey")
            && condition.contains("Index Cond")
            && condition.contains("(user_id = ")
            && condition.contains("(id > ")
    });
    found.collect()
}

async fn explain(store: &TestStore, query: &str) -> Vec<String> {
    match &store.database {
        Database::Postgres(_) => store.texts(&format!("EXPLAIN {query}")).await,
        Database::Sqlite(path) => {
            let mut conn = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
            let query = sql_query(format!("EXPLAIN QUERY PLAN {query}"));
            let steps: Vec<Step> = query.load(&mut conn).unwrap();
            // SQLite names an aliased table by its alias.
            let named = |step: Step| {
                step.detail
                    .replace("SEARCH own ", "SEARCH billing_records ")
            };
            steps.into_iter().map(named).collect()
        }
    }
}

/// What a table has had done to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Counters {
    scans: i64,
    rows: i64,
}

/// The counters of a table. A session adds its own when it ends, so all others must have.
async fn counters(database: &Client, table: &str) -> Counters {
    let others = "SELECT count(*) FROM pg_stat_activity \
        WHERE datname = current_database() AND pid <> pg_backend_pid()";
    loop {
        let row = database.query_one(others, &[]).await.unwrap();
        if row.get::<_, i64>(0) == 0 {
            break;
        }
    }
    let query = "SELECT seq_scan, seq_tup_read + coalesce(idx_tup_fetch, 0) \
        FROM pg_stat_user_tables WHERE relname = $1";
    let row = database.query_one(query, &[&table]).await.unwrap();
    Counters {
        scans: row.get(0),
        rows: row.get(1),
    }
}

/// Closes a store's connections, and opens one that looks behind its back.
async fn closed(store: TestStore) -> (Client, Database, Arc<TestClock>) {
    let database = store.postgres().await;
    let TestStore {
        database: url,
        clock,
        store,
        ..
    } = store;
    drop(store);
    (database, url, clock)
}

#[tokio::test(flavor = "multi_thread")]
async fn usage_scans_no_table_that_grows() {
    let store = TestStore::open(Backend::Postgres).await;
    let quarter = CouponValue::Percentage("25".parse().unwrap());
    let created = store.store.create_coupon(coupon("QUARTER", quarter)).await;
    created.unwrap();
    store
        .store
        .redeem(redeem("alice", "QUARTER"))
        .await
        .unwrap();
    let rate = "0.9".parse().unwrap();
    let discounted = store.store.set_discount_rate(user("bob"), rate, None);
    discounted.await.unwrap();
    store.clock.set("2026-09-10T12:00:00Z");
    let order = subscribe_to("plan-basic");
    let ordered = store.store.order_subscription(user("carol"), order);
    ordered.await.unwrap();
    store.clock.set(NOON);
    while store.store.renew_due(10).await.unwrap() > 0 {}

    let (database, url, clock) = closed(store).await;
    let mut before = Vec::new();
    for table in GROWING {
        before.push(counters(&database, table).await);
    }
    let usages = connect(&url, &options(), clock.clock()).await;
    let usages = usages.unwrap();
    for round in 0..20 {
        let mut calls = Vec::new();
        for name in ["alice", "bob", "carol", "dave"] {
            let call = usage(name, &format!("call-{round}"), 20_000, 0);
            calls.push(call.clone());
            // A repeat, and one that came late.
            calls.push(call);
            let late = usage(name, &format!("late-{round}"), 1, 0);
            calls.push(made_at(late, "2026-10-01T00:00:00Z"));
        }
        usages.commit_usage(&batch(calls)).await.unwrap();
    }
    drop(usages);
    for (table, before) in GROWING.into_iter().zip(before) {
        let after = counters(&database, table).await;
        assert_eq!(after.scans, before.scans, "{table}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_and_folds_read_the_tail_alone() {
    let store = TestStore::open(Backend::Postgres).await;
    fill(&store).await;
    let (database, url, clock) = closed(store).await;
    let before = counters(&database, "billing_records").await;
    let readers = connect(&url, &options(), clock.clock()).await;
    let readers = readers.unwrap();
    let reads = read_everything(readers.as_ref()).await;
    let swept = readers.fold_sweep(None, 100).await.unwrap();
    assert_eq!(swept.folded, 1);
    drop(readers);
    let after = counters(&database, "billing_records").await;
    assert_eq!(after.scans, before.scans);
    let most = i64::try_from((reads + 4) * TAIL).unwrap();
    let rows = after.rows - before.rows;
    assert!(
        rows <= most,
        "{rows} rows were read, {most} at most expected"
    );
}

/// Asks every reader once, and answers at most how often sums were read.
async fn read_everything(readers: &dyn Store) -> usize {
    let november = month("2026-11");
    let used = readers.user_usage(user("user-1")).await.unwrap();
    assert_eq!(used.month.records, 505);
    let figures = readers.month_figures(november).await.unwrap();
    assert_eq!(figures.usage.records, 3_005);
    assert_eq!(figures.finances.active_users, 6);
    let filter = SumsFilter {
        days: Days::of_month(november),
        user_id: None,
        model: None,
        grouping: Grouping {
            by_day: true,
            by_model: true,
            by_user: true,
        },
        after: None,
    };
    assert_eq!(readers.usage_sums(filter, 100).await.unwrap().len(), 6);
    let top = readers.top_users(november, RankBy::Records, 1).await;
    assert_eq!(top.unwrap()[0].user_id, user("user-1"));
    let invoice = readers.preview_invoice(user("user-1"), november).await;
    assert_eq!(invoice.unwrap().bill.items.len(), 1);
    // The first asks for the month and for all time, the second for the month and its users.
    7
}
