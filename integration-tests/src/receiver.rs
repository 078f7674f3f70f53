//! A receiver of webhooks on a port of this machine, which answers as a test tells it.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
};
use tokio::{net::TcpListener, sync::Notify, task::JoinHandle};

/// What has arrived.
#[derive(Debug, Clone)]
pub struct Received {
    /// The headers, of which `webhook-*` matter.
    pub headers: HeaderMap,
    /// The body, byte for byte.
    pub body: String,
}

/// A running receiver. It ends when it is dropped.
#[derive(Debug)]
pub struct Receiver {
    address: SocketAddr,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<Seen>,
    arrived: Notify,
}

#[derive(Debug, Default)]
struct Seen {
    received: Vec<Received>,
    /// The next answers; 204 when there are none.
    answers: VecDeque<u16>,
    /// The answer to all else.
    always: Option<u16>,
    /// Whether nothing is answered at all.
    hangs: bool,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, Seen> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Received {
    /// A header's text; empty when it is not there.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }
}

impl Receiver {
    /// Starts one that takes everything.
    ///
    /// # Panics
    /// When no port is free.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("its address");
        let shared = Arc::<Shared>::default();
        let router = Router::new()
            .fallback(receive)
            .with_state(Arc::clone(&shared));
        let server = tokio::spawn(async move {
            drop(axum::serve(listener, router).await);
        });
        Self {
            address,
            shared,
            server,
        }
    }

    /// Where events are to be sent.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    /// Has the next events answered with these statuses.
    pub fn answer(&self, statuses: &[u16]) {
        self.shared.state().answers.extend(statuses);
    }

    /// Has all events answered with a status from now on.
    pub fn always(&self, status: u16) {
        self.shared.state().always = Some(status);
    }

    /// Has no event answered from now on.
    pub fn hang(&self) {
        self.shared.state().hangs = true;
    }

    /// What has arrived so far.
    #[must_use]
    pub fn received(&self) -> Vec<Received> {
        self.shared.state().received.clone()
    }

    /// Waits until so many events have arrived, and answers them.
    pub async fn arrived(&self, count: usize) -> Vec<Received> {
        loop {
            let arrived = self.shared.arrived.notified();
            let received = self.received();
            if received.len() >= count {
                return received;
            }
            arrived.await;
        }
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn receive(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, String) {
    let body = String::from_utf8_lossy(&body).into_owned();
    let (status, hangs) = {
        let mut state = shared.state();
        state.received.push(Received { headers, body });
        let always = state.always.unwrap_or(204);
        (state.answers.pop_front().unwrap_or(always), state.hangs)
    };
    shared.arrived.notify_waiters();
    if hangs {
        std::future::pending::<()>().await;
    }
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::NO_CONTENT);
    (status, format!("answered {status}"))
}
