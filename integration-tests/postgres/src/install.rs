//! Installing what the tests need into cargo's target folder.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::build_output::target_dir;

/// The folder of an installed tool. `unpack` fills a folder that it is given and answers which
/// part of it to keep. Test processes that run side by side install once.
///
/// # Errors
/// Why it could not be installed.
pub fn install(
    name: &str,
    unpack: impl FnOnce(&Path) -> Result<PathBuf, String>,
) -> Result<PathBuf, String> {
    let tools = target_dir().join("test-tools");
    let _lock = lock(&tools, name).map_err(|error| format!("{}: {error}", tools.display()))?;
    let installed = tools.join(name);
    if !installed.exists() {
        let staging = tempfile::tempdir_in(&tools).map_err(|error| error.to_string())?;
        let unpacked = unpack(staging.path())?;
        fs::rename(unpacked, &installed).map_err(|error| error.to_string())?;
    }
    Ok(installed)
}

/// Held until the file is dropped, also by a process that dies.
fn lock(tools: &Path, name: &str) -> io::Result<File> {
    fs::create_dir_all(tools)?;
    let file = File::create(tools.join(format!("{name}.lock")))?;
    file.lock()?;
    Ok(file)
}

/// Runs a command to its end.
///
/// # Errors
/// What the command said when it failed.
pub fn run(command: &mut Command) -> Result<(), String> {
    let program = command.get_program().display().to_string();
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("{program} does not start: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("{program} failed: {}", said.trim()))
}
