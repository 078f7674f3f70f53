//! Webhook endpoints: where events are sent, which of them, what they are signed with, and how well
//! that goes.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    Violation,
    delivery::OutletHealth,
    event_type::EventType,
    ids::{UserId, WebhookEndpointId},
};

/// How many old secrets sign beside the newest.
pub const MAX_OLD_SECRETS: usize = 2;
/// How long a secret signs after another has taken its place.
pub const OLD_SECRET_LIFETIME: TimeDelta = TimeDelta::days(1);
/// The most users that an endpoint can be limited to.
pub const MAX_USERS: usize = 1_000;

/// What an endpoint's events are signed with, as its owner was shown it.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookSecret(String);

impl WebhookSecret {
    /// A secret as it was made or stored.
    #[must_use]
    pub const fn trusted(text: String) -> Self {
        Self(text)
    }

    /// The secret itself, for whoever signs, stores or hands it out.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecret(..)")
    }
}

/// A secret that another has taken the place of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OldSecret {
    /// The secret.
    pub secret: WebhookSecret,
    /// The first moment when it signs no more (UTC).
    pub expires_at: DateTime<Utc>,
}

/// What an endpoint's events are signed with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookSecrets {
    /// The newest.
    pub current: WebhookSecret,
    /// Those before it, newest first, at most [`MAX_OLD_SECRETS`].
    pub old: Vec<OldSecret>,
}

impl WebhookSecrets {
    /// The secrets of a new endpoint.
    #[must_use]
    pub const fn new(current: WebhookSecret) -> Self {
        Self {
            current,
            old: Vec::new(),
        }
    }

    /// Puts a new secret in the place of the newest. The old ones go on signing for
    /// [`OLD_SECRET_LIFETIME`], so that a receiver can change over, unless they are revoked.
    pub fn rotate(&mut self, new: WebhookSecret, revoke_old: bool, now: DateTime<Utc>) {
        let secret = std::mem::replace(&mut self.current, new);
        if revoke_old {
            self.old.clear();
            return;
        }
        let expires_at = now.checked_add_signed(OLD_SECRET_LIFETIME);
        let expires_at = expires_at.unwrap_or(DateTime::<Utc>::MAX_UTC);
        self.old.retain(|old| old.expires_at > now);
        self.old.insert(0, OldSecret { secret, expires_at });
        self.old.truncate(MAX_OLD_SECRETS);
    }

    /// What signs at a time, newest first.
    pub fn signing(&self, now: DateTime<Utc>) -> impl Iterator<Item = &WebhookSecret> {
        let old = self.old.iter().filter(move |old| old.expires_at > now);
        std::iter::once(&self.current).chain(old.map(|old| &old.secret))
    }
}

/// Why nothing is sent to an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DisabledReason {
    /// An operator switched it off.
    Operator,
    /// It answered that it is gone (410).
    Gone,
    /// It took nothing for too long.
    Failing,
}

impl DisabledReason {
    const ALL: [Self; 3] = [Self::Operator, Self::Gone, Self::Failing];

    /// What the reason is called.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Gone => "gone",
            Self::Failing => "failing",
        }
    }

    /// The reason with a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.name() == name)
    }
}

/// Since when and why nothing is sent to an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Disabled {
    /// Why.
    pub reason: DisabledReason,
    /// Since when (UTC).
    pub at: DateTime<Utc>,
}

/// Which events an endpoint gets; an empty list leaves none out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EndpointFilter {
    /// The types of events.
    pub event_types: Vec<EventType>,
    /// The users whom they are about.
    pub user_ids: Vec<UserId>,
}

impl EndpointFilter {
    /// What is wrong with it, everything at once.
    #[must_use]
    pub fn violations(&self) -> Vec<Violation> {
        filter_violations(&self.event_types, &self.user_ids)
    }

    /// Whether an event passes. One that is about no user passes only where users are not chosen.
    #[must_use]
    pub fn takes(&self, kind: EventType, user_id: Option<&UserId>) -> bool {
        let of_type = self.event_types.is_empty() || self.event_types.contains(&kind);
        let of_user = user_id.is_some_and(|user_id| self.user_ids.contains(user_id));
        of_type && (self.user_ids.is_empty() || of_user)
    }
}

/// Where events are sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookEndpoint {
    /// The endpoint's id.
    pub id: WebhookEndpointId,
    /// Its address, as its owner wrote it.
    pub url: String,
    /// What it is, for people.
    pub description: String,
    /// Which events it gets.
    pub filter: EndpointFilter,
    /// Since when and why it gets none; `None` while it is enabled.
    pub disabled: Option<Disabled>,
    /// What its events are signed with.
    pub secrets: WebhookSecrets,
    /// How well that goes.
    pub health: OutletHealth,
    /// When it was made (UTC).
    pub created_at: DateTime<Utc>,
    /// When it last changed (UTC).
    pub updated_at: DateTime<Utc>,
}

/// What becomes of an endpoint; what is left out stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EndpointChange {
    /// Its address.
    pub url: Option<String>,
    /// What it is.
    pub description: Option<String>,
    /// The types of events that it gets.
    pub event_types: Option<Vec<EventType>>,
    /// The users whose events it gets.
    pub user_ids: Option<Vec<UserId>>,
    /// Whether it gets any.
    pub enabled: Option<bool>,
}

impl EndpointChange {
    /// What is wrong with it, everything at once.
    #[must_use]
    pub fn violations(&self) -> Vec<Violation> {
        filter_violations(
            self.event_types.as_deref().unwrap_or_default(),
            self.user_ids.as_deref().unwrap_or_default(),
        )
    }
}

fn filter_violations(event_types: &[EventType], user_ids: &[UserId]) -> Vec<Violation> {
    let mut found = Vec::new();
    if has_repeats(event_types) {
        found.push(Violation::new("event_types", "must name each type once"));
    }
    if user_ids.len() > MAX_USERS {
        let problem = format!("must name at most {MAX_USERS} users");
        found.push(Violation::new("user_ids", problem));
    } else if has_repeats(user_ids) {
        found.push(Violation::new("user_ids", "must name each user once"));
    }
    found
}

fn has_repeats<T: Ord>(names: &[T]) -> bool {
    let mut sorted: Vec<_> = names.iter().collect();
    sorted.sort_unstable();
    sorted.dedup();
    sorted.len() != names.len()
}

impl WebhookEndpoint {
    /// Makes a change. An endpoint that is enabled again, or whose address is another, starts
    /// without what was held against it.
    pub fn change(&mut self, change: EndpointChange, now: DateTime<Utc>) {
        let moved = change.url.as_ref().is_some_and(|url| *url != self.url);
        let enabled_again = change.enabled == Some(true) && self.disabled.is_some();
        if moved || enabled_again {
            self.health = self.health.afresh();
        }
        let switched_off = Disabled {
            reason: DisabledReason::Operator,
            at: now,
        };
        match change.enabled {
            Some(true) => self.disabled = None,
            Some(false) => self.disabled = self.disabled.or(Some(switched_off)),
            None => {}
        }
        set(&mut self.url, change.url);
        set(&mut self.description, change.description);
        set(&mut self.filter.event_types, change.event_types);
        set(&mut self.filter.user_ids, change.user_ids);
        self.updated_at = now;
    }

    /// Sends nothing more, because it is gone or takes nothing.
    pub fn disable(&mut self, reason: DisabledReason, now: DateTime<Utc>) {
        self.disabled = Some(Disabled { reason, at: now });
        self.updated_at = now;
    }

    /// Signs with a new secret from now on; see [`WebhookSecrets::rotate`].
    pub fn rotate(&mut self, new: WebhookSecret, revoke_old: bool, now: DateTime<Utc>) {
        self.secrets.rotate(new, revoke_old, now);
        self.updated_at = now;
    }
}

fn set<T>(field: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *field = value;
    }
}

#[cfg(test)]
mod tests;
