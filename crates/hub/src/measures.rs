//! The hub's figures for `/metrics`. Each hub has its own: several may live in one process.

use std::time::Duration;

use metrics::{Counter, Gauge, Histogram, Key, Label, Level, Metadata, Recorder as _};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tokio_util::sync::CancellationToken;

/// How often recorded times are folded.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(10);

/// Counted where it happens.
pub struct Measures {
    handle: PrometheusHandle,
    /// Open sockets.
    pub connections: Gauge,
    /// Followed logs over all connections.
    pub subscriptions: Gauge,
    /// Session actors in memory.
    pub session_actors: Gauge,
    /// Commands that got a receipt.
    pub commands: Counter,
    /// Frames of runners that were recorded.
    pub run_writes: Counter,
    /// Runs that ended because their host was lost.
    pub runs_lost: Counter,
    /// Times that a subscriber was too far behind and read the log.
    pub subscribers_lagged: Counter,
    /// Requests and connections that were refused.
    pub refused: Counter,
    /// From a request's arrival at its actor to its durable answer.
    pub request_seconds: Histogram,
}

impl Measures {
    /// All at zero.
    pub fn new() -> Self {
        let recorder = PrometheusBuilder::new().build_recorder();
        let metadata = Metadata::new(module_path!(), Level::INFO, None);
        let key = |name: &'static str| Key::from_static_parts(name, &[] as &'static [Label]);
        let counter = |name| recorder.register_counter(&key(name), &metadata);
        let gauge = |name| recorder.register_gauge(&key(name), &metadata);
        Self {
            connections: gauge("baton_hub_connections"),
            subscriptions: gauge("baton_hub_subscriptions"),
            session_actors: gauge("baton_hub_session_actors"),
            commands: counter("baton_hub_commands_total"),
            run_writes: counter("baton_hub_run_writes_total"),
            runs_lost: counter("baton_hub_runs_lost_total"),
            subscribers_lagged: counter("baton_hub_subscribers_lagged_total"),
            refused: counter("baton_hub_refused_total"),
            request_seconds: recorder
                .register_histogram(&key("baton_hub_request_seconds"), &metadata),
            handle: recorder.handle(),
        }
    }

    /// Prometheus text.
    pub fn render(&self) -> String {
        self.handle.run_upkeep();
        self.handle.render()
    }

    /// Folds what was recorded from time to time, so that it does not pile up where nobody reads it. Until the hub stops.
    pub async fn keep(&self, stopping: &CancellationToken) {
        while tokio::time::timeout(UPKEEP_INTERVAL, stopping.cancelled())
            .await
            .is_err()
        {
            self.handle.run_upkeep();
        }
    }

    /// One request was answered.
    pub fn answered(&self, after: Duration) {
        self.request_seconds.record(after.as_secs_f64());
    }
}

/// Counts up now and down when dropped.
pub struct Counted(Gauge);

impl Counted {
    /// One more.
    pub fn on(gauge: &Gauge) -> Self {
        gauge.increment(1.0);
        Self(gauge.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}
