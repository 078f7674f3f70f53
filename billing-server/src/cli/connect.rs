//! Reaching the server as an operator.

use std::{fs, time::Duration};

use billing_client::{BillingClient, Error};
use chrono::Utc;

use super::{
    args::ClientOptions,
    exit::{CommandError, Exit},
    load,
};
use crate::auth::{Scopes, mint};

/// Who a token is for that is minted here.
const SUBJECT: &str = "billing-server-cli";
/// Longer than the longest import; the token never leaves the process.
const TOKEN_LIFE: Duration = Duration::from_hours(24);
/// Of one attempt: a batch may wait behind others.
const TIMEOUT: Duration = Duration::from_secs(60);
/// Of a call with its repetitions.
const DEADLINE: Duration = Duration::from_secs(180);

/// Connects with the token that was given, or else with one of our own.
pub(super) async fn connect(options: &ClientOptions) -> Result<BillingClient, CommandError> {
    let mut builder = BillingClient::builder(&options.endpoint)
        .token(token(options)?)
        .timeout(TIMEOUT)
        .deadline(DEADLINE);
    if let Some(path) = &options.tls_ca {
        builder =
            builder.tls_ca(fs::read(path).map_err(|error| CommandError::unusable(path, error))?);
    }
    builder.connect().await.map_err(|error| match error {
        Error::Config { .. } => error.into(),
        error => CommandError::failure(format_args!("{}: {error}", options.endpoint)),
    })
}

fn token(options: &ClientOptions) -> Result<String, CommandError> {
    let given = options.token.as_ref().map(|token| token.expose());
    if let Some(token) = given.filter(|token| !token.is_empty()) {
        return Ok(token.to_owned());
    }
    let no_token = |reason: &dyn std::fmt::Display| {
        let message = format!("no token: give --token, or a key file to sign one: {reason}");
        CommandError::new(Exit::Usage, message)
    };
    let config = load(&options.options())?;
    let key = config
        .load_existing_signing_key()
        .map_err(|error| no_token(&error))?;
    let scopes = Scopes {
        usage_write: true,
        admin: true,
    };
    let rules = config.token_rules();
    mint(&key, &rules, SUBJECT, scopes, TOKEN_LIFE, Utc::now()).map_err(|error| no_token(&error))
}
