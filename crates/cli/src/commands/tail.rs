//! `tail`.

use baton_client::{TailItem, TailStart};
use baton_protocol::{LogId, Seq};

use super::Context;
use crate::args::Offline;
use crate::failure::Failure;
use crate::output::Transcript;
use crate::session_name::resolve;
use crate::waiting;

/// Follows a session's events, indefinitely or until the session is idle.
pub async fn tail(
    context: &Context<'_>,
    session: &str,
    from: Option<u64>,
    until_idle: bool,
    offline: Offline,
) -> Result<(), Failure> {
    let session = match offline.offline {
        true => resolve(&context.device, session)?,
        false => context.session(session).await?,
    };
    let log = LogId::Session(session);
    let start = from.map_or(TailStart::Mirror, |seq| TailStart::After(Seq(seq)));
    let mut tail = context.device.tail(log, start);
    tail.begin().await?;
    if !offline.offline {
        waiting::caught_up(&context.device, log, context.patience).await?;
    }
    let mut transcript = Transcript::default();
    loop {
        let item = tokio::select! {
            item = tail.next() => item?,
            failure = waiting::refusal(&context.device), if !offline.offline => return Err(failure),
        };
        match item {
            TailItem::Event(event) if context.output.is_json() => {
                context.output.event(log, &event);
            }
            TailItem::Event(event) => transcript.event(context.output, &event),
            TailItem::AtEnd(_) if offline.offline => return Ok(()),
            TailItem::AtEnd(end) if until_idle && end.caught_up && end.idle => return Ok(()),
            TailItem::AtEnd(_) => {}
            TailItem::Deleted => return Err(Failure::session_deleted()),
            TailItem::Restarted => {
                context
                    .output
                    .note("the hub has another log for this session: it begins anew");
            }
        }
    }
}
