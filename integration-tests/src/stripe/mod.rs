//! A fake of Stripe, as strict as its documentation, on a port of this machine.
//!
//! It keeps customers, methods, intents, refunds and disputes in memory, and idempotency keys for
//! 24 hours of its own clock. What the outside world does (banks, buyers, somebody at Stripe's own
//! site) are methods of [`FakeStripe`], and so are faults of the network.

mod control;
mod error;
mod faults;
mod inspect;
mod intents;
mod keys;
mod lists;
mod methods;
mod params;
mod refunds;
mod render;
mod server;
mod state;
#[cfg(test)]
mod tests;
mod webhook;
mod wire;

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard},
};

use tokio::{net::TcpListener, sync::Notify, task::JoinHandle};

pub use self::{
    faults::{Endpoint, Fault},
    inspect::SeenIntent,
    state::Behaviour,
    webhook::{SignedWebhook, signature},
};
use self::{state::State, wire::CuttableListener};

/// The one key that the fake accepts.
pub const SECRET_KEY: &str = "sk_test_fake";
/// What its webhooks are signed with.
pub const WEBHOOK_SECRET: &str = "whsec_fake";
/// The one API version that it speaks.
pub const API_VERSION: &str = "2025-09-30.clover";

/// A running fake. It ends when it is dropped.
pub struct FakeStripe {
    address: SocketAddr,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

/// What the server and the test both work on.
struct Shared {
    state: Mutex<State>,
    /// A call is held.
    held: Notify,
    /// Lets a held call go on.
    released: Notify,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no call of the fake panics")
    }
}

impl FakeStripe {
    /// Starts one whose clock stands at a number of seconds since 1970.
    ///
    /// # Panics
    /// When there is no port.
    pub async fn start(now: i64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .expect("there is a port");
        let address = listener.local_addr().expect("the port is bound");
        let shared = Arc::new(Shared {
            state: Mutex::new(State::new(now)),
            held: Notify::new(),
            released: Notify::new(),
        });
        let service = server::service(Arc::clone(&shared));
        let server = tokio::spawn(async move {
            axum::serve(CuttableListener(listener), service)
                .await
                .expect("the fake runs until it is dropped");
        });
        Self {
            address,
            shared,
            server,
        }
    }

    /// Where its API is.
    #[must_use]
    pub fn api_base(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for FakeStripe {
    fn drop(&mut self) {
        self.server.abort();
    }
}
