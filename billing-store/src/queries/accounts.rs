//! Users' accounts: what they pay of list prices, and tax.

use async_trait::async_trait;
use billing_core::{account::Discount, ids::UserId, money::Rate};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{Backend, Conn, users};
use crate::{
    AccountStore, Now, StoreError, UserAccount,
    rows::{AccountRow, UserAccountRow, user_account},
    schema::{accounts, user_discounts},
    sql_types::{DbFixed, DbTimestamp},
};

#[async_trait]
impl AccountStore for Backend {
    async fn user_account(
        &self,
        user_id: UserId,
        now: DateTime<Utc>,
    ) -> Result<UserAccount, StoreError> {
        self.read(move |conn| Box::pin(async move { find(conn, user_id, now).await }))
            .await
    }

    async fn set_discount_rate(
        &self,
        user_id: UserId,
        rate: Rate,
        effective_from: Option<DateTime<Utc>>,
        now: Now,
    ) -> Result<UserAccount, StoreError> {
        self.write(move |conn| {
            Box::pin(async move {
                users::lock(conn, &user_id, now()).await?;
                let now = now();
                let from = effective_from.unwrap_or(now);
                upsert_discount(conn, &user_id, rate, from, now).await?;
                let account = find(conn, user_id, now).await?;
                refresh_discount(conn, &account, now).await?;
                Ok(account)
            })
        })
        .await
    }

    async fn set_tax(
        &self,
        user_id: UserId,
        rate: Rate,
        exempt: bool,
        now: Now,
    ) -> Result<UserAccount, StoreError> {
        self.write(move |conn| {
            Box::pin(async move {
                users::lock(conn, &user_id, now()).await?;
                let now = now();
                diesel::update(accounts::table.find(user_id.as_str()))
                    .set((
                        accounts::tax_rate.eq(DbFixed(rate)),
                        accounts::tax_exempt.eq(exempt),
                        accounts::version.eq(accounts::version + 1),
                        accounts::updated_at.eq(DbTimestamp(now)),
                    ))
                    .execute(conn)
                    .await?;
                find(conn, user_id, now).await
            })
        })
        .await
    }
}

async fn find(
    conn: &mut Conn,
    user_id: UserId,
    now: DateTime<Utc>,
) -> Result<UserAccount, StoreError> {
    let stored = accounts::table
        .find(user_id.as_str())
        .select((AccountRow::as_select(), UserAccountRow::as_select()))
        .first(conn)
        .await
        .optional()?;
    let changes = users::discounts(conn, &user_id).await?;
    let next = changes.iter().find(|change| change.from > now);
    let (discount, next_rate) = (Discount::at(&changes, now), next.map(|next| next.rate));
    user_account(user_id, stored, discount, next_rate)
}

async fn upsert_discount(
    conn: &mut Conn,
    user_id: &UserId,
    rate: Rate,
    from: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    diesel::insert_into(user_discounts::table)
        .values((
            user_discounts::user_id.eq(user_id.as_str()),
            user_discounts::effective_from.eq(DbTimestamp(from)),
            user_discounts::discount_rate.eq(DbFixed(rate)),
            user_discounts::created_at.eq(DbTimestamp(now)),
        ))
        .on_conflict((user_discounts::user_id, user_discounts::effective_from))
        .do_update()
        .set(user_discounts::discount_rate.eq(DbFixed(rate)))
        .execute(conn)
        .await?;
    Ok(())
}

/// Stores the discount in force beside what usage reads anyway.
async fn refresh_discount(
    conn: &mut Conn,
    account: &UserAccount,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let discount = account.account.discount;
    diesel::update(accounts::table.find(account.account.user_id.as_str()))
        .set((
            accounts::discount_rate.eq(DbFixed(discount.rate)),
            accounts::discount_from.eq(discount.from.map(DbTimestamp)),
            accounts::discount_until.eq(discount.until.map(DbTimestamp)),
            accounts::version.eq(accounts::version + 1),
            accounts::updated_at.eq(DbTimestamp(now)),
        ))
        .execute(conn)
        .await?;
    Ok(())
}
