//! Mails as they were composed once.

use billing_core::{delivery::Outlet, ids::UserId};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{Tx, dialect};
use crate::{
    StoreError, StoredEvent, StoredMail,
    rows::{MailRow, NOBODY},
    schema::mails,
    sql_types::DbTimestamp,
};

pub(super) async fn kept(
    tx: &mut Tx,
    event: StoredEvent,
    outlet: Outlet,
) -> Result<Option<StoredMail>, StoreError> {
    let user_id = event.user_id.as_ref().map_or(NOBODY, UserId::as_str);
    let row: Option<MailRow> = mails::table
        .find((user_id, event.sequence, outlet.to_string()))
        .select(MailRow::as_select())
        .first(&mut tx.conn)
        .await
        .optional()?;
    Ok(row.map(StoredMail::from))
}

pub(super) async fn keep(
    tx: &mut Tx,
    event: StoredEvent,
    outlet: Outlet,
    mail: StoredMail,
) -> Result<StoredMail, StoreError> {
    let user_id = event.user_id.as_ref().map_or(NOBODY, UserId::as_str);
    let row = MailRow {
        user_id: user_id.to_owned(),
        sequence: event.sequence,
        outlet: outlet.to_string(),
        sender: mail.sender.clone(),
        recipient: mail.recipient.clone(),
        content: mail.content.clone(),
        created_at: DbTimestamp(tx.now()),
    };
    dialect::insert_new(&mut tx.conn, vec![row]).await?;
    Ok(kept(tx, event, outlet).await?.unwrap_or(mail))
}
