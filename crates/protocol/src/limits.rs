//! Every limit has a name and a reason.

/// The protocol's version; a hub serves exactly the ones it knows, and everything finer is negotiated by capability.
pub const PROTOCOL_VERSION: u32 = 1;

/// One WebSocket message or HTTP body. A batch that would be larger is cut at a batch boundary.
pub const FRAME_BYTES_MAX: usize = 1024 * 1024;

/// One event as JSON: a sealed part is at most this, so that each event fits a frame with room for its envelope.
pub const EVENT_BYTES_MAX: usize = 256 * 1024;

/// One part's text. Below [`EVENT_BYTES_MAX`] with every byte escaped at the usual rate; a runner opens the next part beyond it.
pub const PART_TEXT_BYTES_MAX: usize = 160 * 1024;

/// One append's text: what a fast model says in the runner's flush interval, many times over.
pub const APPEND_TEXT_BYTES_MAX: usize = 16 * 1024;

/// Writes in one frame of a runner.
pub const RUN_WRITES_PER_FRAME_MAX: usize = 256;

/// One prompt's text: a long document pasted whole.
pub const PROMPT_BYTES_MAX: usize = 128 * 1024;

/// Prompts that wait in one session; more is a mistake, not a queue.
pub const QUEUE_PROMPTS_MAX: usize = 100;

/// A title in characters.
pub const TITLE_CHARS_MAX: usize = 200;

/// A preview in characters: two lines of the list.
pub const PREVIEW_CHARS_MAX: usize = 120;

/// An agent's id.
pub const AGENT_ID_BYTES_MAX: usize = 64;

/// Agents of one runner.
pub const AGENTS_PER_RUNNER_MAX: usize = 64;

/// A device's name in characters.
pub const DEVICE_NAME_CHARS_MAX: usize = 80;

/// Events in one batch.
pub const BATCH_EVENTS_MAX: usize = 512;

/// Bytes of event JSON at which a batch is ended.
pub const BATCH_BYTES_TARGET: usize = 512 * 1024;

/// Subscriptions of one connection.
pub const SUBSCRIPTIONS_PER_CONNECTION_MAX: usize = 256;

/// How often a client says that it is there.
pub const HEARTBEAT_INTERVAL_MS: u64 = 3_000;

/// Silence after which either side calls the connection dead: three heartbeats and a bit.
pub const HEARTBEAT_TIMEOUT_MS: u64 = 10_000;

/// How long a run outlives its runner's silence.
pub const LEASE_MS: u64 = 15_000;

/// How long a client waits to send `hello`.
pub const HELLO_TIMEOUT_MS: u64 = 5_000;

/// How long a link code can be used.
pub const LINK_CODE_TTL_MS: u64 = 300_000;

/// Commands that one connection may send at once before it is slowed.
pub const COMMANDS_BURST_MAX: u32 = 200;

/// Commands a second that one connection may send for long.
pub const COMMANDS_PER_SECOND: u32 = 50;
