//! The real `billing-server` as a child process.

mod binary;
mod builder;
mod rest;

use std::{
    net::SocketAddr,
    path::PathBuf,
    process::{ExitStatus, Output, Stdio},
    time::Duration,
};

use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    time::timeout,
};
use tonic::{
    Request, Status,
    metadata::{Ascii, MetadataValue},
    transport::{Channel, Endpoint},
};

pub use self::{
    builder::TestServerBuilder,
    rest::{Answer, Rest},
};
use crate::Backend;

/// Longer than a drain takes, and than a loaded machine needs to start.
const PATIENCE: Duration = Duration::from_secs(60);
const READY: &str = "listening on http://";

/// A server on its own database. Dropping it kills it; its log is printed when a test fails.
pub struct TestServer {
    settings: TestServerBuilder,
    home: TempDir,
    database_url: String,
    addr: SocketAddr,
    /// The process, and its standard output, which must stay open to be written to.
    running: Option<(Child, Lines<BufReader<ChildStdout>>)>,
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
        let mut command = self.command();
        command.args(arguments).env("BILLING_ENDPOINT", self.url());
        command.output().await.expect("the binary runs")
    }

    /// Kills the process as a crash would, with nothing drained.
    ///
    /// # Panics
    /// When it is not running.
    pub async fn kill9(&mut self) {
        let (mut process, _output) = self.running.take().expect("the server runs");
        process.kill().await.expect("the server can be killed");
    }

    /// Asks the process to end (SIGTERM) and waits until it has.
    ///
    /// # Panics
    /// When it is not running or does not end.
    pub async fn terminate(&mut self) -> ExitStatus {
        let (mut process, _output) = self.running.take().expect("the server runs");
        let id = process.id().expect("the server has not ended by itself");
        let kill = ["-c", "kill -TERM \"$0\"", &id.to_string()];
        let sent = Command::new("sh").args(kill).status().await;
        assert!(sent.expect("sh runs").success(), "the signal is not sent");
        let ended = timeout(PATIENCE, process.wait()).await;
        let status = ended.expect("the server drains in time");
        status.expect("the server's status is known")
    }

    /// Starts it again on the same database and address, after a stop or instead of one.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn restart(&mut self) {
        if self.running.is_some() {
            self.terminate().await;
        }
        self.launch().await;
    }

    async fn launch(&mut self) {
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(self.log_path())
            .expect("the log can be written");
        let mut process = self
            .command()
            .args(["--listen", &self.addr.to_string()])
            .args(self.settings.arguments())
            .stdout(Stdio::piped())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .expect("the binary runs");
        let output = process.stdout.take().expect("the output is piped");
        let mut lines = BufReader::new(output).lines();
        let line = timeout(PATIENCE, lines.next_line()).await;
        let line = line.expect("the server gets ready in time");
        let addr = line
            .expect("the output is text")
            .and_then(|line| line.strip_prefix(READY)?.parse().ok());
        self.addr = addr.expect("the first line on stdout is the ready line");
        self.running = Some((process, lines));
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
            .env("BILLING_DATABASE_URL", &self.database_url)
            .env("BILLING_JWT_KEY_FILE", self.home.path().join("billing.key"))
            .envs(self.settings.environment());
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

/// Adds a token to every call of a generated client: `Client::with_interceptor(channel, ..)`.
///
/// # Panics
/// When the token cannot stand in a header.
pub fn bearer(token: &str) -> impl Fn(Request<()>) -> Result<Request<()>, Status> + Clone + use<> {
    let value: MetadataValue<Ascii> = format!("Bearer {token}")
        .parse()
        .expect("a token can stand in a header");
    move |mut request| {
        request
            .metadata_mut()
            .insert("authorization", value.clone());
        Ok(request)
    }
}
