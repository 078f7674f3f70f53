//! Rows of `alerts` and `events`.

use billing_core::{
    event::QuotaAlert,
    event_type::EventType,
    ids::{EventId, UserId},
};
use chrono::{DateTime, Utc};
use diesel::sql_types::{BigInt, Nullable, Text};

use super::{DbTimestamp, DbUuid, present, table::table_row};
use crate::{
    RenderedEvent, StoreError, StoredEvent,
    sql_types::{UtcTimestamp, UuidBytes},
};

/// Who is named where an event concerns no user.
pub(crate) const NOBODY: &str = "";

table_row! {
    AlertRow, AlertColumns in alerts {
        user_id: String as Text = "text", Key;
        window_start: DbTimestamp as UtcTimestamp = "timestamptz", Key;
        level: String as Text = "text", Key;
        tokens_remaining: i64 as BigInt = "bigint", Insert;
        created_at: DbTimestamp as UtcTimestamp = "timestamptz", Insert;
    }
}

table_row! {
    EventRow, EventColumns in events {
        user_id: String as Text = "text", Key;
        sequence: i64 as BigInt = "bigint", Key;
        id: DbUuid as UuidBytes = "uuid", Insert;
        type_: String as Text = "text", Insert;
        body: String as Text = "text", Insert;
        fault: Option<String> as Nullable<Text> = "text", Insert;
        created_at: DbTimestamp as UtcTimestamp = "timestamptz", Insert;
        place: Option<i64> as Nullable<BigInt> = "bigint", Read;
    }
}

table_row! {
    /// The place that an event gets.
    PlaceRow, PlaceColumns in events {
        user_id: String as Text = "text", Key;
        sequence: i64 as BigInt = "bigint", Key;
        place: Option<i64> as Nullable<BigInt> = "bigint", Set;
    }
}

table_row! {
    /// A model without a price that was told of.
    UnpricedRow, UnpricedColumns in unpriced_models {
        hour: DbTimestamp as UtcTimestamp = "timestamptz", Key;
        model_id: String as Text = "text", Key;
    }
}

impl AlertRow {
    pub(crate) fn new(user_id: &UserId, alert: &QuotaAlert, now: DateTime<Utc>) -> Self {
        Self {
            user_id: user_id.to_string(),
            window_start: DbTimestamp(alert.window_start),
            level: alert.level.name().to_owned(),
            tokens_remaining: alert.tokens_remaining,
            created_at: DbTimestamp(now),
        }
    }
}

impl EventRow {
    pub(crate) fn new(
        user_id: Option<&UserId>,
        sequence: i64,
        event_type: EventType,
        rendered: RenderedEvent,
        now: DateTime<Utc>,
    ) -> Self {
        let (body, fault) = match rendered.body {
            Ok(body) => (body, None),
            Err(fault) => (String::new(), Some(fault)),
        };
        Self {
            user_id: user_id.map_or(NOBODY, UserId::as_str).to_owned(),
            sequence,
            id: DbUuid(rendered.id.uuid()),
            type_: event_type.name().to_owned(),
            body,
            fault,
            created_at: DbTimestamp(now),
            place: None,
        }
    }
}

impl TryFrom<EventRow> for StoredEvent {
    type Error = StoreError;

    fn try_from(row: EventRow) -> Result<Self, StoreError> {
        let event_type = EventType::named(&row.type_);
        let user_id = Some(row.user_id).filter(|id| id != NOBODY);
        Ok(Self {
            id: EventId::new(row.id.0),
            position: present("events.place", row.place)?,
            user_id: user_id.map(UserId::trusted),
            sequence: row.sequence,
            event_type: event_type.ok_or_else(|| StoreError::corrupt("events.type", row.type_))?,
            body: row.body,
            fault: row.fault,
            created_at: row.created_at.0,
        })
    }
}
