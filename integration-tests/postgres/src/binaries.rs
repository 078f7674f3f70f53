//! Finding PostgreSQL's `initdb` and `postgres` on this machine.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use crate::package;

/// Names the folder of the binaries to use, before any other.
const OVERRIDE: &str = "BILLING_TEST_PG_BIN";
/// Debian keeps one folder per major version here, and none on the PATH.
const DEBIAN: &str = "/usr/lib/postgresql";

/// The folder that holds both binaries; installs them when the machine has none.
pub(super) fn find() -> Result<PathBuf, String> {
    if let Some(named) = env::var_os(OVERRIDE) {
        return real_folder(Path::new(&named))
            .ok_or_else(|| format!("{OVERRIDE} holds no initdb and postgres"));
    }
    match on_path().or_else(of_debian) {
        Some(found) => Ok(found),
        None => package::install()
            .map_err(|reason| format!("{reason}; install it or set {OVERRIDE} to its bin folder")),
    }
}

fn on_path() -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).find_map(|dir| real_folder(&dir))
}

fn of_debian() -> Option<PathBuf> {
    fs::read_dir(DEBIAN)
        .ok()?
        .filter_map(|entry| {
            let version: u32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
            let bin = Path::new(DEBIAN).join(version.to_string()).join("bin");
            Some((version, real_folder(&bin)?))
        })
        .max()
        .map(|(_, bin)| bin)
}

/// Follows links: the server finds its own files relative to the real binary.
fn real_folder(dir: &Path) -> Option<PathBuf> {
    let initdb = dir.join("initdb").canonicalize().ok()?;
    let bin = initdb.parent()?;
    bin.join("postgres").is_file().then(|| bin.to_owned())
}
