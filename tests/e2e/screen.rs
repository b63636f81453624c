//! What a screen holds, by the page's own `__batonInspect`.

use serde_json::Value;

/// A copy of what the page holds.
#[derive(PartialEq, Debug)]
pub struct Screen(pub Value);

/// A row as it is compared between windows, a mirror and a log.
#[derive(Clone, PartialEq, Debug)]
pub struct ShownRow {
    /// Its id.
    pub id: String,
    /// `prompt`, `text`, `reasoning`, `runEnd`.
    pub kind: String,
    /// Everything in it.
    pub body: Value,
}

impl ShownRow {
    /// The words in it.
    pub fn text(&self) -> &str {
        self.body["text"].as_str().unwrap_or_default()
    }

    /// `open`, `complete` or `interrupted` of a piece of an answer.
    pub fn state(&self) -> &str {
        self.body["state"].as_str().unwrap_or_default()
    }
}

impl Screen {
    /// Where the line to the hub stands.
    pub fn phase(&self) -> &str {
        self.0["connection"]["phase"].as_str().unwrap_or_default()
    }

    pub fn hub(&self) -> &str {
        self.0["connection"]["hubName"].as_str().unwrap_or_default()
    }

    /// Intents that the hub has not answered.
    pub fn outbox(&self) -> u64 {
        self.0["connection"]["outbox"].as_u64().unwrap_or_default()
    }

    /// Whether an agent can be chosen whose runner is connected.
    pub fn has_agent(&self) -> bool {
        let online = self.0["account"]["online"].as_array();
        let agents = self.0["account"]["agents"].as_array();
        agents
            .into_iter()
            .flatten()
            .any(|agent| online.is_some_and(|online| online.contains(&agent["runner"])))
    }

    /// This device's id.
    pub fn me(&self) -> &str {
        self.0["account"]["me"]["device"]
            .as_str()
            .unwrap_or_default()
    }

    /// A device's name by its id.
    pub fn name_of(&self, id: &str) -> &str {
        self.0["account"]["names"][id].as_str().unwrap_or_default()
    }

    /// The session that is open.
    pub fn open_session(&self) -> Option<&str> {
        self.0["open"]["session"].as_str()
    }

    /// What the list says about a session.
    pub fn session_state(&self, session: &str) -> Option<&str> {
        let rows = self.0["sessions"].as_array()?;
        let row = rows.iter().find(|row| row["session"] == session)?;
        row["state"]["type"].as_str()
    }

    /// The rows of the open session.
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

    /// The rows of one kind.
    pub fn rows_of(&self, kind: &str) -> Vec<ShownRow> {
        self.rows()
            .into_iter()
            .filter(|row| row.kind == kind)
            .collect()
    }

    /// Every piece of every answer, joined.
    pub fn answer(&self) -> String {
        self.rows_of("text").iter().map(ShownRow::text).collect()
    }

    /// How the runs of the open session ended: `completed`, `stopped`, `failed`, `lost`.
    pub fn outcomes(&self) -> Vec<String> {
        self.rows_of("runEnd")
            .iter()
            .filter_map(|row| row.body["outcome"]["type"].as_str().map(str::to_owned))
            .collect()
    }

    /// The run that is on.
    pub fn run(&self) -> Option<&str> {
        self.0["open"]["header"]["run"]["run"].as_str()
    }

    /// The device that sent the prompt of the run that is on.
    pub fn run_started_by(&self) -> Option<&str> {
        self.0["open"]["header"]["run"]["startedBy"]["device"].as_str()
    }

    /// What waits: text, device, delivery and state of each.
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
