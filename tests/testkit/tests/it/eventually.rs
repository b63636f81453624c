use std::time::Duration;

use baton_testkit::eventually;

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
