//! The kinds of frames and commands that this version knows, and how hub, client and runner read a frame.
//!
//! **Invariant:** a frame of an unknown `type` comes from a newer peer and is not an error; a frame of a known `type` that does not fit is
//! an error, however deep in the frame the cause lies. A test compares the lists with what serde knows, so they cannot drift.

use serde::Deserialize;

use crate::{ClientFrame, HubFrame};

/// The `type`s of frames from a hub.
pub const HUB_FRAME_KINDS: &[&str] = &[
    "welcome",
    "batch",
    "snapshot",
    "history",
    "missing",
    "receipt",
    "refused",
    "heartbeatAck",
    "presence",
    "attention",
    "runAssigned",
    "runAcked",
    "runFenced",
];

/// The `type`s of frames to a hub.
pub const CLIENT_FRAME_KINDS: &[&str] = &[
    "hello",
    "subscribe",
    "readHistory",
    "unsubscribe",
    "command",
    "heartbeat",
    "resumeRun",
    "writeRun",
    "reportTeardown",
    "attend",
];

/// The `type`s of command bodies.
pub const COMMAND_KINDS: &[&str] = &[
    "createSession",
    "renameSession",
    "sendPrompt",
    "editPrompt",
    "withdrawPrompt",
    "movePrompt",
    "sendPromptNow",
    "stopRun",
    "retryRun",
    "pauseQueue",
    "resumeQueue",
    "markRead",
    "answerApproval",
    "revokeApproval",
    "beginPromptEdit",
    "endPromptEdit",
    "resendPrompt",
    "chooseBranch",
    "forkSession",
    "importBatch",
    "pinSession",
    "archiveSession",
    "fileSession",
    "deleteSession",
    "nameFolder",
    "removeFolder",
    "saveDraft",
    "revokeApprovalGrant",
];

/// Why a text is not a frame of this version.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum UnreadFrame {
    /// This version does not know its `type`: the peer is newer.
    #[error("the frame is of the unknown kind `{kind}`: update Baton here")]
    Newer {
        /// The frame's `type`.
        kind: String,
    },
    /// It does not follow the protocol. The error gives the position, not the frame's content.
    #[error("the frame cannot be read at column {column}: update Baton here or at the other side")]
    Malformed {
        /// The frame's `type`, if it has a known one.
        kind: Option<&'static str>,
        /// The column that serde_json reports for the error, in bytes.
        column: usize,
    },
}

impl HubFrame {
    /// Reads a frame from a hub.
    ///
    /// # Errors
    /// If the frame is of a newer kind, or does not fit.
    pub fn read(text: &str) -> Result<Self, UnreadFrame> {
        serde_json::from_str(text).map_err(|error| explain(text, &error, HUB_FRAME_KINDS))
    }
}

impl ClientFrame {
    /// Reads a frame to a hub.
    ///
    /// # Errors
    /// If the frame is of a newer kind, or does not fit.
    pub fn read(text: &str) -> Result<Self, UnreadFrame> {
        serde_json::from_str(text).map_err(|error| explain(text, &error, CLIENT_FRAME_KINDS))
    }
}

/// Finds out why a text did not parse. Slower than parsing, but rarely needed.
fn explain(text: &str, error: &serde_json::Error, known: &[&'static str]) -> UnreadFrame {
    #[derive(Deserialize)]
    struct Tagged {
        r#type: String,
    }
    let kind = serde_json::from_str::<Tagged>(text).map(|tagged| tagged.r#type);
    let known = |kind: &String| known.iter().find(|known| *known == kind).copied();
    match kind {
        Ok(kind) if known(&kind).is_none() => UnreadFrame::Newer { kind },
        kind => UnreadFrame::Malformed {
            kind: kind.ok().as_ref().and_then(known),
            column: error.column(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CommandBody;

    /// The kinds that serde lists when it meets an unknown kind.
    fn of_serde<T: serde::de::DeserializeOwned>() -> Vec<String> {
        let error = serde_json::from_str::<T>(r#"{"type":"?"}"#).err();
        let message = error.expect("`?` is no kind").to_string();
        let (_, listed) = message
            .split_once("expected one of ")
            .expect("serde lists the kinds");
        listed
            .split('`')
            .skip(1)
            .step_by(2)
            .map(str::to_owned)
            .collect()
    }

    #[test]
    fn every_kind_of_frame_and_command_that_the_protocol_has_is_known_and_no_other() {
        assert_eq!(of_serde::<HubFrame>(), HUB_FRAME_KINDS);
        assert_eq!(of_serde::<ClientFrame>(), CLIENT_FRAME_KINDS);
        assert_eq!(of_serde::<CommandBody>(), COMMAND_KINDS);
    }

    #[test]
    fn a_frame_of_a_newer_hub_is_told_from_one_that_does_not_fit() {
        let newer = HubFrame::read(r#"{"type":"wave","at":1}"#);
        assert_eq!(
            newer,
            Err(UnreadFrame::Newer {
                kind: "wave".to_owned()
            })
        );
        for kind in HUB_FRAME_KINDS {
            let read = HubFrame::read(&format!(r#"{{"type":"{kind}","log":7}}"#));
            match read {
                Ok(HubFrame::HeartbeatAck {}) => assert_eq!(*kind, "heartbeatAck"),
                Err(UnreadFrame::Malformed { kind: found, .. }) => assert_eq!(found, Some(*kind)),
                other => panic!("{kind}: {other:?}"),
            }
        }
        // serde reports the code as an unknown variant, but the frame's kind is known.
        let nested = r#"{"type":"refused","error":{"code":"bad_weather","message":"","hint":""}}"#;
        let read = HubFrame::read(nested);
        assert!(matches!(
            read,
            Err(UnreadFrame::Malformed {
                kind: Some("refused"),
                ..
            })
        ));
        for text in ["", "[]", "{", r#"{"type":7}"#, r#"{"kind":"batch"}"#] {
            let read = HubFrame::read(text);
            assert!(
                matches!(read, Err(UnreadFrame::Malformed { kind: None, .. })),
                "{text}"
            );
        }
    }
}
