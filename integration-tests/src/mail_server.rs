//! A real mail server: aiosmtpd, with a script that does as the recipient's name says.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;

use crate::tools;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python/mail_server.py");
/// What it prints before its address.
const READY: &str = "listening on ";

/// A running mail server. It ends when it is dropped.
pub struct MailServer {
    folder: TempDir,
    process: Child,
    port: u16,
}

/// A mail that the server has kept.
pub struct KeptMail {
    /// As it came, with CRLF at the end of each line.
    pub bytes: Vec<u8>,
    /// The envelope, the headers and the parts, as Python's email package reads them.
    pub read: Value,
}

/// How the server speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tls {
    /// In clear.
    Off,
    /// Only after STARTTLS.
    Started,
    /// From the first byte.
    Wrapped,
}

impl MailServer {
    /// A server without TLS that takes mail from everybody; `None` where the test is to be skipped.
    #[must_use]
    pub fn start() -> Option<Self> {
        Self::with(Tls::Off, &[])
    }

    /// A server with more arguments for the script.
    ///
    /// # Panics
    /// When it does not start, or is missing in CI.
    #[must_use]
    pub fn with(tls: Tls, arguments: &[&str]) -> Option<Self> {
        let python = tools::aiosmtpd()?;
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let mut command = Command::new(python);
        command
            .args(["-I", SCRIPT])
            .arg(folder.path())
            .args(arguments);
        if tls != Tls::Off {
            let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]);
            let made = made.expect("a certificate can be made");
            let [cert, key] = ["cert.pem", "key.pem"].map(|name| folder.path().join(name));
            fs::write(&cert, made.cert.pem()).expect("the certificate can be written");
            fs::write(&key, made.signing_key.serialize_pem()).expect("the key can be written");
            command.arg("--cert").arg(cert).arg("--key").arg(key);
        }
        if tls == Tls::Wrapped {
            command.arg("--wrapped");
        }
        let mut process = command.stdout(Stdio::piped()).spawn().expect("Python runs");
        let printed = process.stdout.take().expect("the output is piped");
        let line = BufReader::new(printed).lines().next();
        let line = line.expect("it says where it listens").expect("in UTF-8");
        let port = line
            .strip_prefix(READY)
            .and_then(|addr| addr.rsplit(':').next());
        let port = port.and_then(|port| port.parse().ok());
        Some(Self {
            folder,
            process,
            port: port.expect("an address"),
        })
    }

    /// Its port on this machine.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The certificate that it shows as `localhost`; nobody has signed it.
    #[must_use]
    pub fn certificate(&self) -> PathBuf {
        self.folder.path().join("cert.pem")
    }

    /// The mails that it has kept, in their order.
    ///
    /// # Panics
    /// When a file cannot be read.
    #[must_use]
    pub fn kept(&self) -> Vec<KeptMail> {
        let mut kept = Vec::new();
        loop {
            let path = self.folder.path().join((kept.len() + 1).to_string());
            let Ok(text) = fs::read(path.with_extension("json")) else {
                return kept;
            };
            kept.push(KeptMail {
                bytes: fs::read(path.with_extension("eml")).expect("the mail is there"),
                read: serde_json::from_slice(&text).expect("the script writes JSON"),
            });
        }
    }
}

impl KeptMail {
    /// The value of a header that stands there once.
    ///
    /// # Panics
    /// When it does not.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        let headers = self.list("headers");
        let of = |header: &&Value| header.get(0).is_some_and(|found| found == name);
        let mut found = headers
            .iter()
            .filter(of)
            .filter_map(|header| header.get(1)?.as_str());
        let value = found.next().unwrap_or_else(|| panic!("no {name}"));
        assert!(found.next().is_none(), "{name} twice");
        value
    }

    /// The parts, those that hold others first: their types.
    #[must_use]
    pub fn types(&self) -> Vec<&str> {
        let parts = self.list("parts").iter();
        parts
            .filter_map(|part| part.get("type")?.as_str())
            .collect()
    }

    /// What the first part of a type says.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn content(&self, media_type: &str) -> &str {
        let of = |part: &&Value| part.get("type").is_some_and(|found| found == media_type);
        let part = self.list("parts").iter().find(of);
        let content = part.and_then(|part| part.get("content")?.as_str());
        content.unwrap_or_else(|| panic!("no {media_type}"))
    }

    fn list(&self, key: &str) -> &[Value] {
        let list = self.read.get(key).and_then(Value::as_array);
        list.map(Vec::as_slice).unwrap_or_default()
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        // One that has ended by itself is no matter.
        let _killed = self.process.kill();
        let _ended = self.process.wait();
    }
}
