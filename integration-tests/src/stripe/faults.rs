//! Endpoints, and what may go wrong at them.

use super::FakeStripe;

/// A call of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Endpoint {
    CreateCustomer,
    CreateSetup,
    GetMethod,
    DetachMethod,
    CreateIntent,
    GetIntent,
    ListIntents,
    ConfirmIntent,
    CancelIntent,
    CreateRefund,
    GetRefund,
    ListRefunds,
    ListDisputes,
}

/// What goes wrong with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It is done, and never answered.
    TimeOutAfter,
    /// The connection breaks before anything is done.
    CutBefore,
    /// It is done, and the connection breaks before the answer.
    CutAfter,
    /// Nothing is done, and the answer is a 500, which its key replays.
    FailBefore,
    /// It is done, and the answer is a 500, which its key replays.
    FailAfter,
    /// The answer is a 429 that says to wait for some seconds. No key hears of it.
    TooMany(u32),
    /// It waits until [`FakeStripe::release`], and its key is in use until then.
    Hold,
}

impl FakeStripe {
    /// Lets the next calls of an endpoint go wrong, in the order in which faults were given.
    pub fn fault(&self, endpoint: Endpoint, fault: Fault, times: usize) {
        let faults = std::iter::repeat_n((endpoint, fault), times);
        self.shared.state().faults.extend(faults);
    }

    /// Waits until a call is held.
    pub async fn held(&self) {
        self.shared.held.notified().await;
    }

    /// Lets one held call go on.
    pub fn release(&self) {
        self.shared.released.notify_one();
    }

    /// How many calls of an endpoint have come, those that went wrong too.
    #[must_use]
    pub fn calls(&self, endpoint: Endpoint) -> usize {
        let state = self.shared.state();
        state.calls.iter().filter(|&&call| call == endpoint).count()
    }
}
