//! Who may read another session for a fork: few at once, and not many wait.
//!
//! A fork reads the whole source, twice, and then holds up to `FORK_BYTES_MAX` of events until they are recorded. **Invariant:** a turn is
//! held from before the first read until the fork is recorded or refused, so the memory of all forks together is bounded.

use std::sync::Arc;

use baton_protocol::{ErrorBody, ErrorCode};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::config::{FORKS_AT_ONCE_MAX, FORKS_WAITING_MAX};

/// The turns of one hub.
pub struct Forks {
    turns: Arc<Semaphore>,
    places: Arc<Semaphore>,
}

/// A fork's turn; the next one has it when this is dropped.
pub struct ForkTurn {
    _turn: OwnedSemaphorePermit,
    _place: OwnedSemaphorePermit,
}

impl Default for Forks {
    fn default() -> Self {
        Self {
            turns: Arc::new(Semaphore::new(FORKS_AT_ONCE_MAX)),
            places: Arc::new(Semaphore::new(FORKS_AT_ONCE_MAX + FORKS_WAITING_MAX)),
        }
    }
}

impl Forks {
    /// Waits for a turn.
    ///
    /// # Errors
    /// Where too many wait already: the same command may be sent again.
    pub async fn turn(&self) -> Result<ForkTurn, ErrorBody> {
        let place = Arc::clone(&self.places).try_acquire_owned();
        let place = place.map_err(|_| {
            ErrorCode::RateLimited.with("too many forks are being made", "try again in a moment")
        })?;
        let turn = Arc::clone(&self.turns).acquire_owned().await;
        Ok(ForkTurn {
            _turn: turn.expect("the semaphore is never closed"),
            _place: place,
        })
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    #[test]
    fn few_forks_go_on_at_once_and_the_next_waits_or_is_told_to_come_again() {
        let forks = Forks::default();
        let mut turns: Vec<ForkTurn> = (0..FORKS_AT_ONCE_MAX)
            .map(|_| {
                forks
                    .turn()
                    .now_or_never()
                    .expect("it is free")
                    .expect("there is room")
            })
            .collect();
        let mut waiting: Vec<_> = (0..FORKS_WAITING_MAX)
            .map(|_| Box::pin(forks.turn()))
            .collect();
        assert!(
            waiting
                .iter_mut()
                .all(|turn| turn.as_mut().now_or_never().is_none())
        );
        let refused = forks.turn().now_or_never().expect("it does not wait");
        assert!(refused.is_err_and(|error| error.code.is_retryable()));
        turns.pop();
        assert!(
            waiting[0]
                .as_mut()
                .now_or_never()
                .is_some_and(|turn| turn.is_ok())
        );
        drop(waiting);
        drop(turns);
        assert!(forks.turn().now_or_never().is_some());
    }
}
