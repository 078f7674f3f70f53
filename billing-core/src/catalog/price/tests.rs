//! What a price may be, and what tokens cost.

use rstest::rstest;

use super::*;
use crate::testing::time;

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

fn change(prompt: &str) -> PriceChange {
    PriceChange {
        model_id: ModelId::parse("gpt-4").unwrap(),
        provider: "openai".into(),
        prices: prices(prompt, "0.06"),
        effective_from: None,
        allow_backdate: false,
        created_by: "operator".into(),
    }
}

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
