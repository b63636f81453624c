//! The network: lines between clients and the hub, as TCP gives them.
//!
//! In one line nothing is lost, doubled or put out of order; a line ends instead, and then what was on its way is lost, or arrives
//! later than it should. Different lines have nothing to do with each other, so a new one may well overtake an old one.

use std::collections::{BTreeMap, VecDeque};

use baton_protocol::{ClientFrame, ErrorBody, HubFrame};

use crate::plan::{OnTheWay, Who, Wire};
use crate::rng::Rng;

/// Names a line.
pub type LineId = u64;

/// What arrives at the hub.
#[derive(Clone, Debug)]
pub enum ToHub {
    /// Somebody wants to connect.
    Open,
    /// A frame.
    Frame(ClientFrame),
    /// The client is gone.
    Closed,
}

/// What arrives at a client.
#[derive(Clone, Debug)]
pub enum ToClient {
    /// The socket is open.
    Opened,
    /// A frame.
    Frame(HubFrame),
    /// The socket is closed, with the hub's reason where it gave one.
    Closed(Option<ErrorBody>),
}

/// One line.
#[derive(Debug)]
pub struct Line {
    /// Whose.
    pub who: Who,
    up: VecDeque<(u64, ToHub)>,
    down: VecDeque<(u64, ToClient)>,
    /// Nothing arrives any more.
    dead: bool,
    /// The client listens on it.
    client_open: bool,
    /// The hub listens on it.
    hub_open: bool,
    /// Frames until it breaks.
    breaks_after: Option<(u64, OnTheWay)>,
}

/// How it goes for one client.
#[derive(Clone, Debug)]
struct Weather {
    rng: Rng,
    blocked_until_ms: u64,
    slow_until_ms: u64,
    latency_ms: u64,
    /// The next hello is late, and its line gone by then.
    hello_is_late: bool,
}

/// All lines.
#[derive(Debug)]
pub struct Net {
    lines: BTreeMap<LineId, Line>,
    weather: BTreeMap<Who, Weather>,
    wire: Wire,
    next: LineId,
}

/// Something that has arrived.
#[derive(Debug)]
pub enum Arrival {
    /// At the hub.
    Up(LineId, Who, ToHub),
    /// At a client.
    Down(LineId, Who, ToClient),
}

/// Which way a frame goes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Way {
    Up,
    Down,
}

impl Net {
    /// No line yet.
    pub fn new(seed: u64, clients: impl Iterator<Item = Who>, wire: Wire) -> Self {
        let weather = clients.enumerate().map(|(number, who)| {
            let weather = Weather {
                rng: Rng::named(seed, 100 + number as u64),
                blocked_until_ms: 0,
                slow_until_ms: 0,
                latency_ms: 0,
                hello_is_late: false,
            };
            (who, weather)
        });
        Self {
            lines: BTreeMap::new(),
            weather: weather.collect(),
            wire,
            next: 1,
        }
    }

    fn latency(&mut self, who: Who, now_ms: u64) -> u64 {
        let weather = self
            .weather
            .get_mut(&who)
            .expect("every client has its weather");
        let extra = match now_ms < weather.slow_until_ms {
            true => weather.rng.below(weather.latency_ms + 1),
            false => 0,
        };
        extra + weather.rng.skewed(60)
    }

    /// A client wants a line.
    pub fn connect(&mut self, who: Who, now_ms: u64) -> LineId {
        let id = self.next;
        self.next += 1;
        let arrives = now_ms + self.latency(who, now_ms);
        let dead = self.weather[&who].blocked_until_ms > now_ms;
        let line = Line {
            who,
            up: VecDeque::from([(arrives, ToHub::Open)]),
            down: VecDeque::new(),
            dead,
            client_open: true,
            hub_open: true,
            breaks_after: None,
        };
        self.lines.insert(id, line);
        id
    }

    /// The client says something.
    pub fn send_up(&mut self, id: LineId, now_ms: u64, what: ToHub) {
        let Some(who) = self.lines.get(&id).map(|line| line.who) else {
            return;
        };
        let arrives = now_ms + self.latency(who, now_ms);
        let is_hello = matches!(what, ToHub::Frame(ClientFrame::Hello { .. }));
        let line = self.lines.get_mut(&id).expect("it was just there");
        if !line.dead && line.hub_open {
            let what = match what {
                ToHub::Frame(frame) if self.wire == Wire::Json => {
                    ToHub::Frame(through_json(&frame))
                }
                what => what,
            };
            let arrives = line
                .up
                .back()
                .map_or(arrives, |(last, _)| arrives.max(*last));
            line.up.push_back((arrives, what));
        }
        let weather = self.weather.get_mut(&who).expect("known");
        if is_hello && std::mem::take(&mut weather.hello_is_late) {
            line.breaks_after = Some((0, OnTheWay::StillArrives));
            self.break_due(now_ms);
        }
    }

    /// The hub says something.
    pub fn send_down(&mut self, id: LineId, now_ms: u64, what: ToClient) {
        let Some(who) = self.lines.get(&id).map(|line| line.who) else {
            return;
        };
        let arrives = now_ms + self.latency(who, now_ms);
        let line = self.lines.get_mut(&id).expect("it was just there");
        if !line.dead && line.client_open {
            let what = match what {
                ToClient::Frame(frame) if self.wire == Wire::Json => {
                    ToClient::Frame(through_json(&frame))
                }
                what => what,
            };
            let last = line.down.back();
            let arrives = last.map_or(arrives, |(last, _)| arrives.max(*last));
            line.down.push_back((arrives, what));
        }
    }

    /// The client closes its end. What it has said still arrives, and then the close.
    pub fn close_by_client(&mut self, id: LineId, now_ms: u64) {
        self.send_up(id, now_ms, ToHub::Closed);
        if let Some(line) = self.lines.get_mut(&id) {
            line.client_open = false;
            line.down.clear();
        }
        self.sweep(id);
    }

    /// The hub closes its end. What it has said still arrives, and then the close.
    pub fn close_by_hub(&mut self, id: LineId, now_ms: u64, why: Option<ErrorBody>) {
        self.send_down(id, now_ms, ToClient::Closed(why));
        if let Some(line) = self.lines.get_mut(&id) {
            line.hub_open = false;
            line.up.clear();
        }
        self.sweep(id);
    }

    /// The hub's process is gone: its ends are closed by the system.
    pub fn hub_died(&mut self, now_ms: u64) {
        let ids: Vec<LineId> = self.lines.keys().copied().collect();
        for id in ids {
            self.close_by_hub(id, now_ms, None);
        }
    }

    /// A client's process is gone: its ends are closed by the system.
    pub fn client_died(&mut self, who: Who, now_ms: u64) {
        let of_client = self.lines.iter().filter(|(_, line)| line.who == who);
        let ids: Vec<LineId> = of_client.map(|(id, _)| *id).collect();
        for id in ids {
            self.close_by_client(id, now_ms);
        }
    }

    fn current(&mut self, who: Who) -> Option<&mut Line> {
        let mut lines = self.lines.values_mut().rev();
        lines.find(|line| line.who == who && line.client_open)
    }

    /// The client's line breaks when so many frames more have arrived on it.
    pub fn break_after(&mut self, who: Who, frames: u64, on_the_way: OnTheWay, now_ms: u64) {
        if let Some(line) = self.current(who) {
            line.breaks_after = Some((frames, on_the_way));
        }
        if frames == 0 {
            self.break_due(now_ms);
        }
    }

    /// The client's next hello is late, and its line gone by then.
    pub fn delay_next_hello(&mut self, who: Who) {
        self.weather.get_mut(&who).expect("known").hello_is_late = true;
    }

    /// The client's line carries nothing any more, and nobody is told.
    pub fn half_open(&mut self, who: Who) {
        if let Some(line) = self.current(who) {
            line.dead = true;
            line.up.clear();
            line.down.clear();
        }
    }

    /// Lines that this client makes for a while lead nowhere, and the one that it has dies.
    pub fn block(&mut self, who: Who, until_ms: u64) {
        self.weather.get_mut(&who).expect("known").blocked_until_ms = until_ms;
        self.half_open(who);
    }

    /// Frames of this client take longer for a while.
    pub fn slow(&mut self, who: Who, latency_ms: u64, until_ms: u64) {
        let weather = self.weather.get_mut(&who).expect("known");
        weather.latency_ms = latency_ms;
        weather.slow_until_ms = until_ms;
    }

    /// From now on nothing is wrong with the network. Lines that are dead stay so.
    pub fn heal(&mut self) {
        for weather in self.weather.values_mut() {
            weather.blocked_until_ms = 0;
            weather.slow_until_ms = 0;
            weather.hello_is_late = false;
        }
        for line in self.lines.values_mut() {
            line.breaks_after = None;
        }
    }

    fn break_due(&mut self, now_ms: u64) {
        let due = |line: &Line| matches!(line.breaks_after, Some((0, _)));
        let broken: Vec<LineId> = self
            .lines
            .iter()
            .filter(|(_, line)| due(line))
            .map(|(id, _)| *id)
            .collect();
        for id in broken {
            let line = self.lines.get_mut(&id).expect("it was just there");
            let on_the_way = line.breaks_after.take();
            line.down.clear();
            if matches!(on_the_way, Some((_, OnTheWay::Lost))) {
                line.up.clear();
            }
            self.send_down(id, now_ms, ToClient::Closed(None));
            let late = match on_the_way {
                Some((_, OnTheWay::StillArrives)) => {
                    let who = self.lines[&id].who;
                    self.weather.get_mut(&who).expect("known").rng.skewed(8_000)
                }
                _ => 0,
            };
            self.send_up(id, now_ms, ToHub::Closed);
            let line = self.lines.get_mut(&id).expect("it was just there");
            line.client_open = false;
            for (arrives, _) in &mut line.up {
                *arrives += late;
            }
        }
    }

    /// When the next thing arrives, given until when each process takes nothing.
    pub fn next_at(&self, asleep_until_ms: &dyn Fn(Option<Who>) -> u64) -> Option<u64> {
        self.next_arrival(asleep_until_ms).map(|(at, _, _)| at)
    }

    fn next_arrival(
        &self,
        asleep_until_ms: &dyn Fn(Option<Who>) -> u64,
    ) -> Option<(u64, LineId, Way)> {
        let heads = self.lines.iter().flat_map(|(id, line)| {
            let up = line.up.front();
            let down = line.down.front();
            let up = up.map(|(at, _)| ((*at).max(asleep_until_ms(None)), *id, Way::Up));
            let asleep = || asleep_until_ms(Some(line.who));
            let down = down.map(|(at, _)| ((*at).max(asleep()), *id, Way::Down));
            [up, down]
        });
        heads.flatten().min()
    }

    /// Takes what arrives now.
    pub fn take(
        &mut self,
        now_ms: u64,
        asleep_until_ms: &dyn Fn(Option<Who>) -> u64,
    ) -> Option<Arrival> {
        let (at, id, way) = self.next_arrival(asleep_until_ms)?;
        if at > now_ms {
            return None;
        }
        let line = self.lines.get_mut(&id).expect("it has something to give");
        if let Some((frames, _)) = &mut line.breaks_after {
            *frames = frames.saturating_sub(1);
        }
        let arrival = match way {
            Way::Up => Arrival::Up(id, line.who, line.up.pop_front()?.1),
            Way::Down => Arrival::Down(id, line.who, line.down.pop_front()?.1),
        };
        match &arrival {
            Arrival::Up(_, _, ToHub::Closed) => line.hub_open = false,
            Arrival::Down(_, _, ToClient::Closed(_)) => line.client_open = false,
            _ => {}
        }
        self.break_due(now_ms);
        self.sweep(id);
        Some(arrival)
    }

    fn sweep(&mut self, id: LineId) {
        let is_over = |line: &Line| {
            let quiet = line.up.is_empty() && line.down.is_empty();
            quiet && !line.client_open && (!line.hub_open || line.dead)
        };
        if self.lines.get(&id).is_some_and(is_over) {
            self.lines.remove(&id);
        }
    }
}

/// What the other side reads.
fn through_json<T: serde::Serialize + serde::de::DeserializeOwned>(frame: &T) -> T {
    let text = serde_json::to_string(frame).expect("a frame is plain JSON");
    serde_json::from_str(&text).expect("what was written can be read")
}
