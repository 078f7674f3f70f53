//! Parameters of a call, of which none may be unknown.

use std::collections::BTreeMap;

use reqwest::Url;

use super::{error::Refusal, faults::Endpoint, render::Expand, state::Metadata};

/// What holds metadata.
const METADATA: &str = "metadata";

/// The parameters of a call by their names, in brackets where they are nested.
pub(super) struct Params(BTreeMap<String, Vec<String>>);

/// What an endpoint takes; `metadata` stands for all that is in it.
const fn known(endpoint: Endpoint) -> &'static [&'static str] {
    match endpoint {
        Endpoint::CreateCustomer => &["email", "name", "description", METADATA],
        Endpoint::CreateSetup => &[
            "customer",
            "usage",
            "automatic_payment_methods[enabled]",
            "automatic_payment_methods[allow_redirects]",
            METADATA,
        ],
        Endpoint::CreateIntent => &[
            "amount",
            "currency",
            "customer",
            "payment_method",
            "description",
            "confirm",
            "automatic_payment_methods[enabled]",
            "automatic_payment_methods[allow_redirects]",
            METADATA,
        ],
        Endpoint::ConfirmIntent => &["off_session", "payment_method", "return_url"],
        Endpoint::CancelIntent => &["cancellation_reason"],
        Endpoint::CreateRefund => &["payment_intent", "amount", "reason", METADATA],
        Endpoint::ListIntents => &[
            "customer",
            "created[gt]",
            "created[gte]",
            "created[lt]",
            "created[lte]",
            "limit",
            "starting_after",
        ],
        Endpoint::ListRefunds | Endpoint::ListDisputes => {
            &["payment_intent", "limit", "starting_after"]
        }
        Endpoint::GetMethod
        | Endpoint::DetachMethod
        | Endpoint::GetIntent
        | Endpoint::GetRefund => &[],
    }
}

impl Params {
    /// Reads a query or a form.
    pub(super) fn read(form: &str) -> Self {
        let mut params: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let url = Url::parse(&format!("http://form/?{form}")).expect("it is a query");
        for (name, value) in url.query_pairs() {
            let values = params.entry(name.into_owned()).or_default();
            values.push(value.into_owned());
        }
        Self(params)
    }

    /// The same text for the same parameters.
    pub(super) fn fingerprint(&self) -> String {
        format!("{:?}", self.0)
    }

    /// Refuses what the endpoint does not take.
    pub(super) fn check(&self, endpoint: Endpoint) -> Result<(), Refusal> {
        for (name, values) in &self.0 {
            let is_metadata = name.starts_with("metadata[") && name.ends_with(']');
            let plain = if is_metadata { METADATA } else { name.as_str() };
            if plain == "expand[]" {
                continue;
            }
            if !known(endpoint).contains(&plain) {
                let message = format!("Received unknown parameter: {name}");
                return Err(Refusal::parameter("parameter_unknown", name, message));
            }
            if values.len() != 1 || values.iter().any(String::is_empty) {
                let message = format!("Invalid {name}");
                return Err(Refusal::parameter("parameter_invalid_empty", name, message));
            }
        }
        self.expand(endpoint).map(|_| ())
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.first().map(String::as_str)
    }

    pub(super) fn need(&self, name: &str) -> Result<&str, Refusal> {
        self.get(name).ok_or_else(|| {
            let message = format!("Missing required param: {name}.");
            Refusal::parameter("parameter_missing", name, message)
        })
    }

    pub(super) fn number(&self, name: &str) -> Result<Option<i64>, Refusal> {
        let parse = |text: &str| {
            text.parse().map_err(|_| {
                let message = format!("Invalid integer: {text}");
                Refusal::parameter("parameter_invalid_integer", name, message)
            })
        };
        self.get(name).map(parse).transpose()
    }

    /// Whether a flag is set.
    pub(super) fn flag(&self, name: &str) -> Result<bool, Refusal> {
        match self.get(name) {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(other) => {
                let message = format!("Invalid boolean: {other}");
                Err(Refusal::parameter("parameter_invalid", name, message))
            }
        }
    }

    pub(super) fn metadata(&self) -> Metadata {
        let key = |name: &str| {
            let key = name.strip_prefix("metadata[")?.strip_suffix(']')?;
            Some(key.to_owned())
        };
        let entry = |(name, values): (&String, &Vec<String>)| Some((key(name)?, values.concat()));
        self.0.iter().filter_map(entry).collect()
    }

    /// How much of an intent is to be shown whole.
    pub(super) fn expand(&self, endpoint: Endpoint) -> Result<Expand, Refusal> {
        let is_list = endpoint == Endpoint::ListIntents;
        let mut widest = Expand::Nothing;
        for path in self.0.get("expand[]").into_iter().flatten() {
            let member = path.strip_prefix("data.");
            let asked = match if is_list { member } else { Some(path.as_str()) } {
                Some("latest_charge") => Expand::Charge,
                Some("latest_charge.balance_transaction") => Expand::Balance,
                _ => {
                    let message = format!("This property cannot be expanded ({path}).");
                    return Err(Refusal::parameter("parameter_invalid", "expand", message));
                }
            };
            widest = widest.max(asked);
        }
        Ok(widest)
    }
}
