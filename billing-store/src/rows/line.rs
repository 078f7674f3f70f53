//! Rows of `invoice_lines`.

use billing_core::{
    ids::{InvoiceId, SubscriptionId, UserId},
    invoice::{CarriedLine, InvoiceLine, LineKind},
    quota_window::Span,
};
use chrono::{DateTime, Utc};
use diesel::sql_types::{BigInt, Nullable, Text};

use super::{DbMoney, DbTimestamp, DbUuid, month, table::table_row};
use crate::{
    StoreError,
    sql_types::{DbFixed, ExactDecimal, UtcTimestamp, UuidBytes},
};

table_row! {
    LineRow, LineColumns in invoice_lines {
        user_id: String as Text = "text", Key;
        sequence: i64 as BigInt = "bigint", Key;
        billing_month: String as Text = "text", Insert;
        invoice_id: Option<DbUuid> as Nullable<UuidBytes> = "uuid", Insert;
        type_: String as Text = "text", Insert;
        description: String as Text = "text", Insert;
        amount: DbMoney as ExactDecimal = "numeric", Insert;
        subscription_id: DbUuid as UuidBytes = "uuid", Insert;
        period_start: DbTimestamp as UtcTimestamp = "timestamptz", Insert;
        period_end: DbTimestamp as UtcTimestamp = "timestamptz", Insert;
        created_at: DbTimestamp as UtcTimestamp = "timestamptz", Insert;
    }
}

impl LineRow {
    pub(crate) fn new(user_id: &UserId, line: &InvoiceLine, now: DateTime<Utc>) -> Self {
        Self {
            user_id: user_id.to_string(),
            sequence: line.sequence,
            billing_month: line.month.to_string(),
            invoice_id: None,
            type_: match line.kind {
                LineKind::PlanFee => "plan_fee",
                LineKind::Proration => "proration",
            }
            .to_owned(),
            description: line.description.clone(),
            amount: DbFixed(line.amount),
            subscription_id: DbUuid(line.subscription_id.uuid()),
            period_start: DbTimestamp(line.period.start),
            period_end: DbTimestamp(line.period.end),
            created_at: DbTimestamp(now),
        }
    }
}

impl TryFrom<LineRow> for CarriedLine {
    type Error = StoreError;

    fn try_from(row: LineRow) -> Result<Self, StoreError> {
        Ok(Self {
            line: InvoiceLine {
                sequence: row.sequence,
                month: month("billing_month", &row.billing_month)?,
                kind: match row.type_.as_str() {
                    "plan_fee" => LineKind::PlanFee,
                    "proration" => LineKind::Proration,
                    other => return Err(StoreError::corrupt("type", other)),
                },
                description: row.description,
                amount: row.amount.0,
                period: Span {
                    start: row.period_start.0,
                    end: row.period_end.0,
                },
                subscription_id: SubscriptionId::new(row.subscription_id.0),
            },
            invoice_id: row.invoice_id.map(|id| InvoiceId::new(id.0)),
        })
    }
}
