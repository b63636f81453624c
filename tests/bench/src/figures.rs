//! Figures: many measurements made into one number with its spread, and a row that compares two of them.

use serde::Serialize;

use crate::machine::Machine;

/// What one contestant gave, a value a round.
#[derive(Clone, Debug)]
pub struct Series {
    pub name: String,
    pub values: Vec<f64>,
    /// Why there are no values; a peer that is absent is named as absent.
    pub absent: Option<String>,
}

impl Series {
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            values: Vec::new(),
            absent: None,
        }
    }

    pub fn median(&self) -> Option<f64> {
        (!self.values.is_empty()).then(|| quantile(&self.values, 0.5))
    }
}

/// The value at a place between 0 and 1 of the sorted values.
pub fn quantile(values: &[f64], place: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len().saturating_sub(1);
    let at = (place * last as f64).round() as usize;
    sorted.get(at).copied().unwrap_or(f64::NAN)
}

/// What must hold between ours and the peer's.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Target {
    /// `ours / peer` is at least this.
    AtLeast(f64),
    /// `ours / peer` is at most this.
    AtMost(f64),
    /// Measured for what it says, without a target.
    None,
}

impl Target {
    fn shown(self) -> String {
        match self {
            Self::AtLeast(ratio) => format!(">= {ratio}x"),
            Self::AtMost(ratio) => format!("<= {ratio}x"),
            Self::None => "none".to_owned(),
        }
    }

    fn met_by(self, ratio: f64) -> Option<bool> {
        match self {
            Self::AtLeast(least) => Some(ratio >= least),
            Self::AtMost(most) => Some(ratio <= most),
            Self::None => None,
        }
    }
}

/// Least and greatest over the rounds.
#[derive(Clone, Debug, Serialize)]
pub struct Spread {
    pub ours: [f64; 2],
    pub peer: Option<[f64; 2]>,
    pub ratio: Option<[f64; 2]>,
}

/// One comparison, as it is written out.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    pub name: String,
    pub case: String,
    pub unit: String,
    /// Median over the rounds.
    pub ours: f64,
    pub peer: String,
    pub peer_value: Option<f64>,
    /// Median of the rounds' own ratios: a round's two measurements stand beside each other in time.
    pub ratio: Option<f64>,
    pub target: String,
    pub met: Option<bool>,
    pub spread: Spread,
    pub rounds: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    pub machine: Machine,
}

/// What a row is about.
#[derive(Clone, Debug)]
pub struct Label<'a> {
    pub name: &'a str,
    pub case: String,
    pub unit: &'a str,
}

/// Compares two series of the same rounds.
pub fn compare(
    label: &Label<'_>,
    ours: &Series,
    peer: &Series,
    target: Target,
    machine: &Machine,
) -> Row {
    let ratios: Vec<f64> = ours
        .values
        .iter()
        .zip(&peer.values)
        .map(|(ours, peer)| ours / peer)
        .collect();
    let ratio = (!ratios.is_empty()).then(|| quantile(&ratios, 0.5));
    Row {
        name: label.name.to_owned(),
        case: label.case.clone(),
        unit: label.unit.to_owned(),
        ours: ours.median().unwrap_or(f64::NAN),
        peer: peer.name.clone(),
        peer_value: peer.median(),
        ratio,
        target: target.shown(),
        met: ratio.and_then(|ratio| target.met_by(ratio)),
        spread: Spread {
            ours: ends(&ours.values).unwrap_or([f64::NAN; 2]),
            peer: ends(&peer.values),
            ratio: ends(&ratios),
        },
        rounds: ours.values.len(),
        note: peer
            .absent
            .as_ref()
            .map(|reason| format!("{} is absent: {reason}", peer.name)),
        machine: machine.clone(),
    }
}

fn ends(values: &[f64]) -> Option<[f64; 2]> {
    (!values.is_empty()).then(|| [quantile(values, 0.0), quantile(values, 1.0)])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(name: &str, values: &[f64]) -> Series {
        Series {
            values: values.to_vec(),
            ..Series::new(name)
        }
    }

    #[test]
    fn the_ratio_is_the_median_of_the_rounds_ratios() {
        let label = Label {
            name: "x",
            case: "y".to_owned(),
            unit: "1/s",
        };
        let ours = series("ours", &[10.0, 40.0, 30.0]);
        let peer = series("peer", &[5.0, 10.0, 30.0]);
        let machine = Machine::default();
        let row = compare(&label, &ours, &peer, Target::AtLeast(2.5), &machine);
        assert_eq!(
            (row.ours, row.peer_value, row.ratio),
            (30.0, Some(10.0), Some(2.0))
        );
        assert_eq!((row.met, row.spread.ratio), (Some(false), Some([1.0, 4.0])));
    }

    #[test]
    fn an_absent_peer_is_named_and_meets_nothing() {
        let label = Label {
            name: "x",
            case: "y".to_owned(),
            unit: "1/s",
        };
        let absent = Series {
            absent: Some("not installed".to_owned()),
            ..Series::new("peer")
        };
        let ours = series("ours", &[1.0]);
        let row = compare(
            &label,
            &ours,
            &absent,
            Target::AtMost(1.0),
            &Machine::default(),
        );
        assert_eq!((row.peer_value, row.met), (None, None));
        assert_eq!(row.note.as_deref(), Some("peer is absent: not installed"));
    }
}
