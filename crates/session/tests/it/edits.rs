use baton_protocol::*;
use baton_session::expire_edit;

use crate::rig::*;

fn begin(prompt: PromptId) -> CommandBody {
    CommandBody::BeginPromptEdit(BeginPromptEditCommand { prompt })
}

fn edit(prompt: PromptId, text: &str) -> CommandBody {
    CommandBody::EditPrompt(EditPromptCommand {
        prompt,
        text: text.into(),
    })
}

#[test]
fn nobody_takes_or_edits_a_prompt_that_a_device_edits() {
    let mut rig = Rig::new();
    let prompt = rig.send(laptop(), "first", Delivery::Queue);
    rig.accept(desk(), begin(prompt));
    assert_eq!(rig.start(), None, "no run takes it");
    assert_eq!(
        rig.refused(laptop(), begin(prompt)),
        ErrorCode::PromptBeingEdited
    );
    assert_eq!(
        rig.refused(laptop(), edit(prompt, "mine")),
        ErrorCode::PromptBeingEdited
    );
    rig.accept(desk(), begin(prompt));
    rig.accept(desk(), edit(prompt, "better"));
    assert_eq!(rig.queue_texts(), ["better"]);
    assert!(rig.start().is_some());
    assert_eq!(
        rig.refused(desk(), begin(prompt)),
        ErrorCode::PromptAlreadyTaken
    );
}

#[test]
fn an_edit_is_given_up_or_expires_and_the_text_stays() {
    let mut rig = Rig::new();
    let prompt = rig.send(laptop(), "first", Delivery::Queue);
    rig.accept(desk(), begin(prompt));
    let end = CommandBody::EndPromptEdit(EndPromptEditCommand { prompt });
    assert_eq!(
        rig.refused(laptop(), end.clone()),
        ErrorCode::PromptBeingEdited
    );
    assert_eq!(rig.accept(desk(), end.clone()).1, CommandEffect::Applied);
    assert_eq!(rig.accept(desk(), end).1, CommandEffect::Unchanged);
    rig.accept(desk(), begin(prompt));
    assert_eq!(
        rig.state
            .edits()
            .map(|(edited, _)| edited)
            .collect::<Vec<_>>(),
        [prompt]
    );
    let expired = expire_edit(&rig.state, prompt);
    rig.record(expired);
    assert_eq!(expire_edit(&rig.state, prompt), [], "once");
    assert_eq!(rig.queue_texts(), ["first"]);
    assert!(rig.start().is_some());
}

#[test]
fn a_prompt_that_is_sent_now_or_withdrawn_elsewhere_is_edited_no_more() {
    let mut rig = Rig::new();
    let prompt = rig.send(laptop(), "first", Delivery::Queue);
    rig.accept(desk(), begin(prompt));
    rig.accept(
        laptop(),
        CommandBody::SendPromptNow(SendPromptNowCommand { prompt }),
    );
    assert!(rig.start().is_some());
    let prompt = rig.send(laptop(), "second", Delivery::Queue);
    rig.accept(desk(), begin(prompt));
    rig.accept(
        laptop(),
        CommandBody::WithdrawPrompt(WithdrawPromptCommand { prompt }),
    );
    assert_eq!(
        rig.refused(desk(), edit(prompt, "x")),
        ErrorCode::PromptNotFound
    );
}

#[test]
fn no_run_takes_in_a_steer_that_a_device_edits_and_the_edit_outlives_the_run() {
    let mut rig = Rig::new();
    rig.send(laptop(), "first", Delivery::Queue);
    let run = rig.start().expect("starts");
    let prompt = rig.send(laptop(), "second", Delivery::Steer);
    rig.accept(desk(), begin(prompt));
    let epoch = rig.epoch(run);
    let consume = || {
        let prompts = vec![prompt];
        vec![RunWrite::ConsumeSteer { prompts }]
    };
    assert_eq!(
        rig.try_write(run, epoch, consume()),
        Err(ErrorCode::InvalidRunWrite)
    );
    rig.complete(run);
    assert_eq!(rig.queue_texts(), ["second"], "it was missed");
    assert_eq!(rig.start(), None, "and is still edited");
    rig.accept(desk(), edit(prompt, "better"));
    let next = rig.start().expect("starts");

    let prompt = rig.send(laptop(), "third", Delivery::Steer);
    rig.accept(desk(), begin(prompt));
    rig.accept(desk(), edit(prompt, "third, better"));
    let prompts = vec![prompt];
    rig.write(next, vec![RunWrite::ConsumeSteer { prompts }]);
}
