//! Moving the test clock.

use std::sync::Arc;

use billing_proto::v1::{self, debug_service_server::DebugService};
use tonic::{Request, Response, Status, async_trait};

use crate::{
    auth::layer::caller,
    clock::TestClock,
    convert::{self, Violations},
    error::ApiError,
    jobs::Jobs,
};

/// The service over a test clock.
pub(super) struct MovableClock {
    pub(super) clock: Arc<TestClock>,
    pub(super) jobs: Jobs,
}

#[async_trait]
impl DebugService for MovableClock {
    async fn advance_clock(
        &self,
        request: Request<v1::AdvanceClockRequest>,
    ) -> Result<Response<v1::AdvanceClockResponse>, Status> {
        caller(&request)?.require_admin()?;
        let mut violations = Violations::default();
        let to = convert::required_time("to", request.into_inner().to, &mut violations)
            .and_then(|to| violations.check("to", self.clock.advance_to(to)));
        let Some(now) = to else {
            return Err(violations.into_status());
        };
        // What the passing of time causes has happened when the call is answered.
        self.jobs.run(now).await.map_err(ApiError::from)?;
        Ok(Response::new(v1::AdvanceClockResponse {
            now: convert::timestamp(now),
        }))
    }
}
