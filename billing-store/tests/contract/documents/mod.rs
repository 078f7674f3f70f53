//! Documents: numbers without gaps, dates in their order, and parties as of the time of issue.

mod notes;
mod numbers;
mod parties;
mod world;
