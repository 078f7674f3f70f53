//! The operator's own texts: files of a folder that are named like those that are built in.

use std::{collections::BTreeSet, fmt, fs, io, path::Path};

use minijinja::{Environment, Error};

use super::{
    super::letters::{COMMON, Common, Letter, TemplateName},
    built_in::LAYOUT,
    render,
};

/// The largest file that is read, in bytes.
const MAX_BYTES: u64 = 1024 * 1024;
/// The ends of the names of files that are meant to be templates.
const ENDINGS: [&str; 3] = [".subject", ".txt", ".html"];

/// A file of the folder.
pub(super) struct File {
    pub(super) name: String,
    text: Result<String, String>,
}

/// Why a file is not used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    file: String,
    line: Option<usize>,
    reason: String,
}

impl Problem {
    fn new(file: &str, line: Option<usize>, reason: impl Into<String>) -> Self {
        Self {
            file: file.to_owned(),
            line,
            reason: reason.into(),
        }
    }

    /// What the engine says of a file.
    fn of(file: &str, error: &Error) -> Self {
        let reason = match error.detail() {
            Some(detail) => format!("{}: {detail}", error.kind()),
            None => error.kind().to_string(),
        };
        Self::new(file, error.line(), reason)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, reason } = self;
        match line {
            Some(line) => write!(f, "{file}, line {line}: {reason}"),
            None => write!(f, "{file}: {reason}"),
        }
    }
}

/// The files of a folder that are meant to be templates, by name.
pub(super) fn read(folder: &Path) -> io::Result<Vec<File>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_meant = ENDINGS.iter().any(|ending| name.ends_with(ending));
        if is_meant && !name.starts_with('.') {
            let text = text_of(&entry.path()).map_err(|error| error.to_string());
            files.push(File { name, text });
        }
    }
    files.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(files)
}

fn text_of(path: &Path) -> io::Result<String> {
    if fs::metadata(path)?.len() > MAX_BYTES {
        return Err(io::Error::other(format!("has more than {MAX_BYTES} bytes")));
    }
    fs::read_to_string(path)
}

/// Puts a file in the place of the text that is built in, unless something is wrong with it.
pub(super) fn add(environment: &mut Environment<'static>, file: File) -> Vec<Problem> {
    let File { name: file, text } = file;
    let Some(name) = TemplateName::all().find(|name| name.to_string() == file) else {
        let names = "is named like no template, such as invoice_issued.en.html";
        return vec![Problem::new(&file, None, names)];
    };
    let text = match text {
        Ok(text) => text,
        Err(reason) => return vec![Problem::new(&file, None, reason)],
    };
    if let Err(error) = environment.add_template_owned(file.clone(), text.clone()) {
        return vec![Problem::of(&file, &error)];
    }
    let mut problems = unknown_variables(environment, name, &text);
    if problems.is_empty() {
        problems.extend(rendered(environment, name).err());
    }
    problems
}

/// Variables that the kind has not, wherever they stand; rendering would find only those in its
/// way.
fn unknown_variables(
    environment: &Environment<'_>,
    name: TemplateName,
    text: &str,
) -> Vec<Problem> {
    let file = name.to_string();
    let found = match environment.get_template(&file) {
        Ok(template) => template.undeclared_variables(false),
        Err(error) => return vec![Problem::of(&file, &error)],
    };
    let known = |variable: &&String| {
        let variable = variable.as_str();
        COMMON.contains(&variable)
            || name.kind.variables().contains(&variable)
            || environment.globals().any(|(global, _)| global == variable)
    };
    let unknown: BTreeSet<_> = found.iter().filter(|variable| !known(variable)).collect();
    let problem = |variable: &String| {
        let line = text.lines().position(|line| has_word(line, variable));
        let known = name.kind.variables().join(", ");
        let reason = format!(
            "{variable} is no variable of {}, which has {}, {known}",
            name.kind.name(),
            COMMON.join(", "),
        );
        Problem::new(&file, line.map(|at| at + 1), reason)
    };
    unknown.into_iter().map(problem).collect()
}

fn has_word(line: &str, word: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    line.split(|c| !is_part(c)).any(|found| found == word)
}

/// Renders two examples that differ in every value.
fn rendered(environment: &Environment<'_>, name: TemplateName) -> Result<(), Problem> {
    let file = name.to_string();
    let examples = [
        ("Alice Ltd", true, Letter::example(name.kind)),
        ("", false, Letter::other_example(name.kind)),
    ];
    for (buyer_name, has_pdf, letter) in examples {
        let common = Common {
            buyer_name,
            sender_name: "Oblivious AI",
            language: name.language,
            has_pdf,
        };
        render(environment, &file, &common, &letter).map_err(|error| {
            // What the file extends is not the operator's.
            let is_here = error.name().is_none_or(|name| name != LAYOUT);
            let mut problem = Problem::of(&file, &error);
            problem.line = problem.line.filter(|_| is_here);
            problem
        })?;
    }
    Ok(())
}
