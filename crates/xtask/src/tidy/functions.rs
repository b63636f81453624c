//! Functions stay short. Found by counting braces after the word `fn` in code without comments and literals: no parser,
//! so it only warns. A macro's body counts like any other text.

use super::Finding;
use super::source::{SourceFile, code_only};

const LINES_WARN: usize = 70;

/// Lines of a Rust function, from `fn` to the brace that closes it.
pub fn function_length(file: &SourceFile) -> Vec<Finding> {
    if !file.is_rust() {
        return Vec::new();
    }
    functions(&file.text)
        .into_iter()
        .filter(|function| function.lines > LINES_WARN)
        .map(|function| {
            let what = format!(
                "`{}` has {} lines, more than {LINES_WARN}",
                function.name, function.lines
            );
            Finding::warning(format!("{}:{}", file.path, function.first_line), what)
        })
        .collect()
}

#[derive(Debug, PartialEq)]
struct Function {
    name: String,
    first_line: usize,
    lines: usize,
}

fn functions(text: &str) -> Vec<Function> {
    let code = code_only(text);
    let bytes = code.as_bytes();
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let mut found = Vec::new();
    for (at, _) in code.match_indices("fn ") {
        if at > 0 && is_word(bytes[at - 1]) {
            continue;
        }
        let name: String = code[at + 3..]
            .chars()
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .collect();
        // A function pointer's type has no name.
        if name.is_empty() {
            continue;
        }
        let Some(end) = body_end(&bytes[at..]) else {
            continue;
        };
        let line_of =
            |index: usize| bytes[..index].iter().filter(|byte| **byte == b'\n').count() + 1;
        let (first_line, last_line) = (line_of(at), line_of(at + end));
        found.push(Function {
            name,
            first_line,
            lines: last_line - first_line + 1,
        });
    }
    found
}

/// Where the first brace block closes; none when a semicolon ends the signature first, as in a trait.
fn body_end(bytes: &[u8]) -> Option<usize> {
    let (mut braces, mut brackets) = (0_usize, 0_usize);
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b'{' => braces += 1,
            b'}' => {
                braces = braces.checked_sub(1)?;
                if braces == 0 {
                    return Some(at);
                }
            }
            b'(' | b'[' => brackets += 1,
            b')' | b']' => brackets = brackets.saturating_sub(1),
            b';' if braces == 0 && brackets == 0 => return None,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_counted_past_nested_braces_and_literals() {
        let text = "trait T { fn declared(&self, x: [u8; 2]); }\n\
                    fn one() { \"}\"; }\n\
                    pub async fn three(f: fn (u8)) {\n    if x { y }\n}\n";
        let found: Vec<(String, usize, usize)> = functions(text)
            .into_iter()
            .map(|found| (found.name, found.first_line, found.lines))
            .collect();
        assert_eq!(found, [("one".into(), 2, 1), ("three".into(), 3, 3)]);
    }

    #[test]
    fn only_long_functions_are_reported() {
        let body = |lines: usize| format!("fn f() {{\n{}}}\n", "    x;\n".repeat(lines - 2));
        let file = |lines| SourceFile {
            path: "a.rs".into(),
            text: body(lines),
        };
        assert!(function_length(&file(70)).is_empty());
        assert_eq!(function_length(&file(71)).len(), 1);
    }
}
