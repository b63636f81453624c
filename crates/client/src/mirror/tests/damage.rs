//! One damaged cell costs its own row or its own log, on every path that reads it.

use baton_protocol::LogId;

use super::*;

/// Damage to one session's stored copy; `KEY` is its key.
const DAMAGE: [&str; 12] = [
    "UPDATE logs SET state_json = '{' WHERE key = KEY",
    "UPDATE logs SET state_json = x'ff00' WHERE key = KEY",
    "UPDATE logs SET incarnation = 'nonsense' WHERE key = KEY",
    "UPDATE logs SET incarnation = x'ff' WHERE key = KEY",
    "UPDATE logs SET cursor = 'here' WHERE key = KEY",
    "UPDATE logs SET cursor = cursor - 2 WHERE key = KEY",
    "UPDATE logs SET state_seq = 'there' WHERE key = KEY",
    "UPDATE logs SET state_seq = cursor - 3 WHERE key = KEY",
    "UPDATE events SET json = '{' WHERE log = KEY",
    "UPDATE events SET json = x'ff00' WHERE log = KEY",
    "UPDATE rows SET json = '{' WHERE log = KEY",
    "UPDATE rows SET json = 12 WHERE log = KEY",
];

/// Two sessions in a mirror, one of which is about to be damaged.
struct Pair {
    place: Place,
    store: Store,
    hurt: Script,
    sound: Script,
    /// The seq up to which both are mirrored.
    upto: u64,
}

impl Pair {
    /// Both sessions have an open part, which stays in memory.
    fn mirrored() -> Self {
        let place = place();
        let (mut store, _) = open(&place.path);
        let [hurt, sound] = [(); 2].map(|()| {
            let mut script = script();
            script.exchange("where is the tide table?", &["in the ", "drawer"]);
            script.ask("and now?");
            script.start();
            script.open(PartKind::Text);
            script.append("half");
            script
        });
        let upto = hurt.head();
        for script in [&hurt, &sound] {
            apply(&mut store, &script.batch(0, upto));
        }
        Self {
            place,
            store,
            hurt,
            sound,
            upto,
        }
    }

    fn damage(&self, sql: &str) {
        let key = logs::key(&self.store.conn, self.hurt.log()).unwrap();
        let sql = sql.replace("KEY", &key.unwrap().to_string());
        self.store.conn.execute_batch(&sql).unwrap();
    }

    /// Brings both to their ends, as a hub does that continues from the mirror's cursors.
    fn finish(&mut self, why: &str) {
        for script in [&mut self.hurt, &mut self.sound] {
            script.append(" whole");
            script.close();
            script.end();
        }
        self.catch_up(self.hurt.log(), self.upto, why);
        self.catch_up(self.sound.log(), self.upto, why);
        self.store.take_lost();
        for log in [self.hurt.log(), self.sound.log()] {
            let session = self.script(log).session;
            let shown = rows(&mut self.store, session);
            if self.store.take_lost() == [log] {
                // The damage is found only here.
                assert_eq!(shown, [], "{why}");
                self.catch_up(log, 0, why);
            }
            let script = self.script(log);
            let expected = script.transcript(script.head()).rows;
            assert_eq!(rows(&mut self.store, session), expected, "{why}");
        }
    }

    fn script(&self, log: LogId) -> &Script {
        let scripts = [&self.hurt, &self.sound];
        scripts
            .into_iter()
            .find(|script| script.log() == log)
            .unwrap()
    }

    fn catch_up(&mut self, log: LogId, mut from: u64, why: &str) {
        for _ in 0..5 {
            let script = self.script(log);
            let batch = script.batch(from, script.head());
            from = match self.store.apply(&batch) {
                Ok(ApplyOutcome::Applied) => return,
                Ok(ApplyOutcome::Dropped { .. } | ApplyOutcome::Moved(None)) => 0,
                Ok(ApplyOutcome::Moved(Some(cursor))) => cursor.seq.0,
                other => panic!("{why}: {other:?}"),
            };
        }
        panic!("{why}: it is fetched for ever");
    }
}

#[test]
fn a_damaged_session_is_fetched_again_while_it_is_live_and_the_others_go_on() {
    for damage in DAMAGE {
        for memory in ["loaded", "forgotten"] {
            let mut pair = Pair::mirrored();
            pair.damage(damage);
            if memory == "forgotten" {
                pair.store.forget_memory();
            }
            pair.finish(&format!("{damage}, {memory}"));
        }
    }
}

#[test]
fn a_damaged_session_opens_and_is_reported_to_the_sync_engine() {
    for damage in DAMAGE {
        let mut pair = Pair::mirrored();
        pair.damage(damage);
        pair.store.forget_memory();
        let shown = rows(&mut pair.store, pair.hurt.session);
        let is_lost = pair.store.take_lost() == [pair.hurt.log()];
        let is_whole = shown == pair.hurt.transcript(pair.upto).rows;
        assert!(
            is_lost && shown.is_empty() || is_whole || damage.contains("cursor -"),
            "{damage}"
        );
        pair.finish(damage);
    }
}

#[test]
fn a_device_starts_with_a_damaged_session_and_keeps_the_others() {
    for damage in DAMAGE {
        let mut pair = Pair::mirrored();
        pair.damage(damage);
        drop(pair.store);
        pair.store = open(&pair.place.path).0;
        let cursors = pair.store.cursors().unwrap();
        assert!(
            cursors.iter().any(|(log, _)| *log == pair.sound.log()),
            "{damage}"
        );
        pair.store.gaps().unwrap();
        pair.finish(damage);
        let aside = pair.place.path.with_extension("db.damaged-1");
        assert!(!aside.exists(), "{damage}: the file itself is sound");
    }
}

#[test]
fn a_log_whose_id_cannot_be_read_is_forgotten_at_the_start() {
    let mut pair = Pair::mirrored();
    pair.damage("UPDATE logs SET log_id = 'session:nonsense' WHERE key = KEY");
    drop(pair.store);
    pair.store = open(&pair.place.path).0;
    assert_eq!(pair.store.cursors().unwrap().len(), 1);
    pair.finish("a log's id");
}

#[test]
fn search_finds_the_other_sessions_beside_a_damaged_one() {
    for damage in DAMAGE {
        let pair = Pair::mirrored();
        pair.damage(damage);
        for query in ["drawer", "tide table", "is"] {
            let hits = search::find(&pair.store.conn, query, 10).unwrap().hits;
            let in_sound = hits.iter().filter(|hit| hit.session == pair.sound.session);
            assert_eq!(in_sound.count(), 1, "{damage}: {query}");
        }
    }
}

#[test]
fn a_damaged_session_is_dropped_where_history_meets_it() {
    let damage = [
        "UPDATE logs SET filled_state_json = '{' WHERE key = KEY",
        "UPDATE logs SET filled_state_json = x'ff' WHERE key = KEY",
        "UPDATE logs SET filled_state_seq = 'x' WHERE key = KEY",
        "UPDATE logs SET floor_digest = 7 WHERE key = KEY",
        "UPDATE logs SET filled = 'x' WHERE key = KEY",
        "UPDATE logs SET incarnation = 'x' WHERE key = KEY",
        "UPDATE events SET json = '{' WHERE log = KEY",
        "UPDATE rows SET json = '{' WHERE log = KEY",
    ];
    for damage in damage {
        let place = place();
        let (script, heads) = gaps::long_script();
        let (mut store, _) = open(&place.path);
        apply(&mut store, &script.batch(0, heads[0]));
        gaps::take(&mut store, &gaps::snapshot(&script, heads[0], heads[3]));
        apply(&mut store, &script.batch(heads[3], script.head()));
        let key = logs::key(&store.conn, script.log()).unwrap().unwrap();
        let sql = damage.replace("KEY", &key.to_string());
        store.conn.execute_batch(&sql).unwrap();
        let outcome = store
            .apply_history(&script.merged(heads[0], heads[3]))
            .unwrap();
        assert!(
            matches!(
                outcome,
                HistoryOutcome::Dropped { .. } | HistoryOutcome::Closed
            ),
            "{damage}: {outcome:?}"
        );
        if let HistoryOutcome::Closed = outcome {
            continue;
        }
        assert_eq!(store.cursors().unwrap(), [], "{damage}");
        apply(&mut store, &script.batch(0, script.head()));
        let expected = script.transcript(script.head()).rows;
        assert_eq!(rows(&mut store, script.session), expected, "{damage}");
    }
}

#[test]
fn a_damaged_session_is_dropped_where_a_saved_state_meets_it() {
    for damage in DAMAGE {
        let mut pair = Pair::mirrored();
        for _ in 0..3 {
            pair.hurt.append("…");
        }
        pair.hurt.close();
        pair.hurt.end();
        pair.damage(damage);
        pair.store.forget_memory();
        let state = gaps::snapshot(&pair.hurt, pair.upto, pair.hurt.head());
        let outcome = pair.store.apply_snapshot(&state).unwrap();
        let stands = pair.store.cursors().unwrap();
        let stands = stands.iter().find(|(log, _)| *log == pair.hurt.log());
        match outcome {
            SnapshotOutcome::Applied => assert!(stands.is_some(), "{damage}"),
            SnapshotOutcome::Moved(cursor) => {
                assert_eq!(stands.map(|(_, cursor)| *cursor), cursor, "{damage}");
            }
            SnapshotOutcome::Unfit { .. } => panic!("{damage}: the state is sound"),
        }
    }
}

#[tokio::test]
async fn a_damaged_session_can_be_followed_by_a_tail() {
    for damage in [
        "UPDATE logs SET incarnation = 'x' WHERE key = KEY",
        "UPDATE events SET json = '{' WHERE log = KEY",
        "UPDATE events SET json = 5 WHERE log = KEY",
    ] {
        let pair = Pair::mirrored();
        pair.damage(damage);
        let Pair {
            place, store, hurt, ..
        } = pair;
        // Opened after the damage: opening itself repairs an unreadable row of `logs`.
        let account = AccountId::from_uuid(uuid::Uuid::from_u128(1));
        let heard = Arc::new(Heard::default());
        let (mirror, mut lost) = Mirror::open(place.path.clone(), account, heard)
            .await
            .unwrap();
        drop(store);
        let events = mirror.events_after(hurt.log(), Seq::ZERO, 10).await;
        assert_eq!(events.unwrap(), (Vec::new(), None), "{damage}");
        assert_eq!(mirror.cursor(hurt.log()).await.unwrap(), None, "{damage}");
        if !damage.contains("logs") {
            assert_eq!(lost.recv().await, Some(hurt.log()));
        }
    }
}

fn prompt(text: &str) -> Command {
    Command {
        only_if: None,
        id: CommandId::mint(),
        log: LogId::Session(SessionId::mint()),
        body: CommandBody::SendPrompt(baton_protocol::SendPromptCommand {
            run: None,
            text: text.to_owned(),
            delivery: Delivery::Queue,
        }),
    }
}

/// Queues prompts; the first one gets ordinal 1.
fn queue(store: &mut Store, prompts: &[Command]) {
    let queued: Vec<_> = prompts
        .iter()
        .map(|command| (command.clone(), OutboxState::Waiting))
        .collect();
    store.queue_intents(&queued, &[], TimestampMs(5)).unwrap();
}

#[test]
fn an_intent_that_cannot_be_read_costs_no_other_and_is_read_again_by_a_version_that_can() {
    let damage = [
        (
            "UPDATE outbox SET json = '{\"type\":\"later\",\"body\":{\"text\":\"two\"}}' WHERE ordinal = 2",
            Some("two"),
        ),
        ("UPDATE outbox SET json = '{' WHERE ordinal = 2", None),
        ("UPDATE outbox SET json = x'ff00' WHERE ordinal = 2", None),
        (
            "UPDATE outbox SET command_id = 'x' WHERE ordinal = 2",
            Some("two"),
        ),
        (
            "UPDATE outbox SET queued_at = 'x' WHERE ordinal = 2",
            Some("two"),
        ),
    ];
    for (damage, text) in damage {
        let place = place();
        let (mut store, _) = open(&place.path);
        let prompts = ["one", "two", "three"].map(prompt);
        queue(&mut store, &prompts);
        let before = store.outbox().unwrap().entries;
        store.conn.execute_batch(damage).unwrap();
        drop(store);

        let (store, _) = open(&place.path);
        let outbox = store.outbox().unwrap();
        assert_eq!(
            outbox.entries,
            [before[0].clone(), before[2].clone()],
            "{damage}"
        );
        let [opaque] = outbox.opaque.as_slice() else {
            panic!("{damage}: {outbox:?}");
        };
        assert_eq!(
            (opaque.ordinal, opaque.text.as_deref()),
            (2, text),
            "{damage}"
        );
        assert!(
            !place.path.with_extension("db.damaged-1").exists(),
            "{damage}"
        );

        let sql = "UPDATE outbox SET json = ?1, command_id = ?2, queued_at = 5 WHERE ordinal = 2";
        let json = serde_json::to_string(&prompts[1]).unwrap();
        let id = prompts[1].id.to_string();
        store.conn.execute(sql, [json, id]).unwrap();
        drop(store);
        let (store, _) = open(&place.path);
        assert_eq!(
            store.outbox().unwrap().entries,
            before,
            "a newer version sends it"
        );
    }
}

#[test]
fn only_what_cannot_be_read_is_discarded() {
    let place = place();
    let (mut store, _) = open(&place.path);
    queue(&mut store, &["one", "two"].map(prompt));
    let damage = "UPDATE outbox SET json = '{' WHERE ordinal = 2";
    store.conn.execute_batch(damage).unwrap();
    assert!(!store.discard_opaque(1).unwrap(), "it can be read");
    assert!(store.discard_opaque(2).unwrap());
    assert!(!store.discard_opaque(2).unwrap(), "it is gone");
    let outbox = store.outbox().unwrap();
    assert_eq!((outbox.entries.len(), outbox.opaque), (1, Vec::new()));
}

#[test]
fn a_refusal_whose_reason_cannot_be_read_keeps_the_text() {
    let place = place();
    let (mut store, _) = open(&place.path);
    queue(&mut store, &[prompt("one")]);
    let damage = "UPDATE outbox SET state = 'refused', receipt = '{\"code\":'";
    store.conn.execute_batch(damage).unwrap();
    let outbox = store.outbox().unwrap();
    let states: Vec<&OutboxState> = outbox.entries.iter().map(|entry| &entry.state).collect();
    assert!(
        matches!(states[..], [OutboxState::Refused(_)]),
        "{states:?}"
    );
}

/// Overwrites the page of a database file that contains a text.
fn damage_page_of(path: &Path, text: &str) {
    const PAGE: usize = 4_096;
    let mut bytes = std::fs::read(path).unwrap();
    let at = bytes
        .windows(text.len())
        .position(|part| part == text.as_bytes());
    let page = at.unwrap() / PAGE * PAGE;
    bytes[page..page + PAGE].fill(0xa5);
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn every_intent_beside_a_damaged_page_is_taken_over_also_one_that_cannot_be_read() {
    let place = place();
    let (mut store, _) = open(&place.path);
    let prompts: Vec<Command> = (0..400)
        .map(|n| prompt(&format!("prompt {n} {}", "x".repeat(200))))
        .collect();
    queue(&mut store, &prompts);
    let later = "UPDATE outbox SET json = '{\"type\":\"later\"}' WHERE ordinal = 390;
                 PRAGMA wal_checkpoint(TRUNCATE);";
    store.conn.execute_batch(later).unwrap();
    drop(store);
    damage_page_of(&place.path, "prompt 100 ");
    damage_page_of(&place.path, "prompt 250 ");

    let (store, _) = open(&place.path);
    let outbox = store.outbox().unwrap();
    assert!(place.path.with_extension("db.damaged-1").exists());
    assert_eq!(outbox.opaque.len(), 1, "{:?}", outbox.opaque);
    let kept: Vec<usize> = (0..400)
        .filter(|n| {
            outbox
                .entries
                .iter()
                .any(|entry| entry.command == prompts[*n])
        })
        .collect();
    assert!(
        kept.len() > 360 && kept.len() == outbox.entries.len(),
        "{}",
        kept.len()
    );
    // It can no longer be known whether they were sent.
    assert!(
        outbox
            .entries
            .iter()
            .all(|entry| entry.state == OutboxState::Sent)
    );
    for n in [0, 50, 180, 300, 399] {
        assert!(kept.contains(&n), "prompt {n} is on a sound page");
    }
}

#[test]
fn a_setting_or_a_receipt_that_cannot_be_read_counts_as_absent() {
    let place = place();
    let (mut store, _) = open(&place.path);
    store.set_setting("theme", "dark").unwrap();
    let command = prompt("one");
    let damage = format!(
        "UPDATE settings SET value = x'ff' WHERE name = 'theme';
         INSERT INTO receipts (command_id, json) VALUES ('{}', '{{')",
        command.id
    );
    store.conn.execute_batch(&damage).unwrap();
    assert_eq!(store.setting("theme").unwrap(), None);
    store.set_setting("theme", "light").unwrap();
    assert_eq!(store.setting("theme").unwrap().as_deref(), Some("light"));
    assert_eq!(store.receipt(command.id).unwrap(), None);
    queue(&mut store, &[command]);
    assert_eq!(store.outbox().unwrap().entries.len(), 1);
}
