//! Users' accounts and settings.

use async_trait::async_trait;
use billing_core::{
    account::{Account, Tax},
    ids::UserId,
    money::Rate,
    settings::{Settings, SettingsChange},
};
use chrono::{DateTime, Utc};

use crate::StoreError;

/// Users' accounts: what they have, what they pay of list prices, and tax.
#[async_trait]
pub trait AccountStore: Send + Sync {
    /// A user's account as of now, with every discount rate; a new one when nothing is stored of
    /// the user.
    ///
    /// # Errors
    /// When the database fails.
    async fn account(&self, user_id: UserId) -> Result<Account, StoreError>;

    /// Sets what a user pays of list prices from a time on, or from now on, and answers as
    /// [`AccountStore::account`] does.
    ///
    /// # Errors
    /// When the database fails.
    async fn set_discount_rate(
        &self,
        user_id: UserId,
        rate: Rate,
        effective_from: Option<DateTime<Utc>>,
    ) -> Result<Account, StoreError>;

    /// Sets a user's tax, and answers as [`AccountStore::account`] does.
    ///
    /// # Errors
    /// When the user is to owe it by reverse charge and has no tax id, or the database fails.
    async fn set_tax(&self, user_id: UserId, tax: Tax) -> Result<Account, StoreError>;
}

/// Users' billing settings.
#[async_trait]
pub trait SettingsStore: Send + Sync {
    /// A user's settings; the defaults when none were set.
    ///
    /// # Errors
    /// When the database fails.
    async fn settings(&self, user_id: UserId) -> Result<Settings, StoreError>;

    /// Changes settings, and what the account holds of them, and answers with all of them.
    ///
    /// # Errors
    /// When the database fails.
    async fn update_settings(
        &self,
        user_id: UserId,
        change: SettingsChange,
    ) -> Result<Settings, StoreError>;
}
