//! The runner's own limits, each with its reason. Those of the protocol are in [`baton_protocol::limits`].

/// Text waits at most this long for more before it is written: short enough to look live, long enough that a fast model
/// does not cost one event per token. The first text after a silence is written at once.
pub const COALESCE_MS: u64 = 30;

/// This much text is written without waiting for more.
pub const COALESCE_BYTES: usize = 4 * 1024;

/// Text in one frame of writes: a quarter of what one protocol frame holds even if every byte is escaped.
pub const FRAME_TEXT_BYTES_MAX: usize = 64 * 1024;

/// Unacknowledged text of one run. Beyond it, the runner coalesces text until the hub catches up.
pub const UNACKED_TEXT_BYTES_MAX: usize = 256 * 1024;

/// Unacknowledged frames of one run: enough to hide a round trip.
pub const UNACKED_FRAMES_MAX: usize = 4;

/// Text of one run that was read from the model and is not yet at the hub. An hour's answer at human reading speed; beyond it
/// the runner stops reading from the model until the hub is back.
pub const RUN_BUFFER_BYTES_MAX: usize = 1024 * 1024;

/// Size of a part's text as JSON: a sealed part is one event, and the event has an envelope.
pub const PART_JSON_BYTES_MAX: usize = baton_protocol::limits::EVENT_BYTES_MAX - 4 * 1024;

/// Answers that are generated concurrently; further runs wait for a slot, and can be stopped while they wait.
pub const RUNS_SIDE_BY_SIDE_MAX: usize = 16;

/// Characters of a conversation that are sent to the model unless configured otherwise: about 12,000 tokens, which fits the
/// context of all but the smallest models.
pub const CONTEXT_CHARS_MAX_DEFAULT: usize = 48_000;

/// How long a model server may take to accept a connection.
pub const MODEL_CONNECT_MS_MAX: u64 = 10_000;

/// How long a model may be silent, before and during its answer: a long prompt on a slow machine takes minutes. After that, the run ends.
pub const MODEL_SILENCE_MS_MAX: u64 = 600_000;

/// How long to wait for the end of an answer once its reason is known: a token count and the end marker may follow.
pub const MODEL_TAIL_MS_MAX: u64 = 3_000;

/// How much of a model server's refusal is read: the words for a person are near its beginning.
pub const MODEL_REFUSAL_BYTES_MAX: usize = 64 * 1024;

/// How long a model server's refusal is read.
pub const MODEL_REFUSAL_MS_MAX: u64 = 10_000;
/// How often a call that gave nothing is retried: with its pauses about a quarter of a minute. After that, the person decides.
pub const MODEL_RETRIES_MAX: u32 = 4;

/// The pause before the first retry of a model call; each further one is twice as long. A time that the server names takes precedence.
pub const MODEL_RETRY_MS_MIN: u64 = 1_000;

/// Size of a model server's list of models; the longest in the field are below a tenth of it.
pub const MODEL_LIST_BYTES_MAX: usize = 8 * 1024 * 1024;

/// How much of a model server's own error message is shown.
pub const MODEL_MESSAGE_CHARS_MAX: usize = 300;

/// How long the report about a stopped run is kept if the hub does not record it.
pub const TEARDOWN_WAIT_MS: u64 = 10_000;

/// Pause before a retry of a write that the hub could not record for now.
pub const WRITE_RETRY_MS: u64 = 1_000;

/// First pause before the next attempt to connect; it doubles up to [`RECONNECT_MS_MAX`].
pub const RECONNECT_MS_MIN: u64 = 100;

/// Longest pause before the next attempt to connect: several fit into a lease.
pub const RECONNECT_MS_MAX: u64 = 3_000;

/// Memory for sessions in which this process holds no run: some hundred conversations, each with what its model is told.
pub const SESSIONS_KEPT_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Memory for one such session. This is more than any model takes; a longer session is cheaper to read again from near its end than to
/// keep.
pub const SESSION_KEPT_BYTES_MAX: usize = 8 * 1024 * 1024;

/// How long such a session is kept: people in a conversation come back within minutes, and a session that was deleted meanwhile is
/// soon gone.
pub const SESSION_KEPT_MS_MAX: u64 = 15 * 60 * 1_000;
