//! The runner's own limits, each with its reason. Those of the protocol are in [`baton_protocol::limits`].

/// Text that waits at most so long for more of it before it is written: short enough to look live, long enough that a fast model
/// does not cost an event a token. The first text after a silence goes at once.
pub const COALESCE_MS: u64 = 30;

/// Text that is written without waiting for more.
pub const COALESCE_BYTES: usize = 4 * 1024;

/// Text in one frame of writes: a quarter of what one frame of the protocol holds even if every byte is escaped.
pub const FRAME_TEXT_BYTES_MAX: usize = 64 * 1024;

/// Text that one run has on its way to the hub without an answer. Behind it, text is put together while the hub catches up.
pub const UNACKED_TEXT_BYTES_MAX: usize = 256 * 1024;

/// Frames that one run has on their way to the hub without an answer: enough to hide a round trip.
pub const UNACKED_FRAMES_MAX: usize = 4;

/// Text of one run that was read from the model and is not at the hub. An answer of an hour at human reading speed; beyond it
/// the model is read no further until the hub is back.
pub const RUN_BUFFER_BYTES_MAX: usize = 1024 * 1024;

/// A part's text as JSON: a sealed part is one event, and the event has an envelope.
pub const PART_JSON_BYTES_MAX: usize = baton_protocol::limits::EVENT_BYTES_MAX - 4 * 1024;

/// Answers that are generated side by side; further runs wait for a place, and can be stopped while they wait.
pub const RUNS_SIDE_BY_SIDE_MAX: usize = 16;

/// A conversation's characters that are sent to the model, where nothing else is configured: about 12,000 tokens, which fits the
/// context of all but the smallest models.
pub const CONTEXT_CHARS_MAX_DEFAULT: usize = 48_000;

/// How long a model server may take to accept a connection.
pub const MODEL_CONNECT_MS_MAX: u64 = 10_000;

/// How long a model may be silent, before its answer and in it: a long prompt on a slow machine takes minutes. A run ends, then.
pub const MODEL_SILENCE_MS_MAX: u64 = 600_000;

/// How long the end of an answer is waited for once its reason is known: a count of tokens and the end marker may follow.
pub const MODEL_TAIL_MS_MAX: u64 = 3_000;

/// What is read of a model server's refusal: the words for a person stand near its beginning.
pub const MODEL_REFUSAL_BYTES_MAX: usize = 64 * 1024;

/// How long it is read.
pub const MODEL_REFUSAL_MS_MAX: u64 = 10_000;
/// How often a call that gave nothing is made again: with its pauses about a quarter of a minute, then the person decides.
pub const MODEL_RETRIES_MAX: u32 = 4;

/// The first pause before a model is asked again; each further one is twice as long. A server that names a time gets that.
pub const MODEL_RETRY_MS_MIN: u64 = 1_000;

/// A model server's list of its models; the longest in the field are below a tenth of it.
pub const MODEL_LIST_BYTES_MAX: usize = 8 * 1024 * 1024;

/// What is shown of a model server's own error message.
pub const MODEL_MESSAGE_CHARS_MAX: usize = 300;

/// How long the report about a stopped run is kept for a hub that does not record it.
pub const TEARDOWN_WAIT_MS: u64 = 10_000;

/// Pause before a write is tried again that the hub could not record for now.
pub const WRITE_RETRY_MS: u64 = 1_000;

/// First pause before another attempt to connect; it doubles up to the next one.
pub const RECONNECT_MS_MIN: u64 = 100;

/// Longest pause before another attempt to connect: several fit into a lease.
pub const RECONNECT_MS_MAX: u64 = 3_000;

/// Memory for sessions that this process holds no run of: some hundred conversations, each with what its model is told.
pub const SESSIONS_KEPT_BYTES_MAX: usize = 64 * 1024 * 1024;

/// One of them. It is longer than any model takes, and cheaper to read again from near its end than to keep.
pub const SESSION_KEPT_BYTES_MAX: usize = 8 * 1024 * 1024;

/// How long one is kept: people who talk come back within minutes, and what was deleted meanwhile is not kept for long.
pub const SESSION_KEPT_MS_MAX: u64 = 15 * 60 * 1_000;
