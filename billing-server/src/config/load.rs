//! Merging what the sources say: flags over environment over file over defaults.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use clap::error::{ContextKind, ErrorKind};
use clap::{Command, CommandFactory, Parser};
use figment::Figment;
use figment::error::Kind;
use figment::providers::{Format, Serialized, Toml};

use super::{Config, ConfigError, Options};

/// What every variable's name begins with.
const PREFIX: &str = "BILLING_";
/// The variable that puts the server on a test clock.
const TEST_CLOCK: &str = "BILLING_TEST_CLOCK";

/// The variables that only commands read which are clients of a server.
const OF_CLIENTS: [&str; 3] = ["BILLING_ENDPOINT", "BILLING_TOKEN", "BILLING_TLS_CA"];

/// Refuses a variable that is misspelt, as a flag or a key of the file is.
///
/// # Errors
/// The first that begins like a setting and is none.
pub(crate) fn check_variables(
    names: impl IntoIterator<Item = OsString>,
) -> Result<(), ConfigError> {
    let settings = Environment::command();
    let mut names = names.into_iter();
    names.try_for_each(|name| Variable::of(&name, &settings).map(drop))
}

/// What a variable is for.
enum Variable {
    /// The setting of this name.
    Setting(String),
    TestClock,
    /// Not for settings.
    Other,
}

impl Variable {
    fn of(name: &OsStr, settings: &Command) -> Result<Self, ConfigError> {
        let Some(name) = name.to_str() else {
            return Ok(Self::Other);
        };
        let Some(setting) = name.strip_prefix(PREFIX) else {
            return Ok(Self::Other);
        };
        let setting = setting.to_ascii_lowercase();
        if name == TEST_CLOCK {
            Ok(Self::TestClock)
        } else if settings
            .get_arguments()
            .any(|arg| arg.get_id() == setting.as_str())
        {
            Ok(Self::Setting(setting))
        } else if OF_CLIENTS.contains(&name) {
            Ok(Self::Other)
        } else {
            let reason = "is not a setting; `billing-server --help` tells them all";
            Err(ConfigError::new(name, reason))
        }
    }
}

/// Reads variables as if they were flags, so that both take the same values.
#[derive(Debug, Default, Parser)]
#[command(no_binary_name = true, disable_help_flag = true)]
struct Environment {
    #[command(flatten)]
    options: Options,
    #[arg(skip)]
    test_clock: Option<DateTime<Utc>>,
}

impl Config {
    /// The settings that `flags`, the variables of `environment` and the file they name give.
    ///
    /// # Errors
    /// The first setting that is unknown, malformed or out of range, or a combination of
    /// settings that the server refuses.
    pub(crate) fn load(
        flags: &Options,
        environment: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Self, ConfigError> {
        let environment = Environment::read(environment)?;
        let file = flags
            .common
            .config
            .as_ref()
            .or(environment.options.common.config.as_ref());
        let mut figment = Figment::from(Serialized::defaults(Self::default()));
        if let Some(path) = file {
            figment = figment.merge(Toml::string(&read(path)?));
        }
        let mut config: Self = figment
            .merge(Serialized::defaults(&environment.options))
            .merge(Serialized::defaults(flags))
            .extract()
            .map_err(|error| merge_error(error, file))?;
        config.test_clock = environment.test_clock;
        config.check()?;
        Ok(config)
    }
}

impl Environment {
    fn read(
        variables: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Self, ConfigError> {
        let command = Self::command();
        let mut environment = Self::default();
        for (name, value) in variables {
            match Variable::of(&name, &command)? {
                Variable::Setting(setting) => {
                    environment.set(&name.to_string_lossy(), &setting, &value)?;
                }
                Variable::TestClock => environment.test_clock = Some(test_clock(&value)?),
                Variable::Other => {}
            }
        }
        Ok(environment)
    }

    fn set(&mut self, name: &str, setting: &str, value: &OsStr) -> Result<(), ConfigError> {
        let mut flag = OsString::from(format!("--{}=", setting.replace('_', "-")));
        flag.push(value);
        self.try_update_from([flag])
            .map_err(|error| ConfigError::new(name, variable_error(&error)))
    }
}

/// What clap says about a value, without the flag it was told the value belongs to.
fn variable_error(error: &clap::Error) -> String {
    let value = error
        .get(ContextKind::InvalidValue)
        .map(ToString::to_string);
    match (value, std::error::Error::source(error)) {
        (Some(value), Some(source)) => format!("{value} is not valid: {source}"),
        (Some(value), None) if !value.is_empty() => match error.get(ContextKind::ValidValue) {
            Some(valid) => format!("{value} is not one of: {valid}"),
            None => format!("{value} is not valid"),
        },
        _ if error.kind() == ErrorKind::InvalidUtf8 => "is not valid UTF-8".to_owned(),
        _ => "must not be empty".to_owned(),
    }
}

fn test_clock(value: &OsStr) -> Result<DateTime<Utc>, ConfigError> {
    value
        .to_str()
        .and_then(|text| DateTime::parse_from_rfc3339(text).ok())
        .map(|time| time.to_utc())
        .ok_or_else(|| {
            let reason = "must be a time such as 2024-11-01T00:00:00Z";
            ConfigError::new(TEST_CLOCK, reason)
        })
}

fn read(path: &Path) -> Result<String, ConfigError> {
    std::fs::read_to_string(path).map_err(|error| {
        ConfigError::new("config", format!("cannot read {}: {error}", path.display()))
    })
}

/// The error of a merge; only the file can hold a wrong key or type.
fn merge_error(error: figment::Error, file: Option<&PathBuf>) -> ConfigError {
    let file = file
        .map(|path| format!(" in {}", path.display()))
        .unwrap_or_default();
    match (error.kind, error.path.first()) {
        (Kind::UnknownField(key, _), _) => ConfigError::new(key, format!("is not a setting{file}")),
        (Kind::Message(message), Some(key)) => ConfigError::new(key, message),
        (kind, Some(key)) => ConfigError::new(key, format!("{kind}{file}")),
        // The parser quotes the line at fault, which may hold a password.
        (kind, None) => ConfigError::new("config", format!("{}{file}", unquoted(&kind))),
    }
}

fn unquoted(kind: &Kind) -> String {
    let text = kind.to_string();
    let lines = text
        .lines()
        .filter(|line| !line.contains('|') && !line.trim().is_empty());
    lines.collect::<Vec<_>>().join(": ")
}
