//! A file that is read twice: once to know it, once to send it.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Seek},
};

use aws_lc_rs::digest::{Context, SHA256};

/// Bytes of the hash that request ids carry.
const HASH_BYTES: usize = 8;
/// Large reads, for files of gigabytes.
const BUFFER_BYTES: usize = 256 * 1024;

/// A file whose contents are known.
#[derive(Debug)]
pub(super) struct Source {
    /// The first 16 hexadecimal digits of its SHA-256.
    pub(super) hash: String,
    /// How many lines it has.
    pub(super) lines: u64,
    /// The file from its beginning.
    pub(super) reader: BufReader<File>,
}

impl Source {
    /// Reads the file through. It must be one that can be read again.
    pub(super) fn read(file: File) -> io::Result<Self> {
        let mut reader = BufReader::with_capacity(BUFFER_BYTES, file);
        let mut hash = Context::new(&SHA256);
        let mut lines: u64 = 0;
        let mut last = b'\n';
        loop {
            let bytes = reader.fill_buf()?;
            let Some(end) = bytes.last() else { break };
            last = *end;
            hash.update(bytes);
            let breaks = bytes.iter().filter(|byte| **byte == b'\n').count();
            lines = lines.saturating_add(u64::try_from(breaks).unwrap_or(u64::MAX));
            let read = bytes.len();
            reader.consume(read);
        }
        if last != b'\n' {
            lines = lines.saturating_add(1);
        }
        reader.rewind()?;
        let hash = hash.finish();
        let bytes = hash.as_ref().iter().take(HASH_BYTES);
        Ok(Self {
            hash: bytes.map(|byte| format!("{byte:02x}")).collect(),
            lines,
            reader,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("", "e3b0c44298fc1c14", 0)]
    #[case("abc", "ba7816bf8f01cfea", 1)]
    #[case("a\nb\n", "911169ddaaf146af", 2)]
    #[case("a\nb", "7e18f737311b2dc3", 2)]
    fn a_file_is_known_and_read_again_from_its_beginning(
        #[case] contents: &str,
        #[case] hash: &str,
        #[case] lines: u64,
    ) {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(contents.as_bytes()).unwrap();
        file.rewind().unwrap();
        let mut source = Source::read(file).unwrap();
        let mut again = String::new();
        source.reader.read_to_string(&mut again).unwrap();
        assert_eq!((source.lines, again.as_str()), (lines, contents));
        assert_eq!(source.hash, hash);
    }
}
