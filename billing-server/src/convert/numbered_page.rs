//! Pages of short lists, which are counted from 1.

use super::Violations;

/// Entries per page when a caller names no number.
const DEFAULT_PAGE_SIZE: i32 = 20;
/// The most entries per page.
const MAX_PAGE_SIZE: i32 = 100;

/// A page of a list that is asked for by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NumberedPage {
    /// How many entries the pages before it have.
    pub offset: i64,
    /// The most entries that it has.
    pub limit: i64,
}

impl NumberedPage {
    /// The page that is asked for; `None` when a number is at fault.
    pub fn read(page: i32, page_size: i32, violations: &mut Violations) -> Option<Self> {
        let number = violations.check("page", or_default(page, 1));
        let size = violations.check("page_size", or_default(page_size, DEFAULT_PAGE_SIZE));
        let limit = i64::from(size?.min(MAX_PAGE_SIZE));
        let before = i64::from(number?).saturating_sub(1);
        Some(Self {
            offset: before.saturating_mul(limit),
            limit,
        })
    }
}

/// A number from 1, or what stands for 0.
fn or_default(asked: i32, default: i32) -> Result<i32, &'static str> {
    match asked {
        0 => Ok(default),
        1.. => Ok(asked),
        _ => Err("must not be negative"),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::defaults(0, 0, 0, 20)]
    #[case::first(1, 10, 0, 10)]
    #[case::third(3, 10, 20, 10)]
    #[case::largest(2, 100, 100, 100)]
    #[case::too_large_is_lowered(2, 101, 100, 100)]
    #[case::far(i32::MAX, i32::MAX, 214_748_364_600, 100)]
    fn pages_are_counted_from_1(
        #[case] page: i32,
        #[case] page_size: i32,
        #[case] offset: i64,
        #[case] limit: i64,
    ) {
        let mut violations = Violations::default();
        let read = NumberedPage::read(page, page_size, &mut violations);
        assert_eq!(read, Some(NumberedPage { offset, limit }));
    }

    #[test]
    fn negative_numbers_are_refused_together() {
        let mut violations = Violations::default();
        assert_eq!(NumberedPage::read(-1, -20, &mut violations), None);
        let found = violations.into_vec();
        let fields: Vec<_> = found.iter().map(|found| found.field.as_str()).collect();
        assert_eq!(fields, ["page", "page_size"]);
    }
}
