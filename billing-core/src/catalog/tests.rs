//! Which price applies when, what a change of prices comes to, and what tokens cost.

use chrono::TimeDelta;
use rstest::rstest;

use super::*;

fn time(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn now() -> DateTime<Utc> {
    time("2024-11-15T12:00:00Z")
}

fn price(text: &str) -> Price {
    text.parse().unwrap()
}

fn prices(prompt: &str, completion: &str) -> TokenPrices {
    TokenPrices {
        prompt: price(prompt),
        completion: price(completion),
        cached_prompt: None,
        cache_write: None,
        reasoning: None,
    }
}

fn row(model: &str, prompt: &str, effective_from: DateTime<Utc>) -> ModelPrice {
    ModelPrice {
        model_id: ModelId::parse(model).unwrap(),
        provider: "openai".into(),
        prices: prices(prompt, "0.06"),
        effective_from,
        created_at: now(),
    }
}

fn change(prompt: &str) -> PriceChange {
    PriceChange {
        model_id: ModelId::parse("gpt-4").unwrap(),
        provider: "openai".into(),
        prices: prices(prompt, "0.06"),
        effective_from: None,
        allow_backdate: false,
    }
}

/// The one price that gpt-4 has had since 1970, 0.03 for a prompt.
fn priced() -> Vec<Arc<ModelPrice>> {
    vec![Arc::new(row("gpt-4", "0.03", DateTime::UNIX_EPOCH))]
}

mod choice {
    use super::*;

    /// Prices that are stored in no order.
    fn catalog() -> Catalog {
        Catalog::new(
            7,
            [
                row("gpt-4", "0.02", time("2024-11-20T00:00:00Z")),
                row("claude", "0.5", time("2024-06-01T00:00:00Z")),
                row("gpt-4", "0.03", DateTime::UNIX_EPOCH),
                row("gpt-4", "0.01", time("2024-12-01T00:00:00Z")),
            ],
        )
    }

    #[rstest]
    #[case::very_first_moment("1970-01-01T00:00:00Z", "0.03")]
    #[case::a_microsecond_before_the_second("2024-11-19T23:59:59.999999Z", "0.03")]
    #[case::start_of_the_second("2024-11-20T00:00:00Z", "0.02")]
    #[case::a_microsecond_before_the_third("2024-11-30T23:59:59.999999Z", "0.02")]
    #[case::start_of_the_third("2024-12-01T00:00:00Z", "0.01")]
    #[case::ever_after("9999-12-31T00:00:00Z", "0.01")]
    fn a_price_holds_from_its_start_until_the_next(#[case] at: &str, #[case] prompt: &str) {
        let catalog = catalog();
        let found = catalog.price_at("gpt-4", time(at)).unwrap();
        assert_eq!(found.prices.prompt, price(prompt));
    }

    #[rstest]
    #[case::before_its_first_price("claude", "2024-05-31T23:59:59.999999Z")]
    #[case::never_priced("llama", "2024-11-15T12:00:00Z")]
    #[case::other_letter_case("GPT-4", "2024-11-15T12:00:00Z")]
    fn a_model_without_a_price_has_none(#[case] model: &str, #[case] at: &str) {
        assert_eq!(catalog().price_at(model, time(at)), None);
    }

    #[test]
    fn the_prices_of_a_model_are_sorted_by_start() {
        let catalog = catalog();
        let starts: Vec<_> = catalog
            .prices_of("gpt-4")
            .iter()
            .map(|price| price.effective_from)
            .collect();
        assert!(starts.is_sorted());
        assert_eq!(starts.len(), 3);
        assert_eq!(catalog.prices_of("llama"), []);
        assert_eq!(catalog.version(), 7);
    }

    #[test]
    fn prices_in_force_are_listed_once_per_model_by_id() {
        let listed = |at: &str| -> Vec<(String, Price)> {
            catalog()
                .prices_at(time(at))
                .into_iter()
                .map(|found| (found.model_id.to_string(), found.prices.prompt))
                .collect()
        };
        let first = ("gpt-4".to_owned(), price("0.03"));
        let second = ("claude".to_owned(), price("0.5"));
        assert_eq!(listed("1969-12-31T00:00:00Z"), []);
        assert_eq!(listed("2024-05-01T00:00:00Z"), vec![first.clone()]);
        assert_eq!(listed("2024-06-01T00:00:00Z"), [second, first]);
    }
}

mod changing {
    use super::*;

    fn set(change: PriceChange, existing: &[Arc<ModelPrice>]) -> ModelPrice {
        match change.decide(existing, now()) {
            Ok(PriceDecision::Set(price)) => price,
            other => panic!("not set: {other:?}"),
        }
    }

    fn from(change: PriceChange, effective_from: DateTime<Utc>) -> PriceChange {
        PriceChange {
            effective_from: Some(effective_from),
            ..change
        }
    }

    #[test]
    fn the_first_price_reaches_back_to_1970() {
        let first = set(change("0.03"), &[]);
        assert_eq!(first, row("gpt-4", "0.03", DateTime::UNIX_EPOCH));
    }

    #[rstest]
    #[case::in_the_past("2020-01-01T00:00:00Z")]
    #[case::in_the_future("2025-01-01T00:00:00Z")]
    fn the_first_price_may_start_at_any_time(#[case] start: &str) {
        let first = set(from(change("0.03"), time(start)), &[]);
        assert_eq!(first.effective_from, time(start));
    }

    #[test]
    fn a_later_price_starts_now() {
        let later = set(change("0.02"), &priced());
        assert_eq!(later, row("gpt-4", "0.02", now()));
    }

    #[rstest]
    #[case::now(TimeDelta::zero())]
    #[case::later(TimeDelta::days(1))]
    fn a_later_price_may_be_announced(#[case] ahead: TimeDelta) {
        let start = now().checked_add_signed(ahead).unwrap();
        let later = set(from(change("0.02"), start), &priced());
        assert_eq!((later.effective_from, later.created_at), (start, now()));
    }

    #[test]
    fn a_later_price_never_starts_in_the_past_unless_it_is_backdated() {
        let start = time("2024-11-15T11:59:59.999999Z");
        let late = from(change("0.02"), start);
        assert_eq!(late.clone().decide(&priced(), now()), Err(PriceInPast));
        let backdated = PriceChange {
            allow_backdate: true,
            ..late
        };
        assert_eq!(set(backdated, &priced()).effective_from, start);
    }

    #[rstest]
    #[case::now(None)]
    #[case::since_the_past(Some("2024-01-01T00:00:00Z"))]
    #[case::in_the_future(Some("2025-01-01T00:00:00Z"))]
    fn the_price_in_force_is_unchanged_when_set_again(#[case] start: Option<&str>) {
        let same = PriceChange {
            effective_from: start.map(time),
            ..change("0.030")
        };
        let present = row("gpt-4", "0.03", DateTime::UNIX_EPOCH);
        assert_eq!(
            same.decide(&priced(), now()),
            Ok(PriceDecision::Unchanged(present))
        );
    }

    #[test]
    fn another_provider_or_another_part_is_a_change() {
        let provider = PriceChange {
            provider: "azure".into(),
            ..change("0.03")
        };
        assert_eq!(set(provider, &priced()).provider, "azure");
        let mut part = change("0.03");
        part.prices.cached_prompt = Some(price("0.03"));
        assert_eq!(
            set(part, &priced()).prices.cached_prompt,
            Some(price("0.03"))
        );
    }

    #[test]
    fn a_price_returns_to_its_old_value_after_a_change() {
        let mut existing = priced();
        let hour = TimeDelta::hours(1);
        let earlier = now().checked_sub_signed(hour).unwrap();
        existing.push(Arc::new(row("gpt-4", "0.02", earlier)));
        assert_eq!(set(change("0.03"), &existing).effective_from, now());
    }

    #[test]
    fn of_two_changes_at_the_same_instant_the_second_takes_the_place_of_the_first() {
        let mut existing = priced();
        existing.push(Arc::new(set(change("0.02"), &existing)));
        let second = set(change("0.01"), &existing);
        assert_eq!(second, row("gpt-4", "0.01", now()));
        let repeated = change("0.02").decide(&existing, now());
        assert!(matches!(repeated, Ok(PriceDecision::Unchanged(_))));
    }
}

mod limits {
    use super::*;

    fn with_all(value: &str) -> PriceChange {
        let value = price(value);
        PriceChange {
            prices: TokenPrices {
                prompt: value,
                completion: value,
                cached_prompt: Some(value),
                cache_write: Some(value),
                reasoning: Some(value),
            },
            ..change("0")
        }
    }

    #[rstest]
    #[case::negative("-0.000000000001", "must not be negative")]
    #[case::too_high("10000.000000000001", "must be at most 10000")]
    fn every_price_out_of_range_is_named(#[case] value: &str, #[case] description: &str) {
        let fields = [
            "prompt_price_per_k",
            "completion_price_per_k",
            "cached_prompt_price_per_k",
            "cache_write_price_per_k",
            "reasoning_price_per_k",
        ];
        assert_eq!(
            with_all(value).violations(),
            fields.map(|field| Violation::new(field, description))
        );
    }

    #[rstest]
    fn the_limits_themselves_are_prices(#[values("0", "10000")] value: &str) {
        assert_eq!(with_all(value).violations(), []);
    }

    #[test]
    fn prices_provider_and_start_are_reported_together() {
        let wrong = PriceChange {
            provider: "open\nai".into(),
            effective_from: Some(time("1969-12-31T23:59:59.999999Z")),
            ..change("-1")
        };
        let fields: Vec<_> = wrong.violations().iter().map(|v| v.field).collect();
        assert_eq!(fields, ["prompt_price_per_k", "provider", "effective_from"]);
    }

    #[test]
    fn neither_provider_nor_start_is_required() {
        let bare = PriceChange {
            provider: String::new(),
            effective_from: None,
            ..change("0.03")
        };
        assert_eq!(bare.violations(), []);
        let epoch = PriceChange {
            effective_from: Some(DateTime::UNIX_EPOCH),
            ..bare
        };
        assert_eq!(epoch.violations(), []);
    }
}

mod cost {
    use super::*;

    const TOKENS: Tokens = Tokens {
        prompt: 1_000,
        completion: 500,
        cached_prompt: 200,
        cache_write: 100,
        reasoning: 50,
    };

    #[rstest]
    // 700 x 0.01 + 200 x 0.001 + 100 x 0.0125 + 450 x 0.03 + 50 x 0.06, per 1,000.
    #[case::each_part_at_its_own_price(Some("0.001"), Some("0.0125"), Some("0.06"), "0.02495")]
    #[case::without_any_own_price(None, None, None, "0.025")]
    #[case::cached_only(Some("0.001"), None, None, "0.0232")]
    #[case::cache_write_only(None, Some("0.0125"), None, "0.02525")]
    #[case::reasoning_only(None, None, Some("0.06"), "0.0265")]
    #[case::zero_is_a_price(Some("0"), Some("0"), Some("0"), "0.0205")]
    fn parts_fall_back_to_the_price_of_the_whole(
        #[case] cached_prompt: Option<&str>,
        #[case] cache_write: Option<&str>,
        #[case] reasoning: Option<&str>,
        #[case] cost: &str,
    ) {
        let prices = TokenPrices {
            cached_prompt: cached_prompt.map(price),
            cache_write: cache_write.map(price),
            reasoning: reasoning.map(price),
            ..prices("0.01", "0.03")
        };
        assert_eq!(prices.cost(&TOKENS), Ok(cost.parse().unwrap()));
    }

    #[test]
    fn the_largest_record_at_the_highest_price_fits_what_databases_hold() {
        let most = Tokens {
            prompt: 1_000_000_000,
            completion: 1_000_000_000,
            ..Tokens::default()
        };
        let cost = prices("10000", "10000").cost(&most).unwrap();
        assert_eq!(cost, Money::whole(20_000_000_000).unwrap());
        assert!(cost.to_decimal().is_ok());
    }
}

mod plans {
    use super::*;
    use crate::{
        money::Money,
        plan::{PlanTerms, UsagePricing},
    };

    fn version(plan: &str, quota: i64, from: &str) -> PlanVersion {
        PlanVersion {
            plan_id: PlanId::parse(plan).unwrap(),
            effective_from: time(from),
            name: plan.to_owned(),
            terms: PlanTerms {
                usage_pricing: UsagePricing::Included,
                monthly_quota: quota,
                monthly_price: Money::ZERO,
                extra_token_price: Price::ZERO,
                overage_discount_rate: crate::money::Rate::ONE,
            },
        }
    }

    /// Versions that are stored in no order.
    fn catalog() -> Catalog {
        Catalog::new(1, []).with_plans([
            (true, version("pro", 3, "2024-12-01T00:00:00Z")),
            (false, version("old", 7, "2024-01-01T00:00:00Z")),
            (true, version("pro", 1, "2024-11-01T00:00:00Z")),
            (true, version("pro", 2, "2024-11-20T00:00:00Z")),
        ])
    }

    #[rstest]
    #[case::long_before_the_first("pro", "1970-01-01T00:00:00Z", 1)]
    #[case::start_of_the_first("pro", "2024-11-01T00:00:00Z", 1)]
    #[case::a_microsecond_before_the_second("pro", "2024-11-19T23:59:59.999999Z", 1)]
    #[case::start_of_the_second("pro", "2024-11-20T00:00:00Z", 2)]
    #[case::long_after_the_last("pro", "2034-01-01T00:00:00Z", 3)]
    #[case::off_the_offer("old", "2024-11-01T00:00:00Z", 7)]
    fn the_terms_in_force_at_a_time_apply(
        #[case] plan: &str,
        #[case] at: &str,
        #[case] quota: i64,
    ) {
        let catalog = catalog();
        let found = catalog.plan_at(plan, time(at)).unwrap();
        assert_eq!(
            (found.plan_id.as_str(), found.terms.monthly_quota),
            (plan, quota)
        );
    }

    #[test]
    fn an_unknown_plan_has_no_terms_and_is_not_on_offer() {
        let catalog = catalog();
        assert!(catalog.plan_at("Pro", now()).is_none());
        assert!(!catalog.plan_is_active("Pro"));
    }

    #[test]
    fn a_plan_is_on_offer_or_not_whatever_its_versions() {
        let catalog = catalog();
        assert!(catalog.plan_is_active("pro"));
        assert!(!catalog.plan_is_active("old"));
    }
}
