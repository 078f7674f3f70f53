//! Writing events, as the last thing that a transaction does.

use std::{mem, sync::Arc};

use billing_core::{
    event::{Event, EventData, UnpricedModel},
    ids::UserId,
    invoice::{CreditNote, Invoice},
};
use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{Tx, dialect};
use crate::{
    StoreError, WrittenEvent,
    rows::{AlertRow, EventRow, UnpricedRow},
    schema::{EVENTS, event_log, unpriced_models},
    sql_types::DbTimestamp,
};

/// Of how many models without a price the world is told in an hour: callers can make them up.
const UNPRICED_PER_HOUR: i64 = 100;

/// What the world is told when the transaction commits.
pub(crate) struct Told {
    /// Whom it concerns; `None` for what all users share.
    user_id: Option<UserId>,
    event: Event,
    at: DateTime<Utc>,
}

impl Tx {
    /// Tells the world of an account's event.
    pub(in super::super) fn tell(&mut self, user_id: &UserId, event: &Event, at: DateTime<Utc>) {
        self.told.push(Told {
            user_id: Some(user_id.clone()),
            event: event.clone(),
            at,
        });
    }

    /// Tells the world of what concerns no user: it is numbered as it is written.
    pub(in super::super) fn tell_all(&mut self, data: EventData, at: DateTime<Utc>) {
        self.told.push(Told {
            user_id: None,
            event: Event { sequence: 0, data },
            at,
        });
    }

    /// Has what is told of an invoice and its credit notes be told as they are now: they are
    /// numbered after all else.
    pub(in super::super) fn retell_invoice(&mut self, invoice: &Invoice) {
        let current = Arc::new(invoice.clone());
        for told in &mut self.told {
            if let EventData::Invoice(_, told) = &mut told.event.data
                && told.id == current.id
            {
                *told = Arc::clone(&current);
            }
        }
        for note in &invoice.credit_notes {
            self.retell_note(note);
        }
    }

    /// Has what is told of a credit note be told as it is now.
    pub(in super::super) fn retell_note(&mut self, note: &CreditNote) {
        for told in &mut self.told {
            if let EventData::CreditNote(told) = &mut told.event.data
                && told.id == note.id
            {
                *told = Arc::new(note.clone());
            }
        }
    }

    /// Writes what the world is told. Nothing of the transaction comes after it: events show how
    /// things stand then, and whoever numbers them holds a lock that all others wait for.
    pub(crate) async fn write_events(&mut self) -> Result<(), StoreError> {
        let mut told = mem::take(&mut self.told);
        if told.is_empty() {
            return Ok(());
        }
        self.leave_out_repeats(&mut told).await?;
        self.number(&mut told).await?;
        let renderer = &self.shared.events;
        let rows = told.iter().map(|told| {
            let written = WrittenEvent {
                user_id: told.user_id.as_ref(),
                event: &told.event,
                at: told.at,
            };
            let rendered = renderer.render(written);
            let (sequence, kind) = (told.event.sequence, told.event.data.event_type());
            EventRow::new(told.user_id.as_ref(), sequence, kind, rendered, told.at)
        });
        dialect::insert(&mut self.conn, rows.collect()).await?;
        self.has_news = true;
        Ok(())
    }

    /// Leaves out levels of a quota that were announced before.
    async fn leave_out_repeats(&mut self, told: &mut Vec<Told>) -> Result<(), StoreError> {
        let mut told_now = Vec::with_capacity(told.len());
        for told in mem::take(told) {
            if let (Some(user_id), EventData::QuotaAlert(alert)) = (&told.user_id, &told.event.data)
            {
                let alert = AlertRow::new(user_id, alert, told.at);
                if dialect::insert_new(&mut self.conn, vec![alert]).await? == 0 {
                    continue;
                }
            }
            told_now.push(told);
        }
        *told = told_now;
        Ok(())
    }

    /// Numbers what concerns no user.
    async fn number(&mut self, told: &mut [Told]) -> Result<(), StoreError> {
        let shared: Vec<_> = told.iter_mut().filter(|of| of.user_id.is_none()).collect();
        if shared.is_empty() {
            return Ok(());
        }
        let count = i64::try_from(shared.len()).unwrap_or(i64::MAX);
        let last: i64 = diesel::update(event_log::table.find(EVENTS))
            .set(event_log::last_sequence.eq(event_log::last_sequence + count))
            .returning(event_log::last_sequence)
            .get_result(&mut self.conn)
            .await?;
        let first = last.saturating_sub(count).saturating_add(1);
        for (told, sequence) in shared.into_iter().zip(first..) {
            told.event.sequence = sequence;
        }
        Ok(())
    }
}

/// Tells of a model without a price, unless it was told of in this hour.
pub(super) async fn unpriced(tx: &mut Tx, model: UnpricedModel) -> Result<(), StoreError> {
    let now = tx.now();
    let hour = now.duration_trunc(TimeDelta::hours(1)).unwrap_or(now);
    let of_hour = unpriced_models::table.filter(unpriced_models::hour.eq(DbTimestamp(hour)));
    let told: i64 = of_hour.count().get_result(&mut tx.conn).await?;
    if told >= UNPRICED_PER_HOUR {
        return Ok(());
    }
    let row = UnpricedRow {
        hour: DbTimestamp(hour),
        model_id: model.model_id.to_string(),
    };
    if dialect::insert_new(&mut tx.conn, vec![row]).await? > 0 {
        tx.tell_all(EventData::Unpriced(model), now);
        let earlier = unpriced_models::table.filter(unpriced_models::hour.lt(DbTimestamp(hour)));
        diesel::delete(earlier).execute(&mut tx.conn).await?;
    }
    Ok(())
}
