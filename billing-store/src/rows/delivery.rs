//! Rows of `outlets`, `deliveries`, `delivery_attempts` and `mails`.

use billing_core::delivery::{Delivery, DeliveryStatus, Outlet, OutletHealth};
use chrono::{DateTime, Utc};
use diesel::sql_types::{BigInt, Binary, Integer, Nullable, Text};

use super::{DbTimestamp, DbUuid, table::table_row};
use crate::{
    AttemptReport, StoreError, StoredMail,
    sql_types::{UtcTimestamp, UuidBytes},
};

table_row! {
    OutletRow, OutletColumns in outlets {
        outlet: String as Text = "text", Key;
        failures: i32 as Integer = "integer", Set;
        failing_since: Option<DbTimestamp> as Nullable<UtcTimestamp> = "timestamptz", Set;
        succeeded_at: Option<DbTimestamp> as Nullable<UtcTimestamp> = "timestamptz", Set;
        probe_at: Option<DbTimestamp> as Nullable<UtcTimestamp> = "timestamptz", Set;
        drained_to: Option<DbTimestamp> as Nullable<UtcTimestamp> = "timestamptz", Set;
        told_at: Option<DbTimestamp> as Nullable<UtcTimestamp> = "timestamptz", Set;
    }
}

table_row! {
    DeliveryRow, DeliveryColumns in deliveries {
        user_id: String as Text = "text", Key;
        sequence: i64 as BigInt = "bigint", Key;
        outlet: String as Text = "text", Key;
        status: String as Text = "text", Set;
        attempts: i32 as Integer = "integer", Set;
        attempts_made: i32 as Integer = "integer", Set;
        next_at: DbTimestamp as UtcTimestamp = "timestamptz", Set;
        lease: Option<DbUuid> as Nullable<UuidBytes> = "uuid", Set;
        leased_until: Option<DbTimestamp> as Nullable<UtcTimestamp> = "timestamptz", Set;
        created_at: DbTimestamp as UtcTimestamp = "timestamptz", Insert;
        finished_at: Option<DbTimestamp> as Nullable<UtcTimestamp> = "timestamptz", Set;
    }
}

table_row! {
    AttemptRow, AttemptColumns in delivery_attempts {
        user_id: String as Text = "text", Key;
        sequence: i64 as BigInt = "bigint", Key;
        outlet: String as Text = "text", Key;
        number: i32 as Integer = "integer", Key;
        made_at: DbTimestamp as UtcTimestamp = "timestamptz", Insert;
        status_code: Option<i32> as Nullable<Integer> = "integer", Insert;
        error: Option<String> as Nullable<Text> = "text", Insert;
        answer: String as Text = "text", Insert;
        took_ms: i64 as BigInt = "bigint", Insert;
    }
}

table_row! {
    MailRow, MailColumns in mails {
        user_id: String as Text = "text", Key;
        sequence: i64 as BigInt = "bigint", Key;
        outlet: String as Text = "text", Key;
        sender: String as Text = "text", Insert;
        recipient: String as Text = "text", Insert;
        content: Vec<u8> as Binary = "bytea", Insert;
        created_at: DbTimestamp as UtcTimestamp = "timestamptz", Insert;
    }
}

impl OutletRow {
    pub(crate) fn new(outlet: Outlet, health: &OutletHealth) -> Self {
        Self {
            outlet: outlet.to_string(),
            failures: i32::try_from(health.failures).unwrap_or(i32::MAX),
            failing_since: health.failing_since.map(DbTimestamp),
            succeeded_at: health.succeeded_at.map(DbTimestamp),
            probe_at: health.probe_at.map(DbTimestamp),
            drained_to: health.drained_to.map(DbTimestamp),
            told_at: health.told_at.map(DbTimestamp),
        }
    }

    pub(crate) fn health(&self) -> OutletHealth {
        let time = |column: Option<DbTimestamp>| column.map(|at| at.0);
        OutletHealth {
            failures: u32::try_from(self.failures).unwrap_or_default(),
            failing_since: time(self.failing_since),
            succeeded_at: time(self.succeeded_at),
            probe_at: time(self.probe_at),
            drained_to: time(self.drained_to),
            told_at: time(self.told_at),
        }
    }
}

impl DeliveryRow {
    pub(crate) fn new(
        (user_id, sequence): (String, i64),
        outlet: Outlet,
        delivery: &Delivery,
        now: DateTime<Utc>,
    ) -> Self {
        let mut row = Self {
            user_id,
            sequence,
            outlet: outlet.to_string(),
            status: String::new(),
            attempts: 0,
            attempts_made: 0,
            next_at: DbTimestamp(now),
            lease: None,
            leased_until: None,
            created_at: DbTimestamp(now),
            finished_at: None,
        };
        row.set(delivery);
        row
    }

    /// Stores what became of it; nobody is at it any more.
    pub(crate) fn set(&mut self, delivery: &Delivery) {
        delivery.status.name().clone_into(&mut self.status);
        self.attempts = i32::try_from(delivery.attempts).unwrap_or(i32::MAX);
        self.attempts_made = i32::try_from(delivery.made).unwrap_or(i32::MAX);
        self.next_at = DbTimestamp(delivery.next_at);
        self.finished_at = delivery.finished_at.map(DbTimestamp);
        self.lease = None;
        self.leased_until = None;
    }

    pub(crate) fn delivery(&self) -> Result<Delivery, StoreError> {
        let status = DeliveryStatus::named(&self.status);
        Ok(Delivery {
            status: status.ok_or_else(|| StoreError::corrupt("deliveries.status", &self.status))?,
            attempts: u32::try_from(self.attempts).unwrap_or_default(),
            made: u32::try_from(self.attempts_made).unwrap_or_default(),
            next_at: self.next_at.0,
            finished_at: self.finished_at.map(|at| at.0),
        })
    }

    pub(crate) fn outlet(&self) -> Result<Outlet, StoreError> {
        let outlet = self.outlet.parse();
        outlet.map_err(|_| StoreError::corrupt("deliveries.outlet", &self.outlet))
    }
}

impl AttemptRow {
    pub(crate) fn new(of: &DeliveryRow, report: AttemptReport) -> Self {
        Self {
            user_id: of.user_id.clone(),
            sequence: of.sequence,
            outlet: of.outlet.clone(),
            number: of.attempts_made,
            made_at: DbTimestamp(report.made_at),
            status_code: report.status_code.map(i32::from),
            error: report.error,
            answer: report.answer,
            took_ms: i64::try_from(report.took.as_millis()).unwrap_or(i64::MAX),
        }
    }
}

impl From<AttemptRow> for AttemptReport {
    fn from(row: AttemptRow) -> Self {
        Self {
            made_at: row.made_at.0,
            status_code: row.status_code.and_then(|code| u16::try_from(code).ok()),
            error: row.error,
            answer: row.answer,
            took: std::time::Duration::from_millis(u64::try_from(row.took_ms).unwrap_or_default()),
        }
    }
}

impl From<MailRow> for StoredMail {
    fn from(row: MailRow) -> Self {
        Self {
            sender: row.sender,
            recipient: row.recipient,
            content: row.content,
        }
    }
}
