//! Splits bytes into lines, wherever reads cut them.

/// Maximum length of a line. A delta of 1 MiB takes six times as much if every character is escaped.
pub(super) const LINE_BYTES_MAX: usize = 8 * 1024 * 1024;

const BOM: &[u8] = b"\xef\xbb\xbf";

/// A line exceeds [`LINE_BYTES_MAX`].
pub(super) struct LineTooLong;

/// Assembles lines. They end with LF, CR or CR LF; a byte order mark before the first line is skipped.
#[derive(Default)]
pub(super) struct Lines {
    line: Vec<u8>,
    /// The previous line ended with a CR: an LF that comes now belongs to it.
    after_cr: bool,
    past_first: bool,
}

impl Lines {
    /// Takes bytes up to the end of the next line, and returns that line. `None` if the bytes end before the line does.
    pub fn next(&mut self, bytes: &mut &[u8]) -> Result<Option<Vec<u8>>, LineTooLong> {
        if self.after_cr && !bytes.is_empty() {
            self.after_cr = false;
            *bytes = bytes.strip_prefix(b"\n").unwrap_or(bytes);
        }
        let end = bytes.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
        let taken = end.unwrap_or(bytes.len());
        if self.line.len() + taken > LINE_BYTES_MAX {
            return Err(LineTooLong);
        }
        self.line.extend_from_slice(&bytes[..taken]);
        let Some(end) = end else {
            *bytes = &[];
            return Ok(None);
        };
        self.after_cr = bytes[end] == b'\r';
        *bytes = &bytes[end + 1..];
        Ok(Some(self.take()))
    }

    /// The last line, if no line end follows it.
    pub fn rest(&mut self) -> Option<Vec<u8>> {
        (!self.line.is_empty()).then(|| self.take())
    }

    fn take(&mut self) -> Vec<u8> {
        let mut line = std::mem::take(&mut self.line);
        if !self.past_first && line.starts_with(BOM) {
            line.drain(..BOM.len());
        }
        self.past_first = true;
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(pieces: &[&[u8]]) -> Vec<String> {
        let mut reader = Lines::default();
        let mut found = Vec::new();
        for piece in pieces {
            let mut rest = *piece;
            while let Ok(Some(line)) = reader.next(&mut rest) {
                found.push(line);
            }
        }
        found.extend(reader.rest());
        let text = |line: Vec<u8>| String::from_utf8(line).expect("text");
        found.into_iter().map(text).collect()
    }

    #[test]
    fn every_kind_of_line_end_ends_a_line_wherever_a_read_cuts_it() {
        let text = b"\xef\xbb\xbfone\ntwo\r\nthree\rfour\n\r\nfive\r\r\nsix";
        let expected = ["one", "two", "three", "four", "", "five", "", "six"];
        assert_eq!(lines(&[text]), expected);
        for cut in 0..=text.len() {
            assert_eq!(
                lines(&[&text[..cut], &text[cut..]]),
                expected,
                "cut at {cut}"
            );
        }
        let single: Vec<&[u8]> = text.chunks(1).collect();
        assert_eq!(lines(&single), expected);
    }

    #[test]
    fn a_line_without_an_end_has_a_bound() {
        let mut reader = Lines::default();
        let full = vec![b'x'; LINE_BYTES_MAX];
        assert!(reader.next(&mut full.as_slice()).is_ok());
        assert!(reader.next(&mut b"x".as_slice()).is_err());
    }
}
