//! What a record was charged by. It is kept with the record and with the sums of records, because
//! prices and plans change and an invoice shows the price of every part.

use std::{fmt, str::FromStr};

use chrono::{DateTime, SecondsFormat, Utc};

use crate::{
    ids::PlanId,
    money::{Money, NumberError, Price},
    pricing::TokenPrices,
};

/// What a record was charged by.
///
/// As text it is `<prices>`, such as `0.03/0.06` or, with the prices of cached, cache-write and
/// reasoning tokens, `0.03/0.06/0.003/0.0375/0.06`; on a plan whose fee covers these prices,
/// `<prices> <window's start> <USD per 1,000 extra tokens> <plan>`; `reversal`; or nothing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Terms {
    /// Recorded before terms were kept.
    #[default]
    Unknown,
    /// As stored with the record that it takes back, whose month is invoiced.
    Reversal,
    /// By prices.
    Priced {
        /// USD per 1,000 tokens.
        prices: TokenPrices,
        /// The window whose plan covers these prices.
        window: Option<CoveringWindow>,
    },
}

/// A quota window of a plan whose fee covers model prices.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct CoveringWindow {
    /// Its first moment (UTC).
    pub start: DateTime<Utc>,
    /// What tokens beyond quota and balance cost, in USD per 1,000, the discount included.
    pub overage_price: Money,
    /// The plan. An upgrade changes it, and the price before, within a window.
    pub plan_id: PlanId,
}

/// The text does not name terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be terms such as 0.03/0.06")]
pub struct MalformedTerms;

impl Terms {
    /// The window whose plan covers the prices.
    #[must_use]
    pub const fn window(&self) -> Option<&CoveringWindow> {
        match self {
            Self::Priced { window, .. } => window.as_ref(),
            Self::Unknown | Self::Reversal => None,
        }
    }
}

const REVERSAL: &str = "reversal";

impl fmt::Display for Terms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => Ok(()),
            Self::Reversal => f.write_str(REVERSAL),
            Self::Priced { prices, window } => {
                write_prices(prices, f)?;
                let Some(window) = window else {
                    return Ok(());
                };
                let start = window.start.to_rfc3339_opts(SecondsFormat::AutoSi, true);
                write!(f, " {start} {} {}", window.overage_price, window.plan_id)
            }
        }
    }
}

fn write_prices(prices: &TokenPrices, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "{}/{}", prices.prompt, prices.completion)?;
    let details = [prices.cached_prompt, prices.cache_write, prices.reasoning];
    if details.iter().all(Option::is_none) {
        return Ok(());
    }
    let (cached, write, reasoning) = (
        prices.cached_prompt(),
        prices.cache_write(),
        prices.reasoning(),
    );
    write!(f, "/{cached}/{write}/{reasoning}")
}

impl FromStr for Terms {
    type Err = MalformedTerms;

    fn from_str(text: &str) -> Result<Self, MalformedTerms> {
        if text.is_empty() {
            return Ok(Self::Unknown);
        }
        if text == REVERSAL {
            return Ok(Self::Reversal);
        }
        // A plan's id comes last, because it may have spaces.
        let parts: Vec<_> = text.splitn(4, ' ').collect();
        match parts.as_slice() {
            [prices] => Ok(Self::Priced {
                prices: parse_prices(prices)?,
                window: None,
            }),
            [prices, start, overage_price, plan_id] => Ok(Self::Priced {
                prices: parse_prices(prices)?,
                window: Some(CoveringWindow {
                    start: start.parse().map_err(|_| MalformedTerms)?,
                    overage_price: overage_price.parse().map_err(|_| MalformedTerms)?,
                    plan_id: PlanId::parse(*plan_id).map_err(|_| MalformedTerms)?,
                }),
            }),
            _ => Err(MalformedTerms),
        }
    }
}

fn parse_prices(text: &str) -> Result<TokenPrices, MalformedTerms> {
    let prices: Result<Vec<Price>, NumberError> = text.split('/').map(str::parse).collect();
    let (prompt, completion, details) = match prices.as_deref() {
        Ok([prompt, completion]) => (*prompt, *completion, [None; 3]),
        Ok([prompt, completion, details @ ..]) => {
            let details: [Price; 3] = details.try_into().map_err(|_| MalformedTerms)?;
            (*prompt, *completion, details.map(Some))
        }
        _ => return Err(MalformedTerms),
    };
    let [cached_prompt, cache_write, reasoning] = details;
    Ok(TokenPrices {
        prompt,
        completion,
        cached_prompt,
        cache_write,
        reasoning,
    })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::unknown("")]
    #[case::reversal("reversal")]
    #[case::two_prices("0.03/0.06")]
    #[case::free("0/0")]
    #[case::five_prices("0.003/0.015/0.0003/0.00375/0.015")]
    #[case::covered("0.03/0.06 2024-11-01T00:00:00Z 0.135 plan-pro")]
    #[case::microseconds("0.03/0.06 2024-11-01T00:00:00.000001Z 0.135 plan-pro")]
    #[case::a_plan_with_spaces("0.03/0.06 2024-11-01T00:00:00Z 0 my own plan")]
    fn terms_read_back_as_written(#[case] text: &str) {
        let terms: Terms = text.parse().unwrap();
        assert_eq!(terms.to_string(), text);
    }

    #[rstest]
    fn anything_else_is_no_terms(
        #[values(
            "0.03",
            "0.03/0.06/0.1",
            "0.03/0.06/0.1/0.2/0.3/0.4",
            "a/b",
            "0.03/0.06 ",
            "0.03/0.06 plan-pro",
            "0.03/0.06 2024-11-01T00:00:00Z",
            "0.03/0.06 2024-11-01T00:00:00Z plan-pro",
            "0.03/0.06 2024-11-01T00:00:00Z 0.135",
            "0.03/0.06 2024-11-01T00:00:00Z 0.135 "
        )]
        text: &str,
    ) {
        assert_eq!(text.parse::<Terms>(), Err(MalformedTerms));
    }

    #[test]
    fn one_price_of_a_detail_shows_all_of_them() {
        let price = |text: &str| -> Price { text.parse().unwrap() };
        let prices = TokenPrices {
            prompt: price("0.03"),
            completion: price("0.06"),
            cached_prompt: Some(price("0.003")),
            cache_write: None,
            reasoning: None,
        };
        let terms = Terms::Priced {
            prices,
            window: None,
        };
        assert_eq!(terms.to_string(), "0.03/0.06/0.003/0.03/0.06");
    }
}
