//! What programs that others wrote read in a document.

use std::{collections::HashMap, fs, process::Command};

use integration_tests::tools;
use serde::Deserialize;
use tempfile::tempdir;

use super::{layout::texts, render, samples::samples};

/// What they found in a file.
#[derive(Deserialize)]
struct Found {
    problems: Vec<String>,
    pages: Vec<String>,
}

const READ: &str = include_str!("read.py");

/// A text that every reader has in the same order: spaces depend on the reader, and so does the
/// order of what is written from right to left.
fn comparable(text: &str) -> Option<String> {
    let is_plain = |c: char| c < '\u{590}' || ('\u{3040}'..'\u{a000}').contains(&c);
    let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    text.chars().all(is_plain).then_some(text)
}

#[test]
fn other_programs_find_well_formed_files_with_the_text_that_was_printed() {
    let Some(python) = tools::pdf_reader() else {
        return;
    };
    let folder = tempdir().unwrap();
    let files = samples().into_iter().map(|(name, document)| {
        let path = folder.path().join(name).to_str().unwrap().to_owned();
        fs::write(&path, render(&document).unwrap()).unwrap();
        (path, document)
    });
    let files: HashMap<_, _> = files.collect();
    let output = Command::new(python)
        .args(["-c", READ])
        .args(files.keys())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let found: HashMap<String, Found> = serde_json::from_slice(&output.stdout).unwrap();
    for (path, document) in files {
        let Found { problems, pages } = &found[&path];
        assert!(problems.is_empty(), "{path}: {problems:?}");
        let printed = texts(&document);
        assert_eq!(printed.len(), pages.len());
        for (printed, read) in printed.iter().zip(pages) {
            let read: String = read.chars().filter(|c| !c.is_whitespace()).collect();
            for line in printed.iter().filter_map(|line| comparable(line)) {
                assert!(read.contains(&line), "{path}: {line} in {read}");
            }
        }
    }
}
