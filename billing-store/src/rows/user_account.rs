//! Columns of `accounts` that no usage needs.

use billing_core::{
    account::{Account, Discount},
    ids::UserId,
    money::{Money, Rate},
};
use diesel::{Queryable, Selectable};

use super::{AccountRow, DbMoney, DbRate};
use crate::{StoreError, UserAccount, schema::accounts};

#[derive(Queryable, Selectable)]
#[diesel(table_name = accounts)]
pub(crate) struct UserAccountRow {
    tax_rate: DbRate,
    tax_exempt: bool,
    credit_balance: DbMoney,
}

/// The account of a user, of whom nothing may be stored yet.
pub(crate) fn user_account(
    user_id: UserId,
    stored: Option<(AccountRow, UserAccountRow)>,
    discount: Discount,
    next_discount_rate: Option<Rate>,
) -> Result<UserAccount, StoreError> {
    let (account, rest) = stored.unzip();
    let account = account.map_or_else(|| Ok(Account::new(user_id)), Account::try_from)?;
    let mut owed = account.uninvoiced.values();
    let uninvoiced_amount = owed
        .try_fold(Money::ZERO, |sum, amount| sum.plus(*amount))
        .map_err(|error| StoreError::corrupt("uninvoiced", error))?;
    Ok(UserAccount {
        account: Account {
            discount,
            ..account
        },
        next_discount_rate,
        tax_rate: rest.as_ref().map_or(Rate::ZERO, |row| row.tax_rate.0),
        tax_exempt: rest.as_ref().is_some_and(|row| row.tax_exempt),
        credit_balance: rest.map_or(Money::ZERO, |row| row.credit_balance.0),
        uninvoiced_amount,
    })
}
