//! How a server is set up before it starts.

use std::{fs::File, io::Write, net::SocketAddr, os::unix::fs::OpenOptionsExt, path::Path};

use super::TestServer;
use crate::{Backend, postgres};

/// SQLite servers make their own key; with PostgreSQL one must be given. Never used elsewhere.
const SIGNING_KEY: &[u8] = b"7d1c0f5e9a3b48264fd0c6a1e8b2957304fe6bd91a8c35722e60b4d9f1538ac7\n";

/// Settings of a [`TestServer`]; they hold for every restart.
pub struct TestServerBuilder {
    backend: Backend,
    database_url: Option<String>,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
}

impl TestServerBuilder {
    pub(super) fn new(backend: Backend) -> Self {
        let arguments = match backend {
            Backend::Sqlite => Vec::new(),
            Backend::Postgres => vec!["--auto-migrate".to_owned()],
        };
        Self {
            backend,
            database_url: None,
            arguments,
            environment: Vec::new(),
        }
    }

    /// A flag with its value, such as `flag("--queue-records", "10")`.
    #[must_use]
    pub fn flag(mut self, name: &str, value: &str) -> Self {
        self.arguments.extend([name.to_owned(), value.to_owned()]);
        self
    }

    /// An environment variable of the server and of the commands beside it.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Stops the server's clock at an RFC 3339 time, to be advanced by `DebugService`.
    #[must_use]
    pub fn clock(self, now: &str) -> Self {
        self.env("BILLING_TEST_CLOCK", now)
    }

    /// A database that exists already, such as another server's, instead of a fresh one.
    #[must_use]
    pub fn database_url(mut self, url: &str) -> Self {
        self.database_url = Some(url.to_owned());
        self
    }

    /// Starts the server and waits until it is ready.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn start(self) -> TestServer {
        let home = tempfile::tempdir().expect("a temporary folder can be made");
        let database_url = match (&self.database_url, self.backend) {
            (Some(url), _) => url.clone(),
            (None, Backend::Sqlite) => format!("sqlite://{}/billing.db", home.path().display()),
            (None, Backend::Postgres) => postgres::fresh_database().await,
        };
        if self.backend == Backend::Postgres {
            write_key(&home.path().join("billing.key"));
        }
        let mut server = TestServer {
            settings: self,
            home,
            database_url,
            addr: SocketAddr::from(([127, 0, 0, 1], 0)),
            running: None,
        };
        server.launch().await;
        server
    }

    /// Leaves out the flags and variables that are about something.
    pub(super) fn leave_out(&mut self, about: &str) {
        self.environment
            .retain(|(name, _)| !name.to_lowercase().contains(about));
        let mut arguments = std::mem::take(&mut self.arguments).into_iter();
        while let Some(argument) = arguments.next() {
            if argument.starts_with("--") && argument.contains(about) {
                drop(arguments.next());
            } else {
                self.arguments.push(argument);
            }
        }
    }

    pub(super) fn arguments(&self) -> &[String] {
        &self.arguments
    }

    pub(super) fn environment(&self) -> impl Iterator<Item = (&String, &String)> {
        self.environment.iter().map(|(name, value)| (name, value))
    }
}

fn write_key(path: &Path) {
    let mut file = File::options()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .expect("the key file can be made");
    file.write_all(SIGNING_KEY).expect("the key can be written");
}
