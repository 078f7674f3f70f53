//! A batch of usage, each record of which stands for itself: one that cannot be read is rejected
//! like one that the service refuses, and the others count.

use prost_reflect::{
    DynamicMessage, FieldDescriptor, MessageDescriptor, MethodDescriptor, ReflectMessage, Value,
};

use crate::error::{ApiError, ErrorCode};

use super::decimals::Decimals;
use super::endpoint::Decoded;
use super::json::Json;
use super::json_in::read_message;
use super::problems::Problems;

/// The call that answers for each record of its request.
const METHOD: &str = "billing.v1.UsageService.RecordUsageBatch";

/// A record that cannot be read: its place in the batch, and what is wrong with it.
pub(super) type Unreadable = (usize, ApiError);

/// Where a batch has its records and its answer the results, which have the same order.
pub(super) struct Batch {
    records: FieldDescriptor,
    record: MessageDescriptor,
    results: FieldDescriptor,
}

impl Batch {
    /// The lists of the batch call; `None` for every other call.
    pub(super) fn of(method: &MethodDescriptor) -> Option<Self> {
        if method.full_name() != METHOD {
            return None;
        }
        let records = method.input().get_field_by_name("records")?;
        Some(Self {
            record: records.kind().as_message()?.clone(),
            records,
            results: method.output().get_field_by_name("results")?,
        })
    }

    /// The key of the records in JSON.
    pub(super) fn key(&self) -> &str {
        self.records.name()
    }

    /// Takes the records out of a body; `None` if they are no list.
    pub(super) fn take(&self, entries: &mut Vec<(String, Json)>) -> Option<Vec<Json>> {
        let is_list =
            |(key, json): &(String, Json)| key == self.key() && matches!(json, Json::Array(_));
        let place = entries.iter().position(is_list)?;
        match entries.remove(place) {
            (_, Json::Array(records)) => Some(records),
            _ => None,
        }
    }

    /// Adds the records to a message as far as they can be read. One that cannot stays in its place
    /// with nothing but its request id, which the service is sure to reject, and is noted.
    pub(super) fn read_into(&self, mut message: DynamicMessage, records: &[Json]) -> Decoded {
        let mut unreadable = Vec::new();
        let read = records.iter().enumerate().map(|(place, record)| {
            let (message, fault) = self.read_record(record);
            unreadable.extend(fault.map(|error| (place, error)));
            Value::Message(message)
        });
        message.set_field(&self.records, Value::List(read.collect()));
        Decoded {
            message,
            unreadable,
            decimals: Decimals::default(),
        }
    }

    fn read_record(&self, record: &Json) -> (DynamicMessage, Option<ApiError>) {
        let mut stand_in = DynamicMessage::new(self.record.clone());
        let entries = match record {
            Json::Object(entries) => entries,
            Json::Unreadable(reason) => {
                let message = format!("the record is not valid json: {reason}");
                return (
                    stand_in,
                    Some(ApiError::new(ErrorCode::InvalidJson, message)),
                );
            }
            _ => {
                let error = ApiError::new(ErrorCode::InvalidField, "a record must be an object");
                return (stand_in, Some(error));
            }
        };
        let mut problems = Problems::default();
        let message = read_message(&self.record, entries, "", &mut problems);
        match problems.into_result() {
            Ok(()) => (message, None),
            Err(error) => {
                if let Some(id) = message.get_field_by_name("request_id") {
                    stand_in.set_field_by_name("request_id", id.into_owned());
                }
                (stand_in, Some(error))
            }
        }
    }

    /// Puts into an answer what is wrong with the records that could not be read.
    pub(super) fn explain(&self, answer: &mut DynamicMessage, unreadable: Vec<Unreadable>) {
        let Value::List(results) = answer.get_field_mut(&self.results) else {
            return;
        };
        for (place, error) in unreadable {
            if let Some(Value::Message(result)) = results.get_mut(place) {
                set_problem(result, error);
            }
        }
    }
}

/// Explains a rejected result. With several fields at fault the first is named, as elsewhere.
fn set_problem(result: &mut DynamicMessage, error: ApiError) {
    let field = result.descriptor().get_field_by_name("problem");
    let Some(Value::Message(problem)) = field.map(|field| result.get_field_mut(&field)) else {
        return;
    };
    let at_fault = error.violations.into_iter().next();
    for (name, text) in [
        ("code", error.code.as_str().to_owned()),
        ("message", error.message),
        (
            "field",
            at_fault
                .map(|violation| violation.field)
                .unwrap_or_default(),
        ),
    ] {
        problem.set_field_by_name(name, Value::String(text));
    }
}
