//! Numbers that only depend on their seed.

/// SplitMix64: the same numbers on every machine, so that a failure can be repeated by its seed.
#[derive(Debug)]
pub struct Random(u64);

impl Random {
    /// Numbers that follow from a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From `low` to `high`, both included.
    ///
    /// # Panics
    /// When `high` is below `low`.
    pub fn range(&mut self, low: i64, high: i64) -> i64 {
        let count = i128::from(high) - i128::from(low) + 1;
        let drawn = i128::from(low) + i128::from(self.next()) % count;
        i64::try_from(drawn).expect("between two numbers of this type")
    }

    /// A place in a list of `count` entries.
    ///
    /// # Panics
    /// When it is empty.
    pub fn index(&mut self, count: usize) -> usize {
        let last = i64::try_from(count).expect("a short list") - 1;
        usize::try_from(self.range(0, last)).expect("not negative")
    }

    /// One of some choices.
    ///
    /// # Panics
    /// When there are none.
    pub fn pick<T: Clone>(&mut self, choices: &[T]) -> T {
        let choice = choices.get(self.index(choices.len()));
        choice.expect("a place in the list").clone()
    }

    /// True in so many of 100 cases.
    pub fn percent(&mut self, cases: i64) -> bool {
        self.range(1, 100) <= cases
    }
}
