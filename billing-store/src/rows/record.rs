//! Rows of `billing_records`. What most records have in common is not stored.

use billing_core::{
    catalog::Catalog,
    ids::{CouponId, ModelId, PlanVersionId, PriceId, RecordId, RequestId, SubscriptionId, UserId},
    money::{Fixed, Money, Rate},
    month::Month,
    refusal::Refusal,
    usage::{Call, Charge, Fingerprint, Tokens, TokensTaken, UsageRecord, UsageStatus, WindowRef},
};
use diesel::sql_types::{Binary, Integer, Nullable, SmallInt, Text};

use super::{DbMoney, DbRate, DbTimestamp, DbUuid, month, table::table_row};
use crate::{
    StoreError,
    sql_types::{DbFixed, ExactDecimal, UtcTimestamp, UuidBytes},
};

table_row! {
    RecordRow, RecordColumns in billing_records {
        user_id: String as Text = "text", Key;
        id: DbUuid as UuidBytes = "uuid", Key;
        request_id: String as Text = "text", Insert;
        model: String as Text = "text", Insert;
        provider: Option<String> as Nullable<Text> = "text", Insert;
        prompt_tokens: i32 as Integer = "integer", Insert;
        completion_tokens: i32 as Integer = "integer", Insert;
        total_tokens: i32 as Integer = "integer", Insert;
        cached_prompt_tokens: Option<i32> as Nullable<Integer> = "integer", Insert;
        cache_write_tokens: Option<i32> as Nullable<Integer> = "integer", Insert;
        reasoning_tokens: Option<i32> as Nullable<Integer> = "integer", Insert;
        quota_tokens: Option<i32> as Nullable<Integer> = "integer", Insert;
        topup_tokens: Option<i32> as Nullable<Integer> = "integer", Insert;
        overage_tokens: Option<i32> as Nullable<Integer> = "integer", Insert;
        cost_usd: DbMoney as ExactDecimal = "numeric", Insert;
        discount_rate: Option<DbRate> as Nullable<ExactDecimal> = "numeric", Insert;
        covered_amount: Option<DbMoney> as Nullable<ExactDecimal> = "numeric", Insert;
        overage_cost: Option<DbMoney> as Nullable<ExactDecimal> = "numeric", Insert;
        discount_amount: Option<DbMoney> as Nullable<ExactDecimal> = "numeric", Insert;
        final_cost: DbMoney as ExactDecimal = "numeric", Insert;
        coupon_id: Option<DbUuid> as Nullable<UuidBytes> = "uuid", Insert;
        subscription_id: Option<DbUuid> as Nullable<UuidBytes> = "uuid", Insert;
        corrects_id: Option<DbUuid> as Nullable<UuidBytes> = "uuid", Insert;
        status: i16 as SmallInt = "smallint", Set;
        billing_month: String as Text = "text", Insert;
        invoice_month: Option<String> as Nullable<Text> = "text", Insert;
        fingerprint: Vec<u8> as Binary = "bytea", Insert;
        price_id: i32 as Integer = "integer", Insert;
        plan_version_id: Option<i32> as Nullable<Integer> = "integer", Insert;
        window_start: Option<DbTimestamp> as Nullable<UtcTimestamp> = "timestamptz", Insert;
        rated_at: Option<DbTimestamp> as Nullable<UtcTimestamp> = "timestamptz", Insert;
        created_at: DbTimestamp as UtcTimestamp = "timestamptz", Insert;
        updated_at: DbTimestamp as UtcTimestamp = "timestamptz", Set;
        void_reason: Option<String> as Nullable<Text> = "text", Set;
    }
}

/// The number that stands for a status and whether the record is a reversal.
const COMPLETED: i16 = 0;
const VOIDED: i16 = 1;
const CORRECTION: i16 = 2;
const REVERSAL: i16 = 3;

impl RecordRow {
    /// The record as it is stored, without what its price and its own times tell.
    pub(crate) fn new(record: &UsageRecord, catalog: &Catalog) -> Result<Self, StoreError> {
        let (call, charge, tokens) = (&record.call, &record.charge, &record.call.tokens);
        let price = catalog.price(charge.price_id);
        let provider = price.is_none_or(|price| price.provider != call.provider);
        let unless_nothing = |amount: Money| (amount != Money::ZERO).then_some(DbFixed(amount));
        Ok(Self {
            user_id: record.user_id.as_str().to_owned(),
            id: DbUuid(record.id.uuid()),
            request_id: call.request_id.as_str().to_owned(),
            model: call.model.as_str().to_owned(),
            provider: provider.then(|| call.provider.clone()),
            prompt_tokens: count(tokens.prompt)?,
            completion_tokens: count(tokens.completion)?,
            total_tokens: count(tokens.total())?,
            cached_prompt_tokens: unless_none(tokens.cached_prompt)?,
            cache_write_tokens: unless_none(tokens.cache_write)?,
            reasoning_tokens: unless_none(tokens.reasoning)?,
            quota_tokens: unless_none(charge.taken.quota)?,
            topup_tokens: unless_none(charge.taken.topup)?,
            overage_tokens: unless_none(charge.taken.overage)?,
            cost_usd: DbFixed(charge.cost_usd),
            discount_rate: (charge.discount_rate != Rate::ONE)
                .then_some(DbFixed(charge.discount_rate)),
            covered_amount: unless_nothing(charge.covered_amount),
            overage_cost: unless_nothing(charge.overage_cost),
            discount_amount: unless_nothing(charge.discount_amount),
            final_cost: DbFixed(charge.final_cost),
            coupon_id: charge.coupon_id.map(|id| DbUuid(id.uuid())),
            subscription_id: charge.subscription_id.map(|id| DbUuid(id.uuid())),
            corrects_id: record.corrects_id.map(|id| DbUuid(id.uuid())),
            status: status_number(record),
            billing_month: record.billing_month.to_string(),
            invoice_month: (record.invoice_month != record.billing_month)
                .then(|| record.invoice_month.to_string()),
            fingerprint: call.fingerprint.0.to_vec(),
            price_id: charge.price_id.number(),
            plan_version_id: charge.window.map(|window| window.plan_version_id.number()),
            window_start: charge.window.map(|window| DbTimestamp(window.start)),
            rated_at: (record.rated_at != call.created_at).then_some(DbTimestamp(record.rated_at)),
            created_at: DbTimestamp(call.created_at),
            updated_at: DbTimestamp(record.updated_at),
            void_reason: record.void_reason.clone(),
        })
    }

    /// The record, with what its price tells.
    pub(crate) fn into_record(self, catalog: &Catalog) -> Result<UsageRecord, StoreError> {
        let charge = self.charge();
        let (status, is_reversal) = status(self.status)?;
        let billing_month = month("billing_month", &self.billing_month)?;
        let fingerprint = <[u8; 32]>::try_from(self.fingerprint)
            .map_err(|bytes| StoreError::corrupt("fingerprint", format!("{bytes:?}")))?;
        let provider = match self.provider {
            Some(provider) => provider,
            None => price_provider(catalog, charge.price_id)?,
        };
        let invoice_month = self.invoice_month.as_deref();
        Ok(UsageRecord {
            id: RecordId::new(self.id.0),
            user_id: UserId::trusted(self.user_id),
            call: Call {
                request_id: RequestId::trusted(self.request_id),
                model: ModelId::trusted(self.model),
                provider,
                tokens: Tokens {
                    prompt: self.prompt_tokens.into(),
                    completion: self.completion_tokens.into(),
                    cached_prompt: or_none(self.cached_prompt_tokens),
                    cache_write: or_none(self.cache_write_tokens),
                    reasoning: or_none(self.reasoning_tokens),
                },
                created_at: self.created_at.0,
                fingerprint: Fingerprint(fingerprint),
            },
            charge,
            status,
            is_reversal,
            billing_month,
            invoice_month: invoice_month
                .map_or(Ok::<Month, StoreError>(billing_month), |text| {
                    month("invoice_month", text)
                })?,
            corrects_id: self.corrects_id.map(|id| RecordId::new(id.0)),
            rated_at: self.rated_at.unwrap_or(self.created_at).0,
            updated_at: self.updated_at.0,
            void_reason: self.void_reason,
        })
    }

    fn charge(&self) -> Charge {
        let window = self.plan_version_id.zip(self.window_start);
        Charge {
            price_id: PriceId::new(self.price_id),
            cost_usd: self.cost_usd.0,
            discount_rate: self.discount_rate.map_or(Rate::ONE, |rate| rate.0),
            covered_amount: or_nothing(self.covered_amount),
            taken: TokensTaken {
                quota: or_none(self.quota_tokens),
                topup: or_none(self.topup_tokens),
                overage: or_none(self.overage_tokens),
            },
            overage_cost: or_nothing(self.overage_cost),
            discount_amount: or_nothing(self.discount_amount),
            final_cost: self.final_cost.0,
            coupon_id: self.coupon_id.map(|id| CouponId::new(id.0)),
            subscription_id: self.subscription_id.map(|id| SubscriptionId::new(id.0)),
            window: window.map(|(version, start)| WindowRef {
                plan_version_id: PlanVersionId::new(version),
                start: start.0,
            }),
        }
    }
}

fn count(tokens: i64) -> Result<i32, StoreError> {
    i32::try_from(tokens).map_err(|error| StoreError::Refused(format!("a token count: {error}")))
}

fn unless_none(tokens: i64) -> Result<Option<i32>, StoreError> {
    Ok(Some(count(tokens)?).filter(|tokens| *tokens != 0))
}

fn or_none(tokens: Option<i32>) -> i64 {
    tokens.unwrap_or(0).into()
}

fn or_nothing<const SCALE: u32>(amount: Option<DbFixed<SCALE>>) -> Fixed<SCALE> {
    amount.map_or(Fixed::ZERO, |amount| amount.0)
}

fn price_provider(catalog: &Catalog, id: PriceId) -> Result<String, StoreError> {
    let price = catalog.price(id);
    let provider = price.map(|price| price.provider.clone());
    provider.ok_or(StoreError::Rejected(Refusal::PriceUnknown(id)))
}

const fn status_number(record: &UsageRecord) -> i16 {
    match record.status {
        UsageStatus::Completed => COMPLETED,
        UsageStatus::Voided => VOIDED,
        UsageStatus::Correction if record.is_reversal => REVERSAL,
        UsageStatus::Correction => CORRECTION,
    }
}

fn status(number: i16) -> Result<(UsageStatus, bool), StoreError> {
    match number {
        COMPLETED => Ok((UsageStatus::Completed, false)),
        VOIDED => Ok((UsageStatus::Voided, false)),
        CORRECTION => Ok((UsageStatus::Correction, false)),
        REVERSAL => Ok((UsageStatus::Correction, true)),
        other => Err(StoreError::corrupt("status", other)),
    }
}
