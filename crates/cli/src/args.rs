//! The command line.

use std::path::PathBuf;

use baton_protocol::{ApprovalId, ApprovalScope, CommandId, Delivery, StopScope};
use clap::{Parser, Subcommand, ValueEnum};

const ABOUT_EXITS: &str = "\
Exit codes:
  0  done
  1  something else failed; with --wait: the answer was stopped, failed or was lost
  2  the command line is wrong, or names a session that is not there
  3  the hub refused it (the message is on stderr)
  4  no connection, or no answer of the hub, within --timeout
  5  this data directory is not linked to a hub

SESSION is an id, the unique beginning of one, or `last`: the session in which something happened last.

The token is kept in the file `token` of the data directory, readable for its owner alone (0600): scripts have no keyring.
Whoever can read that file can act as this device; `baton-hub revoke` takes its access away.

Several batonctl may use one data directory at once.";

/// Baton from a terminal: link, chat, follow and control sessions.
#[derive(Parser, Debug)]
#[command(name = "batonctl", version, after_help = ABOUT_EXITS)]
pub struct Args {
    /// This device's data directory; each directory is a separate device.
    #[arg(long, global = true, env = "BATONCTL_DATA", value_name = "DIR")]
    pub data: Option<PathBuf>,

    /// One JSON object a line: events with their seq, receipts, sessions.
    #[arg(long, global = true)]
    pub json: bool,

    /// How long to wait for a connection and for a receipt.
    #[arg(long, global = true, value_name = "SECONDS", default_value = "10")]
    pub timeout: f64,

    /// Log the connection and each command to stderr.
    #[arg(long, short, global = true)]
    pub verbose: bool,

    /// The format of the lines of --verbose.
    #[arg(
        long,
        global = true,
        value_enum,
        default_value = "text",
        env = "BATON_LOG_FORMAT"
    )]
    pub log_format: LogFormat,

    #[command(subcommand)]
    pub command: Verb,
}

/// The format of log lines.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Commands of `batonctl`.
#[derive(Subcommand, Debug)]
pub enum Verb {
    /// Link this data directory to a hub with a one-time link (baton://link?…).
    Link {
        /// The link, as the hub printed it; without it, or with `-`, it is read from standard input, where other users cannot see it.
        #[arg(env = "BATON_LINK", hide_env_values = true, default_value = "-")]
        link: String,
        /// The name that other devices show.
        #[arg(long)]
        name: Option<String>,
    },
    /// List the sessions.
    List(Offline),
    /// Begin a session, print its id, and send its first prompt if there is one.
    New {
        /// The first prompt; `-` reads it from stdin.
        prompt: Option<String>,
        /// The agent that answers; by default the first one offered.
        #[arg(long)]
        agent: Option<String>,
        /// The agent's runner, by its name or id; by default any that offers the agent.
        #[arg(long)]
        runner: Option<String>,
        /// The session's title.
        #[arg(long)]
        title: Option<String>,
        /// Wait for the end of the answer, and print it as it comes.
        #[arg(long, requires = "prompt")]
        wait: bool,
    },
    /// Send a prompt.
    Send {
        /// The session: an id, the unique beginning of one, or `last`.
        session: String,
        /// What to say; `-` reads it from stdin.
        text: String,
        /// What to do if an answer is running.
        #[arg(long, value_enum, default_value = "queue")]
        delivery: DeliveryArg,
        /// Wait for the end of the answer, and print it as it comes.
        #[arg(long)]
        wait: bool,
        /// The command's id (a UUID): a command that is sent again under the same id happens once.
        #[arg(long, value_name = "UUID")]
        id: Option<CommandId>,
    },
    /// Follow a session's events.
    Tail {
        /// The session: an id, the unique beginning of one, or `last`.
        session: String,
        /// Begin after this seq; 0 for everything. By default after what this device has.
        #[arg(long, value_name = "SEQ")]
        from: Option<u64>,
        /// End when nothing runs and nothing waits to run.
        #[arg(long)]
        until_idle: bool,
        #[command(flatten)]
        offline: Offline,
    },
    /// Stop the active run, or withdraw the prompt that would run next.
    Stop {
        /// The session: an id, the unique beginning of one, or `last`.
        session: String,
        /// How much to stop.
        #[arg(long, value_enum, default_value = "run")]
        scope: ScopeArg,
    },
    /// Steer the running answer.
    Steer {
        /// The session: an id, the unique beginning of one, or `last`.
        session: String,
        /// What to say; `-` reads it from stdin.
        text: String,
    },
    /// Show or change the queue of a session.
    Queue {
        /// The session: an id, the unique beginning of one, or `last`.
        session: String,
        /// What to change; by default the queue is shown.
        #[command(subcommand)]
        change: Option<QueueVerb>,
    },
    /// Run the prompt of the last failed, lost or stopped run again.
    Retry {
        /// The session: an id, the unique beginning of one, or `last`.
        session: String,
    },
    /// Let an agent use the tool that it asks for. Without APPROVAL: the request that has waited longest.
    Approve {
        /// The session: an id, the unique beginning of one, or `last`.
        session: String,
        /// The approval's id.
        approval: Option<ApprovalId>,
        /// Which calls the answer covers.
        #[arg(long, value_enum, default_value = "once")]
        scope: ReachArg,
    },
    /// Deny an agent the tool that it asks for. Without APPROVAL: the request that has waited longest.
    Deny {
        /// The session: an id, the unique beginning of one, or `last`.
        session: String,
        /// The approval's id.
        approval: Option<ApprovalId>,
        /// What the agent is told.
        #[arg(long)]
        reason: Option<String>,
    },
    /// List the standing approvals and denials, those for all sessions and those for SESSION, or take one back.
    Grants {
        /// Also list those for this session alone.
        session: Option<String>,
        /// Take this one back: the agent asks again before later calls of its kind.
        #[arg(long, value_name = "APPROVAL")]
        revoke: Option<ApprovalId>,
    },
    /// Print a session's draft, or save TEXT as the draft on every device.
    Draft {
        /// The session: an id, the unique beginning of one, or `last`.
        session: String,
        /// The text; an empty one discards the draft.
        text: Option<String>,
    },
    /// Begin a session with a copy of another one's history up to its last answer, and print its id.
    Fork {
        /// The session: an id, the unique beginning of one, or `last`.
        session: String,
        /// The title; by default that of the other session.
        #[arg(long)]
        title: Option<String>,
    },
    /// Keep a session at the top of the list.
    Pin(Undoable),
    /// Archive a session.
    Archive(Undoable),
    /// Delete a session forever.
    Delete {
        /// The session: an id, the unique beginning of one, or `last`.
        session: String,
    },
    /// Search the text of all sessions on this device, without a network.
    Search {
        /// Words that a message must all contain. Put an exact phrase in quotes (`'"exact words"'`).
        query: Vec<String>,
        /// The maximum number of hits.
        #[arg(long, default_value_t = 20)]
        limit: u32,
    },
    /// Show this device's state: hub, connection, outbox.
    Status,
    /// Discard an outbox message that this version cannot read. This cannot be undone.
    Discard {
        /// Its number, as `status` shows it.
        number: i64,
    },
}

/// For commands that can read without a network.
#[derive(clap::Args, Debug, Clone, Copy)]
pub struct Offline {
    /// Do not wait for the hub: show what this device has.
    #[arg(long)]
    pub offline: bool,
}

/// For commands that can be undone.
#[derive(clap::Args, Debug)]
pub struct Undoable {
    /// The session: an id, the unique beginning of one, or `last`.
    pub session: String,
    /// Undo the command.
    #[arg(long)]
    pub undo: bool,
}

/// Which calls an answer to an approval covers.
#[derive(ValueEnum, Clone, Copy, Debug)]
pub enum ReachArg {
    /// This call only.
    Once,
    /// Calls of the same pattern in this session.
    Session,
    /// Calls of the same pattern everywhere.
    Always,
}

impl From<ReachArg> for ApprovalScope {
    fn from(reach: ReachArg) -> Self {
        match reach {
            ReachArg::Once => Self::Once,
            ReachArg::Session => Self::Session,
            ReachArg::Always => Self::Always,
        }
    }
}

/// A change to a queue.
#[derive(Subcommand, Debug)]
pub enum QueueVerb {
    /// Start no further runs.
    Pause,
    /// Start runs again.
    Resume,
    /// Withdraw a waiting prompt.
    Withdraw {
        /// The prompt's id.
        prompt: CommandId,
    },
    /// Move a waiting prompt to another place.
    Move {
        /// The prompt's id.
        prompt: CommandId,
        /// The prompt to move it before; by default it moves to the end.
        #[arg(long, value_name = "PROMPT")]
        before: Option<CommandId>,
    },
}

/// What a prompt does if an answer is running.
#[derive(ValueEnum, Clone, Copy, Debug)]
pub enum DeliveryArg {
    /// Goes into the running answer.
    Steer,
    /// Runs after the whole task.
    Queue,
    /// Stops the running answer and runs first.
    Interrupt,
}

impl From<DeliveryArg> for Delivery {
    fn from(delivery: DeliveryArg) -> Self {
        match delivery {
            DeliveryArg::Steer => Self::Steer,
            DeliveryArg::Queue => Self::Queue,
            DeliveryArg::Interrupt => Self::Interrupt,
        }
    }
}

/// How much a stop ends.
#[derive(ValueEnum, Clone, Copy, Debug)]
pub enum ScopeArg {
    /// The answer only.
    Run,
    /// The answer and what it started.
    Tree,
    /// Everything in the session.
    Session,
}

impl From<ScopeArg> for StopScope {
    fn from(scope: ScopeArg) -> Self {
        match scope {
            ScopeArg::Run => Self::Run,
            ScopeArg::Tree => Self::Tree,
            ScopeArg::Session => Self::Session,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Args::command().debug_assert();
    }

    #[test]
    fn the_exit_codes_are_documented() {
        let help = Args::command().render_long_help().to_string();
        for line in [
            "0  done",
            "3  the hub refused it",
            "5  this data directory is not linked",
        ] {
            assert!(help.contains(line), "{help}");
        }
    }
}
