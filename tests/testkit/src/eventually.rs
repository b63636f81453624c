//! Waiting for state that can only be polled.

use std::time::Duration;

use tokio::time::Instant;

/// The limit of this crate's own waits: far beyond anything that still works.
pub const WAIT_LIMIT: Duration = Duration::from_secs(30);

const PAUSE: Duration = Duration::from_millis(10);

/// Polls until the probe returns a value, and panics with `what` after `limit`.
/// For state that offers nothing to await: a file, a table of a database, a page.
pub async fn eventually<T, F, Fut>(limit: Duration, what: &str, mut probe: F) -> T
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Option<T>>,
{
    let deadline = Instant::now() + limit;
    loop {
        match tokio::time::timeout_at(deadline, probe()).await {
            Ok(Some(found)) => return found,
            Ok(None) if Instant::now() + PAUSE < deadline => tokio::time::sleep(PAUSE).await,
            Ok(None) => panic!("not within {limit:?}: {what}"),
            Err(_) => panic!("not within {limit:?}, and the last look had no end: {what}"),
        }
    }
}

/// Polls until the probe returns a value, as long as something moves: panics with `what` if `progress` has not changed for `limit`.
/// For work whose duration depends on the machine's speed.
pub async fn while_it_moves<T, P, F, Fut>(
    limit: Duration,
    what: &str,
    progress: impl Fn() -> P,
    mut probe: F,
) -> T
where
    P: PartialEq,
    F: FnMut() -> Fut,
    Fut: Future<Output = Option<T>>,
{
    let (mut seen, mut moved) = (progress(), Instant::now());
    loop {
        if let Some(found) = probe().await {
            return found;
        }
        let now = progress();
        if now != seen {
            (seen, moved) = (now, Instant::now());
        }
        assert!(
            moved.elapsed() < limit,
            "nothing has moved for {limit:?}: {what}"
        );
        tokio::time::sleep(PAUSE).await;
    }
}

/// Awaits a future for at most [`WAIT_LIMIT`], and panics with `what` after it.
pub(crate) async fn within<T>(what: &str, work: impl Future<Output = T>) -> T {
    match tokio::time::timeout(WAIT_LIMIT, work).await {
        Ok(found) => found,
        Err(_) => panic!("not within {WAIT_LIMIT:?}: {what}"),
    }
}
