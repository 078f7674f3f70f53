//! Stripe's own mock server. It keeps nothing, but refuses every address and parameter that is not
//! in Stripe's OpenAPI file.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, PoisonError, Weak},
    thread,
};

use crate::tools;

/// What it prints before its address.
const READY: &str = "Listening for HTTP at address: ";

/// The one that is running: it takes a second to start, and keeps nothing that tests could disturb.
static RUNNING: Mutex<Weak<StripeMock>> = Mutex::new(Weak::new());

/// A running mock server. It ends when nobody needs it any more.
pub struct StripeMock {
    address: String,
    process: Child,
}

impl StripeMock {
    /// The one that is running, or a new one; `None` where the test is to be skipped.
    ///
    /// # Panics
    /// When it does not start, or is missing in CI.
    pub fn shared() -> Option<Arc<Self>> {
        // A test that failed while it started one has left nothing behind.
        let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(mock) = running.upgrade() {
            return Some(mock);
        }
        let mock = Arc::new(Self::start()?);
        *running = Arc::downgrade(&mock);
        Some(mock)
    }

    fn start() -> Option<Self> {
        let mut process = Command::new(tools::stripe_mock()?)
            .args(["-strict-version-check", "-http-addr", "127.0.0.1:0"])
            // It listens for HTTPS in any case.
            .args(["-https-addr", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("stripe-mock runs");
        let printed = process.stdout.take().expect("the output is piped");
        let mut lines = BufReader::new(printed).lines();
        let address = lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| line.strip_prefix(READY).map(str::to_owned))
            .expect("it says where it listens before it ends");
        // What it prints from now on is read and dropped, so that it never waits to print.
        thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        Some(Self { address, process })
    }

    /// Where its API is.
    #[must_use]
    pub fn api_base(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for StripeMock {
    fn drop(&mut self) {
        // One that has ended by itself is no matter.
        let _killed = self.process.kill();
        let _ended = self.process.wait();
    }
}
