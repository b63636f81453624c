//! Every limit has a name and a reason.

/// The protocol's version. A hub serves exactly the versions that it knows; capabilities negotiate everything finer.
pub const PROTOCOL_VERSION: u32 = 1;

/// The largest integer that JavaScript holds exactly. No number in the protocol exceeds it.
pub const SAFE_INTEGER_MAX: u64 = (1 << 53) - 1;

/// One WebSocket message or HTTP body. A batch that would be larger is cut at a batch boundary.
pub const FRAME_BYTES_MAX: usize = 1024 * 1024;

/// One event as JSON. Every event, a sealed part included, then fits into a frame with room for its envelope.
pub const EVENT_BYTES_MAX: usize = 256 * 1024;

/// One part's text. Stays below [`EVENT_BYTES_MAX`] at the usual rate of escaped bytes; beyond it, a runner opens the next part.
pub const PART_TEXT_BYTES_MAX: usize = 160 * 1024;

/// One append's text: many times what a fast model writes in the runner's flush interval.
pub const APPEND_TEXT_BYTES_MAX: usize = 16 * 1024;

/// Parts of one run: some thousand tool calls, each with its result and the text between them.
pub const PARTS_PER_RUN_MAX: usize = 10_000;

/// A part's kind as JSON: the identifiers of a call. Anything long belongs in the part's text.
pub const PART_KIND_BYTES_MAX: usize = 4 * 1024;

/// Names that a stopped run's host reports for tools that still run.
pub const TOOLS_STILL_RUNNING_MAX: usize = 256;

/// Writes in one frame of a runner.
pub const RUN_WRITES_PER_FRAME_MAX: usize = 256;

/// One prompt's text: a long document pasted whole.
pub const PROMPT_BYTES_MAX: usize = 128 * 1024;

/// Prompts that wait in one session; more is a mistake, not a queue.
pub const QUEUE_PROMPTS_MAX: usize = 100;

pub const TITLE_CHARS_MAX: usize = 200;

/// Two lines of the sessions list.
pub const PREVIEW_CHARS_MAX: usize = 120;

pub const FOLDER_NAME_CHARS_MAX: usize = 80;

/// Sessions of one account, archived ones included: ten years at more than ten a day. Each costs the hub and every device some hundred
/// bytes.
pub const SESSIONS_PER_ACCOUNT_MAX: usize = 50_000;

/// Sessions that one hub has ever seen, deleted ones included: the id of a deleted session is never used again, so the hub never forgets
/// it.
pub const SESSIONS_SEEN_MAX: usize = 1_000_000;

/// Drafts that one device keeps for sessions that are not created yet; more is a mistake, not a habit.
pub const NEW_DRAFTS_PER_DEVICE_MAX: usize = 64;

/// All drafts of one account together: the hub and each device keep them in memory.
pub const DRAFTS_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Emptied drafts of never created sessions that an account remembers, so that an older text does not come back.
pub const EMPTY_DRAFTS_KEPT: usize = 256;

/// Folders of one account; more is a mistake.
pub const FOLDERS_MAX: usize = 200;

/// A tool's name, a pattern or a place in an approval.
pub const APPROVAL_LABEL_BYTES_MAX: usize = 1024;

/// A tool call's arguments in an approval: what a person can still read, and small enough for an event.
pub const APPROVAL_ARGUMENTS_BYTES_MAX: usize = 64 * 1024;

/// Approvals that one run waits for at once.
pub const OPEN_APPROVALS_PER_RUN_MAX: usize = 32;

/// The reason for an answer, or for asking, in characters.
pub const REASON_CHARS_MAX: usize = 2_000;

pub const CALL_ID_BYTES_MAX: usize = 128;

/// Runs that are active at once in one session, sub-agents included.
pub const RUNS_SIDE_BY_SIDE_MAX: usize = 32;

/// Model retries that one run records: twice the retries of one model call, because a steered run makes several calls.
pub const MODEL_RETRIES_PER_RUN_MAX: u32 = 8;

/// The longest pause before a retry: a person waits a minute for an answer, then decides what to do.
pub const MODEL_RETRY_DELAY_MS_MAX: u32 = 60_000;

/// The model server's message in a retry.
pub const RETRY_MESSAGE_BYTES_MAX: usize = 2 * 1024;

/// The name of a finish reason or retry reason.
pub const REASON_NAME_BYTES_MAX: usize = 64;

/// Capability of hubs that record a runner's model retries.
pub const MODEL_RETRY_CAPABILITY: &str = "modelRetry";

/// Standing approvals of one account or session.
pub const APPROVAL_GRANTS_MAX: usize = 1_000;

/// History that a fork copies, as JSON: small enough for one append of the log not to hold up others for long.
pub const FORK_BYTES_MAX: usize = 16 * 1024 * 1024;

/// How long a device keeps the edit lease on a waiting prompt without renewing it.
pub const PROMPT_EDIT_MS: u64 = 60_000;

/// Capability of hubs and clients that exchange attention, that is, what people do at their devices.
pub const ATTENTION_CAPABILITY: &str = "attention";

/// How long a device's attention holds. The device repeats it every third of this time.
pub const LOOKING_MS: u64 = 30_000;

/// How long a person counts as typing after the device last said so.
pub const TYPING_MS: u64 = 6_000;

pub const AGENT_ID_BYTES_MAX: usize = 64;

pub const AGENTS_PER_RUNNER_MAX: usize = 64;

pub const DEVICE_NAME_CHARS_MAX: usize = 80;

pub const BATCH_EVENTS_MAX: usize = 512;

/// Bytes of event JSON at which a batch ends.
pub const BATCH_BYTES_TARGET: usize = 512 * 1024;

/// Bytes of a saved state's JSON in one frame: escaping it as a string inside JSON at most doubles it.
pub const SNAPSHOT_PIECE_BYTES_MAX: usize = 384 * 1024;

/// Pieces of one saved state: 24 MiB, the state of a session of some fifty thousand turns. A hub does not send a larger one.
pub const SNAPSHOT_PIECES_MAX: u32 = 64;

/// Events that a reader must be behind before a saved state is worth sending.
pub const SNAPSHOT_BEHIND_EVENTS_MIN: u64 = 256;

pub const SUBSCRIPTIONS_PER_CONNECTION_MAX: usize = 256;

/// Sessions in which one runner may have runs at once. Below [`SUBSCRIPTIONS_PER_CONNECTION_MAX`], with room for sessions whose runs ended
/// but whose runner has not unsubscribed yet: a run never begins if its runner cannot follow the session.
pub const SESSIONS_PER_RUNNER_MAX: usize = 192;

pub const HEARTBEAT_INTERVAL_MS: u64 = 3_000;

/// Silence after which either side considers the connection dead: three heartbeats and a margin.
pub const HEARTBEAT_TIMEOUT_MS: u64 = 10_000;

/// How long a run outlives its runner's silence.
pub const LEASE_MS: u64 = 15_000;

/// How long the hub waits for a client's `hello`.
pub const HELLO_TIMEOUT_MS: u64 = 5_000;

pub const LINK_CODE_TTL_MS: u64 = 300_000;

/// Commands that one connection may send at once; the hub refuses further ones with `rate_limited`.
pub const COMMANDS_BURST_MAX: u32 = 200;

/// Commands that one connection may send per second in the long run.
pub const COMMANDS_PER_SECOND: u32 = 50;
