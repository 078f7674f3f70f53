//! Usage records as a CSV file (RFC 4180), part by part.

use ::csv::Writer;
use billing_core::{catalog::Catalog, refusal::Refusal};
use billing_proto::v1;
use billing_store::{InvoicedRecord, MonthFilter};
use futures_util::FutureExt;
use prost_reflect::{DynamicMessage, MessageDescriptor};

use crate::{
    api::{Violations, csv, formula::neutral, usage::record},
    app::App,
    auth::ResolvedUser,
    error::ApiError,
    rest::text,
};

/// What a line of the file is: its columns are the fields, in the order of their numbers.
const MESSAGE: &str = "billing.v1.UsageRecord";

/// An export as it is sent.
pub(super) type Parts = csv::Parts<v1::ExportUsageResponse>;

/// Reads and sends the records of a month, a part at a time as the client reads on.
pub(super) fn parts(app: App, filter: MonthFilter) -> Parts {
    csv::parts(filter, move |filter| part(app.clone(), filter).boxed())
}

/// The next part of an export, and what comes after it, if anything does.
async fn part(
    app: App,
    filter: MonthFilter,
) -> Result<(v1::ExportUsageResponse, Option<MonthFilter>), ApiError> {
    app.keep_on()?;
    let first = filter.after.is_none();
    let limit = i64::try_from(csv::ROWS_PER_PART).unwrap_or(i64::MAX);
    let records = app.store().month_records(filter.clone(), limit).await?;
    let last = records.get(csv::ROWS_PER_PART.saturating_sub(1));
    let after = last.map(|last| (last.record.user_id.clone(), last.record.id));
    let chunk = csv_part(first, records, &app.store().cached_catalog())?;
    let next = after.map(|after| MonthFilter {
        after: Some(after),
        ..filter
    });
    Ok((v1::ExportUsageResponse { chunk }, next))
}

/// Which records of `user` to export; `None` stands for all users.
///
/// # Errors
/// Every violation at once.
pub(crate) fn filter(
    user: Option<&ResolvedUser>,
    request: &v1::ExportUsageRequest,
) -> Result<MonthFilter, ApiError> {
    let mut violations = Violations::default();
    let found = &mut violations;
    let month = found.check("month", request.month.parse());
    let user_id = user.and_then(|user| found.check("user_id", user.id()));
    let format = v1::ExportFormat::try_from(request.format);
    found.check("format", format.map_err(|_| "must be csv"));
    violations.finish(month.map(|month| MonthFilter {
        month,
        user_id,
        after: None,
    }))
}

/// The next part of a file; the first begins with the header.
///
/// # Errors
/// When the catalog lacks a plan or a price, or the lines cannot be written.
fn csv_part(
    first: bool,
    records: Vec<InvoicedRecord>,
    catalog: &Catalog,
) -> Result<String, ApiError> {
    let records = records.into_iter();
    let records = records.map(|found| record(found.record, found.invoice_id, catalog));
    let records: Vec<_> = records.collect::<Result<_, Refusal>>()?;
    let descriptor = text::descriptor(MESSAGE)?;
    csv::text(|file| write(file, first, &descriptor, &records))
}

fn write(
    file: &mut Writer<Vec<u8>>,
    first: bool,
    descriptor: &MessageDescriptor,
    records: &[v1::UsageRecord],
) -> Result<(), Box<dyn std::error::Error>> {
    let columns = text::columns(descriptor);
    if first {
        file.write_record(columns.iter().map(text::Column::name))?;
    }
    for record in records {
        let mut line = DynamicMessage::new(descriptor.clone());
        line.transcode_from(record)?;
        for column in &columns {
            file.write_field(cell(&line, column)?)?;
        }
        csv::end_row(file)?;
    }
    Ok(())
}

/// Only text can be taken for a formula: numbers stay numbers.
fn cell(line: &DynamicMessage, column: &text::Column) -> Result<String, text::NoJsonForm> {
    let cell = column.cell(line)?;
    Ok(if column.is_text() {
        neutral(&cell).into_owned()
    } else {
        cell
    })
}

#[cfg(test)]
mod tests {
    use billing_core::{
        catalog::{ModelPrice, PlanTerms, PlanVersion, TokenPrices, UsagePricing},
        ids::{
            InvoiceId, ModelId, PlanId, PlanVersionId, PriceId, RecordId, RequestId,
            SubscriptionId, UserId,
        },
        money::{Money, Price, Rate},
        month::Month,
        usage::{
            Call, Charge, Fingerprint, Tokens, TokensTaken, UsageRecord, UsageStatus, WindowRef,
        },
    };
    use chrono::DateTime;
    use uuid::Uuid;

    use super::*;

    fn stored() -> InvoicedRecord {
        let at = |text: &str| text.parse().unwrap();
        let record = UsageRecord {
            id: RecordId::new(Uuid::from_u128(2)),
            user_id: UserId::trusted("a,b".to_owned()),
            call: Call {
                request_id: RequestId::trusted("say \"hi\"".to_owned()),
                model: ModelId::trusted("=1+2".to_owned()),
                provider: String::new(),
                tokens: Tokens {
                    prompt: -7,
                    completion: -1,
                    cached_prompt: -3,
                    cache_write: -2,
                    reasoning: -1,
                },
                created_at: at("2024-12-01T00:00:00Z"),
                fingerprint: Fingerprint([0; 32]),
            },
            charge: Charge {
                price_id: PriceId::new(7),
                cost_usd: "-0.000000000000001".parse().unwrap(),
                discount_rate: Rate::ONE,
                covered_amount: Money::ZERO,
                taken: TokensTaken {
                    overage: -8,
                    ..TokensTaken::default()
                },
                overage_cost: "-12.5".parse().unwrap(),
                discount_amount: Money::ZERO,
                final_cost: "-12.500000000000001".parse().unwrap(),
                coupon_id: None,
                subscription_id: Some(SubscriptionId::new(Uuid::from_u128(1))),
                window: Some(WindowRef {
                    plan_version_id: PlanVersionId::new(3),
                    start: at("2024-11-01T00:00:00Z"),
                }),
            },
            status: UsageStatus::Correction,
            is_reversal: false,
            billing_month: "2024-11".parse::<Month>().unwrap(),
            invoice_month: "2024-12".parse::<Month>().unwrap(),
            corrects_id: Some(RecordId::new(Uuid::from_u128(1))),
            rated_at: at("2024-11-30T00:00:00Z"),
            updated_at: at("2024-12-01T00:00:00.000120Z"),
            void_reason: None,
        };
        InvoicedRecord {
            record,
            invoice_id: Some(InvoiceId::new(Uuid::from_u128(3))),
        }
    }

    fn catalog() -> Catalog {
        let version = PlanVersion {
            id: PlanVersionId::new(3),
            plan_id: PlanId::trusted("plan-pro".to_owned()),
            name: "Pro".to_owned(),
            terms: PlanTerms {
                usage_pricing: UsagePricing::Included,
                monthly_quota: 1,
                monthly_price: Money::ZERO,
                extra_token_price: Price::ZERO,
                overage_discount_rate: Rate::ONE,
            },
            effective_from: DateTime::UNIX_EPOCH,
            created_at: DateTime::UNIX_EPOCH,
        };
        let price = ModelPrice {
            id: PriceId::new(7),
            model_id: ModelId::trusted("=1+2".to_owned()),
            provider: String::new(),
            prices: TokenPrices {
                prompt: "0.03".parse().unwrap(),
                completion: "0.06".parse().unwrap(),
                cached_prompt: Some("0.015".parse().unwrap()),
                cache_write: None,
                reasoning: None,
            },
            effective_from: DateTime::UNIX_EPOCH,
            created_at: DateTime::UNIX_EPOCH,
            created_by: String::new(),
        };
        Catalog::new(1, [price]).with_plans([(true, version)])
    }

    #[test]
    fn a_record_of_a_plan_that_the_catalog_lacks_is_no_line() {
        let refused = csv_part(false, vec![stored()], &Catalog::default()).unwrap_err();
        assert_eq!(refused, ApiError::internal());
    }

    #[test]
    fn texts_are_no_formulas_and_amounts_have_every_digit() {
        let catalog = catalog();
        let header = csv_part(true, Vec::new(), &catalog).unwrap();
        assert!(header.starts_with("id,user_id,"));
        assert!(header.ends_with(",unit_prices.reasoning,plan_id,invoice_id\r\n"));
        let line = "rec-00000000000000000000000000000002,\"a,b\",\
            sub-00000000000000000000000000000001,'=1+2,,\"say \"\"hi\"\"\",-7,-1,-8,-3,-2,-1,\
            -0.000000000000001,1,0.00,-8,-12.50,0.00,-12.500000000000001,,correction,2024-11,\
            2024-12-01T00:00:00Z,2024-12-01T00:00:00.000120Z,2024-12,\
            rec-00000000000000000000000000000001,,price-7,0.03,0.06,0.015,0.03,0.06,plan-pro,\
            inv-00000000000000000000000000000003\r\n";
        assert_eq!(csv_part(false, vec![stored()], &catalog).unwrap(), line);
        let file = csv_part(true, vec![stored()], &catalog).unwrap();
        assert_eq!(file, header + line);
    }

    #[test]
    fn every_violation_is_named_at_once() {
        let request = v1::ExportUsageRequest {
            month: "2024-13".to_owned(),
            user_id: String::new(),
            format: 7,
        };
        let refused = filter(Some(&ResolvedUser::from(" ")), &request).unwrap_err();
        let fields: Vec<_> = refused
            .violations
            .iter()
            .map(|v| v.field.as_str())
            .collect();
        assert_eq!(fields, ["month", "user_id", "format"]);
    }
}
