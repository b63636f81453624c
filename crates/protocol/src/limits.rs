//! Every limit has a name and a reason.

/// The protocol's version; a hub serves exactly the ones it knows, and everything finer is negotiated by capability.
pub const PROTOCOL_VERSION: u32 = 1;

/// The largest integer that JavaScript holds exactly: every number of the protocol is at most this.
pub const SAFE_INTEGER_MAX: u64 = (1 << 53) - 1;

/// One WebSocket message or HTTP body. A batch that would be larger is cut at a batch boundary.
pub const FRAME_BYTES_MAX: usize = 1024 * 1024;

/// One event as JSON: a sealed part is at most this, so that each event fits a frame with room for its envelope.
pub const EVENT_BYTES_MAX: usize = 256 * 1024;

/// One part's text. Below [`EVENT_BYTES_MAX`] with every byte escaped at the usual rate; a runner opens the next part beyond it.
pub const PART_TEXT_BYTES_MAX: usize = 160 * 1024;

/// One append's text: what a fast model says in the runner's flush interval, many times over.
pub const APPEND_TEXT_BYTES_MAX: usize = 16 * 1024;

/// Parts of one run: some thousand tool calls, each with its result and what was said between.
pub const PARTS_PER_RUN_MAX: usize = 10_000;

/// A part's kind as JSON: names and numbers of a call. What is long is the part's text.
pub const PART_KIND_BYTES_MAX: usize = 4 * 1024;

/// Tools that a stopped run's host names as still running.
pub const TOOLS_STILL_RUNNING_MAX: usize = 256;

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

/// A folder's name in characters.
pub const FOLDER_NAME_CHARS_MAX: usize = 80;

/// Sessions of one account, archived ones included: ten years of more than ten a day. Each costs the hub and every device some hundred bytes.
pub const SESSIONS_PER_ACCOUNT_MAX: usize = 50_000;

/// Sessions that one hub has ever seen, deleted ones included: an id that was deleted is never used again, so it is never forgotten.
pub const SESSIONS_SEEN_MAX: usize = 1_000_000;

/// Drafts that one device has of sessions that are not created yet; more is a mistake, not a habit.
pub const NEW_DRAFTS_PER_DEVICE_MAX: usize = 64;

/// Bytes of all drafts of one account: each device and the hub keep them in memory.
pub const DRAFTS_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Emptied drafts of sessions that were never created that are remembered, so that an older text does not come back.
pub const EMPTY_DRAFTS_KEPT: usize = 256;

/// Folders of one account; more is a mistake, not an order.
pub const FOLDERS_MAX: usize = 200;

/// A tool's name, a pattern or a place of an approval.
pub const APPROVAL_LABEL_BYTES_MAX: usize = 1024;

/// A tool call's arguments as an approval shows them: what a person can still read, with room in an event.
pub const APPROVAL_ARGUMENTS_BYTES_MAX: usize = 64 * 1024;

/// Approvals that one run waits for at once.
pub const OPEN_APPROVALS_PER_RUN_MAX: usize = 32;

/// A reason for an answer, or for asking, in characters.
pub const REASON_CHARS_MAX: usize = 2_000;

/// A tool call's name.
pub const CALL_ID_BYTES_MAX: usize = 128;

/// Runs that are on at once in one session, sub-agents included.
pub const RUNS_SIDE_BY_SIDE_MAX: usize = 32;

/// Retries of the model that one run records: twice what one call of it makes, for a run that was steered.
pub const MODEL_RETRIES_PER_RUN_MAX: u32 = 8;

/// The longest pause before a model is asked again: a person waits a minute for an answer, and decides after it.
pub const MODEL_RETRY_DELAY_MS_MAX: u32 = 60_000;

/// What a retry says of its reason.
pub const RETRY_MESSAGE_BYTES_MAX: usize = 2 * 1024;

/// The name of a reason that the hub does not know.
pub const REASON_NAME_BYTES_MAX: usize = 64;

/// The capability of hubs that record a runner's retries.
pub const MODEL_RETRY_CAPABILITY: &str = "modelRetry";

/// Standing approvals of one account or session.
pub const APPROVAL_GRANTS_MAX: usize = 1_000;

/// History that a fork copies, as JSON: what one append of the log takes without holding up others for long.
pub const FORK_BYTES_MAX: usize = 16 * 1024 * 1024;

/// How long a device keeps a waiting prompt for editing without saying so again.
pub const PROMPT_EDIT_MS: u64 = 60_000;

/// The capability of hubs and clients that say and hear what people do at their devices.
pub const ATTENTION_CAPABILITY: &str = "attention";

/// How long a device's word about its person holds. Said again every third of it.
pub const LOOKING_MS: u64 = 30_000;

/// How long somebody is said to write after the last word of it.
pub const TYPING_MS: u64 = 6_000;

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

/// Bytes of a saved state's JSON in one frame: as text inside of JSON they are at most doubled.
pub const SNAPSHOT_PIECE_BYTES_MAX: usize = 384 * 1024;

/// Pieces of one saved state: 24 MiB, the state of a session of some fifty thousand turns. A larger one is not given.
pub const SNAPSHOT_PIECES_MAX: u32 = 64;

/// Events that a reader must be behind for a saved state to be worth its while.
pub const SNAPSHOT_BEHIND_EVENTS_MIN: u64 = 256;

/// Subscriptions of one connection.
pub const SUBSCRIPTIONS_PER_CONNECTION_MAX: usize = 256;

/// Sessions in which one runner has a run of its own at once. Below [`SUBSCRIPTIONS_PER_CONNECTION_MAX`], with room for sessions whose
/// runs are over and whose hosts have not unsubscribed yet: a run whose session its runner cannot follow never begins.
pub const SESSIONS_PER_RUNNER_MAX: usize = 192;

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
