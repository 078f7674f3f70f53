//! A receiver of webhooks that does what a test tells it.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::JoinHandle,
};

/// What a receiver does with each request.
#[derive(Debug, Clone)]
pub(super) struct Behaviour {
    answer: String,
    then: Then,
}

#[derive(Debug, Clone, Copy)]
enum Then {
    /// Closes the connection.
    Close,
    /// Neither sends nor closes.
    Hang,
    /// Goes on with a byte every few milliseconds.
    Drip,
    /// Goes on with so many bytes.
    Flood(usize),
}

impl Behaviour {
    pub(super) fn answering(answer: &str) -> Self {
        Self::new(answer, Then::Close)
    }

    pub(super) fn hanging(answer: &str) -> Self {
        Self::new(answer, Then::Hang)
    }

    pub(super) fn dripping(answer: &str) -> Self {
        Self::new(answer, Then::Drip)
    }

    pub(super) fn flooding(answer: &str, bytes: usize) -> Self {
        Self::new(answer, Then::Flood(bytes))
    }

    fn new(answer: &str, then: Then) -> Self {
        Self {
            answer: answer.to_owned(),
            then,
        }
    }
}

/// A receiver on a port of this machine.
pub(super) struct Receiver {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
    cut_off: mpsc::UnboundedReceiver<usize>,
    serving: JoinHandle<()>,
}

impl Receiver {
    pub(super) async fn start(behaviour: Behaviour) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::<Mutex<Vec<_>>>::default();
        let seen = Arc::clone(&requests);
        let (tell, cut_off) = mpsc::unbounded_channel();
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(
                    stream,
                    behaviour.clone(),
                    Arc::clone(&seen),
                    tell.clone(),
                ));
            }
        });
        Self {
            address,
            requests,
            cut_off,
            serving,
        }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    pub(super) fn url_at(&self, host: &str) -> String {
        format!("http://{host}:{}/hook", self.address.port())
    }

    /// What it was sent so far.
    pub(super) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    /// How much of its flood it sent before nobody took it.
    pub(super) async fn cut_off_after(mut self) -> usize {
        self.cut_off.recv().await.unwrap()
    }

    /// Frees its port.
    pub(super) async fn stop(self) {
        self.serving.abort();
        assert!(self.serving.await.unwrap_err().is_cancelled());
    }
}

async fn serve(
    mut stream: TcpStream,
    behaviour: Behaviour,
    requests: Arc<Mutex<Vec<String>>>,
    cut_off: mpsc::UnboundedSender<usize>,
) {
    let request = read(&mut stream).await;
    requests.lock().unwrap().push(request);
    stream.write_all(behaviour.answer.as_bytes()).await.unwrap();
    match behaviour.then {
        Then::Close => {}
        Then::Hang => std::future::pending().await,
        Then::Drip => {
            let mut drip = tokio::time::interval(Duration::from_millis(5));
            while stream.write_all(b".").await.is_ok() {
                drip.tick().await;
            }
        }
        Then::Flood(bytes) => {
            let mut sent = 0;
            while sent < bytes && stream.write_all(&[b'.'; 1_024]).await.is_ok() {
                sent += 1_024;
            }
            cut_off.send(sent).unwrap();
        }
    }
}

/// A whole request.
async fn read(stream: &mut TcpStream) -> String {
    let mut request = Vec::new();
    loop {
        let mut bytes = [0; 1_024];
        let count = stream.read(&mut bytes).await.unwrap();
        request.extend_from_slice(&bytes[..count]);
        let text = String::from_utf8(request.clone()).unwrap();
        if count == 0 || is_whole(&text) {
            return text;
        }
    }
}

fn is_whole(request: &str) -> bool {
    let Some((head, body)) = request.split_once("\r\n\r\n") else {
        return false;
    };
    let mut lines = head.lines();
    let length = lines.find_map(|line| line.strip_prefix("content-length: "));
    length.is_some_and(|length| length.parse() == Ok(body.len()))
}
