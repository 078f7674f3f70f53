//! Standard output. Whoever reads it may go early, as `head` does: that is no failure, and nobody is
//! left to be told.

use std::{
    fmt::Display,
    io::{self, ErrorKind, Write, stdout},
};

/// Whether somebody still reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reader {
    /// More can be written.
    Listens,
    /// Nothing that is written arrives.
    Gone,
}

/// Writes a line.
///
/// # Errors
/// It cannot be written for another reason than that nobody reads.
pub(crate) fn line(text: impl Display) -> io::Result<Reader> {
    text_as_it_is(format_args!("{text}\n"))
}

/// Writes text.
///
/// # Errors
/// It cannot be written for another reason than that nobody reads.
pub(crate) fn text_as_it_is(text: impl Display) -> io::Result<Reader> {
    let mut out = stdout().lock();
    match write!(out, "{text}").and_then(|()| out.flush()) {
        Ok(()) => Ok(Reader::Listens),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(Reader::Gone),
        Err(error) => Err(error),
    }
}
