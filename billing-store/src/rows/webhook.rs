//! Rows of `webhook_endpoints`.

use std::fmt;

use billing_core::{
    delivery::OutletHealth,
    event_type::EventType,
    ids::{UserId, WebhookEndpointId},
    webhook::{
        Disabled, DisabledReason, EndpointFilter, OldSecret, WebhookEndpoint, WebhookSecret,
        WebhookSecrets,
    },
};
use chrono::{DateTime, Utc};
use diesel::{
    backend::Backend,
    deserialize::{self, FromSql, FromSqlRow},
    expression::AsExpression,
    serialize::{self, Output, ToSql},
    sql_types::{Bool, Nullable, Text},
};
use serde::{Deserialize, Serialize};

use super::{DbTimestamp, DbUuid, present, table::table_row};
use crate::{
    StoreError,
    json::Json,
    sql_types::{JsonText, UtcTimestamp, UuidBytes},
};

table_row! {
    WebhookEndpointRow, WebhookEndpointColumns in webhook_endpoints {
        id: DbUuid as UuidBytes = "uuid", Key;
        url: String as Text = "text", Set;
        description: String as Text = "text", Set;
        event_types: Json<Vec<String>> as JsonText = "jsonb", Set;
        user_ids: Json<Vec<String>> as JsonText = "jsonb", Set;
        enabled: bool as Bool = "boolean", Set;
        disabled_reason: Option<String> as Nullable<Text> = "text", Set;
        disabled_at: Option<DbTimestamp> as Nullable<UtcTimestamp> = "timestamptz", Set;
        secret: DbSecret as Text = "text", Set;
        old_secrets: Json<Vec<OldSecretJson>> as JsonText = "jsonb", Set;
        created_at: DbTimestamp as UtcTimestamp = "timestamptz", Insert;
        updated_at: DbTimestamp as UtcTimestamp = "timestamptz", Set;
    }
}

/// A secret in a column, which is in no log.
#[derive(Clone, Serialize, Deserialize, AsExpression, FromSqlRow)]
#[diesel(sql_type = Text)]
#[serde(transparent)]
pub(crate) struct DbSecret(String);

/// A secret that another has taken the place of.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct OldSecretJson {
    secret: DbSecret,
    expires_at: DateTime<Utc>,
}

impl DbSecret {
    fn new(secret: &WebhookSecret) -> Self {
        Self(secret.reveal().to_owned())
    }

    fn into_secret(self) -> WebhookSecret {
        WebhookSecret::trusted(self.0)
    }
}

impl fmt::Debug for DbSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DbSecret(..)")
    }
}

impl<DB: Backend> ToSql<Text, DB> for DbSecret
where
    String: ToSql<Text, DB>,
{
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB>) -> serialize::Result {
        self.0.to_sql(out)
    }
}

impl<DB: Backend> FromSql<Text, DB> for DbSecret
where
    String: FromSql<Text, DB>,
{
    fn from_sql(value: DB::RawValue<'_>) -> deserialize::Result<Self> {
        String::from_sql(value).map(Self)
    }
}

impl From<&WebhookEndpoint> for WebhookEndpointRow {
    fn from(endpoint: &WebhookEndpoint) -> Self {
        let filter = &endpoint.filter;
        let types = filter.event_types.iter().map(|kind| kind.name().to_owned());
        let old = endpoint.secrets.old.iter().map(|old| OldSecretJson {
            secret: DbSecret::new(&old.secret),
            expires_at: old.expires_at,
        });
        let disabled = endpoint.disabled;
        Self {
            id: DbUuid(endpoint.id.uuid()),
            url: endpoint.url.clone(),
            description: endpoint.description.clone(),
            event_types: Json(types.collect()),
            user_ids: Json(filter.user_ids.iter().map(ToString::to_string).collect()),
            enabled: disabled.is_none(),
            disabled_reason: disabled.map(|disabled| disabled.reason.name().to_owned()),
            disabled_at: disabled.map(|disabled| DbTimestamp(disabled.at)),
            secret: DbSecret::new(&endpoint.secrets.current),
            old_secrets: Json(old.collect()),
            created_at: DbTimestamp(endpoint.created_at),
            updated_at: DbTimestamp(endpoint.updated_at),
        }
    }
}

impl WebhookEndpointRow {
    /// The endpoint, of which the outlet's row tells how it fares.
    pub(crate) fn into_endpoint(self, health: OutletHealth) -> Result<WebhookEndpoint, StoreError> {
        let row = self;
        let disabled = disabled(&row)?;
        let old = row.old_secrets.0.into_iter().map(|old| OldSecret {
            secret: old.secret.into_secret(),
            expires_at: old.expires_at,
        });
        let users = row.user_ids.0.into_iter();
        Ok(WebhookEndpoint {
            id: WebhookEndpointId::new(row.id.0),
            url: row.url,
            description: row.description,
            filter: EndpointFilter {
                event_types: event_types(&row.event_types.0)?,
                user_ids: users.map(UserId::trusted).collect(),
            },
            disabled,
            secrets: WebhookSecrets {
                current: row.secret.into_secret(),
                old: old.collect(),
            },
            health,
            created_at: row.created_at.0,
            updated_at: row.updated_at.0,
        })
    }
}

fn disabled(row: &WebhookEndpointRow) -> Result<Option<Disabled>, StoreError> {
    if row.enabled {
        return Ok(None);
    }
    let reason = present("disabled_reason", row.disabled_reason.as_deref())?;
    let named = DisabledReason::named(reason);
    Ok(Some(Disabled {
        reason: named.ok_or_else(|| StoreError::corrupt("disabled_reason", reason))?,
        at: present("disabled_at", row.disabled_at)?.0,
    }))
}

fn event_types(names: &[String]) -> Result<Vec<EventType>, StoreError> {
    let types = names.iter().map(|name| {
        let named = EventType::named(name);
        named.ok_or_else(|| StoreError::corrupt("event_types", name))
    });
    types.collect()
}
