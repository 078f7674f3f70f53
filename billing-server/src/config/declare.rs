//! Declaring a setting once.

use super::{DatabaseUrl, ListenAddress, LogFormat, Networks, Period, Periods, SecretText, Usd};

/// A setting's type, and the type of the flag that gives it.
pub(crate) trait Setting {
    /// What the flag and the variable are read as.
    type Flag;
}

/// A setting without a default.
impl<T> Setting for Option<T> {
    type Flag = T;
}

macro_rules! given_as_they_are {
    ($($setting:ty),+) => {
        $(impl Setting for $setting {
            type Flag = Self;
        })+
    };
}

given_as_they_are!(
    bool,
    String,
    u32,
    usize,
    ListenAddress,
    LogFormat,
    Networks,
    Period,
    Periods,
    Usd
);

/// Whatever is wrong with the URL is told without it, because it may hold a password.
impl Setting for DatabaseUrl {
    type Flag = SecretText;
}

/// Declares groups of settings. Each setting becomes a flag, the variable and the key of the file
/// that have its name, a field of [`super::Config`] with a default, and a check of its value:
///
/// ```ignore
/// /// Help text [default: 4]
/// #[arg(more for the flag)]
/// db_read_pool: usize = 4, value "N", between(POOL);
/// ```
macro_rules! settings {
    ($(
        $(#[doc = $group_doc:tt])+
        $Group:ident $group:ident $(with $(#[$flag_attr:meta])+ $flag:ident: $Flag:ty)? {
            $(
                $(#[doc = $doc:tt])+
                $(#[arg($($arg:tt)+)])?
                $key:ident: $type:ty = $default:expr, value $value:literal, $check:expr;
            )+
        }
    )+) => {
        $(
            $(#[doc = $group_doc])+
            #[derive(Debug, Clone, Default, clap::Args, serde::Serialize)]
            pub(crate) struct $Group {
                $($(#[$flag_attr])+ pub(crate) $flag: $Flag,)?
                $(
                    $(#[doc = $doc])+
                    #[arg(long, value_name = $value)]
                    $(#[arg($($arg)+)])?
                    #[serde(skip_serializing_if = "Option::is_none")]
                    pub(crate) $key: Option<<$type as $crate::config::declare::Setting>::Flag>,
                )+
            }
        )+

        /// All settings that flags or the environment may give; every one may be left out.
        #[derive(Debug, Clone, Default, clap::Args, serde::Serialize)]
        pub(crate) struct Options {
            $(
                $(#[doc = $group_doc])+
                #[command(flatten)]
                #[serde(flatten)]
                pub(crate) $group: $Group,
            )+
        }

        /// Everything the server is told, after all sources are merged.
        #[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        pub(crate) struct Config {
            $($(
                $(#[doc = $doc])+
                pub(crate) $key: $type,
            )+)+
            /// Where the test clock starts; without it the server runs on the system's clock.
            #[serde(skip)]
            pub(crate) test_clock: Option<chrono::DateTime<chrono::Utc>>,
        }

        impl Default for Config {
            fn default() -> Self {
                Self {
                    $($($key: $default,)+)+
                    test_clock: None,
                }
            }
        }

        impl Config {
            /// Checks each value by itself.
            pub(super) fn check(&self) -> Result<(), $crate::config::ConfigError> {
                $($(
                    $check(&self.$key)
                        .map_err(|reason| {
                            $crate::config::ConfigError::new(stringify!($key), reason)
                        })?;
                )+)+
                Ok(())
            }
        }
    };
}

pub(super) use settings;
