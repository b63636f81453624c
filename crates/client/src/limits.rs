//! Every limit of a device has a name and a reason. What both sides must know stands in `baton_protocol::limits`.

use baton_protocol::limits::HEARTBEAT_INTERVAL_MS;

/// The shortest wait before another attempt to connect: a hub that restarts is back within it.
pub const RECONNECT_DELAY_MS_MIN: u64 = 200;

/// The longest wait before another attempt: a person who looks at the clock is still patient.
pub const RECONNECT_DELAY_MS_MAX: u64 = 10_000;

/// How long one attempt may take, name look-up and TLS included.
pub const CONNECT_TIMEOUT_MS: u64 = 8_000;

/// Silence after which the line is called stale: two heartbeats went unanswered, and a bit.
pub const STALE_AFTER_MS: u64 = 2 * HEARTBEAT_INTERVAL_MS + HEARTBEAT_INTERVAL_MS / 2;

/// Wall time that ran ahead of the monotonic clock: the machine slept, so the line is dead whatever the socket says.
pub const SLEEP_JUMP_MS: u64 = 5_000;

/// Commands that are sent and not answered; below the hub's burst, so that none is refused for its rate.
pub const OUTBOX_IN_FLIGHT_MAX: usize = 32;

/// The first wait before a command is sent again that the hub could not answer.
pub const COMMAND_RETRY_MS_MIN: u64 = 1_000;

/// The longest wait before it is.
pub const COMMAND_RETRY_MS_MAX: u64 = 30_000;

/// The wait before the mirror is written again where it could not be: a disk that is full is seldom full for long.
pub const MIRROR_RETRY_MS: u64 = 5_000;

/// Sessions that are caught up in the background at once.
pub const BACKGROUND_FETCHES_MAX: usize = 4;

/// Running sessions that are followed without an open view; more than that are caught up when they end.
pub const RUNNING_FOLLOWED_MAX: usize = 64;

/// The wait before another attempt after one side could not read what the other one sent: an update may have come meanwhile.
pub const MISFIT_RETRY_MS: u64 = 30_000;

/// How long a log that is known to be behind may stay without a batch before it is asked for again.
pub const SUBSCRIBE_AGAIN_MS: u64 = 15_000;

/// How long history is not asked for after the hub could not give any.
pub const HISTORY_AGAIN_MS: u64 = 1_000;

/// Frames that wait between the socket and the mirror. Past it the socket is not read, and the hub makes this device pull.
pub const FRAMES_WAITING_MAX: usize = 32;

/// Frames that wait to be written. A line that takes none of them is dead.
pub const FRAMES_OUT_MAX: usize = 1_024;

/// Events of the tail before which a log's state is not saved again.
pub const STATE_SAVE_EVENTS_MIN: usize = 16;

/// Bytes of a saved state that cost about as much to read as one event of the tail costs to fold.
pub const STATE_BYTES_PER_TAIL_EVENT: usize = 1_024;

/// Logs whose state is kept in memory.
pub const LOGS_LOADED_MAX: usize = 48;

/// Events that `tail` reads from the mirror at once.
pub const TAIL_PAGE_EVENTS: usize = 256;

/// Events of a batch that tails are given from memory; a batch that is larger is not a live one, and is read from the mirror.
pub const LIVE_EVENTS_MAX: usize = 32;

/// Frames that are taken in before what they ask for is done, so that batches of one log which wait already are applied together.
pub const FRAMES_TOGETHER_MAX: usize = 4;

/// Events that are applied in one transaction; a batch of the hub is never cut. A screen that catches up still moves several times a
/// second.
pub const EVENTS_TOGETHER_MAX: usize = 2_048;

/// Pages that the mirror's writer keeps in memory, in KiB: the full-text index is read again whenever parts of it are merged.
pub const MIRROR_CACHE_KIB: i64 = 8_192;

/// Rows of one open view. A screen that follows a longer stretch loses the oldest ones and can load them again.
pub const WINDOW_ROWS_MAX: usize = 1_000;

/// Rows that one request may load.
pub const ROWS_PER_REQUEST_MAX: u32 = 500;

/// The shortest time between two frames to one screen: one frame of a 60 Hz display.
pub const VIEW_FRAME_INTERVAL_MS: u64 = 16;

/// Hits of one search.
pub const SEARCH_HITS_MAX: u32 = 200;

/// Characters of a word below which it is no trigram, and is looked for another way.
pub const SEARCH_INDEX_CHARS_MIN: usize = 3;

/// Characters of a query that are looked for; what was pasted beyond them would only cost time.
pub const SEARCH_QUERY_CHARS_MAX: usize = 1_000;

/// Words and phrases of a query that are looked for.
pub const SEARCH_NEEDLES_MAX: usize = 32;

/// Rows that a search reads one by one before it asks the index another way: some 50 ms.
pub const SEARCH_SCAN_ROWS_MAX: u32 = 10_000;

/// Rows that are taken into the search index in one step. What else the mirror has to write waits for a step: some 30 ms.
pub const SEARCH_STEP_ROWS: u32 = 512;

/// Bytes of text after which such a step ends.
pub const SEARCH_STEP_BYTES: usize = 256 * 1024;

/// The rest between two such steps, so that they take no whole core.
pub const SEARCH_STEP_PAUSE_MS: u64 = 5;

/// How long the mirror waits for another process that writes to it.
pub const MIRROR_BUSY_MS: u64 = 10_000;
