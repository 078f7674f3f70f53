//! A PayPal of our own: it listens on this machine, keeps state, and is as strict as the
//! documents say.
//!
//! Its clock stands still until a test moves it. Faults are outside the layer of keys, so that a
//! call that was cut off may have been done.

mod answers;
mod control;
mod disputes;
mod orders;
mod refunds;
mod serve;
mod signer;
mod state;
mod webhooks;

use std::sync::{Arc, Mutex, MutexGuard};

use tokio::{net::TcpListener, task::JoinHandle};

use self::state::State;
pub use self::webhooks::SignedWebhook;

/// The app's client id.
pub const CLIENT_ID: &str = "test-client";
/// The app's secret.
pub const CLIENT_SECRET: &str = "test-secret-that-no-log-shows";
/// The id of the webhook's address.
pub const WEBHOOK_ID: &str = "1JE4291016473214C";

/// A PayPal that ends with its value.
pub struct FakePaypal {
    base: String,
    state: Arc<Mutex<State>>,
    server: JoinHandle<()>,
}

/// What goes wrong with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It is done, and no answer ever comes.
    NoAnswer,
    /// Nothing is done, and no answer ever comes.
    Swallowed,
    /// The connection is cut, and nothing is done.
    CutBefore,
    /// It is done, and the connection is cut in the middle of the answer.
    CutAfter,
    /// 500, and nothing is done.
    ServerError,
    /// 429 with 7 seconds to wait, and nothing is done.
    TooMany,
}

/// What a capture of an approved order comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CaptureOutcome {
    /// The money is there.
    #[default]
    Completed,
    /// It stays pending until a test says how it ends.
    Pending,
    /// It is made, and declined at once.
    Declined,
    /// 422 with this issue, such as `INSTRUMENT_DECLINED` or `PAYER_ACTION_REQUIRED`.
    Refused(&'static str),
}

impl FakePaypal {
    /// Starts one.
    ///
    /// # Panics
    /// When this machine gives it no port.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("its address");
        let base = format!("http://{address}");
        let state = Arc::new(Mutex::new(State::new(base.clone())));
        let app = axum::Router::new()
            .fallback(serve::handle)
            .with_state(Arc::clone(&state));
        let server = tokio::spawn(async move {
            axum::serve(listener, app).await.expect("to serve");
        });
        Self {
            base,
            state,
            server,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no panic while it was held")
    }
}

impl Drop for FakePaypal {
    fn drop(&mut self) {
        self.server.abort();
    }
}
