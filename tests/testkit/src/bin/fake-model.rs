//! The fake model as a program of its own, for machines (network namespaces) that the test process does not run on.
//!
//! `fake-model WORDS PER_SECOND` prints `listening BASE_URL`, then `request` for each request and `closed` for each answer whose
//! connection the client closes early.

use std::time::Duration;

use anyhow::{Context as _, Result};
use baton_testkit::{Ending, FakeModel, Reply};

#[tokio::main]
async fn main() -> Result<()> {
    let mut words = std::env::args().skip(1);
    let usage = "usage: fake-model WORDS PER_SECOND";
    let count: usize = words.next().context(usage)?.parse().context(usage)?;
    let rate: f64 = words.next().context(usage)?.parse().context(usage)?;

    let model = FakeModel::start().await;
    let text = (0..count)
        .map(|n| format!("word{n} 漢🌊 "))
        .collect::<String>();
    model.reply_to_the_rest(Reply::text(text).delta_chars(10).deltas_per_second(rate));
    println!("listening {}", model.base_url());

    let (mut requests, mut closed) = (0, 0);
    loop {
        let exchanges = model.exchanges();
        let closed_now = exchanges
            .iter()
            .filter(|exchange| exchange.ending == Some(Ending::ClosedByClient))
            .count();
        (requests..exchanges.len()).for_each(|_| println!("request"));
        (closed..closed_now).for_each(|_| println!("closed"));
        (requests, closed) = (exchanges.len(), closed_now);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
