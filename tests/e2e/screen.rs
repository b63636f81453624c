//! What a screen holds, as the page's own `__batonInspect` reports it.

use serde_json::Value;

/// A copy of what the page holds.
#[derive(PartialEq, Debug)]
pub struct Screen(pub Value);

/// A row in the form in which windows, a mirror and a log are compared.
#[derive(Clone, PartialEq, Debug)]
pub struct ShownRow {
    pub id: String,
    /// `prompt`, `text`, `reasoning`, `runEnd`.
    pub kind: String,
    /// Everything in the row.
    pub body: Value,
}

impl ShownRow {
    /// Returns the row's text.
    pub fn text(&self) -> &str {
        self.body["text"].as_str().unwrap_or_default()
    }

    /// Returns the state of a piece of an answer: `open`, `complete` or `interrupted`.
    pub fn state(&self) -> &str {
        self.body["state"].as_str().unwrap_or_default()
    }
}

impl Screen {
    /// Returns the phase of the connection to the hub.
    pub fn phase(&self) -> &str {
        self.0["connection"]["phase"].as_str().unwrap_or_default()
    }

    pub fn hub(&self) -> &str {
        self.0["connection"]["hubName"].as_str().unwrap_or_default()
    }

    /// Returns the number of intents that the hub has not answered.
    pub fn outbox(&self) -> u64 {
        self.0["connection"]["outbox"].as_u64().unwrap_or_default()
    }

    /// Whether the person can choose an agent whose runner is connected.
    pub fn has_agent(&self) -> bool {
        let online = self.0["account"]["online"].as_array();
        let agents = self.0["account"]["agents"].as_array();
        agents
            .into_iter()
            .flatten()
            .any(|agent| online.is_some_and(|online| online.contains(&agent["runner"])))
    }

    /// Returns this device's id.
    pub fn me(&self) -> &str {
        self.0["account"]["me"]["device"]
            .as_str()
            .unwrap_or_default()
    }

    /// Returns a device's name by its id.
    pub fn name_of(&self, id: &str) -> &str {
        self.0["account"]["names"][id].as_str().unwrap_or_default()
    }

    /// Returns the open session.
    pub fn open_session(&self) -> Option<&str> {
        self.0["open"]["session"].as_str()
    }

    /// Returns a session's state in the list.
    pub fn session_state(&self, session: &str) -> Option<&str> {
        let rows = self.0["sessions"].as_array()?;
        let row = rows.iter().find(|row| row["session"] == session)?;
        row["state"]["type"].as_str()
    }

    /// Returns the rows of the open session.
    pub fn rows(&self) -> Vec<ShownRow> {
        let rows = self.0["open"]["rows"].as_array();
        rows.into_iter()
            .flatten()
            .map(|row| ShownRow {
                id: row["id"].as_str().unwrap_or_default().to_owned(),
                kind: row["body"]["type"].as_str().unwrap_or_default().to_owned(),
                body: row["body"].clone(),
            })
            .collect()
    }

    /// Returns the rows of one kind.
    pub fn rows_of(&self, kind: &str) -> Vec<ShownRow> {
        self.rows()
            .into_iter()
            .filter(|row| row.kind == kind)
            .collect()
    }

    /// Returns every piece of every answer, joined.
    pub fn answer(&self) -> String {
        self.rows_of("text").iter().map(ShownRow::text).collect()
    }

    /// Returns how the runs of the open session ended: `completed`, `stopped`, `failed`, `lost`.
    pub fn outcomes(&self) -> Vec<String> {
        self.rows_of("runEnd")
            .iter()
            .filter_map(|row| row.body["outcome"]["type"].as_str().map(str::to_owned))
            .collect()
    }

    /// Returns the run in progress.
    pub fn run(&self) -> Option<&str> {
        self.0["open"]["header"]["run"]["run"].as_str()
    }

    /// Returns the device that sent the prompt of the run in progress.
    pub fn run_started_by(&self) -> Option<&str> {
        self.0["open"]["header"]["run"]["startedBy"]["device"].as_str()
    }

    /// Returns the text, device, delivery and state of each waiting prompt.
    pub fn queue(&self) -> Vec<(String, String, String, String)> {
        let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let items = self.0["open"]["queue"]["items"].as_array();
        items
            .into_iter()
            .flatten()
            .map(|item| {
                (
                    word(&item["text"]),
                    word(&item["by"]["device"]),
                    word(&item["delivery"]),
                    word(&item["state"]["type"]),
                )
            })
            .collect()
    }
}
