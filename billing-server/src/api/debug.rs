//! Moving the test clock.

use std::sync::Arc;

use billing_proto::v1::{self, debug_service_server::DebugService};
use tonic::Request;

use super::{
    Answer, Violations,
    service::service,
    time::{required_time, timestamp},
};
use crate::{app::App, clock::TestClock, jobs::Jobs};

service! {
    DebugService for MovableClock {
        Admin => advance_clock(v1::AdvanceClockRequest) -> v1::AdvanceClockResponse;
    }
}

/// The service over a test clock.
pub(super) struct MovableClock {
    clock: Arc<TestClock>,
    jobs: Jobs,
}

impl MovableClock {
    pub(super) fn new(clock: Arc<TestClock>, app: &App) -> Self {
        Self {
            clock,
            jobs: Jobs::new(app.clone()),
        }
    }

    async fn advance_clock(
        &self,
        request: Request<v1::AdvanceClockRequest>,
    ) -> Answer<v1::AdvanceClockResponse> {
        let mut violations = Violations::default();
        let to = required_time("to", request.into_inner().to, &mut violations)
            .and_then(|to| violations.check("to", self.clock.advance_to(to)));
        let now = violations.finish(to)?;
        // What the passing of time causes has happened when the call is answered.
        self.jobs.run(now).await?;
        Ok(v1::AdvanceClockResponse {
            now: timestamp(now),
        })
    }
}
