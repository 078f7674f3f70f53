//! One row of a file, whatever the file's format.

use std::{collections::HashMap, io};

use aws_lc_rs::digest::{Context, SHA256};
use billing_proto::v1::RecordUsageRequest;
use prost_reflect::{DynamicMessage, MessageDescriptor};

use crate::{
    error::ApiError,
    rest::text::{self, NoJsonForm},
};

/// What a row is read as.
pub(super) const MESSAGE: &str = "billing.v1.RecordUsageRequest";

/// A row and the request it stands for, or why it stands for none.
#[derive(Debug, PartialEq)]
pub(super) struct Row {
    /// The line it is on, from 1.
    pub(super) line: u64,
    pub(super) usage: Result<RecordUsageRequest, String>,
}

/// The rows of a file, until it cannot be read any further.
pub(super) type Rows = Box<dyn Iterator<Item = io::Result<Row>> + Send>;

/// Makes requests of what rows say, and the request ids of those that have none.
pub(super) struct Requests {
    descriptor: MessageDescriptor,
    made_up: MadeUpIds,
}

impl Requests {
    /// Calls of the same content are other calls if their `seed` is another.
    pub(super) fn new(seed: Option<u64>) -> Result<Self, String> {
        let descriptor = text::descriptor(MESSAGE);
        Ok(Self {
            descriptor: descriptor.map_err(|error| error.to_string())?,
            made_up: MadeUpIds {
                seed,
                seen: HashMap::new(),
            },
        })
    }

    /// Whether a request has a field of the name.
    pub(super) fn has_field(&self, name: &str) -> bool {
        self.descriptor.get_field_by_name(name).is_some()
    }

    /// Of a JSON object with the request's fields.
    pub(super) fn of_json(&mut self, object: &[u8]) -> Result<RecordUsageRequest, String> {
        self.filled_in(text::from_json(&self.descriptor, object))
    }

    /// Of texts that are named like the request's fields.
    pub(super) fn of_texts<'a>(
        &mut self,
        texts: impl Iterator<Item = (&'a str, &'a str)>,
    ) -> Result<RecordUsageRequest, String> {
        self.filled_in(text::from_texts(&self.descriptor, texts))
    }

    /// Of a request that may lack its id.
    pub(super) fn of(&mut self, call: &RecordUsageRequest) -> Result<RecordUsageRequest, String> {
        let mut message = DynamicMessage::new(self.descriptor.clone());
        let filled = message.transcode_from(call);
        filled.map_err(|error| error.to_string())?;
        self.filled_in(Ok(message))
    }

    fn filled_in(
        &mut self,
        message: Result<DynamicMessage, ApiError>,
    ) -> Result<RecordUsageRequest, String> {
        let message = message.map_err(|error| error.message)?;
        let request = message.transcode_to::<RecordUsageRequest>();
        let mut request = request.map_err(|error| error.to_string())?;
        // The service would bill the token's subject: this program.
        if request.user_id.is_empty() {
            return Err("user_id must not be empty".to_owned());
        }
        if request.request_id.is_empty() {
            let made_up = self.made_up.next(&message);
            request.request_id = made_up.map_err(|error| error.to_string())?;
        }
        Ok(request)
    }
}

/// Bytes of a digest that are kept: two contents in 2^64 share them.
const DIGEST_BYTES: usize = 16;

/// Makes request ids of what a row says and of how many rows said the same before it. Neither the
/// order of columns and rows nor the way the file is saved matters, so a file that was corrected or
/// extended gives the ids it gave before but for what is new.
///
/// Remembers 20 bytes for every content, some 40 with the map's own: 400 MB for ten million rows.
struct MadeUpIds {
    seed: Option<u64>,
    seen: HashMap<[u8; DIGEST_BYTES], u32>,
}

impl MadeUpIds {
    fn next(&mut self, message: &DynamicMessage) -> Result<String, NoJsonForm> {
        let digest = self.digest(message)?;
        let count = self.seen.entry(digest).or_default();
        *count = count.saturating_add(1);
        let digits: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(format!("import-{digits}-{count}"))
    }

    /// A digest of the fields that are set, as REST would write them: times to the microsecond,
    /// decimals without zeros at their end.
    fn digest(&self, message: &DynamicMessage) -> Result<[u8; DIGEST_BYTES], NoJsonForm> {
        let mut hash = Context::new(&SHA256);
        let mut add = |number: u32, content: &[u8]| {
            hash.update(&number.to_be_bytes());
            hash.update(&content.len().to_be_bytes());
            hash.update(content);
        };
        // No field has the number 0.
        if let Some(seed) = self.seed {
            add(0, &seed.to_be_bytes());
        }
        for (field, _) in message.fields() {
            add(field.number(), text::cell(message, &field)?.as_bytes());
        }
        let mut digest = [0; DIGEST_BYTES];
        for (kept, byte) in digest.iter_mut().zip(hash.finish().as_ref()) {
            *kept = *byte;
        }
        Ok(digest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(requests: &mut Requests, json: &str) -> String {
        requests.of_json(json.as_bytes()).unwrap().request_id
    }

    #[test]
    fn a_made_up_id_tells_content_and_occurrence() {
        let mut requests = Requests::new(None).unwrap();
        let first = id(
            &mut requests,
            r#"{"user_id":"a","model":"m","prompt_tokens":1}"#,
        );
        assert!(
            first.starts_with("import-") && first.ends_with("-1"),
            "{first}"
        );
        let again = r#"{"prompt_tokens":"1", "request_id":"", "model":"m", "user_id":"a"}"#;
        let second = id(&mut requests, again);
        assert_eq!(second, first.trim_end_matches('1').to_owned() + "2");
        for other in [
            r#"{"user_id":"b","model":"m","prompt_tokens":1}"#,
            r#"{"user_id":"a","model":"m","prompt_tokens":2}"#,
            r#"{"user_id":"a","model":"m","completion_tokens":1}"#,
            r#"{"user_id":"a","model":"m","prompt_tokens":1,"total_tokens":1}"#,
        ] {
            let other = id(&mut requests, other);
            assert!(other.ends_with("-1") && other != first, "{other}");
        }
        let mut seeded = Requests::new(Some(1)).unwrap();
        let other = id(
            &mut seeded,
            r#"{"user_id":"a","model":"m","prompt_tokens":1}"#,
        );
        assert_ne!(other, first);
    }

    #[test]
    fn ids_stay_what_they_are() {
        // Files that were imported before must not be charged again by a later version.
        let mut requests = Requests::new(None).unwrap();
        let row = r#"{"user_id":"alice","model":"gpt-4","prompt_tokens":1000,
            "created_at":"2024-11-03T10:00:00+01:00"}"#;
        assert_eq!(
            id(&mut requests, row),
            "import-484c72b21a0f8205e7484d2f24041ab8-1"
        );
    }

    #[test]
    fn an_id_that_is_given_is_kept_and_not_counted() {
        let mut requests = Requests::new(None).unwrap();
        let given = r#"{"user_id":"a","model":"m","request_id":"mine"}"#;
        assert_eq!(id(&mut requests, given), "mine");
        assert!(id(&mut requests, r#"{"user_id":"a","model":"m"}"#).ends_with("-1"));
    }
}
