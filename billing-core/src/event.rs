//! What the world is told of, numbered per account.

use chrono::{DateTime, Utc};

/// Something that happened to an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its number, unique per account and rising.
    pub sequence: i64,
    /// What happened.
    pub data: EventData,
}

/// What happened, with what is told of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventData {
    /// Quota and topped-up balance are used up to a level.
    QuotaAlert(QuotaAlert),
}

/// A level that a window has reached, which is announced once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuotaAlert {
    /// The first moment of the window (UTC).
    pub window_start: DateTime<Utc>,
    /// The level.
    pub level: QuotaLevel,
    /// Tokens that are left.
    pub tokens_remaining: i64,
    /// Tokens of quota and topped-up balance.
    pub tokens_total: i64,
}

/// How far quota and topped-up balance are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QuotaLevel {
    /// 80 % are used.
    MostUsed,
    /// The user's own threshold is reached.
    Threshold,
    /// Nothing is left.
    UsedUp,
}

impl Event {
    /// The event's type, as it is delivered.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match &self.data {
            EventData::QuotaAlert(alert) => match alert.level {
                QuotaLevel::MostUsed | QuotaLevel::Threshold => "usage.quota_warning",
                QuotaLevel::UsedUp => "usage.quota_exhausted",
            },
        }
    }
}

impl QuotaLevel {
    const ALL: [Self; 3] = [Self::MostUsed, Self::Threshold, Self::UsedUp];

    /// What the level is called.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::MostUsed => "80%",
            Self::Threshold => "threshold",
            Self::UsedUp => "100%",
        }
    }

    /// The level with a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(QuotaLevel::MostUsed, "usage.quota_warning")]
    #[case(QuotaLevel::Threshold, "usage.quota_warning")]
    #[case(QuotaLevel::UsedUp, "usage.quota_exhausted")]
    fn a_level_is_announced_under_its_name(#[case] level: QuotaLevel, #[case] name: &str) {
        let alert = QuotaAlert {
            window_start: DateTime::UNIX_EPOCH,
            level,
            tokens_remaining: 0,
            tokens_total: 0,
        };
        let event = Event {
            sequence: 1,
            data: EventData::QuotaAlert(alert),
        };
        assert_eq!(event.name(), name);
        assert_eq!(QuotaLevel::named(level.name()), Some(level));
    }
}
