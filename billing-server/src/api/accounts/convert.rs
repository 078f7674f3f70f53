//! Users' accounts.

use billing_core::{
    account::{Account, Tax},
    document::TaxExemption,
    ids::UserId,
    money::{NumberError, Rate},
};
use billing_proto::{google::r#type::Decimal, v1};
use chrono::{DateTime, Utc};

use crate::{
    api::{
        Violations,
        time::{start_time, timestamp},
        values::{amount, decimal, exemption, fixed},
    },
    error::ApiError,
};

/// An account as it is sent at `now`, with every discount rate.
///
/// # Errors
/// When an amount does not fit.
pub(crate) fn account(account: Account, now: DateTime<Utc>) -> Result<v1::Account, NumberError> {
    let next = account.next_discount(now);
    let state = account.state;
    Ok(v1::Account {
        uninvoiced_amount: amount(state.uninvoiced_amount()?),
        user_id: state.user_id.into_string(),
        discount_rate: decimal(state.discount.rate),
        next_discount_rate: next.and_then(|next| decimal(next.rate)),
        next_discount_from: next.and_then(|next| timestamp(next.from)),
        tax_rate: decimal(state.tax.rate),
        tax_exempt: state.tax.exemption.is_some(),
        exemption: exemption(state.tax.exemption),
        credit_balance: amount(state.credit_balance),
        topup_balance: state.topup_balance,
        trial_used: state.trial_used,
    })
}

/// Whose discount rate is to be what, and from when.
///
/// # Errors
/// Every field at fault.
pub(crate) fn discount(
    request: v1::SetDiscountRateRequest,
) -> Result<(UserId, Rate, Option<DateTime<Utc>>), ApiError> {
    let mut violations = Violations::default();
    let user = violations.check("user_id", UserId::parse(request.user_id));
    let sent = request.discount_rate.as_ref();
    if sent.is_none() {
        violations.check::<(), _>("discount_rate", Err("must be set; 1 is the list price"));
    }
    let rate = rate("discount_rate", &request.discount_rate, &mut violations);
    let from = start_time("effective_from", request.effective_from, &mut violations);
    let read = user.zip(rate).map(|(user, rate)| (user, rate, from));
    violations.finish(read)
}

/// Whose tax is to be what.
///
/// # Errors
/// Every field at fault.
pub(crate) fn tax(request: v1::SetTaxRequest) -> Result<(UserId, Tax), ApiError> {
    let mut violations = Violations::default();
    let exemption = exemption_of(request.exempt, request.exemption);
    let user = violations.check("user_id", UserId::parse(request.user_id));
    let rate = rate("tax_rate", &request.tax_rate, &mut violations);
    let exemption = violations.check("exemption", exemption);
    let tax = exemption.map(|exemption| Tax {
        rate: rate.unwrap_or(Rate::ZERO),
        exemption,
    });
    violations.finish(user.zip(tax))
}

/// Why no tax is owed, if none is.
fn exemption_of(is_exempt: bool, named: i32) -> Result<Option<TaxExemption>, &'static str> {
    let named = v1::TaxExemption::try_from(named);
    Ok(match named.map_err(|_| "must be a known exemption")? {
        v1::TaxExemption::Unspecified => is_exempt.then_some(TaxExemption::Exempt),
        v1::TaxExemption::ReverseCharge => Some(TaxExemption::ReverseCharge),
        v1::TaxExemption::Exempt => Some(TaxExemption::Exempt),
        v1::TaxExemption::OutsideScope => Some(TaxExemption::OutsideScope),
    })
}

/// A rate from 0 to 1.
fn rate(field: &'static str, sent: &Option<Decimal>, violations: &mut Violations) -> Option<Rate> {
    let read: Result<Option<Rate>, NumberError> = fixed(sent);
    let rate = violations.check(field, read).flatten()?;
    let within = (Rate::ZERO..=Rate::ONE).contains(&rate);
    violations.check(field, within.then_some(rate).ok_or("must be from 0 to 1"))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn digits(value: &str) -> Option<Decimal> {
        Some(Decimal {
            value: value.into(),
        })
    }

    fn fields<T: std::fmt::Debug>(result: Result<T, ApiError>) -> Vec<String> {
        let found = result.unwrap_err().violations;
        found.into_iter().map(|violation| violation.field).collect()
    }

    #[rstest]
    #[case("0", true)]
    #[case("0.9", true)]
    #[case("0.0001", true)]
    #[case("1.0000", true)]
    #[case("1.0001", false)]
    #[case("0.00001", false)]
    #[case("-0.1", false)]
    #[case("10%", false)]
    #[case("", false)]
    fn a_rate_is_from_0_to_1_with_4_decimals(#[case] text: &str, #[case] sound: bool) {
        let discounted = discount(v1::SetDiscountRateRequest {
            user_id: "alice".into(),
            discount_rate: digits(text),
            effective_from: None,
        });
        let taxed = tax(v1::SetTaxRequest {
            user_id: "alice".into(),
            tax_rate: digits(text),
            ..v1::SetTaxRequest::default()
        });
        if sound {
            let rate: Rate = text.parse().unwrap();
            assert_eq!((discounted.unwrap().1, taxed.unwrap().1.rate), (rate, rate));
        } else {
            assert_eq!(fields(discounted), ["discount_rate"]);
            assert_eq!(fields(taxed), ["tax_rate"]);
        }
    }

    #[test]
    fn everything_wrong_is_named_at_once() {
        let request = v1::SetDiscountRateRequest {
            effective_from: timestamp("1999-12-31T23:59:59Z".parse().unwrap()),
            ..v1::SetDiscountRateRequest::default()
        };
        let expected = ["user_id", "discount_rate", "effective_from"];
        assert_eq!(fields(discount(request)), expected);
    }

    #[test]
    fn no_tax_rate_is_no_tax() {
        let request = v1::SetTaxRequest {
            user_id: "alice".into(),
            exempt: true,
            ..v1::SetTaxRequest::default()
        };
        let (_, tax) = tax(request).unwrap();
        assert_eq!(tax.charged(), Rate::ZERO);
    }

    #[rstest]
    #[case(false, 0, None)]
    #[case(true, 0, Some(TaxExemption::Exempt))]
    #[case(false, 1, Some(TaxExemption::ReverseCharge))]
    #[case(true, 1, Some(TaxExemption::ReverseCharge))]
    #[case(false, 2, Some(TaxExemption::Exempt))]
    #[case(true, 3, Some(TaxExemption::OutsideScope))]
    fn an_exemption_may_be_named(
        #[case] exempt: bool,
        #[case] named: i32,
        #[case] exemption: Option<TaxExemption>,
    ) {
        let request = |exemption| v1::SetTaxRequest {
            user_id: "alice".into(),
            tax_rate: digits("0.19"),
            exempt,
            exemption,
        };
        let (_, set) = tax(request(named)).unwrap();
        assert_eq!(set.exemption, exemption);
        assert_eq!(fields(tax(request(4))), ["exemption"]);
    }
}
