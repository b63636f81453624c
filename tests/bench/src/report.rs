//! Rows out: a table for people, JSON for the rest.

use std::path::Path;

use anyhow::{Context as _, Result};

use crate::figures::Row;

/// Writes the rows as one JSON array.
pub fn write_json(rows: &[Row], path: &Path) -> Result<()> {
    let text = serde_json::to_string_pretty(rows)?;
    std::fs::write(path, text + "\n").with_context(|| format!("cannot write `{}`", path.display()))
}

/// Prints the rows of one benchmark.
pub fn print(rows: &[Row]) {
    let header = [
        "name",
        "case",
        "ours",
        "peer",
        "theirs",
        "ratio",
        "target",
        "",
        "ratio from..to",
    ];
    let mut lines = vec![header.map(str::to_owned)];
    lines.extend(rows.iter().map(cells));
    let mut widths = [0; 9];
    for line in &lines {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = (*width).max(cell.chars().count());
        }
    }
    for line in &lines {
        let padded: Vec<String> = line
            .iter()
            .zip(widths)
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        println!("{}", padded.join("  ").trim_end());
    }
    for note in rows.iter().filter_map(|row| row.note.as_ref()) {
        println!("note: {note}");
    }
    println!();
}

fn cells(row: &Row) -> [String; 9] {
    let met = match row.met {
        Some(true) => "met",
        Some(false) => "MISSED",
        None => "",
    };
    let spread = row
        .spread
        .ratio
        .map_or_else(String::new, |[from, to]| format!("{from:.2}..{to:.2}"));
    [
        row.name.clone(),
        row.case.clone(),
        format!("{} {}", number(row.ours), row.unit),
        row.peer.clone(),
        row.peer_value.map_or_else(|| "absent".to_owned(), number),
        row.ratio
            .map_or_else(String::new, |ratio| format!("{ratio:.2}x")),
        row.target.clone(),
        met.to_owned(),
        spread,
    ]
}

fn number(value: f64) -> String {
    if value.abs() >= 1_000.0 {
        let whole = format!("{value:.0}");
        let digits = whole.len();
        let mut out = String::new();
        for (at, digit) in whole.chars().enumerate() {
            if at > 0 && (digits - at).is_multiple_of(3) && digit != '-' {
                out.push(',');
            }
            out.push(digit);
        }
        out
    } else {
        format!("{value:.2}")
    }
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn large_numbers_are_grouped() {
        assert_eq!(number(1_234_567.4), "1,234,567");
        assert_eq!(number(999.5), "999.50");
    }
}
