//! Pages of short lists, which are counted from 1.

use crate::api::Violations;

/// The page when a caller names none.
const FIRST_PAGE: i32 = 1;
/// Entries per page when a caller names no number.
const DEFAULT_PAGE_SIZE: i32 = 20;
/// The most entries per page.
const MAX_PAGE_SIZE: i32 = 100;

/// A page of a list that is asked for by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NumberedPage {
    /// How many entries the pages before it have.
    pub(crate) offset: i64,
    /// The most entries that it has.
    pub(crate) limit: i64,
}

impl NumberedPage {
    /// The page that is asked for; `None` when a number is at fault.
    pub(crate) fn read(
        page: Option<i32>,
        page_size: i32,
        violations: &mut Violations,
    ) -> Option<Self> {
        let number = page.unwrap_or(FIRST_PAGE);
        let number = (number >= FIRST_PAGE).then_some(number);
        let number = violations.check("page", number.ok_or("must be at least 1"));
        let size = match page_size {
            0 => Ok(DEFAULT_PAGE_SIZE),
            1.. => Ok(page_size.min(MAX_PAGE_SIZE)),
            _ => Err("must not be negative"),
        };
        let limit = i64::from(violations.check("page_size", size)?);
        let before = i64::from(number?).saturating_sub(1);
        Some(Self {
            offset: before.saturating_mul(limit),
            limit,
        })
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::defaults(None, 0, 0, 20)]
    #[case::first(Some(1), 10, 0, 10)]
    #[case::third(Some(3), 10, 20, 10)]
    #[case::largest(Some(2), 100, 100, 100)]
    #[case::too_large_is_lowered(Some(2), 101, 100, 100)]
    #[case::far(Some(i32::MAX), i32::MAX, 214_748_364_600, 100)]
    fn pages_are_counted_from_1(
        #[case] page: Option<i32>,
        #[case] page_size: i32,
        #[case] offset: i64,
        #[case] limit: i64,
    ) {
        let mut violations = Violations::default();
        let read = NumberedPage::read(page, page_size, &mut violations);
        assert_eq!(read, Some(NumberedPage { offset, limit }));
    }

    #[rstest]
    fn numbers_below_the_first_are_refused_together(#[values(0, -1)] page: i32) {
        let mut violations = Violations::default();
        assert_eq!(NumberedPage::read(Some(page), -20, &mut violations), None);
        let found = violations.into_error().violations;
        let fields: Vec<_> = found.iter().map(|found| found.field.as_str()).collect();
        assert_eq!(fields, ["page", "page_size"]);
    }
}
