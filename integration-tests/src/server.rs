//! The real `billing-server` as a child process.

mod binary;
mod builder;
mod grpc;
mod lifecycle;
mod rest;

use std::{
    net::SocketAddr,
    path::PathBuf,
    process::{Output, Stdio},
};

use tempfile::TempDir;
use tokio::{
    io::{AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
};
use tonic::transport::{Channel, Endpoint};

pub use self::{
    builder::TestServerBuilder,
    grpc::bearer,
    rest::{Answer, Rest},
};
use crate::Backend;

/// A server on its own database. Dropping it kills it; its log is printed when a test fails.
pub struct TestServer {
    settings: TestServerBuilder,
    /// The process, and its standard output, which must stay open to be written to. Before
    /// its folder, for it is dropped first.
    running: Option<(Child, Lines<BufReader<ChildStdout>>)>,
    home: TempDir,
    database_url: String,
    addr: SocketAddr,
}

impl TestServer {
    /// A server with nothing but defaults.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn start(backend: Backend) -> Self {
        Self::builder(backend).start().await
    }

    /// A server that is to be set up first.
    #[must_use]
    pub fn builder(backend: Backend) -> TestServerBuilder {
        TestServerBuilder::new(backend)
    }

    /// Where it listens, also after a restart.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Its URL, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// The database it runs on.
    #[must_use]
    pub fn database_url(&self) -> &str {
        &self.database_url
    }

    /// The process's id, to look at what it uses.
    ///
    /// # Panics
    /// When it is not running.
    #[must_use]
    pub fn process_id(&self) -> u32 {
        let running = self.running.as_ref();
        let id = running.and_then(|(process, _)| process.id());
        id.expect("the server runs")
    }

    /// What it has logged so far, over all restarts.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    /// A gRPC connection without a token.
    ///
    /// # Panics
    /// When the server does not answer.
    pub async fn channel(&self) -> Channel {
        let endpoint = Endpoint::from_shared(self.url()).expect("an address makes a URL");
        endpoint.connect().await.expect("the server accepts gRPC")
    }

    /// An HTTP client that sends `token`, or none when it is empty.
    #[must_use]
    pub fn rest(&self, token: &str) -> Rest {
        Rest::new(self.url(), token)
    }

    /// A token as the command line mints it, such as `token("alice", "usage:write")`.
    ///
    /// # Panics
    /// When the command fails.
    pub async fn token(&self, subject: &str, scope: &str) -> String {
        let arguments = ["token", "--subject", subject, "--scope", scope];
        let output = self.cli(&arguments).await;
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "no token: {said}");
        let token = String::from_utf8(output.stdout).expect("a token is ASCII");
        token.trim().to_owned()
    }

    /// Runs another command of the binary with this server's database, key and endpoint.
    ///
    /// # Panics
    /// When the binary cannot be run.
    pub async fn cli(&self, arguments: &[&str]) -> Output {
        self.cli_with(&[], arguments).await
    }

    /// As [`Self::cli`], with more environment variables.
    ///
    /// # Panics
    /// When the binary cannot be run.
    pub async fn cli_with(&self, variables: &[(&str, &str)], arguments: &[&str]) -> Output {
        let mut command = self.client(arguments);
        let output = command.envs(variables.iter().copied()).output();
        output.await.expect("the binary runs")
    }

    /// As [`Self::cli`], with nobody who reads what it prints.
    ///
    /// # Panics
    /// When the binary cannot be run.
    pub async fn cli_unread(&self, arguments: &[&str]) -> Output {
        let mut process = self
            .client(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary runs");
        drop(process.stdout.take());
        process.wait_with_output().await.expect("the binary ends")
    }

    /// As [`Self::cli`], with text on standard input.
    ///
    /// # Panics
    /// When the binary cannot be run or does not read.
    pub async fn cli_reading(&self, arguments: &[&str], input: &str) -> Output {
        let mut process = self
            .client(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary runs");
        let mut stdin = process.stdin.take().expect("the input is piped");
        // A command that is refused does not read.
        let _ = stdin.write_all(input.as_bytes()).await;
        drop(stdin);
        process.wait_with_output().await.expect("the binary ends")
    }

    fn client(&self, arguments: &[&str]) -> Command {
        let mut command = self.command();
        command.args(arguments).env("BILLING_ENDPOINT", self.url());
        command
    }

    /// The binary with this server's settings and none of the caller's environment.
    fn command(&self) -> Command {
        let mut command = Command::new(binary::path());
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("BILLING_") {
                command.env_remove(name);
            }
        }
        command
            .current_dir(self.home.path())
            .stdin(Stdio::null())
            .env("BILLING_DATABASE_URL", &self.database_url);
        // With SQLite the server makes its own key beside the file.
        if self.database_url.starts_with("postgres") {
            command.env("BILLING_JWT_KEY_FILE", self.home.path().join("billing.key"));
        }
        command.envs(self.settings.environment());
        command
    }

    fn log_path(&self) -> PathBuf {
        self.home.path().join("server.log")
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- log of the server at {}\n{}", self.addr, self.log());
        }
    }
}
