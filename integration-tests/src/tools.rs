//! Third-party clients that the tests run: found on this machine, or installed.

use std::{
    env,
    io::{Write, stderr},
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
    thread,
};

use test_postgres::install::{install, run};

/// Names the grpcurl to use, before any other.
const OVERRIDE: &str = "BILLING_TEST_GRPCURL";
const GRPCURL_VERSION: &str = "v1.9.4";
/// The folder of the packages is named after this one's version.
const GRPCIO_VERSION: &str = "1.85.1";
const PROTOBUF_VERSION: &str = "7.36.2";

/// The tools, or why there is none, so that every test that needs one says the same.
static GRPCURL: OnceLock<Result<PathBuf, String>> = OnceLock::new();
static PYTHON: OnceLock<Result<PathBuf, String>> = OnceLock::new();

/// The `grpcurl` program, or `None` where the test is to be skipped.
///
/// # Panics
/// When it is missing in CI.
pub fn grpcurl() -> Option<&'static Path> {
    or_skip("grpcurl", GRPCURL.get_or_init(find_grpcurl))
}

/// A Python with grpcio, its reflection and protobuf, or `None` where the test is to be skipped.
///
/// # Panics
/// When it is missing in CI.
pub fn python() -> Option<&'static Path> {
    or_skip("Python's grpcio", PYTHON.get_or_init(install_grpcio))
}

/// A developer may lack a tool; CI may not. Past the capture of output, so that skips are seen.
fn or_skip(tool: &str, found: &'static Result<PathBuf, String>) -> Option<&'static Path> {
    match found {
        Ok(path) => Some(path),
        Err(reason) if env::var_os("CI").is_some() => panic!("no {tool}: {reason}"),
        Err(reason) => {
            let test = thread::current().name().unwrap_or_default().to_owned();
            let _unseen = writeln!(stderr(), "skipped: {test}: no {tool}: {reason}");
            None
        }
    }
}

fn find_grpcurl() -> Result<PathBuf, String> {
    if let Some(named) = env::var_os(OVERRIDE) {
        return Ok(named.into());
    }
    let path = env::var_os("PATH").unwrap_or_default();
    let of_go = env::home_dir().map(|home| home.join("go/bin"));
    env::split_paths(&path)
        .chain(of_go)
        .map(|dir| dir.join("grpcurl"))
        .find(|program| program.is_file())
        .map_or_else(install_grpcurl, Ok)
}

fn install_grpcurl() -> Result<PathBuf, String> {
    let package = format!("github.com/fullstorydev/grpcurl/cmd/grpcurl@{GRPCURL_VERSION}");
    let bin = install(&format!("grpcurl-{GRPCURL_VERSION}"), |staging| {
        let bin = staging.join("bin");
        run(Command::new("go")
            .args(["install", &package])
            .env("GOBIN", &bin))?;
        Ok(bin)
    })?;
    Ok(bin.join("grpcurl"))
}

/// Only wheels: without one for this machine, building grpcio would take half an hour.
fn install_grpcio() -> Result<PathBuf, String> {
    let environment = install(&format!("grpcio-{GRPCIO_VERSION}"), |staging| {
        let environment = staging.join("python");
        run(Command::new("python3")
            .args(["-m", "venv"])
            .arg(&environment))?;
        run(Command::new(environment.join("bin/python"))
            .args(["-m", "pip", "install", "--quiet", "--only-binary", ":all:"])
            .arg(format!("grpcio=={GRPCIO_VERSION}"))
            .arg(format!("grpcio-reflection=={GRPCIO_VERSION}"))
            .arg(format!("protobuf=={PROTOBUF_VERSION}")))?;
        Ok(environment)
    })?;
    Ok(environment.join("bin/python"))
}
