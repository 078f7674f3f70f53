//! The lines of a file, however it is saved: with LF, CRLF or CR, with or without a byte order mark.

use std::io::{self, BufRead, ErrorKind};

/// A longer line is no row: its ids alone have limits far below.
const MAX_BYTES: usize = 64 * 1024;
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Passes over the mark that some programs begin a file with.
pub(super) fn skip_byte_order_mark(file: &mut impl BufRead) -> io::Result<()> {
    if file.fill_buf()?.starts_with(BYTE_ORDER_MARK) {
        file.consume(BYTE_ORDER_MARK.len());
    }
    Ok(())
}

/// A line and its number from 1, or why it cannot be read as one.
pub(super) type Line = (u64, Result<Vec<u8>, String>);

/// Reads a file line by line and skips blank lines. However long a line is, little of it is kept.
#[derive(Debug)]
pub(super) struct Lines<R> {
    file: R,
    number: u64,
    /// The line break before was a CR, of which a LF may be the other half.
    after_cr: bool,
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(file: R) -> Self {
        Self {
            file,
            number: 0,
            after_cr: false,
        }
    }

    /// The next line without its break, cut where it is too long; `None` at the end of the file.
    fn read(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut line: Option<Vec<u8>> = None;
        loop {
            let bytes = match self.file.fill_buf() {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                filled => filled?,
            };
            if bytes.is_empty() {
                return Ok(line);
            }
            let after_cr = std::mem::take(&mut self.after_cr);
            if after_cr && bytes.first() == Some(&b'\n') {
                self.file.consume(1);
                continue;
            }
            let piece = bytes.split(|byte| matches!(byte, b'\n' | b'\r')).next();
            let piece = piece.unwrap_or_default();
            let kept = line.get_or_insert_default();
            // One byte more than allowed tells that it is too long.
            let room = MAX_BYTES.saturating_add(1).saturating_sub(kept.len());
            kept.extend(piece.iter().take(room));
            let (read, end) = (piece.len(), bytes.get(piece.len()).copied());
            self.after_cr = end == Some(b'\r');
            self.file
                .consume(read.saturating_add(usize::from(end.is_some())));
            if end.is_some() {
                return Ok(line);
            }
        }
    }
}

impl<R: BufRead> Iterator for Lines<R> {
    type Item = io::Result<Line>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let mut line = match self.read() {
                Ok(line) => line?,
                Err(error) => return Some(Err(error)),
            };
            if self.number == 0 && line.starts_with(BYTE_ORDER_MARK) {
                line.drain(..BYTE_ORDER_MARK.len());
            }
            self.number = self.number.saturating_add(1);
            if line.len() > MAX_BYTES {
                let reason = format!("must be at most {MAX_BYTES} bytes long");
                return Some(Ok((self.number, Err(reason))));
            }
            if !line.trim_ascii().is_empty() {
                return Some(Ok((self.number, Ok(line))));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufReader, Cursor};

    use rstest::rstest;

    use super::*;

    fn read(file: &[u8], buffer: usize) -> Vec<(u64, String)> {
        let file = BufReader::with_capacity(buffer, Cursor::new(file.to_vec()));
        let lines = Lines::new(file).map(|line| {
            let (number, line) = line.unwrap();
            (number, String::from_utf8(line.unwrap()).unwrap())
        });
        lines.collect()
    }

    #[rstest]
    fn a_line_ends_however_the_file_was_saved(
        #[values("\n", "\r\n", "\r")] end: &str,
        #[values("", "\u{feff}")] mark: &str,
        #[values(1, 2, 7, 100)] buffer: usize,
    ) {
        let expected = [
            (1, "ab".to_owned()),
            (4, "c".to_owned()),
            (5, "d".to_owned()),
        ];
        let lines = ["ab", "", " ", "c", "d"];
        let without_last = format!("{mark}{}", lines.join(end));
        assert_eq!(read(without_last.as_bytes(), buffer), expected);
        let with_last = without_last + end;
        assert_eq!(read(with_last.as_bytes(), buffer), expected);
    }

    #[test]
    fn an_empty_file_has_no_lines() {
        assert_eq!(read(b"", 10), []);
        assert_eq!(read(b"\n\n", 10), []);
    }

    #[test]
    fn a_line_without_end_is_told_and_skipped() {
        let file = format!("a\n{}\nb\n", "m".repeat(MAX_BYTES + 1));
        let mut lines = Lines::new(Cursor::new(file)).map(Result::unwrap);
        assert_eq!(lines.next(), Some((1, Ok(b"a".to_vec()))));
        let reason = "must be at most 65536 bytes long".to_owned();
        assert_eq!(lines.next(), Some((2, Err(reason))));
        assert_eq!(lines.next(), Some((3, Ok(b"b".to_vec()))));
        assert_eq!(lines.next(), None);
    }
}
