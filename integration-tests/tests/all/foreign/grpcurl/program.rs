//! Running grpcurl against one server.

use std::{
    path::Path,
    process::{Output, Stdio},
};

use integration_tests::{TestServer, tools};
use serde_json::Value;
use tokio::{io::AsyncWriteExt, process::Command};

use crate::support::EVERYTHING;

/// The program, aimed at one server.
pub(crate) struct Grpcurl {
    program: &'static Path,
    address: String,
    /// Empty to send none.
    token: String,
}

impl Grpcurl {
    /// As an operator; `None` when the tests are to be skipped.
    pub(crate) async fn of(server: &TestServer) -> Option<Self> {
        Some(Self {
            program: tools::grpcurl()?,
            address: server.addr().to_string(),
            token: server.token("operator", EVERYTHING).await,
        })
    }

    pub(super) fn without_token(self) -> Self {
        Self {
            token: String::new(),
            ..self
        }
    }

    /// Runs it with these options before the address, and these words after it.
    pub(crate) async fn run(&self, options: &[&str], words: &[&str], input: &str) -> Output {
        let mut command = Command::new(self.program);
        command.args(["-plaintext", "-max-time", "20"]);
        if !self.token.is_empty() {
            let header = format!("authorization: Bearer {}", self.token);
            command.args(["-H", &header]);
        }
        command.args(options).arg(&self.address).args(words);
        let mut process = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("grpcurl runs");
        let mut stdin = process.stdin.take().expect("the input is piped");
        // One that ended early reads no input; its status tells.
        let _ended = stdin.write_all(input.as_bytes()).await;
        drop(stdin);
        process.wait_with_output().await.expect("grpcurl ends")
    }

    /// What it prints, which must be no error.
    pub(super) async fn print(&self, options: &[&str], words: &[&str], input: &str) -> String {
        let output = self.run(options, words, input).await;
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{words:?}: {said}");
        String::from_utf8(output.stdout).expect("grpcurl prints text")
    }

    /// The answer to a call.
    pub(super) async fn call(&self, method: &str, request: &Value) -> Value {
        let data = request.to_string();
        let printed = self.print(&["-d", &data], &[method], "").await;
        serde_json::from_str(&printed).expect("the answer is JSON")
    }

    /// The error of a call, with its details as far as the program could decode them.
    pub(super) async fn refused(&self, method: &str, request: &Value) -> Value {
        let options = ["-format-error", "-d", &request.to_string()];
        let output = self.run(&options, &[method], "").await;
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{method} is not refused");
        serde_json::from_str(&said).unwrap_or_else(|_| panic!("the error is no JSON: {said}"))
    }
}
