//! What mails say: the texts that are built in, and the operator's own in their place.

mod built_in;
mod own;

use std::{
    collections::BTreeSet,
    path::Path,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use minijinja::{
    AutoEscape, Environment, Error, UndefinedBehavior, context, syntax::SyntaxConfig, value::Serde,
};

pub(crate) use self::own::Problem;
use super::letters::{Common, Format, Letter, TemplateName};
use crate::config::ConfigError;

/// Every text that there is. A text of the operator's that cannot be used is left out and told
/// once; the one that is built in takes its place.
pub(crate) struct Templates {
    built_in: Environment<'static>,
    own: Environment<'static>,
    /// The operator's files that are used, and those that are not.
    own_names: BTreeSet<String>,
    broken_names: BTreeSet<String>,
    problems: Vec<Problem>,
    /// Files that failed only when a mail was written, and were told of.
    told: Mutex<BTreeSet<String>>,
    /// How often the built-in text was taken because the operator's is broken.
    fallbacks: AtomicU64,
}

/// What the templates of a mail have become.
pub(super) struct Rendered {
    pub(super) subject: String,
    pub(super) text: String,
    pub(super) html: Option<String>,
}

impl Templates {
    /// The built-in texts, and in their place those of a folder.
    ///
    /// # Errors
    /// When the folder cannot be read. A file that cannot be used is no error but a problem.
    pub(crate) fn new(folder: Option<&Path>) -> Result<Self, ConfigError> {
        let built_in = built_in::environment()
            .map_err(|error| ConfigError::new("mail_templates", error.to_string()))?;
        let mut templates = Self {
            own: built_in.clone(),
            built_in,
            own_names: BTreeSet::new(),
            broken_names: BTreeSet::new(),
            problems: Vec::new(),
            told: Mutex::default(),
            fallbacks: AtomicU64::new(0),
        };
        if let Some(folder) = folder {
            let read = own::read(folder).map_err(|error| {
                let reason = format!("cannot read {}: {error}", folder.display());
                ConfigError::new("mail_templates", reason)
            })?;
            for file in read {
                templates.take(file);
            }
        }
        for problem in &templates.problems {
            tracing::warn!(%problem, "a mail template is not used: the built-in one is");
        }
        Ok(templates)
    }

    fn take(&mut self, file: own::File) {
        let name = file.name.clone();
        let problems = own::add(&mut self.own, file);
        if problems.is_empty() {
            self.own_names.insert(name);
        } else {
            self.broken_names.insert(name);
        }
        self.problems.extend(problems);
    }

    /// What is wrong with files of the operator's.
    pub(crate) fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// The number of the operator's texts that are used.
    pub(crate) fn own_count(&self) -> usize {
        self.own_names.len()
    }

    /// How often a built-in text was taken because the operator's is broken.
    pub(crate) fn fallbacks(&self) -> u64 {
        self.fallbacks.load(Ordering::Relaxed)
    }

    /// Writes the parts of a mail.
    ///
    /// # Errors
    /// A text that is built in cannot be rendered, as for a language that the kind has not.
    pub(super) fn render(&self, common: &Common<'_>, letter: &Letter) -> Result<Rendered, Error> {
        let kind = letter.kind();
        let name = |format| TemplateName {
            kind,
            language: common.language,
            format,
        };
        let html = kind.formats().contains(&Format::Html);
        let html = html.then(|| self.one(name(Format::Html), common, letter));
        Ok(Rendered {
            subject: self.one(name(Format::Subject), common, letter)?,
            text: self.one(name(Format::Text), common, letter)?,
            html: html.transpose()?,
        })
    }

    fn one(
        &self,
        name: TemplateName,
        common: &Common<'_>,
        letter: &Letter,
    ) -> Result<String, Error> {
        let name = name.to_string();
        if self.own_names.contains(&name) {
            match render(&self.own, &name, common, letter) {
                Ok(text) => return Ok(text),
                Err(error) => self.fell_back(&name, Some(&error)),
            }
        } else if self.broken_names.contains(&name) {
            self.fell_back(&name, None);
        }
        render(&self.built_in, &name, common, letter)
    }

    /// Counts, and tells of an error that was not seen when the file was read.
    fn fell_back(&self, name: &str, error: Option<&Error>) {
        self.fallbacks.fetch_add(1, Ordering::Relaxed);
        let Some(error) = error else { return };
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.insert(name.to_owned()) {
            tracing::warn!(
                template = name,
                %error,
                "a mail template failed: the built-in one is used"
            );
        }
    }
}

/// An environment in which nothing is undefined, and every value in HTML is escaped.
fn environment() -> Result<Environment<'static>, Error> {
    let mut environment = Environment::new();
    // A block that stands on a line of its own leaves no empty line behind.
    let syntax = SyntaxConfig::builder()
        .trim_blocks(true)
        .lstrip_blocks(true)
        .build()?;
    environment.set_syntax(syntax);
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|name| {
        let is_html = name.ends_with(".html");
        if is_html {
            AutoEscape::Html
        } else {
            AutoEscape::None
        }
    });
    // No template may take the escaping away, by mistake or not.
    environment.remove_filter("safe");
    environment.set_formatter(|out, state, value| {
        let is_html = state.name().ends_with(".html");
        if is_html && !value.is_safe() {
            let text = value.to_string();
            return write!(out, "{}", minijinja::HtmlEscape(&text)).map_err(Error::from);
        }
        minijinja::escape_formatter(out, state, value)
    });
    Ok(environment)
}

fn render(
    environment: &Environment<'_>,
    name: &str,
    common: &Common<'_>,
    letter: &Letter,
) -> Result<String, Error> {
    let values = context! { ..Serde(common), ..letter.values() };
    environment.get_template(name)?.render(values)
}

#[cfg(test)]
mod tests;
