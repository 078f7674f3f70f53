//! LiteLLM's map of models: prices per token, beside much that is not about tokens.

use std::{collections::BTreeMap, fmt, io::BufRead};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

use crate::cli::import::lines::skip_byte_order_mark;

use super::entry::{Cell, Entry, Found, Listed, Skip, Warning, prices};

/// The entry that explains the others.
const SAMPLE: &str = "sample_spec";
/// From USD per token to USD per 1,000 tokens, in powers of ten.
const PER_TOKEN: i32 = 3;

/// Reads every entry of the map, in its order.
pub(super) fn read(mut file: impl BufRead) -> Result<Vec<Entry>, String> {
    skip_byte_order_mark(&mut file).map_err(|error| error.to_string())?;
    let map: Map =
        serde_json::from_reader(file).map_err(|error| format!("is no JSON object: {error}"))?;
    let entries = map.0.into_iter().map(|(model, value)| Entry {
        found: found(&model, &value).unwrap_or_else(Found::Rejected),
        model,
    });
    Ok(entries.collect())
}

/// A JSON object in the order of the file, with names that repeat.
struct Map(Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for Map {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = Map;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with a member for every model")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Map, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Map(members))
            }
        }

        deserializer.deserialize_map(Members)
    }
}

fn found(model: &str, value: &RawValue) -> Result<Found, String> {
    if model == SAMPLE {
        return Ok(Found::Skipped(Skip::Sample));
    }
    let members: BTreeMap<String, &RawValue> =
        serde_json::from_str(value.get()).map_err(|_| "must be an object".to_owned())?;
    let number = |name: &'static str| -> Cell<'_> {
        let text = members.get(name).map(|value| value.get());
        // A number may be written as a string. Quotes that are left make it none.
        let text = text.map(|text| {
            let inner = text
                .strip_prefix('"')
                .and_then(|text| text.strip_suffix('"'));
            inner.filter(|inner| !inner.is_empty()).unwrap_or(text)
        });
        (name, text.filter(|text| *text != "null"))
    };
    let cells = [
        number("input_cost_per_token"),
        number("output_cost_per_token"),
        number("cache_read_input_token_cost"),
        number("cache_creation_input_token_cost"),
        number("output_cost_per_reasoning_token"),
    ];
    let tiered = members.contains_key("tiered_pricing");
    let Some((prices, mut warnings)) = prices(cells, PER_TOKEN)? else {
        return Ok(Found::Skipped(if tiered {
            Skip::TieredOnly
        } else {
            Skip::NoTokenPrice
        }));
    };
    if tiered || members.keys().any(|name| has_threshold(name)) {
        warnings.push(Warning::FlatBelowThreshold);
    }
    let provider = members.get("litellm_provider");
    Ok(Found::Price(Listed {
        model: model.to_owned(),
        provider: provider
            .and_then(|text| serde_json::from_str(text.get()).ok())
            .unwrap_or_default(),
        prices,
        warnings,
    }))
}

/// As in `input_cost_per_token_above_128k_tokens`, also with `_priority` or another service behind
/// it; `_above_1hr` is a time.
fn has_threshold(name: &str) -> bool {
    name.split_once("_above_")
        .is_some_and(|(_, threshold)| threshold.contains("_tokens"))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn one(entry: &str) -> Found {
        let file = format!(r#"{{"model": {entry}}}"#);
        read(file.as_bytes()).unwrap().pop().unwrap().found
    }

    #[test]
    fn prices_per_token_become_prices_per_thousand() {
        let Found::Price(listed) = one(
            r#"{"litellm_provider": "acme", "mode": "chat", "max_tokens": 4096,
                "input_cost_per_token": 2.5e-07, "output_cost_per_token": 0.00001,
                "cache_read_input_token_cost": 2.5e-8, "cache_creation_input_token_cost": 3.125E-07,
                "output_cost_per_reasoning_token": null, "input_cost_per_image": 0.06}"#,
        ) else {
            panic!("no price");
        };
        assert_eq!(listed.provider, "acme");
        assert_eq!(
            format!("{:?}", listed.prices),
            "TokenPrices { prompt: 0.00025, completion: 0.01, cached_prompt: Some(0.000025), \
             cache_write: Some(0.0003125), reasoning: None }"
        );
        assert_eq!(listed.warnings, []);
    }

    #[test]
    fn a_price_may_be_a_string() {
        let strings = one(r#"{"input_cost_per_token": "2.5e-07", "output_cost_per_token": "0"}"#);
        let numbers = one(r#"{"input_cost_per_token": 2.5e-07, "output_cost_per_token": 0}"#);
        assert!(matches!(strings, Found::Price(_)));
        assert_eq!(strings, numbers);
    }

    #[test]
    fn a_byte_order_mark_is_skipped() {
        let file = "\u{feff}{\"a\": {}}";
        assert_eq!(read(file.as_bytes()).unwrap().len(), 1);
    }

    #[rstest]
    #[case::image(r#"{"output_cost_per_image": 0.04}"#, Skip::NoTokenPrice)]
    #[case::null(r#"{"input_cost_per_token": null}"#, Skip::NoTokenPrice)]
    #[case::empty("{}", Skip::NoTokenPrice)]
    #[case::tiers(
        r#"{"tiered_pricing": [{"input_cost_per_token": 1e-6, "range": [0, 1000]}]}"#,
        Skip::TieredOnly
    )]
    fn what_has_no_token_price_is_skipped(#[case] entry: &str, #[case] skip: Skip) {
        assert_eq!(one(entry), Found::Skipped(skip));
    }

    #[rstest]
    #[case(r#""input_cost_per_token_above_128k_tokens": 2e-6"#, true)]
    #[case(
        r#""cache_read_input_token_cost_above_200k_tokens_priority": 2e-6"#,
        true
    )]
    #[case(r#""tiered_pricing": []"#, true)]
    #[case(r#""cache_creation_input_token_cost_above_1hr": 2e-6"#, false)]
    #[case(r#""input_cost_per_video_per_second_above_15s_interval": 2e-6"#, false)]
    fn a_price_above_a_threshold_is_told(#[case] member: &str, #[case] told: bool) {
        let entry =
            format!(r#"{{"input_cost_per_token": 1e-6, "output_cost_per_token": 1e-6, {member}}}"#);
        let Found::Price(listed) = one(&entry) else {
            panic!("no price");
        };
        let expected = told.then_some(Warning::FlatBelowThreshold);
        assert_eq!(listed.warnings, Vec::from_iter(expected));
    }

    #[rstest]
    #[case("1", "must be an object")]
    #[case(
        r#"{"input_cost_per_token": "free"}"#,
        "input_cost_per_token must be a decimal number"
    )]
    #[case(
        r#"{"input_cost_per_token": ""}"#,
        "input_cost_per_token must be a decimal number"
    )]
    fn a_malformed_entry_stops_no_other(#[case] entry: &str, #[case] reason: &str) {
        assert_eq!(one(entry), Found::Rejected(reason.to_owned()));
    }

    #[test]
    fn entries_keep_their_order_and_the_sample_is_none() {
        let file = br#"{"b": {}, "sample_spec": {"input_cost_per_token": 0}, "a": {}, "b": {}}"#;
        let entries = read(file.as_slice()).unwrap();
        let names: Vec<_> = entries.iter().map(|entry| entry.model.as_str()).collect();
        assert_eq!(names, ["b", "sample_spec", "a", "b"]);
        assert_eq!(entries[1].found, Found::Skipped(Skip::Sample));
    }

    #[rstest]
    #[case("")]
    #[case("[]")]
    #[case(r#"{"a": {}"#)]
    fn another_file_is_refused(#[case] file: &str) {
        let reason = read(file.as_bytes()).unwrap_err();
        assert!(reason.starts_with("is no JSON object: "), "{reason}");
    }
}
