//! Starting, stopping and killing the process.

use std::{
    fs::File,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Command,
    time::timeout,
};

use super::TestServer;

/// Longer than a drain takes, and than a loaded machine needs to start.
const PATIENCE: Duration = Duration::from_secs(60);
const READY: &str = "listening on http://";

impl TestServer {
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
        self.stop("TERM").await.0
    }

    /// Sends a signal, such as "INT", and waits until the process has ended: its status, and what
    /// it printed on stdout after the ready line.
    ///
    /// # Panics
    /// When it is not running or does not end.
    pub async fn stop(&mut self, signal: &str) -> (ExitStatus, Vec<String>) {
        let (mut process, mut output) = self.running.take().expect("the server runs");
        let id = process.id().expect("the server has not ended by itself");
        let kill = ["-c", "kill -\"$0\" \"$1\"", signal, &id.to_string()];
        let sent = Command::new("sh").args(kill).status().await;
        assert!(sent.expect("sh runs").success(), "the signal is not sent");
        let ended = timeout(PATIENCE, process.wait()).await;
        let status = ended.expect("the server drains in time");
        let mut printed = Vec::new();
        while let Ok(Some(line)) = output.next_line().await {
            printed.push(line);
        }
        (status.expect("the server's status is known"), printed)
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

    /// Has the next start leave out flags and variables about something, such as `paypal`.
    pub fn leave_out(&mut self, about: &str) {
        self.settings.leave_out(about);
    }

    pub(super) async fn launch(&mut self) {
        let log = File::options()
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
}
