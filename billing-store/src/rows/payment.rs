//! Rows of `payment_customers`, `payment_methods` and `payment_transactions`.

use billing_core::{
    ids::{InvoiceId, PaymentMethodId, RequestId, TransactionId, UserId},
    money::Money,
    payment::{
        Allocation, CallerRequest, CollectConsent, Failure, PaymentMethod, Provider, TokensGone,
        TopupConsent, Transaction, TransactionKind, TransactionStatus,
    },
    usage::Fingerprint,
};
use chrono::{DateTime, Utc};
use diesel::sql_types::{BigInt, Binary, Bool, Integer, Nullable, Text};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{DbMoney, DbTimestamp, DbUuid, amounts::as_text, present, table::table_row};
use crate::{
    StoreError,
    json::Json,
    sql_types::{DbFixed, ExactDecimal, JsonText, UtcTimestamp, UuidBytes},
};

table_row! {
    CustomerRow, CustomerColumns in payment_customers {
        user_id: String as Text = "text", Key;
        provider: String as Text = "text", Key;
        is_live: bool as Bool = "boolean", Key;
        customer_id: String as Text = "text", Insert;
        created_at: DbTimestamp as UtcTimestamp = "timestamptz", Insert;
    }
}

table_row! {
    MethodRow, MethodColumns in payment_methods {
        user_id: String as Text = "text", Key;
        id: DbUuid as UuidBytes = "uuid", Key;
        provider: String as Text = "text", Insert;
        is_live: bool as Bool = "boolean", Insert;
        provider_customer_id: String as Text = "text", Insert;
        provider_method_id: String as Text = "text", Insert;
        brand: String as Text = "text", Set;
        last4: String as Text = "text", Set;
        expiry_month: Option<i32> as Nullable<Integer> = "integer", Set;
        expiry_year: Option<i32> as Nullable<Integer> = "integer", Set;
        is_default: bool as Bool = "boolean", Set;
        topup_consent_by: Option<String> as Nullable<Text> = "text", Set;
        topup_consented_at: Option<DbTimestamp> as Nullable<UtcTimestamp> = "timestamptz", Set;
        topup_consent_threshold: Option<i64> as Nullable<BigInt> = "bigint", Set;
        topup_consent_amount: Option<DbMoney> as Nullable<ExactDecimal> = "numeric", Set;
        collect_consent_by: Option<String> as Nullable<Text> = "text", Set;
        collect_consented_at: Option<DbTimestamp> as Nullable<UtcTimestamp> = "timestamptz", Set;
        created_at: DbTimestamp as UtcTimestamp = "timestamptz", Insert;
    }
}

table_row! {
    TransactionRow, TransactionColumns in payment_transactions {
        user_id: String as Text = "text", Key;
        id: DbUuid as UuidBytes = "uuid", Key;
        kind: String as Text = "text", Insert;
        provider: String as Text = "text", Insert;
        is_live: bool as Bool = "boolean", Insert;
        provider_reference: Option<String> as Nullable<Text> = "text", Set;
        status: String as Text = "text", Set;
        amount: DbMoney as ExactDecimal = "numeric", Insert;
        refunded_amount: DbMoney as ExactDecimal = "numeric", Set;
        disputed_amount: DbMoney as ExactDecimal = "numeric", Set;
        fee: Option<DbMoney> as Nullable<ExactDecimal> = "numeric", Set;
        currency: String as Text = "text", Insert;
        payment_method_id: Option<DbUuid> as Nullable<UuidBytes> = "uuid", Insert;
        allocations: Json<Vec<AllocationJson>> as JsonText = "jsonb", Set;
        tokens: i64 as BigInt = "bigint", Insert;
        tokens_taken_back: i64 as BigInt = "bigint", Set;
        tokens_frozen: i64 as BigInt = "bigint", Set;
        tokens_short: i64 as BigInt = "bigint", Set;
        is_automatic: bool as Bool = "boolean", Insert;
        refund_of: Option<DbUuid> as Nullable<UuidBytes> = "uuid", Insert;
        failure_code: Option<String> as Nullable<Text> = "text", Set;
        failure_message: Option<String> as Nullable<Text> = "text", Set;
        next_action_url: Option<String> as Nullable<Text> = "text", Set;
        attention: Option<String> as Nullable<Text> = "text", Set;
        request_id: Option<String> as Nullable<Text> = "text", Insert;
        fingerprint: Option<Vec<u8>> as Nullable<Binary> = "bytea", Insert;
        expires_at: Option<DbTimestamp> as Nullable<UtcTimestamp> = "timestamptz", Set;
        next_look_at: Option<DbTimestamp> as Nullable<UtcTimestamp> = "timestamptz", Set;
        succeeded_at: Option<DbTimestamp> as Nullable<UtcTimestamp> = "timestamptz", Set;
        lost_at: Option<DbTimestamp> as Nullable<UtcTimestamp> = "timestamptz", Set;
        created_at: DbTimestamp as UtcTimestamp = "timestamptz", Insert;
        updated_at: DbTimestamp as UtcTimestamp = "timestamptz", Set;
    }
}

table_row! {
    WebhookRow, WebhookColumns in webhook_events {
        provider: String as Text = "text", Key;
        id: String as Text = "text", Key;
        event_type: String as Text = "text", Insert;
        received_at: DbTimestamp as UtcTimestamp = "timestamptz", Insert;
    }
}

table_row! {
    LeaseRow, LeaseColumns in job_leases {
        name: String as Text = "text", Key;
        owner: String as Text = "text", Set;
        expires_at: DbTimestamp as UtcTimestamp = "timestamptz", Set;
        state: Json<SweptJson> as JsonText = "jsonb", Set;
    }
}

/// How far the daily sweep has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SweptJson {
    /// The last day that was swept to its end, YYYY-MM-DD.
    pub(crate) swept: Option<String>,
}

/// What an invoice gets, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AllocationJson {
    invoice_id: Uuid,
    #[serde(with = "as_text")]
    amount: Money,
}

impl From<&PaymentMethod> for MethodRow {
    fn from(method: &PaymentMethod) -> Self {
        let topup = method.topup_consent.as_ref();
        let collect = method.collect_consent.as_ref();
        Self {
            user_id: method.user_id.to_string(),
            id: DbUuid(method.id.uuid()),
            provider: method.provider.name().to_owned(),
            is_live: method.is_live,
            provider_customer_id: method.customer_id.clone(),
            provider_method_id: method.reference.clone(),
            brand: method.brand.clone(),
            last4: method.last4.clone(),
            expiry_month: method.expiry.map(|(month, _)| month.into()),
            expiry_year: method.expiry.map(|(_, year)| year.into()),
            is_default: method.is_default,
            topup_consent_by: topup.map(|consent| consent.by.to_string()),
            topup_consented_at: topup.map(|consent| DbTimestamp(consent.at)),
            topup_consent_threshold: topup.map(|consent| consent.threshold),
            topup_consent_amount: topup.map(|consent| DbFixed(consent.amount)),
            collect_consent_by: collect.map(|consent| consent.by.to_string()),
            collect_consented_at: collect.map(|consent| DbTimestamp(consent.at)),
            created_at: DbTimestamp(method.created_at),
        }
    }
}

impl TryFrom<MethodRow> for PaymentMethod {
    type Error = StoreError;

    fn try_from(row: MethodRow) -> Result<Self, StoreError> {
        let expiry = row.expiry_month.zip(row.expiry_year);
        let expiry = expiry.map(|(month, year)| {
            let month = month.try_into().map_err(|_| corrupt("expiry_month", month));
            let year = year.try_into().map_err(|_| corrupt("expiry_year", year));
            Ok::<_, StoreError>((month?, year?))
        });
        let topup_consent = match (row.topup_consent_by, row.topup_consented_at) {
            (Some(by), Some(at)) => Some(TopupConsent {
                by: UserId::trusted(by),
                at: at.0,
                threshold: present("topup_consent_threshold", row.topup_consent_threshold)?,
                amount: present("topup_consent_amount", row.topup_consent_amount)?.0,
            }),
            _ => None,
        };
        let collect_consent = row.collect_consent_by.zip(row.collect_consented_at);
        Ok(Self {
            id: PaymentMethodId::new(row.id.0),
            user_id: UserId::trusted(row.user_id),
            provider: provider(&row.provider)?,
            is_live: row.is_live,
            customer_id: row.provider_customer_id,
            reference: row.provider_method_id,
            brand: row.brand,
            last4: row.last4,
            expiry: expiry.transpose()?,
            is_default: row.is_default,
            topup_consent,
            collect_consent: collect_consent.map(|(by, at)| CollectConsent {
                by: UserId::trusted(by),
                at: at.0,
            }),
            created_at: row.created_at.0,
        })
    }
}

impl TransactionRow {
    /// The transaction as it is stored; `next_look` is when its provider is asked again.
    pub(crate) fn new(of: &Transaction, next_look: Option<DateTime<Utc>>) -> Self {
        let allocations = of.allocations.iter().map(|part| AllocationJson {
            invoice_id: part.invoice_id.uuid(),
            amount: part.amount,
        });
        let (failure, request) = (of.failure.as_ref(), of.request.as_ref());
        Self {
            user_id: of.user_id.to_string(),
            id: DbUuid(of.id.uuid()),
            kind: of.kind.name().to_owned(),
            provider: of.provider.name().to_owned(),
            is_live: of.is_live,
            provider_reference: of.provider_reference.clone(),
            status: of.status.name().to_owned(),
            amount: DbFixed(of.amount),
            refunded_amount: DbFixed(of.refunded_amount),
            disputed_amount: DbFixed(of.disputed_amount),
            fee: of.fee.map(DbFixed),
            currency: of.currency.clone(),
            payment_method_id: of.payment_method_id.map(|id| DbUuid(id.uuid())),
            allocations: Json(allocations.collect()),
            tokens: of.tokens,
            tokens_taken_back: of.tokens_gone.taken_back,
            tokens_frozen: of.tokens_gone.frozen,
            tokens_short: of.tokens_gone.shortfall,
            is_automatic: of.is_automatic,
            refund_of: of.refund_of.map(|id| DbUuid(id.uuid())),
            failure_code: failure.map(|failure| failure.code.clone()),
            failure_message: failure.map(|failure| failure.message.clone()),
            next_action_url: of.next_action_url.clone(),
            attention: of.attention.clone(),
            request_id: request.map(|request| request.id.to_string()),
            fingerprint: request.map(|request| request.fingerprint.0.to_vec()),
            expires_at: of.expires_at.map(DbTimestamp),
            next_look_at: next_look.map(DbTimestamp),
            succeeded_at: of.succeeded_at.map(DbTimestamp),
            lost_at: of.lost_at.map(DbTimestamp),
            created_at: DbTimestamp(of.created_at),
            updated_at: DbTimestamp(of.updated_at),
        }
    }
}

impl TryFrom<TransactionRow> for Transaction {
    type Error = StoreError;

    fn try_from(row: TransactionRow) -> Result<Self, StoreError> {
        let kind = TransactionKind::named(&row.kind);
        let status = TransactionStatus::named(&row.status);
        let allocations = row.allocations.0.into_iter().map(|part| Allocation {
            invoice_id: InvoiceId::new(part.invoice_id),
            amount: part.amount,
        });
        let failure = row.failure_code.zip(row.failure_message);
        let request = row.request_id.zip(row.fingerprint).map(|(id, bytes)| {
            let bytes = <[u8; 32]>::try_from(bytes);
            let bytes = bytes.map_err(|_| corrupt("fingerprint", "its length"));
            Ok::<_, StoreError>(CallerRequest {
                id: RequestId::trusted(id),
                fingerprint: Fingerprint(bytes?),
            })
        });
        Ok(Self {
            id: TransactionId::new(row.id.0),
            user_id: UserId::trusted(row.user_id),
            kind: kind.ok_or_else(|| corrupt("kind", &row.kind))?,
            provider: provider(&row.provider)?,
            provider_reference: row.provider_reference,
            status: status.ok_or_else(|| corrupt("status", &row.status))?,
            amount: row.amount.0,
            refunded_amount: row.refunded_amount.0,
            disputed_amount: row.disputed_amount.0,
            fee: row.fee.map(|fee| fee.0),
            currency: row.currency,
            payment_method_id: row.payment_method_id.map(|id| PaymentMethodId::new(id.0)),
            allocations: allocations.collect(),
            tokens: row.tokens,
            tokens_gone: TokensGone {
                taken_back: row.tokens_taken_back,
                frozen: row.tokens_frozen,
                shortfall: row.tokens_short,
            },
            is_automatic: row.is_automatic,
            refund_of: row.refund_of.map(|id| TransactionId::new(id.0)),
            failure: failure.map(|(code, message)| Failure { code, message }),
            next_action_url: row.next_action_url,
            attention: row.attention,
            request: request.transpose()?,
            is_live: row.is_live,
            expires_at: row.expires_at.map(|at| at.0),
            succeeded_at: row.succeeded_at.map(|at| at.0),
            lost_at: row.lost_at.map(|at| at.0),
            created_at: row.created_at.0,
            updated_at: row.updated_at.0,
        })
    }
}

fn provider(name: &str) -> Result<Provider, StoreError> {
    Provider::named(name).ok_or_else(|| corrupt("provider", name))
}

fn corrupt(column: &'static str, value: impl std::fmt::Display) -> StoreError {
    StoreError::corrupt(column, value)
}
