//! Rows of `invoice_corrections` and `coupon_catch_ups`.

use billing_core::{
    coupon::CatchUp,
    ids::{InvoiceId, ModelId, UserId},
    invoice::{CarriedCorrection, Corrected, Correction},
    quota_window::Span,
};
use chrono::{DateTime, Utc};
use diesel::sql_types::{BigInt, Nullable, Text};

use super::{DbMoney, DbRate, DbTimestamp, DbUuid, month, present, table::table_row};
use crate::{
    StoreError,
    sql_types::{DbFixed, ExactDecimal, UtcTimestamp, UuidBytes},
};

table_row! {
    CorrectionRow, CorrectionColumns in invoice_corrections {
        user_id: String as Text = "text", Key;
        sequence: i64 as BigInt = "bigint", Key;
        billing_month: String as Text = "text", Insert;
        invoice_id: Option<DbUuid> as Nullable<UuidBytes> = "uuid", Insert;
        corrects_invoice_id: DbUuid as UuidBytes = "uuid", Insert;
        usage_month: Option<String> as Nullable<Text> = "text", Insert;
        model: Option<String> as Nullable<Text> = "text", Insert;
        tokens: Option<i64> as Nullable<BigInt> = "bigint", Insert;
        description: Option<String> as Nullable<Text> = "text", Insert;
        period_start: Option<DbTimestamp> as Nullable<UtcTimestamp> = "timestamptz", Insert;
        period_end: Option<DbTimestamp> as Nullable<UtcTimestamp> = "timestamptz", Insert;
        amount: DbMoney as ExactDecimal = "numeric", Insert;
        tax_rate: DbRate as ExactDecimal = "numeric", Insert;
        tax_amount: DbMoney as ExactDecimal = "numeric", Insert;
        created_at: DbTimestamp as UtcTimestamp = "timestamptz", Insert;
    }
}

impl CorrectionRow {
    pub(crate) fn new(user_id: &UserId, correction: &Correction, now: DateTime<Utc>) -> Self {
        let (usage, fee) = match &correction.of {
            Corrected::Usage {
                month,
                model,
                tokens,
            } => (Some((month, model, *tokens)), None),
            Corrected::Fee {
                description,
                period,
            } => (None, Some((description, *period))),
        };
        Self {
            user_id: user_id.to_string(),
            sequence: correction.sequence,
            billing_month: correction.month.to_string(),
            invoice_id: None,
            corrects_invoice_id: DbUuid(correction.invoice_id.uuid()),
            usage_month: usage.map(|(month, ..)| month.to_string()),
            model: usage.map(|(_, model, _)| model.to_string()),
            tokens: usage.map(|(.., tokens)| tokens),
            description: fee.map(|(description, _)| description.clone()),
            period_start: fee.map(|(_, period)| DbTimestamp(period.start)),
            period_end: fee.map(|(_, period)| DbTimestamp(period.end)),
            amount: DbFixed(correction.amount),
            tax_rate: DbFixed(correction.tax_rate),
            tax_amount: DbFixed(correction.tax_amount),
            created_at: DbTimestamp(now),
        }
    }
}

impl TryFrom<CorrectionRow> for CarriedCorrection {
    type Error = StoreError;

    fn try_from(row: CorrectionRow) -> Result<Self, StoreError> {
        let of = match row.description {
            Some(description) => Corrected::Fee {
                description,
                period: Span {
                    start: present("period_start", row.period_start)?.0,
                    end: present("period_end", row.period_end)?.0,
                },
            },
            None => Corrected::Usage {
                month: month("usage_month", &present("usage_month", row.usage_month)?)?,
                model: ModelId::trusted(present("model", row.model)?),
                tokens: present("tokens", row.tokens)?,
            },
        };
        Ok(Self {
            correction: Correction {
                sequence: row.sequence,
                month: month("billing_month", &row.billing_month)?,
                invoice_id: InvoiceId::new(row.corrects_invoice_id.0),
                of,
                amount: row.amount.0,
                tax_rate: row.tax_rate.0,
                tax_amount: row.tax_amount.0,
            },
            invoice_id: row.invoice_id.map(|id| InvoiceId::new(id.0)),
        })
    }
}

table_row! {
    CatchUpRow, CatchUpColumns in coupon_catch_ups {
        user_id: String as Text = "text", Key;
        sequence: i64 as BigInt = "bigint", Key;
        billing_month: String as Text = "text", Insert;
        amount: DbMoney as ExactDecimal = "numeric", Insert;
        created_at: DbTimestamp as UtcTimestamp = "timestamptz", Insert;
    }
}

impl CatchUpRow {
    pub(crate) fn new(user_id: &UserId, catch_up: &CatchUp, now: DateTime<Utc>) -> Self {
        Self {
            user_id: user_id.to_string(),
            sequence: catch_up.sequence,
            billing_month: catch_up.month.to_string(),
            amount: DbFixed(catch_up.amount),
            created_at: DbTimestamp(now),
        }
    }
}
