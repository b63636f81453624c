//! Sub-agents over the wire: their own runs, their own leases, their own stop.

use baton_protocol::*;

use crate::client::{Client, Script};
use crate::world::{new_session, on_each_log};

fn stop(run: RunId, scope: StopScope) -> CommandBody {
    let target = StopTarget::Run { run };
    CommandBody::StopRun(StopRunCommand { target, scope })
}

async fn started(device: &mut Client, runner: &mut Client, log: LogId) -> crate::client::Assigned {
    device.create(log).await;
    device.prompt(log, "research", Delivery::Queue).await;
    runner.assigned().await
}

on_each_log! {
    async fn a_sub_agent_is_assigned_and_writes_by_itself(world: World) {
        let (mut runner, _) = world.runner().await;
        let mut laptop = world.device("Laptop").await;
        let log = new_session();
        let parent = started(&mut laptop, &mut runner, log).await;
        let (mut parents, child) = (Script::new(), RunId::mint());
        runner.write(parent, vec![parents.child(child, "look at a")]).await;
        let held = runner.assigned().await;
        assert_eq!(held.run, child);
        assert_ne!(held.epoch, parent.epoch);

        let mut childs = Script::new();
        runner.write_acked(held, vec![childs.open(), childs.text("found a"), childs.close(PartEnd::Complete), childs.end()]).await;
        runner.write_acked(parent, vec![parents.open(), parents.text("thanks"), parents.close(PartEnd::Complete), parents.end()]).await;
        let followed = laptop.until(log, |followed| followed.outcomes().len() == 2).await;
        assert_eq!(followed.text(), "found athanks");
        let author = followed.events.iter().find_map(|event| match &event.body {
            EventBody::PartOpened(body) if body.run == child => Some(event.by.clone()),
            _ => None,
        });
        let helper = AgentId("helper".into());
        assert!(matches!(author, Some(Principal::Runner { agent: Some(agent), .. }) if agent == helper), "no relay");
    }

    async fn a_stop_of_the_tree_fences_every_writer_of_it(world: World) {
        let (mut runner, _) = world.runner().await;
        let mut laptop = world.device("Laptop").await;
        let log = new_session();
        let parent = started(&mut laptop, &mut runner, log).await;
        let (mut parents, child) = (Script::new(), RunId::mint());
        runner.write(parent, vec![parents.child(child, "look at a")]).await;
        let held = runner.assigned().await;
        let receipt = laptop.command(log, stop(parent.run, StopScope::Tree)).await;
        assert_eq!(receipt.outcome, ReceiptOutcome::Accepted { effect: CommandEffect::Stopped { runs: vec![parent.run, child] } });
        for (held, script) in [(held, &mut Script::new()), (parent, &mut parents)] {
            runner.write(held, vec![script.open()]).await;
            assert_eq!(runner.fenced(held.run).await, ErrorCode::LeaseFenced);
        }
        let followed = laptop.until(log, |followed| followed.outcomes().len() == 2).await;
        assert!(followed.events.iter().all(|event| event.seq <= receipt.seq));
    }
}
