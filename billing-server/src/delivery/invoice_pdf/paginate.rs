//! Which rows stand on which page, from nothing but heights.

use std::ops::Range;

use super::text::Length;

/// The room there is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room {
    /// For rows on the first page.
    pub(super) first: Length,
    /// For rows on every other page.
    pub(super) other: Length,
    /// What the row takes that carries the sum forward, at the end of a page and again at the
    /// beginning of the next.
    pub(super) carry: Length,
}

/// What of the table stands on one page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TablePage {
    pub(super) rows: Range<usize>,
    /// Whether the totals follow the rows.
    pub(super) has_totals: bool,
}

/// Shares rows among pages: as many as fit, but at least one for the page of the totals, which are
/// never broken. The first page may be without rows.
pub(super) fn paginate(rows: &[Length], totals: Length, room: Room) -> Vec<TablePage> {
    let mut pages = Vec::new();
    let mut start = 0;
    let mut height = room.first;
    loop {
        let brought = if start > 0 { room.carry } else { 0 };
        let room_left = height - brought;
        let left = rows.get(start..).unwrap_or_default();
        let is_alone = !pages.is_empty() && left.is_empty();
        if is_alone || left.iter().sum::<Length>() + totals <= room_left {
            pages.push(TablePage {
                rows: start..rows.len(),
                has_totals: true,
            });
            return pages;
        }
        let mut taken = fitting(left, room_left - room.carry);
        // The totals want company, and an empty page helps nobody but the first.
        taken = taken.min(left.len().saturating_sub(1));
        if taken == 0 && !pages.is_empty() {
            taken = left.len().min(1);
        }
        pages.push(TablePage {
            rows: start..start + taken,
            has_totals: false,
        });
        start += taken;
        height = room.other;
    }
}

/// How many of the first heights fit.
fn fitting(heights: &[Length], room: Length) -> usize {
    let sums = heights.iter().scan(0, |sum, height| {
        *sum += height;
        Some(*sum)
    });
    sums.take_while(|sum| *sum <= room).count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    const ROOM: Room = Room {
        first: 50,
        other: 100,
        carry: 5,
    };

    fn used(rows: &[Length], totals: Length, page: &TablePage) -> Length {
        let brought = if page.rows.start > 0 { ROOM.carry } else { 0 };
        let after = match (page.has_totals, page.rows.is_empty()) {
            (true, _) => totals,
            (false, true) => 0,
            (false, false) => ROOM.carry,
        };
        brought + rows[page.rows.clone()].iter().sum::<Length>() + after
    }

    #[rstest]
    #[case::all_on_one(&[10, 10], 30, &[(0..2, true)])]
    #[case::one_moves_with_the_totals(&[10, 10, 10, 10], 20, &[(0..3, false), (3..4, true)])]
    #[case::the_carried_sum_needs_room(&[16, 16, 16, 16], 20, &[(0..2, false), (2..4, true)])]
    #[case::nothing_but_the_heading(&[30], 40, &[(0..0, false), (0..1, true)])]
    #[case::no_lines(&[], 20, &[(0..0, true)])]
    #[case::no_lines_and_no_room(&[], 60, &[(0..0, false), (0..0, true)])]
    #[case::more_than_a_page(&[30, 30], 90, &[(0..1, false), (1..2, false), (2..2, true)])]
    fn rows_are_shared_among_pages(
        #[case] rows: &[Length],
        #[case] totals: Length,
        #[case] are: &[(Range<usize>, bool)],
    ) {
        let pages = paginate(rows, totals, ROOM);
        let pages: Vec<_> = pages.into_iter().map(|p| (p.rows, p.has_totals)).collect();
        assert_eq!(pages, are);
    }

    proptest! {
        #[test]
        fn no_row_is_lost_no_page_too_full_and_the_totals_are_not_alone(
            rows in prop::collection::vec(1_i64..=25, 0..200),
            totals in 1_i64..=60,
        ) {
            let pages = paginate(&rows, totals, ROOM);
            let shared: Vec<_> = pages.iter().flat_map(|page| page.rows.clone()).collect();
            prop_assert_eq!(shared, (0..rows.len()).collect::<Vec<_>>());
            let (last, before) = pages.split_last().unwrap();
            prop_assert!(last.has_totals && before.iter().all(|page| !page.has_totals));
            prop_assert!(rows.is_empty() || !last.rows.is_empty());
            prop_assert!(before.iter().skip(1).all(|page| !page.rows.is_empty()));
            for (number, page) in pages.iter().enumerate() {
                let height = if number == 0 { ROOM.first } else { ROOM.other };
                prop_assert!(used(&rows, totals, page) <= height);
            }
        }
    }
}
