//! Moving the test clock.

use std::sync::Arc;

use billing_proto::v1::{self, debug_service_server::DebugService};
use tonic::{Request, Response, Status, async_trait};

use crate::{
    auth::layer::caller,
    clock::TestClock,
    convert::{self, Violations},
};

/// The service over a test clock.
pub(super) struct MovableClock(pub(super) Arc<TestClock>);

#[async_trait]
impl DebugService for MovableClock {
    async fn advance_clock(
        &self,
        request: Request<v1::AdvanceClockRequest>,
    ) -> Result<Response<v1::AdvanceClockResponse>, Status> {
        caller(&request)?.require_admin()?;
        let mut violations = Violations::default();
        let to = convert::required_time("to", request.into_inner().to, &mut violations)
            .and_then(|to| violations.check("to", self.0.advance_to(to)));
        match to {
            Some(now) => Ok(Response::new(v1::AdvanceClockResponse {
                now: convert::timestamp(now),
            })),
            None => Err(violations.into_status()),
        }
    }
}
