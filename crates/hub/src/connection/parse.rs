//! From a socket's text to a frame, or to what is to be said about it.
//!
//! A frame or a command of a kind that this hub does not know comes from a newer client: it is refused and the connection goes on. A
//! known kind with a body that does not fit is a defect of the client: the connection is closed.

use baton_protocol::{
    CLIENT_FRAME_KINDS, COMMAND_KINDS, ClientFrame, CommandId, ErrorBody, ErrorCode, LogId,
};
use serde_json::Value;

/// What a text turned out to be.
#[derive(Debug)]
pub enum Parsed {
    /// A frame.
    Frame(ClientFrame),
    /// Of a kind that this hub does not know: refused.
    Unknown {
        /// The command's id, where it was one.
        command: Option<CommandId>,
        /// The log, where it was about one.
        log: Option<LogId>,
        /// Why.
        error: ErrorBody,
    },
    /// Not what the protocol says: the connection is closed.
    Malformed(ErrorBody),
}

/// Reads one message.
pub fn parse(text: &str) -> Parsed {
    match serde_json::from_str(text) {
        Ok(frame) => Parsed::Frame(frame),
        Err(error) => explain(text, &error),
    }
}

/// The way of everything that did not parse: slower, and never taken by a client that is right.
fn explain(text: &str, error: &serde_json::Error) -> Parsed {
    let malformed = |message: String| {
        Parsed::Malformed(ErrorCode::MalformedFrame.with(message, "see docs/PROTOCOL.md"))
    };
    let Ok(frame) = serde_json::from_str::<Value>(text) else {
        return malformed(format!("this is not JSON: {error}"));
    };
    let Some(kind) = frame.get("type").and_then(Value::as_str) else {
        return malformed("the frame has no `type`".to_owned());
    };
    if !CLIENT_FRAME_KINDS.contains(&kind) {
        return unknown(None, None, "frame", kind);
    }
    let command = frame.get("command");
    let body_kind = command
        .and_then(|command| command.pointer("/body/type"))
        .and_then(Value::as_str);
    match (kind, body_kind) {
        ("command", Some(body_kind)) if !COMMAND_KINDS.contains(&body_kind) => {
            let field = |name: &str| {
                command
                    .and_then(|command| command.get(name))
                    .and_then(Value::as_str)
            };
            let id = field("id").and_then(|id| id.parse().ok());
            let log = field("log").and_then(|log| log.parse().ok());
            unknown(id, log, "command", body_kind)
        }
        _ => malformed(format!("a `{kind}` frame does not fit: {error}")),
    }
}

fn unknown(command: Option<CommandId>, log: Option<LogId>, what: &str, kind: &str) -> Parsed {
    let shown: String = kind.chars().take(64).collect();
    let error = ErrorCode::MalformedFrame.with(
        format!("this hub knows no {what} `{shown}`"),
        "update the hub",
    );
    Parsed::Unknown {
        command,
        log,
        error,
    }
}

#[cfg(test)]
mod tests {
    use baton_protocol::{Command, CommandBody, PauseQueueCommand, SessionId};

    use super::*;

    #[test]
    fn frames_of_a_newer_client_are_told_from_broken_ones() {
        let command = Command {
            only_if: None,
            id: CommandId::mint(),
            log: LogId::Session(SessionId::mint()),
            body: CommandBody::PauseQueue(PauseQueueCommand {}),
        };
        let good = serde_json::to_string(&ClientFrame::Command {
            command: command.clone(),
        })
        .unwrap();
        assert!(matches!(
            parse(&good),
            Parsed::Frame(ClientFrame::Command { .. })
        ));
        let newer = good.replace("pauseQueue", "teleport");
        let Parsed::Unknown {
            command: id, log, ..
        } = parse(&newer)
        else {
            panic!("must be unknown")
        };
        assert_eq!((id, log), (Some(command.id), Some(command.log)));
        assert!(matches!(
            parse(r#"{"type":"wave"}"#),
            Parsed::Unknown { command: None, .. }
        ));
        for broken in [
            "",
            "[]",
            "{",
            r#"{"type":7}"#,
            r#"{"type":"subscribe"}"#,
            r#"{"type":"command","command":{}}"#,
        ] {
            assert!(matches!(parse(broken), Parsed::Malformed(_)), "{broken}");
        }
    }
}
