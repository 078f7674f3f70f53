//! What makes an invoice a document that a bookkeeper accepts: who issued it to whom, why no tax is
//! charged, and its number in an unbroken series.

mod country;
mod parties;
mod series;
mod tax;

pub use self::{
    country::is_country,
    parties::{Buyer, Language, Seller, Snapshot},
    series::{
        DocumentOptions, EARLIEST_YEAR, LATEST_YEAR, MAX_NUMBER, MAX_SERIES, MalformedSeries,
        Numbered, Series, SeriesName,
    },
    tax::TaxExemption,
};

#[cfg(test)]
mod tests;
