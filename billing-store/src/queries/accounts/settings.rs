//! Users' billing settings.

use async_trait::async_trait;
use billing_core::{
    ids::UserId,
    settings::{Settings, SettingsChange},
};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use futures_util::FutureExt;

use super::super::{Backend, Tx, dialect, payments};
use crate::{SettingsStore, StoreError, rows::SettingsRow, schema::billing_settings};

#[async_trait]
impl SettingsStore for Backend {
    async fn settings(&self, user_id: UserId) -> Result<Settings, StoreError> {
        self.read(user_id, |tx, user_id| find(tx, user_id).boxed())
            .await
    }

    async fn update_settings(
        &self,
        user_id: UserId,
        change: SettingsChange,
    ) -> Result<Settings, StoreError> {
        self.write((user_id, change), |tx, (user_id, change)| {
            update(tx, user_id, change).boxed()
        })
        .await
    }
}

async fn update(
    tx: &mut Tx,
    user_id: UserId,
    change: SettingsChange,
) -> Result<Settings, StoreError> {
    let mut ready = tx.lock(&user_id).await?;
    let stored = find(tx, user_id).await?;
    let limits = tx.shared.topups;
    let before = ready.account.state.automation.payer.clone();
    let settings = ready
        .account
        .set_settings(stored, change, &limits, ready.now)?;
    let payer = &ready.account.state.automation.payer;
    if *payer != before || !settings.auto_topup {
        payments::keep_topup_consent(tx, &settings.user_id, payer.as_ref()).await?;
    }
    let row = SettingsRow::new(&settings, ready.now);
    dialect::upsert(&mut tx.conn, vec![row]).await?;
    let accounts = std::slice::from_ref(&ready.account);
    tx.save(accounts, &[], &ready.catalog, ready.now).await?;
    Ok(settings)
}

/// A user's settings.
pub(super) async fn find(tx: &mut Tx, user_id: UserId) -> Result<Settings, StoreError> {
    let row = billing_settings::table
        .find(user_id.as_str())
        .select(SettingsRow::as_select())
        .first(&mut tx.conn)
        .await
        .optional()?;
    row.map_or_else(|| Ok(Settings::new(user_id)), Settings::try_from)
}
