//! Two futures in one task, of which one is seldom woken.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use futures::task::AtomicWaker;

/// Wakes the task, and says that it was for the rare one.
struct RareWake {
    is_woken: AtomicBool,
    task: AtomicWaker,
}

impl Wake for RareWake {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.is_woken.store(true, Ordering::Release);
        self.task.wake();
    }
}

/// What the first of the two gives that ends. `rare` is looked at only when it was woken itself, and before `often`: a frame that goes
/// out must not cost a look at everything else that a connection waits for.
pub async fn first<T>(
    mut rare: Pin<&mut impl Future<Output = T>>,
    mut often: Pin<&mut impl Future<Output = T>>,
) -> T {
    let wake = Arc::new(RareWake {
        is_woken: AtomicBool::new(true),
        task: AtomicWaker::new(),
    });
    let waker = Waker::from(Arc::clone(&wake));
    poll_fn(|cx| {
        // Before the look: a wake that comes after it finds the task.
        wake.task.register(cx.waker());
        if wake.is_woken.swap(false, Ordering::AcqRel)
            && let Poll::Ready(ended) = rare.as_mut().poll(&mut Context::from_waker(&waker))
        {
            return Poll::Ready(ended);
        }
        often.as_mut().poll(cx)
    })
    .await
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::future::{pending, ready};
    use std::pin::pin;

    use tokio::sync::Notify;

    use super::*;

    #[tokio::test]
    async fn the_rare_one_is_looked_at_when_it_is_woken_alone() {
        let (looks, rare, often) = (Cell::new(0), Notify::new(), Notify::new());
        let counted = async {
            let mut waits = pin!(rare.notified());
            poll_fn(|cx| {
                looks.set(looks.get() + 1);
                waits.as_mut().poll(cx)
            })
            .await;
            "rare"
        };
        let waits = async {
            for _ in 0..5 {
                often.notified().await;
            }
            pending().await
        };
        let (counted, waits) = (pin!(counted), pin!(waits));
        let both = first(counted, waits);
        let wakes = async {
            for _ in 0..5 {
                often.notify_one();
                tokio::task::yield_now().await;
            }
            assert_eq!(looks.get(), 1);
            rare.notify_one();
        };
        let (ended, ()) = tokio::join!(both, wakes);
        assert_eq!((ended, looks.get()), ("rare", 2));
    }

    #[tokio::test]
    async fn either_may_end_first() {
        assert_eq!(first(pin!(ready(1)), pin!(pending())).await, 1);
        assert_eq!(first(pin!(pending()), pin!(ready(2))).await, 2);
    }
}
