//! Models without a price that callers ask for: told once per model and hour.

use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
};

use billing_core::{event::UnpricedModel, ids::ModelId, usage::Call};
use chrono::{DateTime, DurationRound, TimeDelta, Utc};

use crate::app::App;

/// How many models this server tells of in an hour: callers can make them up.
const MODELS: usize = 100;

/// The models that this server has told of in the running hour, so that a caller who repeats
/// themselves does not keep the database busy.
#[derive(Debug, Default)]
pub(crate) struct Unpriced(Mutex<(Option<DateTime<Utc>>, HashSet<ModelId>)>);

impl Unpriced {
    /// Whether a model is news.
    fn is_new(&self, model: &ModelId, now: DateTime<Utc>) -> bool {
        let hour = now.duration_trunc(TimeDelta::hours(1)).ok();
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if told.0 != hour {
            *told = (hour, HashSet::new());
        }
        told.1.len() < MODELS && told.1.insert(model.clone())
    }
}

/// Tells of a model without a price that a call asks for. The call is refused without waiting.
pub(crate) fn note_unpriced(app: &App, call: &Call) {
    if !app.unpriced().is_new(&call.model, app.now()) {
        return;
    }
    let model = UnpricedModel {
        model_id: call.model.clone(),
        provider: call.provider.clone(),
    };
    let app = app.clone();
    tokio::spawn(async move {
        if let Err(error) = app.store().note_unpriced(model).await {
            tracing::warn!(%error, "a model without a price was not told of");
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_news_once_an_hour() {
        let unpriced = Unpriced::default();
        let (gpt, claude) = (
            ModelId::parse("gpt").unwrap(),
            ModelId::parse("claude").unwrap(),
        );
        let at = |text: &str| text.parse().unwrap();
        let first = at("2024-11-01T10:00:00Z");
        assert!(unpriced.is_new(&gpt, first));
        assert!(!unpriced.is_new(&gpt, at("2024-11-01T10:59:59Z")));
        assert!(unpriced.is_new(&claude, first));
        assert!(unpriced.is_new(&gpt, at("2024-11-01T11:00:00Z")));
    }

    #[test]
    fn no_more_than_a_hundred_models_are_news_in_an_hour() {
        let unpriced = Unpriced::default();
        let at = "2024-11-01T10:00:00Z".parse().unwrap();
        let models = (0..200).map(|number| ModelId::parse(format!("model-{number}")).unwrap());
        assert_eq!(
            models.filter(|model| unpriced.is_new(model, at)).count(),
            MODELS
        );
    }
}
