//! One file per group of commands.

mod control;
mod draft;
mod grants;
mod link;
mod order;
mod prompt;
mod queue;
mod read;
mod tail;

use baton_client::{Device, Intent};
use baton_protocol::{CommandBody, LogId, SessionId};

use crate::args::{Args, Verb};
use crate::failure::Failure;
use crate::output::Output;
use crate::place;
use crate::session_name::resolve;
use crate::waiting::{self, Patience};

/// What every command gets.
pub struct Context<'a> {
    device: Device,
    output: &'a Output,
    patience: Patience,
}

/// Runs the command that the command line names.
pub async fn run(args: Args, output: &Output) -> Result<(), Failure> {
    let patience = Patience::of_seconds(args.timeout)?;
    let data_dir = place::data_dir(args.data.as_deref())?;
    if let Verb::Link { link, name } = &args.command {
        return link::link(output, &data_dir, link, name.as_deref()).await;
    }
    let context = Context {
        device: place::open(&data_dir).await?,
        output,
        patience,
    };
    match args.command {
        Verb::Link { .. } => Ok(()),
        Verb::List(offline) => read::list(&context, offline).await,
        Verb::New {
            prompt,
            agent,
            runner,
            title,
            wait,
        } => {
            let asked = prompt::AskedAgent { agent, runner };
            prompt::new(&context, prompt, asked, title, wait).await
        }
        Verb::Send {
            session,
            text,
            delivery,
            wait,
            id,
        } => prompt::send(&context, &session, text, delivery.into(), wait, id).await,
        Verb::Tail {
            session,
            from,
            until_idle,
            offline,
        } => tail::tail(&context, &session, from, until_idle, offline).await,
        Verb::Stop { session, scope } => control::stop(&context, &session, scope.into()).await,
        Verb::Steer { session, text } => prompt::steer(&context, &session, text).await,
        Verb::Queue { session, change } => queue::queue(&context, &session, change).await,
        Verb::Retry { session } => control::retry(&context, &session).await,
        Verb::Approve {
            session,
            approval,
            scope,
        } => control::approve(&context, &session, approval, scope.into()).await,
        Verb::Deny {
            session,
            approval,
            reason,
        } => control::deny(&context, &session, approval, reason).await,
        Verb::Grants { session, revoke } => grants::grants(&context, session, revoke).await,
        Verb::Draft { session, text } => draft::draft(&context, &session, text).await,
        Verb::Fork { session, title } => order::fork(&context, &session, title).await,
        Verb::Pin(which) => order::pin(&context, &which.session, !which.undo).await,
        Verb::Archive(which) => order::archive(&context, &which.session, !which.undo).await,
        Verb::Delete { session } => order::delete(&context, &session).await,
        Verb::Search { query, limit } => read::search(&context, &query.join(" "), limit).await,
        Verb::Status => read::status(&context).await,
        Verb::Discard { number } => read::discard(&context, number).await,
    }
}

impl Context<'_> {
    /// Resolves a session's name, after the mirror has the whole list.
    async fn session(&self, name: &str) -> Result<SessionId, Failure> {
        waiting::account_caught_up(&self.device, self.patience).await?;
        resolve(&self.device, name)
    }

    /// Sends a command to a session and prints the receipt.
    async fn act(&self, session: SessionId, body: CommandBody) -> Result<(), Failure> {
        self.act_on(LogId::Session(session), body).await
    }

    /// Sends a command to the account's lists and prints the receipt.
    async fn act_on_lists(&self, body: CommandBody) -> Result<(), Failure> {
        self.act_on(self.device.account().log, body).await
    }

    async fn act_on(&self, log: LogId, body: CommandBody) -> Result<(), Failure> {
        let intent = self.device.act(log, body).await?;
        self.answered(intent).await
    }

    /// Waits for the receipt and prints it.
    async fn answered(&self, intent: Intent) -> Result<(), Failure> {
        let receipt = waiting::receipt(&self.device, intent, self.patience).await?;
        self.output.receipt(&receipt);
        waiting::accepted(&self.device, &receipt).await
    }
}
