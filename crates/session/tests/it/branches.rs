use baton_protocol::view::RowBody;
use baton_protocol::*;

use crate::rig::*;

/// Sends a prompt, answers it and completes the run.
fn turn(rig: &mut Rig, text: &str) -> PromptId {
    let prompt = rig.send(laptop(), text, Delivery::Queue);
    answer(rig, &format!("to {text}"));
    prompt
}

fn answer(rig: &mut Rig, text: &str) -> RunId {
    let run = rig.start().expect("starts");
    rig.say(run, text);
    rig.complete(run);
    run
}

fn resend(rig: &mut Rig, prompt: PromptId, text: &str) -> PromptId {
    let body = CommandBody::ResendPrompt(ResendPromptCommand {
        prompt,
        text: text.into(),
        delivery: Delivery::Queue,
    });
    PromptId(rig.accept(desk(), body).0)
}

fn choose(prompt: PromptId) -> CommandBody {
    CommandBody::ChooseBranch(ChooseBranchCommand { prompt })
}

fn shown(rig: &Rig) -> Vec<String> {
    let text = |body: &RowBody| match body {
        RowBody::Prompt { text, .. } | RowBody::Text { text, .. } => Some(text.clone()),
        _ => None,
    };
    rig.transcript
        .shown()
        .filter_map(|row| text(&row.body))
        .collect()
}

#[test]
fn a_prompt_that_is_sent_again_begins_a_branch_and_keeps_the_other_answer() {
    let mut rig = Rig::new();
    turn(&mut rig, "a");
    let b = turn(&mut rig, "b");
    turn(&mut rig, "c");
    let other = resend(&mut rig, b, "B");
    answer(&mut rig, "to B");
    assert_eq!(shown(&rig), ["a", "to a", "B", "to B"]);
    assert_eq!(rig.state.turns().beside(b), [b, other]);
    turn(&mut rig, "d");
    assert_eq!(
        shown(&rig),
        ["a", "to a", "B", "to B", "d", "to d"],
        "what follows is on the branch that is shown"
    );

    assert_eq!(rig.accept(laptop(), choose(b)).1, CommandEffect::Applied);
    assert_eq!(shown(&rig), ["a", "to a", "b", "to b", "c", "to c"]);
    assert_eq!(rig.accept(laptop(), choose(b)).1, CommandEffect::Unchanged);
    assert_eq!(
        rig.accept(laptop(), choose(other)).1,
        CommandEffect::Applied
    );
    assert_eq!(
        shown(&rig).last().map(String::as_str),
        Some("to d"),
        "down to its newest end"
    );
}

#[test]
fn the_first_prompt_can_branch_and_another_answer_to_the_same_words_is_a_branch() {
    let mut rig = Rig::new();
    let a = turn(&mut rig, "a");
    let again = resend(&mut rig, a, "a");
    answer(&mut rig, "another");
    assert_eq!(shown(&rig), ["a", "another"]);
    assert_eq!(rig.state.turns().beside(again), [a, again]);
}

#[test]
fn while_a_run_is_on_no_other_branch_is_chosen_and_waiting_prompts_have_none() {
    let mut rig = Rig::new();
    let a = turn(&mut rig, "a");
    let waiting = resend(&mut rig, a, "A");
    assert_eq!(
        rig.refused(desk(), choose(waiting)),
        ErrorCode::PromptNotFound
    );
    let run = rig.start().expect("starts");
    assert_eq!(rig.refused(desk(), choose(a)), ErrorCode::SessionBusy);
    rig.complete(run);
    assert_eq!(rig.accept(desk(), choose(a)).1, CommandEffect::Applied);
}

#[test]
fn rows_of_sub_agents_and_steers_are_hidden_with_their_turn() {
    let mut rig = Rig::new();
    let a = rig.send(laptop(), "a", Delivery::Queue);
    let run = rig.start().expect("starts");
    let child = rig.child(run, "task");
    rig.say(child, "from the child");
    rig.complete(child);
    let steer = rig.send(laptop(), "steer", Delivery::Steer);
    rig.write(
        run,
        vec![RunWrite::ConsumeSteer {
            prompts: vec![steer],
        }],
    );
    rig.complete(run);
    resend(&mut rig, a, "A");
    answer(&mut rig, "to A");
    assert_eq!(shown(&rig), ["A", "to A"]);
    assert_eq!(
        rig.refused(desk(), choose(steer)),
        ErrorCode::PromptNotFound,
        "a steer is no turn"
    );
}

#[test]
fn a_command_for_an_idle_session_is_refused_while_something_runs_or_waits() {
    let mut rig = Rig::new();
    rig.only_if = Some(CommandCondition::Idle);
    let body = |text: &str| {
        CommandBody::SendPrompt(SendPromptCommand {
            text: text.into(),
            delivery: Delivery::Queue,
            run: None,
        })
    };
    rig.accept(laptop(), body("one"));
    assert_eq!(
        rig.refused(desk(), body("two")),
        ErrorCode::SessionBusy,
        "one waits"
    );
    let run = rig.start().expect("starts");
    assert_eq!(
        rig.refused(desk(), body("two")),
        ErrorCode::SessionBusy,
        "one runs"
    );
    rig.complete(run);
    rig.accept(desk(), body("two"));
}
