//! Limits of a device, each with its reason. `baton_protocol::limits` has those that both sides must know.

use baton_protocol::limits::HEARTBEAT_INTERVAL_MS;

/// The shortest wait before reconnecting: a restarting hub is back within it.
pub const RECONNECT_DELAY_MS_MIN: u64 = 200;

/// The longest wait before reconnecting: still within the patience of a person who watches.
pub const RECONNECT_DELAY_MS_MAX: u64 = 10_000;

/// How long one attempt to connect may take, including DNS and TLS.
pub const CONNECT_TIMEOUT_MS: u64 = 8_000;

/// Silence after which the connection counts as stale: two unanswered heartbeats, plus a margin.
pub const STALE_AFTER_MS: u64 = 2 * HEARTBEAT_INTERVAL_MS + HEARTBEAT_INTERVAL_MS / 2;

/// How far wall time may run ahead of the monotonic clock. Beyond it the machine slept, so the connection is dead whatever the socket says.
pub const SLEEP_JUMP_MS: u64 = 5_000;

/// Commands in flight (sent but not answered); below the hub's burst limit, so that the hub refuses none for its rate.
pub const OUTBOX_IN_FLIGHT_MAX: usize = 32;

/// The shortest wait before resending a command that the hub could not answer.
pub const COMMAND_RETRY_MS_MIN: u64 = 1_000;

/// The longest wait before resending such a command.
pub const COMMAND_RETRY_MS_MAX: u64 = 30_000;

/// The wait before retrying a failed write to the mirror: a full disk seldom stays full for long.
pub const MIRROR_RETRY_MS: u64 = 5_000;

/// Sessions that catch up in the background at once.
pub const BACKGROUND_FETCHES_MAX: usize = 4;

/// Running sessions that are followed without an open view; further ones catch up when their run ends.
pub const RUNNING_FOLLOWED_MAX: usize = 64;

/// The wait before reconnecting after one side could not read the other's frames: an update may have arrived meanwhile.
pub const MISFIT_RETRY_MS: u64 = 30_000;

/// How long a log that is known to be behind may go without a batch before the device subscribes again.
pub const SUBSCRIBE_AGAIN_MS: u64 = 15_000;

/// How long the device asks for no history after the hub could not supply any.
pub const HISTORY_AGAIN_MS: u64 = 1_000;

/// Frames waiting between the socket and the mirror. Beyond it the socket is not read, and the hub makes this device pull.
pub const FRAMES_WAITING_MAX: usize = 32;

/// Frames waiting to be written. A connection that lets this many pile up is dead.
pub const FRAMES_OUT_MAX: usize = 1_024;

/// Tail events required before a log's state is saved again.
pub const STATE_SAVE_EVENTS_MIN: usize = 16;

/// Bytes of a saved state that cost about as much to read as folding one tail event.
pub const STATE_BYTES_PER_TAIL_EVENT: usize = 1_024;

/// Logs whose state is kept in memory.
pub const LOGS_LOADED_MAX: usize = 48;

/// Events that `tail` reads from the mirror at once.
pub const TAIL_PAGE_EVENTS: usize = 256;

/// The largest batch, in events, that tails get from memory; a larger one is not live and is read from the mirror.
pub const LIVE_EVENTS_MAX: usize = 32;

/// Frames that are taken in before their outputs are carried out, so that waiting batches of one log are applied together.
pub const FRAMES_TOGETHER_MAX: usize = 4;

/// Events that one transaction applies; a single batch of the hub is never cut. At this size the screen of a device that catches up still
/// moves several times a second.
pub const EVENTS_TOGETHER_MAX: usize = 2_048;

/// Page cache of the mirror's writer, in KiB. Merges read the full-text index again.
pub const MIRROR_CACHE_KIB: i64 = 8_192;

/// Rows of one open view. A longer view drops its oldest rows and can load them again.
pub const WINDOW_ROWS_MAX: usize = 1_000;

/// Rows that one request may load.
pub const ROWS_PER_REQUEST_MAX: u32 = 500;

/// The shortest time between two frames to one screen: one frame of a 60 Hz display.
pub const VIEW_FRAME_INTERVAL_MS: u64 = 16;

/// Hits that one search returns.
pub const SEARCH_HITS_MAX: u32 = 200;

/// The shortest word, in characters, that the trigram index can find; shorter ones are searched by other means.
pub const SEARCH_INDEX_CHARS_MIN: usize = 3;

/// Characters of a query that are searched for; a longer paste would only cost time.
pub const SEARCH_QUERY_CHARS_MAX: usize = 1_000;

/// Words and phrases of a query that are searched for.
pub const SEARCH_NEEDLES_MAX: usize = 32;

/// Rows that a search scans one by one before it uses the index another way: about 50 ms.
pub const SEARCH_SCAN_ROWS_MAX: u32 = 10_000;

/// Rows that one step adds to the search index: about 30 ms, for which other writes to the mirror wait.
pub const SEARCH_STEP_ROWS: u32 = 512;

/// Bytes of text after which an indexing step ends.
pub const SEARCH_STEP_BYTES: usize = 256 * 1024;

/// The pause between two indexing steps, so that they do not occupy a whole core.
pub const SEARCH_STEP_PAUSE_MS: u64 = 5;

/// How long the mirror waits for another process that is writing to it.
pub const MIRROR_BUSY_MS: u64 = 10_000;
