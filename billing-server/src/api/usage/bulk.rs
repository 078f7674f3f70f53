//! Recording many model calls: each has its own result, and none stops the others.

use billing_proto::v1;

use super::{convert, recorded};
use crate::{
    app::App,
    auth::Caller,
    error::{ApiError, refused::model_not_found},
};

/// A call that was sent, and what is wrong with it or the model it names.
struct Sent {
    request_id: String,
    checked: Result<String, ApiError>,
}

impl App {
    /// Records what can be recorded and answers for each record, in their order.
    ///
    /// # Errors
    /// When the prices cannot be read; then nothing was recorded.
    pub(super) async fn record_all(
        &self,
        caller: &Caller,
        requests: Vec<v1::RecordUsageRequest>,
    ) -> Result<Vec<v1::RecordUsageResult>, ApiError> {
        // Once for all of them: a model that has no price now has none.
        let catalog = self.store().catalog().await?;
        let mut usages = Vec::with_capacity(requests.len());
        let mut sent = Vec::with_capacity(requests.len());
        for request in requests {
            let request_id = request.request_id.clone();
            let checked = self.usage(caller, request).and_then(|usage| {
                let model = usage.model.as_str().to_owned();
                let at = usage.created_at.min(usage.received_at);
                let price = catalog.price_at(&model, at);
                price.ok_or_else(|| model_not_found(&model))?;
                usages.push(usage);
                Ok(model)
            });
            sent.push(Sent {
                request_id,
                checked,
            });
        }
        let mut outcomes = self.writer().record_all(usages).await.into_iter();
        let results = sent.into_iter().filter_map(|sent| {
            let answer = match sent.checked {
                Err(error) => Err(error),
                Ok(model) => outcomes
                    .next()?
                    .map_err(ApiError::from)
                    .and_then(|outcome| recorded(outcome, &model)),
            };
            Some(match answer {
                Ok((record, duplicate)) => convert::recorded_result(&record, duplicate),
                Err(error) => convert::rejected_result(sent.request_id, error),
            })
        });
        Ok(results.collect())
    }
}
