//! Looking whether the server could start. No file is made, and nothing in the database changes.

use std::fs;

use billing_store::{Database, SchemaState, StoreError};
use tokio::runtime::Runtime;

use super::{
    exit::{CommandError, Exit},
    load,
};
use crate::{
    config::{Config, ConfigError, Options},
    delivery::mail::{Mail, Templates},
    payments::Providers,
    serve, stdout,
};

/// What was found to be in order, for people.
type Found = Result<String, CommandError>;

/// Checks one thing after the other, prints a line for each, and ends as the first fault does.
pub(super) fn run(options: &Options) -> Result<(), CommandError> {
    let mut report = Report(None);
    let config = match settings(options) {
        Ok(config) => config,
        Err(error) => {
            report.line("settings", Err(error))?;
            return report.end();
        }
    };
    report.line("settings", Ok("accepted".to_owned()))?;
    report.line("key", key(&config))?;
    if is_fresh(&config) {
        report.line("database", fresh(&config))?;
    } else {
        let database = config.database_url.database();
        let state = Runtime::new()?.block_on(billing_store::schema_state(database));
        report.line("database", reached(&config, &state))?;
        if let Ok(state) = state {
            report.line("schema", schema(&config, state))?;
        }
    }
    report.line("mail templates", templates(&config))?;
    report.end()
}

/// The first fault that was found.
struct Report(Option<CommandError>);

impl Report {
    fn line(&mut self, what: &str, found: Found) -> Result<(), CommandError> {
        match found {
            Ok(found) => stdout::line(format_args!("{what}: ok, {found}"))?,
            Err(error) => {
                let told = stdout::line(format_args!("{what}: FAILED, {error}"))?;
                self.0.get_or_insert(error);
                told
            }
        };
        Ok(())
    }

    fn end(self) -> Result<(), CommandError> {
        self.0.map_or(Ok(()), Err)
    }
}

/// The settings, and all that the server makes of them before it opens the database.
fn settings(options: &Options) -> Result<Config, CommandError> {
    let config = load(options)?;
    config.check_serve()?;
    serve::check(&config)?;
    Providers::new(&config)?;
    Mail::new(&config)?;
    Ok(config)
}

fn key(config: &Config) -> Found {
    match config.load_existing_signing_key() {
        Ok(key) if key.can_sign() => Ok("signs and verifies tokens".to_owned()),
        Ok(_) => Ok("verifies tokens".to_owned()),
        Err(_) if config.makes_key() => Ok("made when the server starts".to_owned()),
        Err(error) => Err(error.into()),
    }
}

/// Whether the database is a file that is not there yet.
fn is_fresh(config: &Config) -> bool {
    let database = config.database_url.database();
    matches!(database, Database::Sqlite(path) if !path.exists())
}

/// The folder of a file that the server is to make.
fn fresh(config: &Config) -> Found {
    let Database::Sqlite(path) = config.database_url.database() else {
        return Ok(String::new());
    };
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder {
        let looked = fs::metadata(folder);
        looked.map_err(|error| {
            CommandError::failure(format_args!("{}: {error}", folder.display()))
        })?;
    }
    Ok(format!(
        "{} is made when the server starts",
        config.database_url
    ))
}

fn reached(config: &Config, state: &Result<SchemaState, StoreError>) -> Found {
    match state {
        Ok(_) => Ok(format!("{} answers", config.database_url)),
        Err(error) => Err(CommandError::failure(error)),
    }
}

fn schema(config: &Config, state: SchemaState) -> Found {
    serve::check_schema(config, state)
        .map(|migrates| {
            let found = if migrates {
                "brought up to date when the server starts"
            } else {
                "current"
            };
            found.to_owned()
        })
        .map_err(CommandError::from)
}

fn templates(config: &Config) -> Found {
    let templates = Templates::new(config.mail_templates.as_deref())?;
    let problems: Vec<_> = templates
        .problems()
        .iter()
        .map(ToString::to_string)
        .collect();
    if problems.is_empty() {
        return Ok(format!("{} of your own", templates.own_count()));
    }
    let error = ConfigError::new("mail_templates", problems.join("; "));
    Err(CommandError::new(Exit::Usage, error))
}
