//! What a file says about one model.

use billing_core::{catalog::TokenPrices, money::Price};

/// One model of a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) model: String,
    pub(super) found: Found,
}

/// What was found about a model.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    Price(Listed),
    Skipped(Skip),
    /// Why the entry cannot be sent.
    Rejected(String),
}

/// A price that can be sent.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Listed {
    pub(super) model: String,
    pub(super) provider: String,
    pub(super) prices: TokenPrices,
    pub(super) warnings: Vec<Warning>,
}

/// Why an entry is no price of tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Skip {
    /// The entry that explains the format.
    Sample,
    /// Paid by image, second or page, or not priced at all.
    NoTokenPrice,
    /// Its prices depend on the number of tokens; there is no flat one.
    TieredOnly,
}

/// What an operator should know about a price that is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Warning {
    /// All its tokens cost nothing.
    Free,
    /// The file has no completion price, so completion tokens cost nothing.
    PromptPriceOnly,
    /// The file has no prompt price, so prompt tokens cost nothing.
    CompletionPriceOnly,
    /// A price had more than 12 decimals.
    Rounded,
    /// Beyond some number of tokens the provider asks another price.
    FlatBelowThreshold,
}

impl Skip {
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::Sample => "SAMPLE_SPEC",
            Self::NoTokenPrice => "NO_TOKEN_PRICE",
            Self::TieredOnly => "TIERED_PRICE_ONLY",
        }
    }
}

impl Warning {
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::Free => "FREE",
            Self::PromptPriceOnly => "PROMPT_PRICE_ONLY",
            Self::CompletionPriceOnly => "COMPLETION_PRICE_ONLY",
            Self::Rounded => "ROUNDED",
            Self::FlatBelowThreshold => "FLAT_BELOW_THRESHOLD",
        }
    }

    pub(super) fn sentence(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::PromptPriceOnly => "with a prompt price only: completion tokens are free",
            Self::CompletionPriceOnly => "with a completion price only: prompt tokens are free",
            Self::Rounded => "rounded to 12 decimals",
            Self::FlatBelowThreshold => {
                "underbilled above a token threshold: only the flat price is set"
            }
        }
    }
}

/// A field of a file and its number, if it has one.
pub(super) type Cell<'a> = (&'a str, Option<&'a str>);

/// Reads prices that are written per 1,000 / 10^`shift` tokens: prompt, completion, cached prompt,
/// cache write, reasoning. `None` when neither prompt nor completion has one.
pub(super) fn prices(
    cells: [Cell<'_>; 5],
    shift: i32,
) -> Result<Option<(TokenPrices, Vec<Warning>)>, String> {
    let mut rounded = false;
    let [prompt, completion, cached_prompt, cache_write, reasoning] = cells.map(|cell| {
        let read = price(cell, shift)?;
        rounded |= read.is_some_and(|(_, changed)| changed);
        Ok::<_, String>(read.map(|(price, _)| price))
    });
    let (prompt, completion) = (prompt?, completion?);
    let prices = TokenPrices {
        prompt: prompt.unwrap_or(Price::ZERO),
        completion: completion.unwrap_or(Price::ZERO),
        cached_prompt: cached_prompt?,
        cache_write: cache_write?,
        reasoning: reasoning?,
    };
    let free = prices.prompt == Price::ZERO && prices.completion == Price::ZERO;
    let single = match (prompt, completion) {
        (None, None) => return Ok(None),
        (Some(_), None) => Some(Warning::PromptPriceOnly),
        (None, Some(_)) => Some(Warning::CompletionPriceOnly),
        (Some(_), Some(_)) => None,
    };
    let warnings = [
        free.then_some(Warning::Free),
        single,
        rounded.then_some(Warning::Rounded),
    ];
    Ok(Some((prices, warnings.into_iter().flatten().collect())))
}

fn price((name, text): Cell<'_>, shift: i32) -> Result<Option<(Price, bool)>, String> {
    let Some(text) = text else { return Ok(None) };
    let read = Price::read_rounded(text, shift).map_err(|error| format!("{name} {error}"))?;
    match read {
        // A model is free only if the file says so.
        (Price::ZERO, true) => Err(format!("{name} is too small: it rounds to 0")),
        read => Ok(Some(read)),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn read(texts: [&str; 5]) -> Result<Option<(TokenPrices, Vec<Warning>)>, String> {
        let names = ["prompt", "completion", "cached", "write", "reasoning"];
        let mut names = names.into_iter();
        let cells = texts.map(|text| {
            let text = Some(text).filter(|text| !text.is_empty());
            (names.next().unwrap(), text)
        });
        prices(cells, 3)
    }

    #[test]
    fn every_part_is_exact() {
        let (prices, warnings) = read(["2.5e-07", "1e-06", "2.5e-08", "3e-7", "0.00002"])
            .unwrap()
            .unwrap();
        assert_eq!(
            format!("{prices:?}"),
            "TokenPrices { prompt: 0.00025, completion: 0.001, cached_prompt: Some(0.000025), \
             cache_write: Some(0.0003), reasoning: Some(0.02) }"
        );
        assert_eq!(warnings, []);
    }

    #[rstest]
    #[case::free(["0", "0.0", "", "", ""], &[Warning::Free])]
    #[case::free_but_for_reasoning(["0", "0", "", "", "1e-6"], &[Warning::Free])]
    #[case::prompt_only(["1e-7", "", "", "", ""], &[Warning::PromptPriceOnly])]
    #[case::completion_only(["", "1e-7", "", "", ""], &[Warning::CompletionPriceOnly])]
    #[case::one_price_of_zero(
        ["", "0", "", "", ""],
        &[Warning::Free, Warning::CompletionPriceOnly]
    )]
    #[case::noise(["1.5000000000000002e-07", "1e-6", "", "", ""], &[Warning::Rounded])]
    #[case::noise_beside(["1e-7", "1e-6", "1.5000000000000002e-08", "", ""], &[Warning::Rounded])]
    fn what_an_operator_should_know_is_told(#[case] texts: [&str; 5], #[case] told: &[Warning]) {
        assert_eq!(read(texts).unwrap().unwrap().1, told);
    }

    #[test]
    fn other_prices_alone_are_no_price() {
        assert_eq!(read(["", "", "1e-7", "1e-7", "1e-7"]), Ok(None));
    }

    #[rstest]
    #[case(["1e-19", "1", "", "", ""], "prompt is too small: it rounds to 0")]
    #[case(["1", "\"1\"", "", "", ""], "completion must be a decimal number")]
    #[case(["1", "1", "", "", "1e40"], "reasoning is too large")]
    fn a_price_that_cannot_be_kept_is_refused_by_name(
        #[case] texts: [&str; 5],
        #[case] reason: &str,
    ) {
        assert_eq!(read(texts), Err(reason.to_owned()));
    }
}
