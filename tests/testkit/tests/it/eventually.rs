use std::cell::Cell;
use std::time::Duration;

use baton_testkit::{eventually, while_it_moves};

#[tokio::test]
async fn it_looks_until_there_is_something() {
    let mut looks = 0;
    let found = eventually(Duration::from_secs(10), "a third look", || {
        looks += 1;
        let found = (looks == 3).then_some("here");
        async move { found }
    })
    .await;
    assert_eq!(found, "here");
}

#[tokio::test]
#[should_panic(expected = "not within 30ms: a miracle")]
async fn it_gives_up_with_what_it_waited_for() {
    eventually(Duration::from_millis(30), "a miracle", async || None::<()>).await;
}

#[tokio::test]
#[should_panic(expected = "the last look had no end: a look")]
async fn a_look_without_an_end_ends_too() {
    eventually(
        Duration::from_millis(30),
        "a look",
        std::future::pending::<Option<()>>,
    )
    .await;
}

#[tokio::test]
async fn what_moves_is_waited_for_beyond_the_limit() {
    let (limit, looks) = (Duration::from_millis(200), Cell::new(0));
    let begun = std::time::Instant::now();
    let progress = || looks.get();
    let found = while_it_moves(limit, "an end", progress, || {
        looks.set(looks.get() + 1);
        let is_over = begun.elapsed() > 2 * limit;
        async move { is_over.then_some("here") }
    })
    .await;
    assert_eq!(found, "here");
}

#[tokio::test]
#[should_panic(expected = "nothing has moved for 30ms: a miracle")]
async fn what_does_not_move_is_given_up() {
    while_it_moves(
        Duration::from_millis(30),
        "a miracle",
        || 0,
        async || None::<()>,
    )
    .await;
}
