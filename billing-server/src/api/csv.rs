//! CSV files (RFC 4180) that are sent part by part, as the client reads on.

use std::pin::Pin;

use csv::{Terminator, Writer, WriterBuilder};
use futures_util::{
    future::BoxFuture,
    stream::{Stream, try_unfold},
};
use tonic::Status;

use crate::error::ApiError;

/// Rows in one part. Even if each had the longest texts that it can have, the part would be within
/// the 4 MiB that gRPC clients accept.
pub(super) const ROWS_PER_PART: usize = 500;

/// A file as it is sent.
pub(super) type Parts<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// The parts of a file: `part` makes the one that begins at a place, and answers with the place of
/// the next one, if there is one.
pub(super) fn parts<T: Send + 'static, Place: Send + 'static>(
    first: Place,
    part: impl Fn(Place) -> BoxFuture<'static, Result<(T, Option<Place>), ApiError>> + Send + 'static,
) -> Parts<T> {
    Box::pin(try_unfold(Some(first), move |place| {
        let part = place.map(&part);
        async move {
            match part {
                Some(part) => Ok(Some(part.await?)),
                None => Ok(None),
            }
        }
    }))
}

/// The text of one part, as `rows` writes it.
///
/// # Errors
/// `INTERNAL` when it cannot be written.
pub(crate) fn text(
    rows: impl FnOnce(&mut Writer<Vec<u8>>) -> Result<(), Box<dyn std::error::Error>>,
) -> Result<String, ApiError> {
    let write = || {
        let mut file = WriterBuilder::new()
            .terminator(Terminator::CRLF)
            .from_writer(Vec::new());
        rows(&mut file)?;
        Ok(String::from_utf8(file.into_inner()?)?)
    };
    write().map_err(|error: Box<dyn std::error::Error>| {
        tracing::error!(error, "an export cannot be written");
        ApiError::internal()
    })
}

/// Ends a row that was written field by field.
///
/// # Errors
/// When it has another number of fields than the row before.
pub(crate) fn end_row(file: &mut Writer<Vec<u8>>) -> csv::Result<()> {
    file.write_record(None::<&[u8]>)
}
