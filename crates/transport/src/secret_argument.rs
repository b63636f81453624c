//! How a program gets a link code or a key. Every user of a computer can read the command lines of all programs, so a secret comes
//! from standard input or the environment; one on the command line is accepted with a warning.

use std::io::{self, BufRead};

/// Stands for a secret that comes on standard input.
pub const FROM_STDIN: &str = "-";

/// Longer than any link or key. A file piped in by mistake is not read to its end.
const SECRET_BYTES_MAX: u64 = 8 * 1024;

/// Returns an argument's secret: the next line of standard input if the argument is `-`, otherwise the argument itself.
///
/// # Errors
/// If standard input cannot be read, or has no such line.
pub fn secret_argument(argument: &str) -> io::Result<String> {
    if argument != FROM_STDIN {
        return Ok(argument.to_owned());
    }
    next_line(&mut io::stdin().lock())
}

fn next_line(input: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    io::Read::take(input, SECRET_BYTES_MAX).read_line(&mut line)?;
    let line = line.trim();
    if line.is_empty() {
        let message = "standard input has no line for it";
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, message));
    }
    Ok(line.to_owned())
}

/// Whether a command line holds a secret, as the value of one of these options or after one of these commands.
pub fn is_on_command_line(arguments: impl Iterator<Item = String>, names: &[&str]) -> bool {
    let arguments: Vec<String> = arguments.collect();
    let is_secret = |value: &str| value != FROM_STDIN && !value.starts_with("--");
    let mut pairs = arguments.iter().zip(arguments.iter().skip(1));
    let spelled_apart =
        pairs.any(|(name, value)| names.contains(&name.as_str()) && is_secret(value));
    let spelled_together = arguments.iter().any(|argument| {
        argument
            .split_once('=')
            .is_some_and(|(name, value)| names.contains(&name) && is_secret(value))
    });
    spelled_apart || spelled_together
}

/// The warning to the person who put a secret there.
pub const ON_COMMAND_LINE: &str = "other users of this computer can read secrets on a command line; give `-` and the secret on standard input";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_secret_is_a_line_of_its_own() {
        let mut input = io::Cursor::new("baton://link?a\r\n  key \n");
        assert_eq!(next_line(&mut input).unwrap(), "baton://link?a");
        assert_eq!(next_line(&mut input).unwrap(), "key");
        assert!(next_line(&mut input).is_err());
        let endless = vec![b'x'; 3 * SECRET_BYTES_MAX as usize];
        let line = next_line(&mut io::Cursor::new(endless)).unwrap();
        assert_eq!(line.len() as u64, SECRET_BYTES_MAX);
    }

    #[test]
    fn a_secret_on_a_command_line_is_seen_however_it_is_spelled() {
        let given = |words: &[&str]| {
            is_on_command_line(
                words.iter().map(|word| (*word).to_owned()),
                &["--link", "link"],
            )
        };
        assert!(given(&["baton", "--link", "baton://link?x"]));
        assert!(given(&["baton", "--link=baton://link?x"]));
        assert!(given(&["batonctl", "link", "baton://link?x"]));
        assert!(!given(&["baton", "--link", "-"]));
        assert!(!given(&["baton", "--link=-"]));
        assert!(!given(&["batonctl", "link", "--name", "Laptop"]));
        assert!(!given(&["baton", "--toggle"]));
    }
}
