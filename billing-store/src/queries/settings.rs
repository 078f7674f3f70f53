//! Users' billing settings.

use async_trait::async_trait;
use billing_core::{
    ids::UserId,
    settings::{Settings, SettingsChange},
};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{Backend, Conn, users};
use crate::{
    Now, SettingsStore, StoreError,
    rows::{AccountSettings, SettingsRow},
    schema::{accounts, billing_settings},
};

#[async_trait]
impl SettingsStore for Backend {
    async fn settings(&self, user_id: UserId) -> Result<Settings, StoreError> {
        self.read(move |conn| Box::pin(async move { find(conn, user_id).await }))
            .await
    }

    async fn update_settings(
        &self,
        user_id: UserId,
        change: SettingsChange,
        now: Now,
    ) -> Result<Settings, StoreError> {
        self.write(move |conn| {
            Box::pin(async move {
                users::lock(conn, &user_id, now()).await?;
                let now = now();
                let consent = change.auto_topup_consent;
                let settings = change.apply(find(conn, user_id).await?, now);
                let row = SettingsRow::new(&settings, now);
                diesel::insert_into(billing_settings::table)
                    .values(&row)
                    .on_conflict(billing_settings::user_id)
                    .do_update()
                    .set(&row)
                    .execute(conn)
                    .await?;
                diesel::update(accounts::table.find(settings.user_id.as_str()))
                    .set((
                        AccountSettings::new(&settings, consent, now),
                        accounts::version.eq(accounts::version + 1),
                    ))
                    .execute(conn)
                    .await?;
                Ok(settings)
            })
        })
        .await
    }
}

async fn find(conn: &mut Conn, user_id: UserId) -> Result<Settings, StoreError> {
    let row = billing_settings::table
        .find(user_id.as_str())
        .select(SettingsRow::as_select())
        .first(conn)
        .await
        .optional()?;
    Ok(row.map_or_else(|| Settings::new(user_id), Settings::from))
}
