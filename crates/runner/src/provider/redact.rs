//! Removes what may be a key from a server's words before a person, a log or another device sees them.

/// Replaces a key.
const GONE: &str = "[key]";

/// Prefixes of the keys of known services.
const PREFIXES: [&str; 14] = [
    "sk-",
    "sk_",
    "pk-",
    "rk-",
    "gsk_",
    "hf_",
    "xai-",
    "nvapi-",
    "AIza",
    "ghp_",
    "github_pat_",
    "r8_",
    "tgp_",
    "key-",
];

/// A token is a key if at least this many characters follow a known prefix.
const PREFIXED_CHARS_MIN: usize = 8;

/// Without a known prefix, a token of at least this many characters is a key if it mixes letters and digits.
const MIXED_CHARS_MIN: usize = 40;

/// Removes the given secrets from the words, and anything that looks like a key.
pub(super) fn redacted(words: &str, secrets: &[String]) -> String {
    let mut words = words.to_owned();
    for secret in secrets {
        words = words.replace(secret, GONE);
    }
    let mut out = String::with_capacity(words.len());
    let mut rest = words.as_str();
    let mut is_after_bearer = false;
    while !rest.is_empty() {
        let end = rest.find(|char| !is_key_char(char)).unwrap_or(rest.len());
        let (token, behind) = rest.split_at(end);
        let is_key =
            looks_like_key(token) || (is_after_bearer && token.len() >= PREFIXED_CHARS_MIN);
        out.push_str(if is_key { GONE } else { token });
        if !token.is_empty() {
            is_after_bearer = token.eq_ignore_ascii_case("bearer");
        }
        let between = behind.find(is_key_char).unwrap_or(behind.len());
        out.push_str(&behind[..between]);
        rest = &behind[between..];
    }
    out
}

/// Includes `*`, because servers show keys with stars in the middle.
fn is_key_char(char: char) -> bool {
    char.is_ascii_alphanumeric() || matches!(char, '-' | '_' | '*' | '+' | '=')
}

fn looks_like_key(token: &str) -> bool {
    let is_prefixed = PREFIXES
        .iter()
        .filter_map(|prefix| token.strip_prefix(prefix))
        .any(|rest| rest.len() >= PREFIXED_CHARS_MIN);
    let has = |kind: fn(&char) -> bool| token.chars().any(|char| kind(&char));
    let is_mixed = token.len() >= MIXED_CHARS_MIN
        && has(char::is_ascii_digit)
        && has(char::is_ascii_alphabetic);
    is_prefixed || is_mixed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_taken_out_and_words_stay() {
        let secrets = ["my secret".to_owned()];
        for (words, shown) in [
            ("bad key my secret!", "bad key [key]!"),
            (
                "Incorrect API key provided: sk-proj-Ab12**********Zz. See",
                "Incorrect API key provided: [key]. See",
            ),
            (
                "header `Bearer abcdefgh12` is wrong",
                "header `Bearer [key]` is wrong",
            ),
            ("(AIzaSyA1234567890)", "([key])"),
            (
                "token 0123456789abcdef0123456789abcdef01234567",
                "token [key]",
            ),
            ("the task-based sk-ip, 漢字", "the task-based sk-ip, 漢字"),
            (
                "model Qwen2.5-Coder-1.5B-Instruct-Q4_K_M.gguf",
                "model Qwen2.5-Coder-1.5B-Instruct-Q4_K_M.gguf",
            ),
            ("no bearer of news", "no bearer of news"),
        ] {
            assert_eq!(redacted(words, &secrets), shown);
        }
    }
}
