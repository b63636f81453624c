//! What can be asked for.

use std::net::SocketAddr;
use std::path::PathBuf;

use baton_hub::{AddressRange, PublicUrl};
use baton_protocol::Role;
use clap::{Args, Parser, Subcommand, ValueEnum};

/// The session hub of Baton.
#[derive(Parser, Debug)]
#[command(name = "baton-hub", version, about)]
pub struct Arguments {
    #[command(subcommand)]
    pub verb: Verb,
}

/// The commands.
#[derive(Subcommand, Debug)]
pub enum Verb {
    /// Run the hub until it is told to stop.
    Serve(Box<Serve>),
    /// Make a link code for a device or a runner: five minutes, one use. The hub must be running.
    Link(Link),
    /// List everybody who was ever linked.
    Devices(Devices),
    /// Take away the access of a device or a runner.
    Revoke(Revoke),
    /// Write everything that the hub holds into one file, beside a running hub too.
    Backup(Backup),
    /// Make a hub's directory from a backup.
    Restore(Restore),
    /// Look at a hub's directory and say what is wrong with it. Exit code: 0 all is well, 10 something to look at, 20 something is
    /// wrong, 1 it could not look.
    Doctor(Doctor),
}

/// `serve`.
#[derive(Args, Debug)]
pub struct Serve {
    /// The hub's directory; made where there is none.
    #[arg(long, env = "BATON_HUB_DATA", value_name = "DIR")]
    pub data: PathBuf,
    /// Where to listen. On loopback the port takes plain text beside TLS; beyond it TLS alone.
    #[arg(long, default_value = "127.0.0.1:7420", value_name = "ADDR:PORT")]
    pub listen: SocketAddr,
    /// The hub's name for people; the computer's name where none is given.
    #[arg(long)]
    pub name: Option<String>,
    /// TLS with the hub's own certificate, as it is without this flag.
    #[arg(long, hide = true)]
    pub tls: bool,
    /// TLS with this certificate (PEM) instead of the hub's own.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// The certificate's key (PEM).
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// What link codes contain instead of the address that the hub listens on.
    #[arg(long, value_name = "HOST[:PORT]")]
    pub public_name: Option<String>,
    /// Where a reverse proxy that ends TLS serves the hub, a path included. Link codes lead there, and clients check the proxy's certificate
    /// by their computer's certificate store.
    #[arg(
        long,
        value_name = "https://HOST[:PORT]/PATH/",
        conflicts_with = "public_name"
    )]
    pub public_url: Option<PublicUrl>,
    /// A proxy whose `X-Forwarded-For` names the address of its client: an address or a network. Can be given several times; none by
    /// default.
    #[arg(long, value_name = "ADDR[/BITS]")]
    pub trusted_proxy: Vec<AddressRange>,
    /// Another name under which clients reach the hub, for the check of `Host`. Can be given several times; addresses, `localhost` and
    /// the public name or address need not be named.
    #[arg(long, value_name = "NAME")]
    pub allow_host: Vec<String>,
    /// An Origin of web pages that may connect. Can be given several times; none by default.
    #[arg(long, value_name = "ORIGIN")]
    pub allow_origin: Vec<String>,
    /// How long a run outlives its runner's silence. For tests.
    #[arg(long, hide = true, value_name = "MS")]
    pub lease_ms: Option<u64>,
    /// How log lines look.
    #[arg(long, value_enum, default_value_t = LogFormat::Text, env = "BATON_LOG_FORMAT")]
    pub log_format: LogFormat,
}

/// How log lines look.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// `link`.
#[derive(Args, Debug)]
pub struct Link {
    /// The hub's directory.
    #[arg(long, env = "BATON_HUB_DATA", value_name = "DIR")]
    pub data: PathBuf,
    /// What is to be linked.
    #[arg(long, value_enum, default_value_t = LinkRole::Device)]
    pub role: LinkRole,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// What a link code makes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum LinkRole {
    /// Reads, and sends commands.
    Device,
    /// Hosts agents.
    Runner,
}

impl From<LinkRole> for Role {
    fn from(role: LinkRole) -> Self {
        match role {
            LinkRole::Device => Self::Device,
            LinkRole::Runner => Self::Runner,
        }
    }
}

/// `devices`.
#[derive(Args, Debug)]
pub struct Devices {
    /// The hub's directory.
    #[arg(long, env = "BATON_HUB_DATA", value_name = "DIR")]
    pub data: PathBuf,
    /// Print JSON, one object a line.
    #[arg(long)]
    pub json: bool,
}

/// `revoke`.
#[derive(Args, Debug)]
pub struct Revoke {
    /// The hub's directory.
    #[arg(long, env = "BATON_HUB_DATA", value_name = "DIR")]
    pub data: PathBuf,
    /// An id, or a name that only one has.
    #[arg(value_name = "ID|NAME")]
    pub who: String,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// `backup`.
#[derive(Args, Debug)]
pub struct Backup {
    /// The hub's directory.
    #[arg(long, env = "BATON_HUB_DATA", value_name = "DIR")]
    pub data: PathBuf,
    /// The file to write; there must be none of this name.
    #[arg(long, value_name = "FILE")]
    pub to: PathBuf,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// `restore`.
#[derive(Args, Debug)]
pub struct Restore {
    /// The backup.
    #[arg(long, value_name = "FILE")]
    pub from: PathBuf,
    /// The directory to make; it must be empty or absent.
    #[arg(long, env = "BATON_HUB_DATA", value_name = "DIR")]
    pub data: PathBuf,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// `doctor`.
#[derive(Args, Debug)]
pub struct Doctor {
    /// The hub's directory. Nothing in it is changed.
    #[arg(long, env = "BATON_HUB_DATA", value_name = "DIR")]
    pub data: PathBuf,
    /// Where a copy of the hub's data has room for a moment; beside the hub's directory if not given.
    #[arg(long, value_name = "DIR")]
    pub scratch: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }
}
