//! The server's binary, built from the sources the tests were built from.

use std::{
    path::PathBuf,
    process::{Command, Stdio},
    sync::OnceLock,
};

use serde_json::Value;
use test_postgres::build_output::{profile, target_dir};

static BINARY: OnceLock<Result<PathBuf, String>> = OnceLock::new();

/// Its path; the first call builds it, which takes a moment after `cargo test --workspace`.
pub(super) fn path() -> &'static PathBuf {
    match BINARY.get_or_init(build) {
        Ok(path) => path,
        Err(reason) => panic!("no billing-server: {reason}"),
    }
}

/// Selecting the workspace and its tests gives the dependencies the same features as
/// `cargo test --workspace` does, so that none is compiled a second time.
fn build() -> Result<PathBuf, String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["build", "--workspace", "--bin", "billing-server"])
        .args(["--test", "all", "--profile", &profile()])
        .args(["--message-format", "json-render-diagnostics"])
        .arg("--target-dir")
        .arg(target_dir())
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("cargo does not start: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(said.into_owned());
    }
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .find_map(|message: Value| executable(&message))
        .ok_or_else(|| format!("cargo names no executable: {said}"))
}

/// The path in cargo's message about the finished binary.
fn executable(message: &Value) -> Option<PathBuf> {
    let target = message.get("target")?.get("name")?;
    let path = message.get("executable")?.as_str()?;
    (target == "billing-server").then(|| path.into())
}
