//! Column types whose storage differs per database, and the values that go into them.

use std::io::Write;

use billing_core::money::Fixed;
use chrono::{DateTime, Utc};
use diesel::{
    deserialize::{self, FromSql, FromSqlRow},
    expression::AsExpression,
    pg::{Pg, PgValue, data_types::PgTimestamp},
    query_builder::QueryId,
    serialize::{self, IsNull, Output, ToSql},
    sql_types::{self, SqlType},
    sqlite::{Sqlite, SqliteValue},
};
use rust_decimal::Decimal;
use uuid::Uuid;

/// An exact decimal: `NUMERIC` on PostgreSQL, `TEXT` on SQLite, whose own numbers are floats.
#[derive(Debug, Clone, Copy, SqlType, QueryId)]
#[diesel(
    postgres_type(oid = 1700, array_oid = 1231),
    sqlite_type(name = "Text")
)]
pub struct ExactDecimal;

/// A time to the microsecond: `TIMESTAMPTZ` on PostgreSQL, microseconds since 1970 on SQLite.
#[derive(Debug, Clone, Copy, SqlType, QueryId)]
#[diesel(
    postgres_type(oid = 1184, array_oid = 1185),
    sqlite_type(name = "Long")
)]
pub struct UtcTimestamp;

/// An id of ours: `UUID` on PostgreSQL, its 16 bytes as a `BLOB` on SQLite.
#[derive(Debug, Clone, Copy, SqlType, QueryId)]
#[diesel(
    postgres_type(oid = 2950, array_oid = 2951),
    sqlite_type(name = "Binary")
)]
pub struct UuidBytes;

/// A JSON document: `JSONB` on PostgreSQL, `TEXT` on SQLite.
#[derive(Debug, Clone, Copy, SqlType, QueryId)]
#[diesel(
    postgres_type(oid = 3802, array_oid = 3807),
    sqlite_type(name = "Text")
)]
pub struct JsonText;

diesel::define_sql_function! {
    /// The text in lowercase; beyond ASCII the databases differ.
    fn lower(text: sql_types::Text) -> sql_types::Text;
}

/// An exact number in a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, AsExpression, FromSqlRow)]
#[diesel(sql_type = ExactDecimal)]
pub(crate) struct DbFixed<const SCALE: u32>(pub(crate) Fixed<SCALE>);

/// A time in a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, AsExpression, FromSqlRow)]
#[diesel(sql_type = UtcTimestamp)]
pub(crate) struct DbTimestamp(pub(crate) DateTime<Utc>);

/// An id of ours in a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, AsExpression, FromSqlRow)]
#[diesel(sql_type = UuidBytes)]
pub(crate) struct DbUuid(pub(crate) Uuid);

/// Microseconds from 1970 to 2000, where PostgreSQL starts counting.
const POSTGRES_EPOCH_MICROS: i64 = 946_684_800_000_000;

impl<const SCALE: u32> ToSql<ExactDecimal, Pg> for DbFixed<SCALE> {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        let decimal = self.0.to_decimal()?;
        ToSql::<sql_types::Numeric, Pg>::to_sql(&decimal, &mut out.reborrow())
    }
}

impl<const SCALE: u32> FromSql<ExactDecimal, Pg> for DbFixed<SCALE> {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        let decimal = <Decimal as FromSql<sql_types::Numeric, Pg>>::from_sql(value)?;
        Ok(Self(Fixed::from_decimal(decimal)?))
    }
}

impl<const SCALE: u32> ToSql<ExactDecimal, Sqlite> for DbFixed<SCALE> {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(self.0.to_string());
        Ok(IsNull::No)
    }
}

impl<const SCALE: u32> FromSql<ExactDecimal, Sqlite> for DbFixed<SCALE> {
    fn from_sql(value: SqliteValue<'_, '_, '_>) -> deserialize::Result<Self> {
        let text = <String as FromSql<sql_types::Text, Sqlite>>::from_sql(value)?;
        Ok(Self(text.parse()?))
    }
}

impl ToSql<UtcTimestamp, Pg> for DbTimestamp {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        let micros = self
            .0
            .timestamp_micros()
            .saturating_sub(POSTGRES_EPOCH_MICROS);
        ToSql::<sql_types::Timestamptz, Pg>::to_sql(&PgTimestamp(micros), &mut out.reborrow())
    }
}

impl FromSql<UtcTimestamp, Pg> for DbTimestamp {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        let PgTimestamp(micros) = FromSql::<sql_types::Timestamptz, Pg>::from_sql(value)?;
        from_micros(micros.saturating_add(POSTGRES_EPOCH_MICROS))
    }
}

impl ToSql<UtcTimestamp, Sqlite> for DbTimestamp {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(self.0.timestamp_micros());
        Ok(IsNull::No)
    }
}

impl FromSql<UtcTimestamp, Sqlite> for DbTimestamp {
    fn from_sql(value: SqliteValue<'_, '_, '_>) -> deserialize::Result<Self> {
        from_micros(FromSql::<sql_types::BigInt, Sqlite>::from_sql(value)?)
    }
}

fn from_micros(micros: i64) -> deserialize::Result<DbTimestamp> {
    DateTime::from_timestamp_micros(micros)
        .map(DbTimestamp)
        .ok_or_else(|| format!("{micros} microseconds are beyond the calendar").into())
}

impl ToSql<UuidBytes, Pg> for DbUuid {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        out.write_all(self.0.as_bytes())?;
        Ok(IsNull::No)
    }
}

impl FromSql<UuidBytes, Pg> for DbUuid {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        Ok(Self(Uuid::from_slice(value.as_bytes())?))
    }
}

impl ToSql<UuidBytes, Sqlite> for DbUuid {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(self.0.as_bytes().as_slice());
        Ok(IsNull::No)
    }
}

impl FromSql<UuidBytes, Sqlite> for DbUuid {
    fn from_sql(value: SqliteValue<'_, '_, '_>) -> deserialize::Result<Self> {
        let bytes = <Vec<u8> as FromSql<sql_types::Binary, Sqlite>>::from_sql(value)?;
        Ok(Self(Uuid::from_slice(&bytes)?))
    }
}
