//! Words that have no place here, and the one way out of the interface.

use super::Finding;
use super::source::{SourceFile, code_only};

/// Spelt in two pieces, or this file would find itself.
const UNFINISHED: [&str; 2] = [concat!("TO", "DO"), concat!("FIX", "ME")];

/// Marks of unfinished work: it is done, or it is in `docs/LIMITS.md`.
pub fn unfinished_marks(file: &SourceFile) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, line) in file.text.lines().enumerate() {
        for mark in UNFINISHED
            .iter()
            .filter(|mark| words(line).any(|word| word == **mark))
        {
            findings.push(Finding::error(
                format!("{}:{}", file.path, index + 1),
                format!("`{mark}`"),
            ));
        }
    }
    findings
}

fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(|c: char| !c.is_alphanumeric() && c != '_')
        .filter(|word| !word.is_empty())
}

const VAGUE: [&str; 6] = ["manager", "managers", "helper", "helpers", "util", "utils"];

/// Names that say nothing of the domain, of files and of types.
pub fn vague_names(file: &SourceFile) -> Vec<Finding> {
    let mut findings = Vec::new();
    for part in file.path.split('/').filter(|part| is_vague(part)) {
        findings.push(Finding::error(
            &file.path,
            format!("`{part}` says nothing of the domain"),
        ));
    }
    let (code, introducers): (String, &[&str]) = if file.is_rust() {
        (
            code_only(&file.text),
            &["struct", "enum", "trait", "type", "union", "mod"],
        )
    } else if file.is_script() {
        (file.text.clone(), &["class", "interface", "type", "enum"])
    } else {
        return findings;
    };
    for (index, line) in code.lines().enumerate() {
        let line_words: Vec<&str> = words(line).collect();
        for pair in line_words
            .windows(2)
            .filter(|pair| introducers.contains(&pair[0]) && is_vague(pair[1]))
        {
            let place = format!("{}:{}", file.path, index + 1);
            findings.push(Finding::error(
                place,
                format!("`{}` says nothing of the domain", pair[1]),
            ));
        }
    }
    findings
}

/// Whether one of the words that a name is made of, in whatever case, is a vague one.
fn is_vague(name: &str) -> bool {
    let mut spaced = String::new();
    for c in name.chars() {
        if c.is_uppercase() {
            spaced.push(' ');
        }
        spaced.extend(c.to_lowercase());
    }
    spaced
        .split(|c: char| !c.is_alphanumeric())
        .any(|word| VAGUE.contains(&word))
}

/// Spelt in two pieces for the same reason.
const WEBVIEW_PACKAGE: &str = concat!("@tauri-", "apps/");

/// The interface reaches its host in `ui/src/platform` only, so that it runs in a browser too.
pub fn webview_imports(file: &SourceFile) -> Vec<Finding> {
    if !file.is_script()
        || !file.path.starts_with("ui/")
        || file.path.starts_with("ui/src/platform/")
    {
        return Vec::new();
    }
    let lines = file
        .text
        .lines()
        .enumerate()
        .filter(|(_, line)| line.contains(WEBVIEW_PACKAGE));
    let what = "imports the host outside `ui/src/platform`";
    lines
        .map(|(index, _)| Finding::error(format!("{}:{}", file.path, index + 1), what))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: impl Into<String>) -> SourceFile {
        SourceFile {
            path: path.to_owned(),
            text: text.into(),
        }
    }

    #[test]
    fn unfinished_marks_are_whole_words() {
        let marked = file("a.rs", format!("// {}: later\n", UNFINISHED[0]));
        assert_eq!(
            unfinished_marks(&marked),
            [Finding::error("a.rs:1", format!("`{}`", UNFINISHED[0]))]
        );
        assert!(unfinished_marks(&file("a.rs", format!("let {}S = 1;", UNFINISHED[0]))).is_empty());
    }

    #[test]
    fn vague_types_and_files_are_found_in_every_case() {
        for name in ["SessionManager", "UtilsExt", "string_utils", "HelperPool"] {
            assert!(is_vague(name), "{name}");
        }
        for name in ["Utility", "managed", "SessionActor", "helpful"] {
            assert!(!is_vague(name), "{name}");
        }
        assert_eq!(
            vague_names(&file("a.rs", "pub struct SessionManager;")).len(),
            1
        );
        assert_eq!(vague_names(&file("ui/src/utils.ts", "")).len(), 1);
        assert_eq!(
            vague_names(&file("ui/src/a.ts", "export interface DateHelper {}")).len(),
            1
        );
    }

    #[test]
    fn vague_names_of_others_may_be_used_and_spoken_of() {
        let text = "use tauri::Manager;\n/// Every struct Manager in the world.\nimpl Manager for App {}\n";
        assert!(vague_names(&file("a.rs", text)).is_empty());
    }

    #[test]
    fn the_host_is_imported_in_platform_only() {
        let text = format!("import {{ invoke }} from \"{WEBVIEW_PACKAGE}api/core\";");
        assert_eq!(
            webview_imports(&file("ui/src/views/Main.tsx", text.as_str())).len(),
            1
        );
        assert!(webview_imports(&file("ui/src/platform/tauri/index.ts", text)).is_empty());
    }
}
