//! Files stay short enough to be read in one go.

use super::Finding;
use super::source::SourceFile;

const LINES_WARN: usize = 400;
const LINES_MAX: usize = 800;
const TEST_LINES_MAX: usize = 1_000;

/// Lines of a file.
pub fn file_length(file: &SourceFile) -> Vec<Finding> {
    let lines = file.text.lines().count();
    let max = if file.is_test() {
        TEST_LINES_MAX
    } else {
        LINES_MAX
    };
    let warn = if file.is_test() {
        LINES_MAX
    } else {
        LINES_WARN
    };
    if lines > max {
        vec![Finding::error(
            &file.path,
            format!("{lines} lines, at most {max}"),
        )]
    } else if lines > warn {
        vec![Finding::warning(
            &file.path,
            format!("{lines} lines, more than {warn}"),
        )]
    } else {
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::Level;

    fn level(path: &str, lines: usize) -> Option<Level> {
        let file = SourceFile {
            path: path.to_owned(),
            text: "x\n".repeat(lines),
        };
        file_length(&file).first().map(|finding| finding.level)
    }

    #[test]
    fn limits_are_inclusive_and_tests_have_more() {
        assert_eq!(level("crates/a/src/a.rs", 400), None);
        assert_eq!(level("crates/a/src/a.rs", 401), Some(Level::Warning));
        assert_eq!(level("crates/a/src/a.rs", 801), Some(Level::Error));
        assert_eq!(level("crates/a/tests/it/a.rs", 801), Some(Level::Warning));
        assert_eq!(level("ui/src/a.test.ts", 1_001), Some(Level::Error));
    }
}
