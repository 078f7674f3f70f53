//! Running one test on both databases.

/// The database that a test runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// A file of its own.
    Sqlite,
    /// A fresh database of the PostgreSQL that all tests share.
    Postgres,
}

/// Turns each `async fn name(backend: Backend)` into two tests, `sqlite::name` and
/// `postgres::name`. Once per module.
///
/// ```ignore
/// on_both_databases!(an_acknowledged_record_survives_a_crash);
///
/// async fn an_acknowledged_record_survives_a_crash(backend: Backend) { /* ... */ }
/// ```
#[macro_export]
macro_rules! on_both_databases {
    ($($test:ident),+ $(,)?) => {
        mod sqlite {
            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $test() {
                    super::$test($crate::Backend::Sqlite).await;
                }
            )+
        }

        mod postgres {
            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $test() {
                    super::$test($crate::Backend::Postgres).await;
                }
            )+
        }
    };
}
