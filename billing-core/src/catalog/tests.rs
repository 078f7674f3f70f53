//! Which price and which terms apply when, and what changes of prices come to.

use chrono::TimeDelta;
use rstest::rstest;

use super::*;
use crate::{
    money::Price,
    testing::{model_price, time},
};

fn now() -> DateTime<Utc> {
    time("2024-11-15T12:00:00Z")
}

fn price(text: &str) -> Price {
    text.parse().unwrap()
}

fn row(id: i32, model: &str, prompt: &str, effective_from: DateTime<Utc>) -> ModelPrice {
    ModelPrice {
        effective_from,
        created_at: now(),
        ..model_price(id, model, &format!("{prompt}/0.06"))
    }
}

fn change(prompt: &str) -> PriceChange {
    PriceChange {
        model_id: ModelId::parse("gpt-4").unwrap(),
        provider: "openai".into(),
        prices: row(0, "gpt-4", prompt, now()).prices,
        effective_from: None,
        allow_backdate: false,
        created_by: "operator".into(),
    }
}

/// The one price that gpt-4 has had since 1970, 0.03 for a prompt.
fn priced() -> Vec<ModelPrice> {
    vec![row(1, "gpt-4", "0.03", DateTime::UNIX_EPOCH)]
}

mod choice {
    use super::*;

    /// Prices that are stored in no order.
    fn catalog() -> Catalog {
        Catalog::new(
            7,
            [
                row(3, "gpt-4", "0.02", time("2024-11-20T00:00:00Z")),
                row(1, "claude", "0.5", time("2024-06-01T00:00:00Z")),
                row(2, "gpt-4", "0.03", DateTime::UNIX_EPOCH),
                row(4, "gpt-4", "0.01", time("2024-12-01T00:00:00Z")),
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
    fn a_price_is_found_by_its_id_whether_or_not_it_counts() {
        let start = time("2024-11-20T00:00:00Z");
        let rows = [
            row(8, "gpt-4", "0.05", start),
            row(7, "gpt-4", "0.04", start),
        ];
        let catalog = Catalog::new(8, rows);
        let prompt = |id| {
            catalog
                .price(PriceId::new(id))
                .map(|found| found.prices.prompt)
        };
        assert_eq!(prompt(7), Some(price("0.04")));
        assert_eq!(prompt(9), None);
        // Of several with the same start the one that was set last counts.
        assert_eq!(
            catalog
                .price_at("gpt-4", start)
                .map(|found| found.id.number()),
            Some(8)
        );
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

    fn decide(change: PriceChange, existing: &[ModelPrice]) -> Result<PriceDecision, Refusal> {
        let catalog = Catalog::new(1, existing.iter().cloned());
        catalog.decide_prices([change], now()).remove(0)
    }

    fn set(change: PriceChange, existing: &[ModelPrice]) -> ModelPrice {
        match decide(change, existing) {
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
        assert_eq!(first, row(1, "gpt-4", "0.03", DateTime::UNIX_EPOCH));
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
        assert_eq!(later, row(2, "gpt-4", "0.02", now()));
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
        assert_eq!(decide(late.clone(), &priced()), Err(Refusal::PriceInPast));
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
        let present = row(1, "gpt-4", "0.03", DateTime::UNIX_EPOCH);
        assert_eq!(
            decide(same, &priced()),
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
        existing.push(row(2, "gpt-4", "0.02", earlier));
        assert_eq!(set(change("0.03"), &existing).effective_from, now());
    }

    #[test]
    fn of_two_changes_at_the_same_instant_the_second_counts() {
        let mut existing = priced();
        existing.push(set(change("0.02"), &existing));
        let second = set(change("0.01"), &existing);
        assert_eq!(second, row(3, "gpt-4", "0.01", now()));
        existing.push(second.clone());
        let repeated = decide(change("0.02"), &existing);
        assert!(matches!(repeated, Ok(PriceDecision::Set(_))));
        let same = decide(change("0.01"), &existing);
        assert_eq!(same, Ok(PriceDecision::Unchanged(second)));
    }

    #[test]
    fn changes_of_one_call_are_decided_one_after_another() {
        let catalog = Catalog::new(1, priced());
        let of_claude = PriceChange {
            model_id: ModelId::parse("claude").unwrap(),
            ..change("0.5")
        };
        let tomorrow = now().checked_add_signed(TimeDelta::days(1)).unwrap();
        let late = from(change("0.04"), time("2024-01-01T00:00:00Z"));
        let changes = [
            change("0.02"),
            of_claude.clone(),
            late,
            from(change("0.03"), tomorrow),
            of_claude,
            change("0.02"),
            change("0.01"),
        ];
        let decided = catalog.decide_prices(changes, now());
        let set = |id, model, prompt, at| Ok(PriceDecision::Set(row(id, model, prompt, at)));
        let unchanged =
            |id, model, prompt, at| Ok(PriceDecision::Unchanged(row(id, model, prompt, at)));
        let expected = [
            set(2, "gpt-4", "0.02", now()),
            set(3, "claude", "0.5", DateTime::UNIX_EPOCH),
            Err(Refusal::PriceInPast),
            set(4, "gpt-4", "0.03", tomorrow),
            unchanged(3, "claude", "0.5", DateTime::UNIX_EPOCH),
            unchanged(2, "gpt-4", "0.02", now()),
            set(5, "gpt-4", "0.01", now()),
        ];
        assert_eq!(decided, expected);
    }
}

mod plans {
    use super::*;
    use crate::money::{Money, Rate};

    fn version(id: i32, plan: &str, quota: i64, from: &str) -> PlanVersion {
        PlanVersion {
            id: PlanVersionId::new(id),
            plan_id: PlanId::parse(plan).unwrap(),
            effective_from: time(from),
            created_at: time(from),
            name: plan.to_owned(),
            terms: PlanTerms {
                usage_pricing: UsagePricing::Included,
                monthly_quota: quota,
                monthly_price: Money::ZERO,
                extra_token_price: Price::ZERO,
                overage_discount_rate: Rate::ONE,
            },
        }
    }

    /// Versions that are stored in no order.
    fn catalog() -> Catalog {
        Catalog::new(1, []).with_plans([
            (true, version(4, "pro", 3, "2024-12-01T00:00:00Z")),
            (false, version(1, "old", 7, "2024-01-01T00:00:00Z")),
            (true, version(2, "pro", 1, "2024-11-01T00:00:00Z")),
            (true, version(3, "pro", 2, "2024-11-20T00:00:00Z")),
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

    /// A clock that stood at 21, 15, 20 and then 18 November set the quotas 1, 5, 6 and 7.
    #[rstest]
    #[case::before_all("2024-11-14T00:00:00Z", 1)]
    #[case::second("2024-11-15T00:00:00Z", 5)]
    #[case::last("2024-11-18T00:00:00Z", 7)]
    #[case::where_the_third_would_start("2024-11-20T00:00:00Z", 7)]
    #[case::where_the_first_would_start("2024-11-21T00:00:00Z", 7)]
    fn what_was_set_last_counts_after_a_clock_was_ahead(#[case] at: &str, #[case] quota: i64) {
        let catalog = Catalog::new(1, []).with_plans([
            (true, version(1, "pro", 1, "2024-11-21T00:00:00Z")),
            (true, version(2, "pro", 5, "2024-11-15T00:00:00Z")),
            (true, version(3, "pro", 6, "2024-11-20T00:00:00Z")),
            (true, version(4, "pro", 7, "2024-11-18T00:00:00Z")),
        ]);
        let found = catalog.plan_at("pro", time(at)).unwrap();
        assert_eq!(found.terms.monthly_quota, quota);
    }

    #[test]
    fn a_version_is_found_by_its_id() {
        let catalog = catalog();
        let quota = |id| {
            let version = catalog.plan_version(PlanVersionId::new(id));
            version.map(|version| version.terms.monthly_quota)
        };
        assert_eq!([3, 1, 9].map(quota), [Some(2), Some(7), None]);
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
