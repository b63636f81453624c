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
    /// This device's data directory; each is a device of its own.
    #[arg(long, global = true, env = "BATONCTL_DATA", value_name = "DIR")]
    pub data: Option<PathBuf>,

    /// One JSON object a line: events with their seq, receipts, sessions.
    #[arg(long, global = true)]
    pub json: bool,

    /// How long to wait for a connection, and for a receipt.
    #[arg(long, global = true, value_name = "SECONDS", default_value = "10")]
    pub timeout: f64,

    /// Say on stderr what happens: with the connection, and with each command.
    #[arg(long, short, global = true)]
    pub verbose: bool,

    /// How the lines of --verbose look.
    #[arg(
        long,
        global = true,
        value_enum,
        default_value = "text",
        env = "BATON_LOG_FORMAT"
    )]
    pub log_format: LogFormat,

    /// What to do.
    #[command(subcommand)]
    pub command: Verb,
}

/// How log lines look.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// What to do.
#[derive(Subcommand, Debug)]
pub enum Verb {
    /// Link this data directory to a hub with a one-time link (baton://link?…).
    Link {
        /// The link, as the hub printed it; without it, or as `-`, it is read from standard input, where other users cannot see it.
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
        /// Which agent answers; by default the first one that is offered.
        #[arg(long)]
        agent: Option<String>,
        /// On which runner, by its name or id; by default any that offers the agent.
        #[arg(long)]
        runner: Option<String>,
        /// A title.
        #[arg(long)]
        title: Option<String>,
        /// Stay until the answer is over, and print it as it comes.
        #[arg(long, requires = "prompt")]
        wait: bool,
    },
    /// Send a prompt.
    Send {
        /// Which session.
        session: String,
        /// What to say; `-` reads it from stdin.
        text: String,
        /// How it meets an answer that is on.
        #[arg(long, value_enum, default_value = "queue")]
        delivery: DeliveryArg,
        /// Stay until the answer is over, and print it as it comes.
        #[arg(long)]
        wait: bool,
        /// The command's id (a UUID): sent again under the same id, it still happens once.
        #[arg(long, value_name = "UUID")]
        id: Option<CommandId>,
    },
    /// Follow a session's events.
    Tail {
        /// Which session.
        session: String,
        /// Begin behind this seq; 0 for everything. By default behind what this device has.
        #[arg(long, value_name = "SEQ")]
        from: Option<u64>,
        /// End once nothing runs and nothing will start by itself.
        #[arg(long)]
        until_idle: bool,
        #[command(flatten)]
        offline: Offline,
    },
    /// Stop what runs, or take back the prompt that would run next.
    Stop {
        /// Which session.
        session: String,
        /// How far.
        #[arg(long, value_enum, default_value = "run")]
        scope: ScopeArg,
    },
    /// Steer the answer that is on.
    Steer {
        /// Which session.
        session: String,
        /// What to say; `-` reads it from stdin.
        text: String,
    },
    /// Show or change what waits in a session.
    Queue {
        /// Which session.
        session: String,
        /// What to change; without it the queue is shown.
        #[command(subcommand)]
        change: Option<QueueVerb>,
    },
    /// Run the prompt of the last failed, lost or stopped run again.
    Retry {
        /// Which session.
        session: String,
    },
    /// Let an agent use the tool that it asks for. Without APPROVAL: the one that waits longest.
    Approve {
        /// Which session.
        session: String,
        /// Which approval.
        approval: Option<ApprovalId>,
        /// How far the word reaches.
        #[arg(long, value_enum, default_value = "once")]
        scope: ReachArg,
    },
    /// Forbid it. Without APPROVAL: the one that waits longest.
    Deny {
        /// Which session.
        session: String,
        /// Which approval.
        approval: Option<ApprovalId>,
        /// What the agent is told.
        #[arg(long)]
        reason: Option<String>,
    },
    /// List what is allowed or forbidden without a word for each call, everywhere and in SESSION, or take one of them back.
    Grants {
        /// Also what holds in this session alone.
        session: Option<String>,
        /// Take this one back: later calls of its kind are asked about again.
        #[arg(long, value_name = "APPROVAL")]
        revoke: Option<ApprovalId>,
    },
    /// Print what is begun to be written in a session, or keep TEXT as that, on every device.
    Draft {
        /// Which session.
        session: String,
        /// The text; empty: give the draft up.
        text: Option<String>,
    },
    /// Begin a session with a copy of another one's history up to its last answer, and print its id.
    Fork {
        /// Which session.
        session: String,
        /// A title; by default the other one's.
        #[arg(long)]
        title: Option<String>,
    },
    /// Keep a session at the top of the list.
    Pin(Undoable),
    /// Put a session aside.
    Archive(Undoable),
    /// Delete a session for ever.
    Delete {
        /// Which session.
        session: String,
    },
    /// Find text in all sessions that this device has, without a network.
    Search {
        /// Words that a message must all contain. Put an exact phrase in quotes (`'"exact words"'`).
        query: Vec<String>,
        /// At most so many hits.
        #[arg(long, default_value_t = 20)]
        limit: u32,
    },
    /// Say how this device stands: hub, connection, outbox.
    Status,
    /// Discard a message of the outbox that this version cannot read, for good.
    Discard {
        /// Its number, as `status` shows it.
        number: i64,
    },
}

/// Reading without a network.
#[derive(clap::Args, Debug, Clone, Copy)]
pub struct Offline {
    /// Do not wait for the hub: show what this device has.
    #[arg(long)]
    pub offline: bool,
}

/// What can be taken back.
#[derive(clap::Args, Debug)]
pub struct Undoable {
    /// Which session.
    pub session: String,
    /// Take it back.
    #[arg(long)]
    pub undo: bool,
}

/// How far a person's word reaches.
#[derive(ValueEnum, Clone, Copy, Debug)]
pub enum ReachArg {
    /// This call alone.
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

/// What to change in a queue.
#[derive(Subcommand, Debug)]
pub enum QueueVerb {
    /// Start no further runs.
    Pause,
    /// Start runs again.
    Resume,
    /// Take a waiting prompt back.
    Withdraw {
        /// Which.
        prompt: CommandId,
    },
    /// Change a waiting prompt's place.
    Move {
        /// Which.
        prompt: CommandId,
        /// Before which other one; by default to the end.
        #[arg(long, value_name = "PROMPT")]
        before: Option<CommandId>,
    },
}

/// How a prompt meets an answer that is on.
#[derive(ValueEnum, Clone, Copy, Debug)]
pub enum DeliveryArg {
    /// Into the running answer.
    Steer,
    /// After the whole task.
    Queue,
    /// Stop, then this one first.
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

/// How far a stop reaches.
#[derive(ValueEnum, Clone, Copy, Debug)]
pub enum ScopeArg {
    /// The answer alone.
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
