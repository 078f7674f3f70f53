//! Where cargo put the running test, and so where it puts everything else.

use std::{
    env,
    path::{Path, PathBuf},
};

/// The folder that cargo builds into, however it was configured.
///
/// # Panics
/// Outside of a test.
#[must_use]
pub fn target_dir() -> PathBuf {
    let profile = profile_dir();
    let target = profile.parent();
    target
        .expect("a profile lies in the target folder")
        .to_owned()
}

/// The profile that the running test was built with.
///
/// # Panics
/// Outside of a test.
#[must_use]
pub fn profile() -> String {
    let dir = profile_dir();
    let name = dir.file_name().and_then(|name| name.to_str());
    match name.expect("the profile's folder has a name") {
        "debug" => "dev".to_owned(),
        other => other.to_owned(),
    }
}

/// `target/debug` of `target/debug/deps/all-0123456789abcdef`.
fn profile_dir() -> PathBuf {
    let test = env::current_exe().expect("the running test has a path");
    let dir = test.parent().and_then(Path::parent);
    dir.expect("the test lies two folders deep").to_owned()
}
