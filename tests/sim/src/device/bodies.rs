//! What a person's act says to the hub: which log, and which command with which ids, out of what there is.

use baton_protocol::{
    ArchiveSessionCommand, BeginPromptEditCommand, ChooseBranchCommand, CommandBody,
    DeleteSessionCommand, Delivery, EditPromptCommand, EndPromptEditCommand, EventBody, ForkPoint,
    ForkSessionCommand, LogId, MarkReadCommand, MovePromptCommand, PauseQueueCommand,
    PinSessionCommand, PromptId, RenameSessionCommand, ResendPromptCommand, ResumeQueueCommand,
    RetryRunCommand, RunId, SendPromptCommand, SendPromptNowCommand, Seq, StopRunCommand,
    StopScope, StopTarget, WithdrawPromptCommand,
};

use crate::plan::{Act, Sent};
use crate::sim::Sim;
use crate::words;

/// How far back a person picks.
const PICKS: u64 = 4;

/// One of them, counted from the newest.
pub fn newest<T: Clone>(of: &[T], pick: u64) -> Option<T> {
    let back = pick % PICKS.min(of.len().max(1) as u64);
    let index = of.len().checked_sub(1 + usize::try_from(back).ok()?)?;
    of.get(index).cloned()
}

/// A session's prompts, the ones that this device has not sent included.
fn prompts(sim: &Sim, device: usize, log: LogId) -> Vec<PromptId> {
    let events = sim.checker.truth().log(log);
    let events = events.map_or(&[][..], |log| log.events());
    let sent = events.iter().filter_map(|event| match &event.body {
        EventBody::PromptSent(body) => Some(body.prompt),
        _ => None,
    });
    let mut prompts: Vec<PromptId> = sent.collect();
    for command in sim.checker.wanted_on(device) {
        let prompt = PromptId(command.id);
        let is_prompt = matches!(command.body, CommandBody::SendPrompt(_));
        if is_prompt && command.log == log && !prompts.contains(&prompt) {
            prompts.push(prompt);
        }
    }
    prompts
}

/// A session's runs.
pub fn runs(sim: &Sim, log: LogId) -> Vec<RunId> {
    let events = sim.checker.truth().log(log);
    let events = events.map_or(&[][..], |log| log.events());
    let started = events.iter().filter_map(|event| match &event.body {
        EventBody::RunStarted(body) => Some(body.run),
        _ => None,
    });
    started.collect()
}

/// Nothing where there is nothing that the act could be about.
pub(super) fn body_of(sim: &Sim, device: usize, act: &Act) -> Option<(LogId, CommandBody)> {
    about_a_prompt(sim, device, act)
        .or_else(|| about_a_branch(sim, device, act))
        .or_else(|| about_a_run(sim, act))
        .or_else(|| about_a_session(sim, act))
        .or_else(|| for_the_account(sim, act))
}

fn session_of(sim: &Sim, session: usize) -> LogId {
    LogId::Session(sim.cast.sessions[session])
}

fn delivery(how: Sent) -> Delivery {
    match how {
        Sent::Steer => Delivery::Steer,
        Sent::Queue => Delivery::Queue,
        Sent::Interrupt => Delivery::Interrupt,
    }
}

fn prompt_of(sim: &Sim, device: usize, session: usize, pick: u64) -> Option<(LogId, PromptId)> {
    let log = session_of(sim, session);
    Some((log, newest(&prompts(sim, device, log), pick)?))
}

fn about_a_prompt(sim: &Sim, device: usize, act: &Act) -> Option<(LogId, CommandBody)> {
    let prompt_of = |session, pick| prompt_of(sim, device, session, pick);
    Some(match *act {
        Act::Edit {
            session,
            pick,
            text,
        } => {
            let (log, prompt) = prompt_of(session, pick)?;
            let text = words::prompt(sim.seed, text);
            let body = EditPromptCommand { prompt, text };
            (log, CommandBody::EditPrompt(body))
        }
        Act::Withdraw { session, pick } => {
            let (log, prompt) = prompt_of(session, pick)?;
            let body = WithdrawPromptCommand { prompt };
            (log, CommandBody::WithdrawPrompt(body))
        }
        Act::Move {
            session,
            pick,
            before,
        } => {
            let (log, prompt) = prompt_of(session, pick)?;
            let before = before.and_then(|pick| prompt_of(session, pick));
            let before = before.map(|(_, prompt)| prompt);
            let body = MovePromptCommand { prompt, before };
            (log, CommandBody::MovePrompt(body))
        }
        Act::SendNow { session, pick } => {
            let (log, prompt) = prompt_of(session, pick)?;
            let body = SendPromptNowCommand { prompt };
            (log, CommandBody::SendPromptNow(body))
        }
        Act::StopPrompt { session, pick } => {
            let (log, prompt) = prompt_of(session, pick)?;
            let target = StopTarget::Prompt { prompt };
            let scope = StopScope::Run;
            (log, CommandBody::StopRun(StopRunCommand { target, scope }))
        }
        Act::BeginEdit { session, pick } => {
            let (log, prompt) = prompt_of(session, pick)?;
            let body = BeginPromptEditCommand { prompt };
            (log, CommandBody::BeginPromptEdit(body))
        }
        Act::EndEdit { session, pick } => {
            let (log, prompt) = prompt_of(session, pick)?;
            let body = EndPromptEditCommand { prompt };
            (log, CommandBody::EndPromptEdit(body))
        }
        _ => return None,
    })
}

fn about_a_branch(sim: &Sim, device: usize, act: &Act) -> Option<(LogId, CommandBody)> {
    let prompt_of = |session, pick| prompt_of(sim, device, session, pick);
    Some(match *act {
        Act::Resend {
            session,
            pick,
            how,
            text,
        } => {
            let (log, prompt) = prompt_of(session, pick)?;
            let body = ResendPromptCommand {
                prompt,
                text: words::prompt(sim.seed, text),
                delivery: delivery(how),
            };
            (log, CommandBody::ResendPrompt(body))
        }
        Act::ChooseBranch { session, pick } => {
            let (log, prompt) = prompt_of(session, pick)?;
            let body = ChooseBranchCommand { prompt };
            (log, CommandBody::ChooseBranch(body))
        }
        _ => return None,
    })
}

fn about_a_run(sim: &Sim, act: &Act) -> Option<(LogId, CommandBody)> {
    let run_of = |session: usize, pick| {
        let log = session_of(sim, session);
        Some((log, newest(&runs(sim, log), pick)?))
    };
    Some(match *act {
        Act::StopRun {
            session,
            pick,
            scope,
        } => {
            let (log, run) = run_of(session, pick)?;
            let target = StopTarget::Run { run };
            let scope = [StopScope::Run, StopScope::Tree, StopScope::Session]
                [usize::try_from(scope % 3).ok()?];
            (log, CommandBody::StopRun(StopRunCommand { target, scope }))
        }
        Act::Retry { session, pick } => {
            let (log, run) = run_of(session, pick)?;
            (log, CommandBody::RetryRun(RetryRunCommand { run }))
        }
        Act::Fork {
            session,
            from,
            pick,
        } => {
            let (_, run) = run_of(from, pick)?;
            let body = ForkSessionCommand {
                from: sim.cast.sessions[from],
                at: ForkPoint::After { run },
                title: None,
            };
            (session_of(sim, session), CommandBody::ForkSession(body))
        }
        _ => return None,
    })
}

fn about_a_session(sim: &Sim, act: &Act) -> Option<(LogId, CommandBody)> {
    Some(match *act {
        Act::Send { session, how, text } => {
            let body = SendPromptCommand {
                run: None,
                text: words::prompt(sim.seed, text),
                delivery: delivery(how),
            };
            (session_of(sim, session), CommandBody::SendPrompt(body))
        }
        Act::Pause { session } => {
            let body = CommandBody::PauseQueue(PauseQueueCommand {});
            (session_of(sim, session), body)
        }
        Act::Resume { session } => {
            let body = CommandBody::ResumeQueue(ResumeQueueCommand {});
            (session_of(sim, session), body)
        }
        Act::Rename { session, text } => {
            let title = format!("title {text}");
            let body = CommandBody::RenameSession(RenameSessionCommand { title });
            (session_of(sim, session), body)
        }
        _ => return None,
    })
}

fn for_the_account(sim: &Sim, act: &Act) -> Option<(LogId, CommandBody)> {
    let body = match *act {
        Act::MarkRead { session, back } => {
            let session = sim.cast.sessions[session];
            let head = sim.checker.truth().log(LogId::Session(session));
            let head = head.map_or(Seq::ZERO, |log| log.head());
            let seq = Seq(head.0.saturating_sub(back));
            CommandBody::MarkRead(MarkReadCommand { session, seq })
        }
        Act::Delete { session } => {
            let session = sim.cast.sessions[session];
            CommandBody::DeleteSession(DeleteSessionCommand { session })
        }
        Act::Pin { session, pinned } => {
            let session = sim.cast.sessions[session];
            CommandBody::PinSession(PinSessionCommand { session, pinned })
        }
        Act::Archive { session, archived } => {
            let session = sim.cast.sessions[session];
            CommandBody::ArchiveSession(ArchiveSessionCommand { session, archived })
        }
        _ => return None,
    };
    Some((LogId::Account(sim.cast.account), body))
}
