//! One answer, several devices.

use baton_protocol::*;

use crate::client::{Client, Script, stop};
use crate::world::{new_session, on_each_log};

on_each_log! {
    async fn a_subscriber_sees_an_answers_bytes_in_order(world: World) {
        let (mut runner, _) = world.runner().await;
        let mut laptop = world.device("Laptop").await;
        let log = new_session();
        laptop.create(log).await;
        let receipt = laptop.prompt(log, "hello?", Delivery::Queue).await;
        assert_eq!(receipt.outcome, ReceiptOutcome::Accepted { effect: CommandEffect::PromptAccepted { delivery: Delivery::Queue } });

        let held = runner.assigned().await;
        let mut script = Script::new();
        let pieces: Vec<String> = (0..200).map(|n| format!("piece {n} — ü😀\n")).collect();
        runner.write(held, vec![script.open()]).await;
        for piece in &pieces {
            runner.write(held, vec![script.text(piece)]).await;
        }
        let last = script.close(PartEnd::Complete);
        let end = script.end();
        let upto = end.producer;
        runner.write(held, vec![last, end]).await;
        while runner.acked(held.run).await < upto {}

        let followed = laptop.until(log, |followed| !followed.outcomes().is_empty()).await;
        assert_eq!(followed.text(), pieces.concat());
        assert_eq!(followed.outcomes(), [RunOutcome::Completed]);
    }

    async fn a_second_device_picks_up_in_mid_answer_and_stops_it(world: World) {
        let (mut runner, _) = world.runner().await;
        let mut laptop = world.device("Laptop").await;
        let log = new_session();
        laptop.create(log).await;
        laptop.prompt(log, "hello?", Delivery::Queue).await;
        let held = runner.assigned().await;
        let mut script = Script::new();
        let writes = vec![script.open(), script.text("first, ")];
        runner.write_acked(held, writes).await;

        let mut desk = world.device("Desk").await;
        desk.follow(log).await;
        desk.until(log, |followed| followed.text() == "first, ").await;
        runner.write_acked(held, vec![script.text("second")]).await;
        desk.until(log, |followed| followed.text() == "first, second").await;

        let receipt = desk.command(log, stop(held.run)).await;
        assert_eq!(receipt.outcome, ReceiptOutcome::Accepted { effect: CommandEffect::Stopped { runs: vec![held.run] } });
        runner.write(held, vec![script.text(" too late")]).await;
        assert_eq!(runner.fenced(held.run).await, ErrorCode::LeaseFenced);
        for device in [&mut laptop, &mut desk] {
            let followed = device.until(log, |followed| followed.outcomes().len() == 1).await;
            assert_eq!(followed.text(), "first, second");
            assert!(followed.events.iter().all(|event| event.seq <= receipt.seq));
        }

        runner.send(&ClientFrame::ReportTeardown { session: held.session, run: held.run, tools_cancelled: 1, still_running: Vec::new() }).await;
        laptop.until(log, |followed| followed.events.iter().any(|event| matches!(event.body, EventBody::TeardownReported(_)))).await;
    }

    async fn a_reader_resumes_from_a_cursor_inside_a_part(world: World) {
        let (mut runner, _) = world.runner().await;
        let laptop_link = world.link(Role::Device, "Laptop").await;
        let mut laptop = Client::device(world.hub(), &laptop_link.token).await;
        let log = new_session();
        laptop.create(log).await;
        laptop.prompt(log, "hello?", Delivery::Queue).await;
        let held = runner.assigned().await;
        let mut script = Script::new();
        let writes = vec![script.open(), script.text("half ")];
        runner.write_acked(held, writes).await;
        laptop.until(log, |followed| followed.text() == "half ").await;
        let before = std::mem::take(&mut laptop.logs);
        drop(laptop);

        let writes = vec![script.text("of it"), script.close(PartEnd::Complete), script.end()];
        runner.write_acked(held, writes).await;
        let mut back = Client::device(world.hub(), &laptop_link.token).await;
        back.logs = before;
        back.follow(log).await;
        let followed = back.until(log, |followed| followed.level && !followed.outcomes().is_empty()).await;
        assert_eq!(followed.text(), "half of it");

        let mut fresh = world.device("Desk").await;
        fresh.follow(log).await;
        let fresh = fresh.until(log, |followed| followed.level).await;
        let back = &back.logs[&log];
        assert_eq!((&fresh.state, &fresh.transcript.rows), (&back.state, &back.transcript.rows));
    }

    async fn a_steer_is_consumed_or_heads_the_queue(world: World) {
        let (mut runner, _) = world.runner().await;
        let mut laptop = world.device("Laptop").await;
        let log = new_session();
        laptop.create(log).await;
        laptop.prompt(log, "hello?", Delivery::Queue).await;
        let held = runner.assigned().await;
        let mut script = Script::new();
        let writes = vec![script.open(), script.text("cut here")];
        runner.write_acked(held, writes).await;
        runner.follow(log).await;

        let taken = laptop.prompt(log, "shorter", Delivery::Steer).await;
        assert_eq!(taken.outcome, ReceiptOutcome::Accepted { effect: CommandEffect::PromptAccepted { delivery: Delivery::Steer } });
        runner.until(log, |followed| followed.state.steers().len() == 1).await;
        let writes = vec![script.close(PartEnd::Interrupted), script.consume(PromptId(taken.command)), script.open()];
        runner.write_acked(held, writes).await;

        // The run ends in the instant in which the next steer arrives.
        let missed = laptop.prompt(log, "and in German", Delivery::Steer).await;
        let writes = vec![script.text("short"), script.close(PartEnd::Complete), script.end()];
        runner.write_acked(held, writes).await;
        let next = runner.assigned().await;
        assert_ne!(next.run, held.run);
        let followed = laptop.until(log, |followed| followed.state.root_run().is_some_and(|run| run.run == next.run)).await;
        assert_eq!(followed.state.root_run().unwrap().prompt, PromptId(missed.command));
        let requeued = followed.events.iter().find_map(|event| match &event.body {
            EventBody::PromptRequeued(requeued) => Some((requeued.prompt, requeued.reason)),
            _ => None,
        });
        assert_eq!(requeued, Some((PromptId(missed.command), RequeueReason::SteerMissed)));
        assert_eq!(followed.text(), "cut hereshort");
    }

    async fn a_prompt_waits_for_a_runner_and_starts_when_one_comes(world: World) {
        let mut laptop = world.device("Laptop").await;
        let log = new_session();
        laptop.create(log).await;
        laptop.prompt(log, "anybody?", Delivery::Queue).await;
        laptop.until(log, |followed| followed.state.queue().len() == 1).await;
        let (mut runner, _) = world.runner().await;
        let held = runner.assigned().await;
        assert_eq!(LogId::Session(held.session), log);
    }

    async fn the_account_lists_sessions_devices_agents_and_read_marks(world: World) {
        let (mut runner, linked) = world.runner().await;
        let mut laptop = world.device("Laptop").await;
        let account = world.account_log();
        laptop.follow(account).await;
        let log = new_session();
        laptop.create(log).await;
        laptop.prompt(log, "hello?", Delivery::Queue).await;
        let held = runner.assigned().await;
        let mut script = Script::new();
        let writes = vec![script.open(), script.text("x"), script.text("y"), script.text("z")];
        runner.write_acked(held, writes).await;
        runner.write_acked(held, vec![script.end()]).await;
        let LogId::Session(session) = log else { unreachable!() };
        let mark = CommandBody::MarkRead(MarkReadCommand { session, seq: Seq(2) });
        let is_finished = |event: &Event| matches!(&event.body, EventBody::SessionSummarized(body)
            if body.session == session && body.summary.activity == SessionActivity::Idle && body.summary.finished_seq > Seq::ZERO);
        laptop.until(account, |followed| followed.events.iter().any(is_finished)).await;
        laptop.command(account, mark).await;

        let followed = laptop.until(account, |followed| {
            followed.events.iter().any(|event| matches!(event.body, EventBody::ReadMarked(_)))
        }).await;
        let mut state = baton_session::AccountState::default();
        followed.events.iter().for_each(|event| state.apply(event).unwrap());
        let names: Vec<&str> = state.devices().values().map(|linked| linked.name.as_str()).collect();
        assert_eq!(names.len(), 2);
        assert!(names.contains(&"Laptop") && names.contains(&"Runner"));
        let Principal::Runner { runner: runner_id, .. } = linked.linked.principal else { unreachable!() };
        assert_eq!(state.agents()[&runner_id].len(), 1);
        assert_eq!(state.read_mark(session), Seq(2));
        let summaries = followed.events.iter().filter(|event| matches!(event.body, EventBody::SessionSummarized(_))).count();
        assert!(summaries <= 5, "summaries are for meaningful moments, not for tokens: {summaries}");
    }

    async fn presence_says_who_is_connected(world: World) {
        let mut laptop = world.device("Laptop").await;
        let desk = world.device("Desk").await;
        let both = |frame: &HubFrame| matches!(frame, HubFrame::Presence { connected } if connected.len() == 2).then_some(());
        laptop.take(both).await;
        drop(desk);
        laptop.take(|frame| matches!(frame, HubFrame::Presence { connected } if connected.len() == 1).then_some(())).await;
    }
}
