//! Where the database is, without ever showing its password.

use std::fmt;
use std::path::PathBuf;

use billing_store::Database;
use serde::{Deserialize, Serialize};

const SQLITE: &str = "sqlite://";
const POSTGRES: [&str; 2] = ["postgres://", "postgresql://"];

/// The URL of a database. It is shown without its password.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct DatabaseUrl {
    url: String,
    database: Database,
}

impl DatabaseUrl {
    /// The database that the URL names.
    #[must_use]
    pub(crate) fn database(&self) -> &Database {
        &self.database
    }

    /// Whether the database is a PostgreSQL server.
    #[must_use]
    pub(crate) fn is_postgres(&self) -> bool {
        matches!(self.database, Database::Postgres(_))
    }

    /// The URL without its password and parameters, for people and logs.
    #[must_use]
    pub(crate) fn redacted(&self) -> String {
        match &self.database {
            Database::Sqlite(_) => self.url.clone(),
            Database::Postgres(url) => url.split_once("://").map_or_else(
                || "***".to_owned(),
                |(scheme, rest)| format!("{scheme}://{}", without_password(rest)),
            ),
        }
    }
}

/// `user:password@host/name?parameters` without what may be secret.
fn without_password(rest: &str) -> String {
    let head = rest.split('?').next().unwrap_or_default();
    // An `@` after the `?` leaves open which of them belongs to a password.
    if rest.len() > head.len() && rest.rfind('@').is_some_and(|at| at > head.len()) {
        return "***".to_owned();
    }
    let Some((credentials, place)) = head.rsplit_once('@') else {
        return head.to_owned();
    };
    match credentials.split_once(':') {
        Some((user, _)) => format!("{user}:***@{place}"),
        None => format!("{credentials}@{place}"),
    }
}

impl Default for DatabaseUrl {
    fn default() -> Self {
        Self {
            url: "sqlite://billing.db".to_owned(),
            database: Database::Sqlite("billing.db".into()),
        }
    }
}

impl TryFrom<String> for DatabaseUrl {
    type Error = &'static str;

    fn try_from(url: String) -> Result<Self, Self::Error> {
        let database = if let Some(path) = url.strip_prefix(SQLITE) {
            sqlite(path)?
        } else if POSTGRES.iter().any(|scheme| url.starts_with(scheme)) {
            Database::Postgres(url.clone())
        } else {
            return Err("must start with sqlite://, postgres:// or postgresql://");
        };
        Ok(Self { url, database })
    }
}

fn sqlite(path: &str) -> Result<Database, &'static str> {
    if path.contains('?') {
        return Err("takes no parameters after an sqlite:// path");
    }
    // Each connection would open a memory database of its own.
    if path.starts_with(':') {
        return Err("must name a file after sqlite://: usage records have to outlive the server");
    }
    let path = PathBuf::from(path);
    if path.file_name().is_none() {
        return Err("must name a file after sqlite://, as in sqlite://billing.db");
    }
    Ok(Database::Sqlite(path))
}

impl From<DatabaseUrl> for String {
    fn from(url: DatabaseUrl) -> Self {
        url.url
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.redacted())
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatabaseUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn parsed(url: &str) -> Result<DatabaseUrl, &'static str> {
        DatabaseUrl::try_from(url.to_owned())
    }

    #[rstest]
    #[case("sqlite://billing.db", "billing.db")]
    #[case("sqlite://data/billing.db", "data/billing.db")]
    #[case("sqlite:///var/lib/billing.db", "/var/lib/billing.db")]
    fn an_sqlite_url_names_a_file(#[case] url: &str, #[case] path: &str) {
        let url = parsed(url).unwrap();
        assert_eq!(*url.database(), Database::Sqlite(path.into()));
        assert!(!url.is_postgres());
    }

    #[rstest]
    #[case("postgres://localhost/billing")]
    #[case("postgresql://billing@db:5432/billing?sslmode=require")]
    fn a_postgres_url_is_kept_whole(#[case] url: &str) {
        assert_eq!(String::from(parsed(url).unwrap()), url);
        assert!(parsed(url).unwrap().is_postgres());
    }

    #[rstest]
    #[case("", "must start with")]
    #[case("billing.db", "must start with")]
    #[case("mysql://root:hunter2@db/billing", "must start with")]
    #[case("SQLITE://billing.db", "must start with")]
    #[case("sqlite://", "must name a file")]
    #[case("sqlite:///", "must name a file")]
    #[case("sqlite://:memory:", "must name a file")]
    #[case("sqlite://billing.db?mode=ro", "takes no parameters")]
    fn other_urls_are_refused(#[case] url: &str, #[case] reason: &str) {
        assert!(parsed(url).unwrap_err().starts_with(reason));
    }

    #[rstest]
    #[case("postgres://db/billing", "postgres://db/billing")]
    #[case("postgres://app@db/billing", "postgres://app@db/billing")]
    #[case("postgres://app:hunter2@db/billing", "postgres://app:***@db/billing")]
    #[case("postgres://app:hunter2@a:1,b:2/x", "postgres://app:***@a:1,b:2/x")]
    #[case("postgres://app:hun@ter2@db/billing", "postgres://app:***@db/billing")]
    #[case("postgres://app:hun/ter2@db/billing", "postgres://app:***@db/billing")]
    #[case("postgres://app:hun?ter2@db/billing", "postgres://***")]
    #[case("postgres://db/x?user=app&password=hunter2", "postgres://db/x")]
    #[case("postgres://db/x?password=hun@ter2", "postgres://***")]
    #[case("postgresql://:hunter2@db/x", "postgresql://:***@db/x")]
    fn no_password_is_ever_shown(#[case] url: &str, #[case] shown: &str) {
        let url = parsed(url).unwrap();
        assert_eq!(url.to_string(), shown);
        assert_eq!(format!("{url:?}"), format!("DatabaseUrl({shown})"));
        assert_eq!(format!("{:?}", url.database()), "Postgres(..)");
    }
}
