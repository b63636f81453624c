//! A link as a QR code in the form of an SVG path: the screen draws it, so no markup crosses to the page.

use qrcode::{Color, QrCode};
use serde::Serialize;

/// The dark modules as one path, in units of a module.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct QrPath {
    /// Modules per side, without the light margin of four modules that a reader needs.
    pub size: usize,
    /// The `d` attribute of an SVG path.
    pub path: String,
}

impl QrPath {
    /// Encodes a text; `None` if it is too long for a QR code.
    pub fn of(text: &str) -> Option<Self> {
        let code = QrCode::new(text).ok()?;
        let size = code.width();
        let dark = code.to_colors();
        let modules = dark.iter().enumerate();
        let path = modules
            .filter(|(_, color)| **color == Color::Dark)
            .map(|(place, _)| format!("M{} {}h1v1h-1z", place % size, place / size))
            .collect();
        Some(Self { size, path })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_fits_and_has_the_three_corners_of_a_qr_code() {
        let link = format!(
            "baton://link?hub=[2001:db8:1111:2222:3333:4444:5555:6666]:65535&code={}&key={}",
            "a".repeat(32),
            "b".repeat(64)
        );
        let drawn = QrPath::of(&link).unwrap();
        let far = drawn.size - 7;
        for corner in [(0, 0), (far, 0), (0, far)] {
            let (x, y) = corner;
            assert!(
                drawn.path.contains(&format!("M{x} {y}h1v1h-1z")),
                "{corner:?}"
            );
            let (x, y) = (x + 1, y + 1);
            assert!(
                !drawn.path.contains(&format!("M{x} {y}h1v1h-1z")),
                "{corner:?}"
            );
        }
        assert_eq!(QrPath::of(&"x".repeat(10_000)), None);
    }
}
