//! A user within a transaction: locking and reading him with his children, and storing what became
//! of him. Every transaction that changes a user goes through here.

use std::{collections::HashMap, sync::Arc};

use billing_core::{
    account::{Account, DiscountChange, Wanted},
    coupon::Redemption,
    ids::UserId,
    pricing::Catalog,
    rating::UsageRecord,
    subscription::ArchivedWindow,
    user::{InvoiceLine, User},
};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{Changes, Conn, dialect, prices::CatalogCache, rollups};
use crate::{
    StoreError,
    rows::{
        AccountRow, AccountTerms, AccountUpdate, AlertRow, CouponTermsRow, DbRate, EventRow,
        LineRow, PeriodRow, RecordRow, RedemptionRow, SubscriptionRow,
    },
    schema::{
        accounts, alerts, coupon_usages, coupons, invoice_lines, outbox, subscription_periods,
        subscriptions, user_discounts,
    },
    sql_types::DbTimestamp,
};

/// Locks a user, creating the account when it is missing.
pub(super) async fn lock(
    conn: &mut Conn,
    user_id: &UserId,
    now: DateTime<Utc>,
) -> Result<User, StoreError> {
    let rows = dialect::lock_accounts(conn, vec![user_id.to_string()], now).await?;
    let row = rows.into_iter().next();
    let row = row.ok_or_else(|| StoreError::Failed("the account was not locked".to_owned()))?;
    Ok(User::new(Account::try_from(row)?))
}

/// Keeps prices and plans as they are until the transaction ends. Accounts are locked before.
pub(super) async fn share_catalog(
    conn: &mut Conn,
    cache: &CatalogCache,
) -> Result<Arc<Catalog>, StoreError> {
    let version = dialect::share_catalog(conn).await?;
    cache.at_version(conn, version).await
}

/// Locks users in the order of their ids' bytes, and brings them to `now`.
pub(super) async fn lock_many(
    conn: &mut Conn,
    cache: &CatalogCache,
    mut user_ids: Vec<String>,
    now: DateTime<Utc>,
) -> Result<(Vec<User>, Arc<Catalog>), StoreError> {
    user_ids.sort_unstable();
    let rows = dialect::lock_accounts(conn, user_ids, now).await?;
    let catalog = share_catalog(conn, cache).await?;
    let accounts = rows.into_iter().map(Account::try_from);
    let users = accounts.map(|account| account.map(User::new));
    let mut users = users.collect::<Result<Vec<_>, _>>()?;
    let wanted: Vec<_> = users
        .iter()
        .map(|user| user.account.wanted(now, now))
        .collect();
    read_children(conn, &mut users, &wanted).await?;
    for user in &mut users {
        roll(user, &catalog, now)?;
    }
    Ok((users, catalog))
}

/// Reads what a user needs for records of `earliest` and later, and brings him to `now`.
pub(super) async fn bring_to(
    conn: &mut Conn,
    catalog: &Catalog,
    user: User,
    earliest: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<User, StoreError> {
    let wanted = user.account.wanted(earliest, now);
    let mut users = [user];
    read_children(conn, &mut users, &[wanted]).await?;
    let [mut user] = users;
    roll(&mut user, catalog, now)?;
    Ok(user)
}

fn roll(user: &mut User, catalog: &Catalog, now: DateTime<Utc>) -> Result<(), StoreError> {
    user.roll(catalog, now)
        .map_err(|error| StoreError::Refused(format!("a fee {error}")))
}

/// Reads a user as he is at `now` without locking anything.
pub(super) async fn view(
    conn: &mut Conn,
    cache: &CatalogCache,
    user_id: UserId,
    earliest: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<(User, Arc<Catalog>), StoreError> {
    let catalog = cache.current(conn).await?;
    let row = accounts::table
        .find(user_id.as_str())
        .select(AccountRow::as_select())
        .first(conn)
        .await
        .optional()?;
    let account = row.map_or_else(|| Ok(Account::new(user_id)), Account::try_from)?;
    let user = bring_to(conn, &catalog, User::new(account), earliest, now).await?;
    Ok((user, catalog))
}

/// Reads the children that users need; a user that needs none costs nothing.
pub(super) async fn read_children(
    conn: &mut Conn,
    users: &mut [User],
    wanted: &[Wanted],
) -> Result<(), StoreError> {
    let redeemers: Vec<_> = users
        .iter()
        .zip(wanted)
        .filter(|(_, wanted)| wanted.redemptions)
        .map(|(user, _)| user.id().to_string())
        .collect();
    if !redeemers.is_empty() {
        let mut redeemed = redemptions_of(conn, redeemers).await?;
        for user in users.iter_mut() {
            user.redemptions = redeemed.remove(user.id().as_str()).unwrap_or_default();
        }
    }
    for (user, wanted) in users.iter_mut().zip(wanted) {
        if let Some(after) = wanted.archived_after {
            user.archived = archived_after(conn, user.id(), after).await?;
        }
        if wanted.discounts {
            user.discounts = discounts(conn, user.id()).await?;
        }
    }
    Ok(())
}

/// What users have redeemed, oldest first.
pub(super) async fn redemptions_of(
    conn: &mut Conn,
    user_ids: Vec<String>,
) -> Result<HashMap<String, Vec<Redemption>>, StoreError> {
    let rows: Vec<(RedemptionRow, CouponTermsRow)> = coupon_usages::table
        .inner_join(coupons::table.on(coupons::id.eq(coupon_usages::coupon_id)))
        .filter(coupon_usages::user_id.eq_any(user_ids))
        .order((coupon_usages::created_at, coupon_usages::id))
        .select((RedemptionRow::as_select(), CouponTermsRow::as_select()))
        .load(conn)
        .await?;
    let mut redeemed: HashMap<String, Vec<Redemption>> = HashMap::new();
    for (row, coupon) in rows {
        let user_id = row.user_id.clone();
        redeemed.entry(user_id).or_default().push(row.with(coupon)?);
    }
    Ok(redeemed)
}

async fn archived_after(
    conn: &mut Conn,
    user_id: &UserId,
    after: DateTime<Utc>,
) -> Result<Vec<ArchivedWindow>, StoreError> {
    let rows = subscription_periods::table
        .filter(subscription_periods::user_id.eq(user_id.as_str()))
        .filter(subscription_periods::window_end.gt(DbTimestamp(after)))
        .select(PeriodRow::as_select())
        .load(conn)
        .await?;
    rows.into_iter().map(ArchivedWindow::try_from).collect()
}

/// Every discount rate of a user by its time.
pub(super) async fn discounts(
    conn: &mut Conn,
    user_id: &UserId,
) -> Result<Vec<DiscountChange>, StoreError> {
    let rows: Vec<(DbTimestamp, DbRate)> = user_discounts::table
        .filter(user_discounts::user_id.eq(user_id.as_str()))
        .order(user_discounts::effective_from)
        .select((
            user_discounts::effective_from,
            user_discounts::discount_rate,
        ))
        .load(conn)
        .await?;
    let change = |(from, rate): (DbTimestamp, DbRate)| DiscountChange {
        from: from.0,
        rate: rate.0,
    };
    Ok(rows.into_iter().map(change).collect())
}

/// Stores users that the transaction has locked, and their new records.
pub(super) async fn store(
    conn: &mut Conn,
    users: &[&User],
    records: &[&UsageRecord],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let changes = Changes {
        rollups: rollups::of_records(records.iter().copied())?,
        records: records.iter().copied().map(RecordRow::from).collect(),
        accounts: users
            .iter()
            .map(|user| AccountUpdate::new(&user.account, now))
            .collect(),
        redemptions: users
            .iter()
            .flat_map(|user| changed_redemptions(user))
            .collect(),
    };
    let inserted = dialect::write_usage(conn, changes).await?;
    if inserted != records.len() {
        // Someone recorded one of them without the account's lock: the batch is run again.
        let expected = records.len();
        return Err(StoreError::Contention(format!(
            "{inserted} of {expected} records were inserted"
        )));
    }
    for user in users {
        store_effects(conn, user, now).await?;
    }
    Ok(())
}

fn changed_redemptions(user: &User) -> impl Iterator<Item = RedemptionRow> {
    let changed = user
        .redemptions
        .iter()
        .filter(|redemption| redemption.changed);
    changed.map(|redemption| RedemptionRow::new(user.id(), redemption))
}

/// Stores what only few transactions change.
async fn store_effects(conn: &mut Conn, user: &User, now: DateTime<Utc>) -> Result<(), StoreError> {
    let (user_id, effects) = (user.id(), &user.effects);
    if effects.account_changed {
        diesel::update(accounts::table.find(user_id.as_str()))
            .set(AccountTerms::from(&user.account))
            .execute(conn)
            .await?;
    }
    for record in &effects.subscriptions {
        let row = SubscriptionRow::new(user_id, record);
        diesel::insert_into(subscriptions::table)
            .values(&row)
            .on_conflict((subscriptions::user_id, subscriptions::id))
            .do_update()
            .set(&row)
            .execute(conn)
            .await?;
    }
    for archived in user.archived.iter().filter(|archived| archived.changed) {
        let row = PeriodRow::new(user_id, archived, now);
        diesel::insert_into(subscription_periods::table)
            .values(&row)
            .on_conflict((
                subscription_periods::user_id,
                subscription_periods::subscription_id,
                subscription_periods::window_start,
            ))
            .do_update()
            .set(&row)
            .execute(conn)
            .await?;
    }
    store_lines(conn, user_id, &effects.lines, now).await?;
    store_alerts(conn, user, now).await
}

/// Stores the lines that a transaction has made so far, so that its own queries find them. The user
/// has to be stored too.
pub(super) async fn store_lines_first(
    conn: &mut Conn,
    user: &mut User,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let lines = std::mem::take(&mut user.effects.lines);
    store_lines(conn, user.id(), &lines, now).await
}

async fn store_lines(
    conn: &mut Conn,
    user_id: &UserId,
    lines: &[InvoiceLine],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    for line in lines {
        diesel::insert_into(invoice_lines::table)
            .values(LineRow::new(user_id, line, now))
            .execute(conn)
            .await?;
    }
    Ok(())
}

async fn store_alerts(conn: &mut Conn, user: &User, now: DateTime<Utc>) -> Result<(), StoreError> {
    let user_id = user.id();
    for alert in &user.effects.alerts {
        let unannounced = diesel::insert_into(alerts::table)
            .values(AlertRow::new(user_id, alert, now))
            .on_conflict_do_nothing()
            .execute(conn)
            .await?;
        if unannounced > 0 {
            diesel::insert_into(outbox::table)
                .values(EventRow::announcing(user_id, alert, now))
                .execute(conn)
                .await?;
        }
    }
    Ok(())
}
