//! The rules of this repository that no compiler checks. Errors fail; warnings are read by people.

mod dependencies;
mod docs;
mod functions;
mod lints;
mod names;
mod reliability;
mod sizes;
mod source;

use anyhow::{Result, bail};

use crate::console::say;
use source::SourceFile;

/// What a rule found.
#[derive(Debug, PartialEq, Eq)]
pub struct Finding {
    pub level: Level,
    /// Path, and line where there is one.
    pub place: String,
    pub what: String,
}

#[derive(Debug, PartialEq, Eq, Clone, Copy)]
pub enum Level {
    Warning,
    Error,
}

impl Finding {
    fn error(place: impl Into<String>, what: impl Into<String>) -> Self {
        Self {
            level: Level::Error,
            place: place.into(),
            what: what.into(),
        }
    }

    fn warning(place: impl Into<String>, what: impl Into<String>) -> Self {
        Self {
            level: Level::Warning,
            place: place.into(),
            what: what.into(),
        }
    }
}

/// A rule over one source file.
type FileRule = fn(&SourceFile) -> Vec<Finding>;

const FILE_RULES: [FileRule; 7] = [
    sizes::file_length,
    docs::public_items,
    functions::function_length,
    names::unfinished_marks,
    names::vague_names,
    names::webview_imports,
    dependencies::backend_named_outside_main,
];

/// The task `tidy`.
pub fn tidy() -> Result<()> {
    let files = source::all()?;
    let mut findings = dependencies::check_workspace()?;
    findings.extend(lints::check_workspace()?);
    findings.extend(reliability::check_page(&files)?);
    for file in &files {
        findings.extend(FILE_RULES.iter().flat_map(|rule| rule(file)));
    }
    for (level, word) in [(Level::Warning, "warning"), (Level::Error, "error")] {
        for finding in findings.iter().filter(|finding| finding.level == level) {
            say(&format!("{word}: {}: {}", finding.place, finding.what));
        }
    }
    let errors = findings
        .iter()
        .filter(|finding| finding.level == Level::Error)
        .count();
    say(&format!(
        "{} files looked at, {} errors, {} warnings",
        files.len(),
        errors,
        findings.len() - errors
    ));
    if errors > 0 {
        bail!("tidy found {errors} errors");
    }
    Ok(())
}
