//! One socket of the fake hub.

use baton_protocol::*;
use baton_session::*;

use super::{ACCOUNT, RUNNER, SESSION, State};

/// One socket's state.
#[derive(Default)]
pub struct Connection {
    pub instance: Option<RunnerInstanceId>,
    cursor: Option<Seq>,
    assigned: Vec<RunId>,
}

impl Connection {
    pub fn receive(&mut self, state: &mut State, frame: ClientFrame) -> Vec<HubFrame> {
        match frame {
            ClientFrame::Hello { runner, .. } => {
                let hello = runner.expect("a runner says what it hosts");
                self.instance = Some(hello.instance);
                state.hellos.push(hello);
                vec![HubFrame::Welcome {
                    account: ACCOUNT,
                    principal: Principal::Runner {
                        runner: RUNNER,
                        agent: None,
                    },
                    hub_name: "fake".to_owned(),
                    capabilities: vec![limits::MODEL_RETRY_CAPABILITY.to_owned()],
                    hub_time: None,
                }]
            }
            ClientFrame::Subscribe { cursor, .. } => {
                if let Some(cursor) = cursor
                    && cursor.incarnation != state.incarnation
                {
                    let log = LogId::Session(SESSION);
                    return vec![HubFrame::Missing {
                        log,
                        incarnation: Some(state.incarnation),
                    }];
                }
                self.cursor = Some(cursor.map_or(Seq::ZERO, |cursor| cursor.seq));
                Vec::new()
            }
            ClientFrame::Unsubscribe { .. } => {
                self.cursor = None;
                state.unsubscribed += 1;
                Vec::new()
            }
            ClientFrame::Heartbeat { .. } => vec![HubFrame::HeartbeatAck {}],
            ClientFrame::Attend { .. } | ClientFrame::ReadHistory { .. } => {
                panic!("a device alone says this")
            }
            ClientFrame::ResumeRun { run, epoch, .. } => match state.session.active_run(run) {
                Some(active) if active.epoch == epoch => vec![HubFrame::RunAcked {
                    run,
                    producer: active.last_producer,
                }],
                _ => vec![HubFrame::RunFenced {
                    run,
                    error: ErrorCode::LeaseFenced.with("over", "stop"),
                }],
            },
            ClientFrame::WriteRun { ref entries, .. } => {
                state.writes.push(entries.clone());
                if state.is_holding {
                    state.held.push(frame);
                    return Vec::new();
                }
                state.write(frame)
            }
            ClientFrame::ReportTeardown {
                run,
                tools_cancelled,
                still_running,
                ..
            } => {
                let instance = self.instance.expect("it has said hello");
                let events = report_teardown(
                    &state.session,
                    run,
                    RUNNER,
                    instance,
                    tools_cancelled,
                    still_running,
                );
                state.record(events);
                Vec::new()
            }
            ClientFrame::Command { .. } => panic!("a runner sends no commands"),
        }
    }

    pub fn begin(&mut self, state: &mut State) {
        let agent = AgentId("assistant".to_owned());
        if let Some(instance) = self.instance {
            let events = start_run(&state.session, RunId::mint(), agent, RUNNER, instance);
            state.record(events);
        }
    }

    pub fn release(&mut self, state: &mut State) -> Vec<HubFrame> {
        let held = std::mem::take(&mut state.held);
        held.into_iter()
            .flat_map(|frame| state.write(frame))
            .collect()
    }

    /// Frames for what this connection has not heard of: assignments, and the log beyond its cursor.
    pub fn news(&mut self, state: &State) -> Vec<HubFrame> {
        let mut frames = Vec::new();
        for run in state.session.active_runs() {
            if state.is_assigning && self.instance.is_some() && !self.assigned.contains(&run.run) {
                self.assigned.push(run.run);
                frames.push(HubFrame::RunAssigned {
                    session: SESSION,
                    run: run.run,
                    epoch: run.epoch,
                    seq: state.session.head(),
                });
            }
        }
        if let Some(cursor) = &mut self.cursor
            && *cursor < state.session.head()
        {
            let events = state
                .log
                .iter()
                .filter(|event| event.seq > *cursor)
                .take(limits::BATCH_EVENTS_MAX);
            let events: Vec<Event> = events.cloned().collect();
            let (after, upto) = (*cursor, events.last().map_or(*cursor, |event| event.seq));
            *cursor = upto;
            let (log, incarnation, head) = (
                LogId::Session(SESSION),
                state.incarnation,
                state.session.head(),
            );
            frames.push(HubFrame::Batch(Batch {
                log,
                incarnation,
                after,
                upto,
                head,
                events,
            }));
        }
        frames
    }
}
