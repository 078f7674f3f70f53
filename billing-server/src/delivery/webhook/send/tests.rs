//! Attempts at receivers on this machine.

mod receiver;

use std::{
    net::{IpAddr, SocketAddr},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use reqwest::dns::{Addrs, Name, Resolving};
use rstest::rstest;

use self::receiver::{Behaviour, Receiver};
use super::*;
use crate::delivery::webhook::secret;

const EVENT: &str = "evt-1";
const BODY: &str = r#"{"type":"invoice.paid"}"#;
/// Long enough for this machine, short enough to be waited for.
const SHORT: Duration = Duration::from_secs(1);

/// Rules that allow this machine's own receivers.
fn here() -> AddressRules {
    AddressRules {
        allow_http: true,
        allowed: vec!["127.0.0.0/8".parse().unwrap()],
    }
}

/// Rules that allow http to everybody's addresses.
fn everybody() -> AddressRules {
    AddressRules {
        allow_http: true,
        allowed: Vec::new(),
    }
}

/// Answers one list of addresses after another, the last one again and again.
#[derive(Default)]
struct Names {
    answers: Mutex<Vec<Vec<IpAddr>>>,
    asked: AtomicUsize,
}

impl Names {
    fn answering(answers: &[&[&str]]) -> Arc<Self> {
        let ips = |ips: &&[&str]| ips.iter().map(|ip| ip.parse().unwrap()).collect();
        Arc::new(Self {
            answers: Mutex::new(answers.iter().rev().map(ips).collect()),
            asked: AtomicUsize::new(0),
        })
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl Resolve for Names {
    fn resolve(&self, _: Name) -> Resolving {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let mut answers = self.answers.lock().unwrap();
        let last = answers.len() == 1;
        let ips = if last {
            answers.last().cloned()
        } else {
            answers.pop()
        };
        let ips = ips.unwrap().into_iter();
        let found: Vec<_> = ips.map(|ip| SocketAddr::new(ip, 0)).collect();
        let found: Addrs = Box::new(found.into_iter());
        Box::pin(async move { Ok(found) })
    }
}

fn target(url: String) -> Target {
    let secrets = (0..2).map(|_| secret::generate().unwrap()).collect();
    Target { url, secrets }
}

/// What comes of an attempt at a receiver on this machine.
async fn attempt(receiver: &Receiver, deadline: Duration) -> Attempt {
    let sender = WebhookSender::with(here(), Arc::new(SystemResolver), deadline).unwrap();
    sender.send(&target(receiver.url()), EVENT, BODY).await
}

#[tokio::test]
async fn a_receiver_gets_the_body_and_what_it_checks_it_by() {
    let receiver = Receiver::start(Behaviour::answering("HTTP/1.1 204 No Content\r\n\r\n")).await;
    let sender = WebhookSender::new(here()).unwrap();
    let target = target(receiver.url());
    let before = SystemClock.now().timestamp();
    let attempt = sender.send(&target, EVENT, BODY).await;
    let after = SystemClock.now().timestamp();

    assert_eq!((attempt.status, attempt.error), (Some(204), None));
    assert_eq!(attempt.verdict, Verdict::Delivered);
    let requests = receiver.requests();
    let [request] = requests.as_slice() else {
        panic!("{requests:?}");
    };
    assert!(request.starts_with("POST /hook HTTP/1.1\r\n"), "{request}");
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    assert_eq!(body, BODY);
    let header = |name: &str| {
        let line = head.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap_or_else(|| panic!("no {name}{head}")).to_owned()
    };
    assert_eq!(header("webhook-id: "), EVENT);
    assert_eq!(header("content-type: "), "application/json");
    assert_eq!(header("user-agent: "), USER_AGENT);
    let timestamp = header("webhook-timestamp: ").parse().unwrap();
    assert!((before..=after).contains(&timestamp), "{timestamp}");
    let signed = signatures(&target.secrets, EVENT, timestamp, BODY).unwrap();
    assert_eq!(header("webhook-signature: "), signed);
    assert_eq!(signed.split(' ').count(), 2);
}

#[rstest]
#[case::ok("200 OK", Verdict::Delivered)]
#[case::accepted("202 Accepted", Verdict::Delivered)]
#[case::a_redirect("302 Found\r\nlocation: /elsewhere", Verdict::Retry)]
#[case::a_lasting_redirect("308 Permanent Redirect\r\nlocation: /elsewhere", Verdict::Retry)]
#[case::not_modified("304 Not Modified", Verdict::Retry)]
#[case::bad_request("400 Bad Request", Verdict::Retry)]
#[case::not_found("404 Not Found", Verdict::Retry)]
#[case::gone("410 Gone", Verdict::Gone)]
#[case::too_many("429 Too Many Requests", Verdict::Retry)]
#[case::a_fault("500 Internal Server Error", Verdict::Retry)]
#[tokio::test]
async fn the_status_decides(#[case] status: &str, #[case] verdict: Verdict) {
    let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 6\r\n\r\nanswer");
    let receiver = Receiver::start(Behaviour::answering(&answer)).await;
    let attempt = attempt(&receiver, DEADLINE).await;
    assert_eq!(attempt.verdict, verdict);
    assert_eq!(attempt.status, status[..3].parse().ok());
    assert_eq!(attempt.error, None);
    let has_body = !status.starts_with("304");
    assert_eq!(attempt.answer, if has_body { "answer" } else { "" });
    assert_eq!(receiver.requests().len(), 1, "{:?}", receiver.requests());
}

#[rstest]
#[case::too_many("429 Too Many Requests")]
#[case::unavailable("503 Service Unavailable")]
#[case::a_fault("500 Internal Server Error")]
#[tokio::test]
async fn a_receiver_may_ask_for_time(#[case] status: &str) {
    let answer = format!("HTTP/1.1 {status}\r\nretry-after: 120\r\ncontent-length: 0\r\n\r\n");
    let receiver = Receiver::start(Behaviour::answering(&answer)).await;
    let attempt = attempt(&receiver, DEADLINE).await;
    assert_eq!(attempt.retry_after, Some(Duration::from_secs(120)));
    assert_eq!(attempt.verdict, Verdict::Retry);
}

#[rstest]
#[case::without_an_answer(Behaviour::hanging(""), None, "")]
#[case::within_the_head(Behaviour::hanging("HTTP/1.1 200 OK\r\nconte"), None, "")]
#[case::within_the_body(
    Behaviour::hanging("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf"),
    Some(200),
    "half"
)]
#[case::byte_by_byte(
    Behaviour::dripping("HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n"),
    Some(200),
    "."
)]
#[tokio::test]
async fn an_attempt_ends_at_its_deadline(
    #[case] behaviour: Behaviour,
    #[case] status: Option<u16>,
    #[case] answer: &str,
) {
    let receiver = Receiver::start(behaviour).await;
    let attempt = attempt(&receiver, SHORT).await;
    assert_eq!(attempt.error.as_deref(), Some("no whole answer within 1s"));
    assert_eq!((attempt.status, attempt.verdict), (status, Verdict::Retry));
    assert!(attempt.answer.starts_with(answer), "{}", attempt.answer);
    assert!(attempt.took >= SHORT, "{:?}", attempt.took);
}

#[rstest]
#[case::without_an_answer("", None)]
#[case::within_the_body("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf", Some(200))]
#[case::with_no_http("220 mail.example.com ESMTP\r\n", None)]
#[tokio::test]
async fn a_broken_answer_is_a_failure(#[case] answer: &str, #[case] status: Option<u16>) {
    let receiver = Receiver::start(Behaviour::answering(answer)).await;
    let attempt = attempt(&receiver, DEADLINE).await;
    assert_eq!((attempt.status, attempt.verdict), (status, Verdict::Retry));
    let error = attempt.error.unwrap();
    assert!(!error.contains("hook"), "the address is told: {error}");
    assert_eq!(receiver.requests().len(), 1);
}

#[tokio::test]
async fn nobody_at_the_address_is_a_failure() {
    let receiver = Receiver::start(Behaviour::answering("")).await;
    let url = receiver.url();
    receiver.stop().await;
    let sender = WebhookSender::new(here()).unwrap();
    let attempt = sender.send(&target(url), EVENT, BODY).await;
    assert_eq!((attempt.status, attempt.verdict), (None, Verdict::Retry));
    let error = attempt.error.unwrap();
    assert!(error.to_lowercase().contains("refused"), "{error}");
}

#[tokio::test]
async fn a_flood_is_read_for_64_kibibytes_and_cut_off() {
    const FLOOD: usize = 64 * 1_024 * 1_024;
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {FLOOD}\r\n\r\n");
    let receiver = Receiver::start(Behaviour::flooding(&head, FLOOD)).await;
    let attempt = attempt(&receiver, DEADLINE).await;
    assert_eq!(attempt.verdict, Verdict::Delivered);
    assert_eq!(attempt.answer, ".".repeat(1_024));
    // It fails to send the rest, or the test never ends.
    assert!(receiver.cut_off_after().await < FLOOD);
}

#[rstest]
#[case::http(
    "http://example.com/",
    AddressRules::default(),
    "must begin with https://"
)]
#[case::a_private_address("http://10.0.0.1/", everybody(), "must not lead to 10.0.0.1")]
#[case::no_address("example.com", everybody(), "must be an address")]
#[tokio::test]
async fn what_breaks_the_rules_is_not_sent(
    #[case] url: &str,
    #[case] rules: AddressRules,
    #[case] reason: &str,
) {
    let names = Names::answering(&[&["8.8.8.8"]]);
    let sender = WebhookSender::with(rules, names.clone(), DEADLINE).unwrap();
    let attempt = sender.send(&target(url.to_owned()), EVENT, BODY).await;
    let Verdict::Unsendable(told) = attempt.verdict else {
        panic!("{attempt:?}");
    };
    assert!(told.starts_with(&format!("the address {reason}")), "{told}");
    assert_eq!(attempt.error, Some(told));
    assert_eq!(names.asked(), 0);
}

#[rstest]
#[case::an_id_that_is_no_header("evt\n1", true, "webhook-id cannot be a header")]
#[case::no_secret(EVENT, false, "a secret cannot be read")]
#[tokio::test]
async fn what_cannot_be_signed_is_not_sent(
    #[case] id: &str,
    #[case] has_secret: bool,
    #[case] reason: &str,
) {
    let receiver = Receiver::start(Behaviour::answering("")).await;
    let mut target = target(receiver.url());
    if !has_secret {
        target.secrets = vec![WebhookSecret::trusted("none".to_owned())];
    }
    let sender = WebhookSender::new(here()).unwrap();
    let attempt = sender.send(&target, id, BODY).await;
    assert_eq!(attempt.verdict, Verdict::Unsendable(reason.to_owned()));
    assert_eq!(receiver.requests().len(), 0);
}

#[rstest]
#[case::private(&["10.0.0.1"], "10.0.0.1")]
#[case::this_machine(&["127.0.0.1"], "127.0.0.1")]
#[case::this_machine_in_ipv6(&["::1"], "::1")]
#[case::mapped(&["::ffff:127.0.0.1"], "127.0.0.1")]
#[case::nat64(&["64:ff9b::7f00:1"], "64:ff9b::7f00:1")]
#[case::local_nat64(&["64:ff9b:1::7f00:1"], "64:ff9b:1::7f00:1")]
#[case::metadata(&["169.254.169.254"], "169.254.169.254")]
#[case::one_of_several(&["8.8.8.8", "127.0.0.1"], "127.0.0.1")]
#[tokio::test]
async fn a_name_that_leads_inwards_is_not_sent_to(#[case] ips: &[&str], #[case] refused: &str) {
    let names = Names::answering(&[ips]);
    let sender = WebhookSender::with(everybody(), names.clone(), DEADLINE).unwrap();
    let url = "http://evil.example/hook?token=hidden".to_owned();
    let attempt = sender.send(&target(url), EVENT, BODY).await;
    let error = attempt.error.unwrap();
    let told = format!("evil.example resolves to {refused}, which is ");
    assert!(error.starts_with(&told), "{error}");
    assert_eq!((attempt.status, attempt.verdict), (None, Verdict::Retry));
    assert_eq!(names.asked(), 1);
}

#[tokio::test]
async fn the_address_that_was_checked_is_the_one_that_is_connected_to() {
    let answer = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
    let receiver = Receiver::start(Behaviour::answering(answer)).await;
    // Whoever asked again would be led elsewhere.
    let names = Names::answering(&[&["127.0.0.1"], &["10.0.0.1"]]);
    let sender = WebhookSender::with(here(), names.clone(), DEADLINE).unwrap();
    let target = target(receiver.url_at("rebound.example"));
    let first = sender.send(&target, EVENT, BODY).await;
    assert_eq!((first.verdict, names.asked()), (Verdict::Delivered, 1));
    // Without the first connection it is looked up and checked again.
    let second = sender.send(&target, EVENT, BODY).await;
    assert_eq!((second.verdict, names.asked()), (Verdict::Retry, 2));
    let error = second.error.unwrap();
    assert!(error.contains("10.0.0.1, which is private"), "{error}");
    assert_eq!(receiver.requests().len(), 1);
}
