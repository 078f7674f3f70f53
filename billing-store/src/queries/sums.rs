//! Functions of both databases over sums.

use diesel::sql_types::BigInt;

pub(super) use super::dialect::exact_sum;
use crate::sql_types::ExactDecimal;

diesel::define_sql_function! {
    /// Sums whole numbers. Both databases widen the result, which reads as a decimal on either.
    #[aggregate]
    #[sql_name = "sum"]
    fn whole_sum(number: BigInt) -> Nullable<ExactDecimal>;
}
