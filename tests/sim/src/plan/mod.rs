//! What happens in one simulation, as data: so that it can be printed, and made smaller while it still fails.

mod generate;
mod on_purpose;

pub use generate::plan_for;
pub use on_purpose::refusals_on_a_full_disk;

/// One simulation.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Everything that is not in the steps is drawn from it.
    pub seed: u64,
    /// Who is there.
    pub setup: Setup,
    /// What people do and what breaks, in the order of time.
    pub steps: Vec<Planned>,
}

/// Who is there.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Devices of the one account.
    pub devices: usize,
    /// Runners that offer the agent.
    pub runners: usize,
    /// Sessions that people may create.
    pub sessions: usize,
    /// When nothing new happens any more, in milliseconds.
    pub horizon_ms: u64,
    /// Where the hub keeps its logs.
    pub store: StoreKind,
    /// Where devices keep their mirrors.
    pub mirror: MirrorKind,
    /// Whether frames go through JSON, as on a socket.
    pub wire: Wire,
    /// Whether the hub gives saved states to those who are behind.
    pub snapshots: Snapshots,
}

/// What the hub gives to a device that is behind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Snapshots {
    /// Batches alone.
    Never,
    /// A state at some seq at which nothing runs, where chance says so, and history when it is asked for.
    Sometimes,
}

/// Where the hub keeps its logs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StoreKind {
    /// The log in memory.
    Memory,
    /// The embedded database, in a temporary folder.
    Sqlite,
}

/// Where devices keep their mirrors.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MirrorKind {
    /// A fold and a list of rows, in memory.
    Model,
    /// The client's own tables, in memory.
    Tables,
    /// The client's own tables, in a file.
    File,
}

/// How frames travel.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wire {
    /// As they are.
    Values,
    /// Written and read as JSON.
    Json,
}

/// A step with its place and its time.
#[derive(Clone, Debug)]
pub struct Planned {
    /// Its number in the whole plan of the seed.
    pub index: usize,
    /// When, in milliseconds since the start.
    pub at_ms: u64,
    /// What.
    pub step: Step,
}

/// What happens.
#[derive(Clone, Debug)]
pub enum Step {
    /// Somebody does something on a device.
    Act {
        /// Which device.
        device: usize,
        /// What.
        act: Act,
    },
    /// Something breaks.
    Fault(Fault),
}

/// What a person does. A `session` counts the sessions of the plan; a `pick` chooses among what there is, the newest first.
#[derive(Clone, Debug)]
pub enum Act {
    Create {
        session: usize,
        prompt: bool,
    },
    Send {
        session: usize,
        how: Sent,
        text: u64,
    },
    Edit {
        session: usize,
        pick: u64,
        text: u64,
    },
    Withdraw {
        session: usize,
        pick: u64,
    },
    Move {
        session: usize,
        pick: u64,
        before: Option<u64>,
    },
    SendNow {
        session: usize,
        pick: u64,
    },
    StopRun {
        session: usize,
        pick: u64,
        scope: u64,
    },
    StopPrompt {
        session: usize,
        pick: u64,
    },
    Retry {
        session: usize,
        pick: u64,
    },
    Pause {
        session: usize,
    },
    Resume {
        session: usize,
    },
    Rename {
        session: usize,
        text: u64,
    },
    MarkRead {
        session: usize,
        back: u64,
    },
    Delete {
        session: usize,
    },
    /// Asks again beside a prompt.
    Resend {
        session: usize,
        pick: u64,
        how: Sent,
        text: u64,
    },
    ChooseBranch {
        session: usize,
        pick: u64,
    },
    /// Begins `session` with a copy of `from`.
    Fork {
        session: usize,
        from: usize,
        pick: u64,
    },
    BeginEdit {
        session: usize,
        pick: u64,
    },
    EndEdit {
        session: usize,
        pick: u64,
    },
    Pin {
        session: usize,
        pinned: bool,
    },
    Archive {
        session: usize,
        archived: bool,
    },
    /// Keeps what is begun to be written.
    Draft {
        session: usize,
        text: u64,
    },
    /// Sends a prompt that is refused where the session is busy.
    SendIfIdle {
        session: usize,
        text: u64,
    },
    /// Opens a view.
    Look {
        session: usize,
    },
    /// Closes it.
    LookAway {
        session: usize,
    },
    /// Takes back an intent that was not sent.
    Cancel {
        pick: u64,
    },
    /// The network changed.
    Nudge,
    /// A command that was sent before comes once more, late.
    Repeat {
        pick: u64,
    },
    /// Another command comes under an id that was used.
    Reuse {
        pick: u64,
    },
}

/// How a prompt is sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sent {
    Steer,
    Queue,
    Interrupt,
}

/// A device or a runner.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Who {
    /// By its number.
    Device(usize),
    /// By its number.
    Runner(usize),
}

/// What becomes of frames that are on their way when a line is cut.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OnTheWay {
    /// They are lost.
    Lost,
    /// What went to the hub still arrives, later than it should.
    StillArrives,
}

/// Whether a commit is on the disk when the hub dies at it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AtCommit {
    /// Not yet.
    Before,
    /// It is, and nobody was told.
    After,
}

/// What breaks. Durations in milliseconds.
#[derive(Clone, Debug)]
pub enum Fault {
    /// The line breaks when so many frames more have arrived on it.
    Cut {
        who: Who,
        after_frames: u64,
        on_the_way: OnTheWay,
    },
    /// The line carries nothing any more, and nobody is told.
    HalfOpen {
        who: Who,
    },
    /// No line can be made for a while.
    NoNetwork {
        who: Who,
        ms: u64,
    },
    /// Frames take longer for a while.
    Slow {
        who: Who,
        latency_ms: u64,
        ms: u64,
    },
    CrashHub {
        down_ms: u64,
    },
    CrashHubAtCommit {
        commits: u64,
        at: AtCommit,
        down_ms: u64,
    },
    PauseHub {
        ms: u64,
    },
    /// The hub puts away the actors that have nothing to do.
    PutActorsAway,
    /// Every subscriber is forgotten and pulls.
    ForgetQueues,
    CrashDevice {
        device: usize,
        after_outputs: u64,
        down_ms: u64,
    },
    PauseDevice {
        device: usize,
        ms: u64,
    },
    /// As a pause, but the monotonic clock stands still meanwhile.
    SleepDevice {
        device: usize,
        ms: u64,
    },
    DeviceDiskFull {
        device: usize,
        ms: u64,
    },
    /// Absent: it never comes back.
    CrashRunner {
        runner: usize,
        down_ms: Option<u64>,
    },
    PauseRunner {
        runner: usize,
        ms: u64,
    },
    DiskFull {
        ms: u64,
    },
    RefuseAppends {
        count: u64,
    },
    /// The next flush fails: the log stops until the hub is started again.
    FlushFails {
        recorded: bool,
        down_ms: u64,
    },
    /// The log seals what is closed.
    Seal,
    Backup,
    /// The hub starts again from the last backup.
    Restore {
        down_ms: u64,
    },
    HubClock {
        by_ms: i64,
    },
    DeviceClock {
        device: usize,
        by_ms: i64,
    },
    /// The line breaks, and the next one right behind its hello, which arrives late.
    LateHello {
        who: Who,
    },
    /// A runner says once more what it wrote last.
    WriteAgain {
        runner: usize,
    },
    /// A runner writes for a run that is over.
    WriteLate {
        runner: usize,
        pick: u64,
    },
}
