//! A table's columns, declared once: each with its type in Rust, in diesel and on PostgreSQL, and
//! its role. The row's struct and both databases' statements follow from it.

use diesel::{QueryResult, pg::Pg, query_builder::AstPass, sqlite::Sqlite};

/// What statements do with a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// It tells the rows apart.
    Key,
    /// It stays as it was inserted.
    Insert,
    /// It is set, of accounts by usage too.
    Counter,
    /// It is set.
    Set,
    /// It is set by nothing but statements of its own, and only read here.
    Read,
}

/// Which columns a statement is about.
pub(crate) type Wanted = fn(Role) -> bool;

impl Role {
    pub(crate) const fn is_inserted(self) -> bool {
        !matches!(self, Self::Read)
    }

    pub(crate) const fn is_key(self) -> bool {
        matches!(self, Self::Key)
    }

    pub(crate) const fn is_set(self) -> bool {
        matches!(self, Self::Counter | Self::Set)
    }

    /// Whether updating accounts needs it.
    pub(crate) const fn is_key_or_set(self) -> bool {
        self.is_key() || self.is_set()
    }

    /// Whether updating what usage changes of accounts needs it.
    pub(crate) const fn is_key_or_counter(self) -> bool {
        matches!(self, Self::Key | Self::Counter)
    }
}

/// A row of one table.
pub(crate) trait Row: Sized + Send + 'static {
    /// Rows by column: one list for each.
    type Columns: Send;

    /// The table.
    const TABLE: &'static str;
    /// The columns' names and roles, in the order in which they are bound.
    const COLUMNS: &'static [(&'static str, Role)];

    /// Puts the wanted columns of rows side by side.
    fn columns_of(rows: Vec<Self>, wanted: Wanted) -> Self::Columns;

    /// Binds the wanted columns as one array each.
    fn push_arrays<'b>(
        columns: &'b Self::Columns,
        wanted: Wanted,
        out: &mut AstPass<'_, 'b, Pg>,
    ) -> QueryResult<()>;

    /// Binds the row's wanted values.
    fn push_values<'b>(
        &'b self,
        wanted: Wanted,
        out: &mut AstPass<'_, 'b, Sqlite>,
    ) -> QueryResult<()>;

    /// The names of the wanted columns, as SQL spells them.
    fn names(wanted: Wanted) -> impl Iterator<Item = &'static str> {
        let columns = Self::COLUMNS.iter();
        let columns = columns.filter(move |(_, role)| wanted(*role));
        // Where a name is a word of Rust, diesel's has an underscore more.
        columns.map(|(name, _)| name.trim_end_matches('_'))
    }
}

/// Declares a row: `name: Rust type as diesel's type = PostgreSQL's type, role;`.
macro_rules! table_row {
    (
        $(#[$meta:meta])*
        $row:ident, $columns:ident in $table:ident {
            $($column:ident: $rust:ty as $sql:ty = $pg:literal, $role:ident;)+
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, diesel::Queryable, diesel::Selectable)]
        #[diesel(table_name = crate::schema::$table)]
        pub(crate) struct $row {
            $(pub(crate) $column: $rust,)+
        }

        #[derive(Debug, Default)]
        pub(crate) struct $columns {
            $($column: Vec<$rust>,)+
        }

        impl $crate::rows::table::Row for $row {
            type Columns = $columns;

            const TABLE: &'static str = stringify!($table);
            const COLUMNS: &'static [(&'static str, $crate::rows::table::Role)] =
                &[$((stringify!($column), $crate::rows::table::Role::$role),)+];

            fn columns_of(
                rows: Vec<Self>,
                wanted: $crate::rows::table::Wanted,
            ) -> $columns {
                let mut columns = $columns::default();
                $(if wanted($crate::rows::table::Role::$role) {
                    columns.$column.reserve_exact(rows.len());
                })+
                for row in rows {
                    $(if wanted($crate::rows::table::Role::$role) {
                        columns.$column.push(row.$column);
                    })+
                }
                columns
            }

            fn push_arrays<'b>(
                columns: &'b $columns,
                wanted: $crate::rows::table::Wanted,
                out: &mut diesel::query_builder::AstPass<'_, 'b, diesel::pg::Pg>,
            ) -> diesel::QueryResult<()> {
                let mut separator = "";
                $(if wanted($crate::rows::table::Role::$role) {
                    out.push_sql(separator);
                    out.push_bind_param::<diesel::sql_types::Array<$sql>, _>(&columns.$column)?;
                    out.push_sql(concat!("::", $pg, "[]"));
                    separator = ", ";
                })+
                let _ = separator;
                Ok(())
            }

            fn push_values<'b>(
                &'b self,
                wanted: $crate::rows::table::Wanted,
                out: &mut diesel::query_builder::AstPass<'_, 'b, diesel::sqlite::Sqlite>,
            ) -> diesel::QueryResult<()> {
                let mut separator = "";
                $(if wanted($crate::rows::table::Role::$role) {
                    out.push_sql(separator);
                    out.push_bind_param::<$sql, _>(&self.$column)?;
                    separator = ", ";
                })+
                let _ = separator;
                Ok(())
            }
        }
    };
}

pub(crate) use table_row;
