//! A hub's credentials under power cuts: whoever was given a token has access afterwards, and whoever lost it has none.

use baton_hub::credentials::{CredentialStore, LinkGrant};
use baton_powercut::Disk;
use baton_protocol::{AccountId, Role, TimestampMs};
use tempfile::TempDir;

const NOW: TimestampMs = TimestampMs(1_000_000);

/// What comes back after a cut is chosen by a seed; each operation is tried with some.
const SEEDS: u64 = 3;

/// What was answered before the power went.
#[derive(Default)]
struct Answered {
    account: Option<AccountId>,
    tokens: Vec<String>,
    /// The first of them was taken away again.
    is_first_revoked: bool,
}

/// Links two devices and revokes the first, until the disk refuses.
fn work(directory: &std::path::Path, answered: &mut Answered) -> Option<()> {
    let mut store = CredentialStore::open(directory, NOW).ok()?;
    let account = store.accounts().ok()?.first()?.id;
    answered.account = Some(account);
    for name in ["Laptop", "Desk"] {
        let role = Role::Device;
        let grant = LinkGrant { account, role };
        let secret = store.create_link_code(grant, NOW).ok()?;
        let linked = store.redeem(&secret, name, NOW).ok()?;
        answered.tokens.push(linked.into_response("hub").token);
    }
    store.revoke("Laptop", NOW).ok()?;
    answered.is_first_revoked = true;
    Some(())
}

#[test]
fn tokens_and_revocations_that_were_answered_survive_a_cut_at_every_operation() {
    let mut operation = 0;
    let mut was_cut = true;
    while was_cut {
        operation += 1;
        for seed in 0..SEEDS {
            let directory = TempDir::new().unwrap();
            let disk = Disk::over(directory.path()).unwrap();
            disk.cut_at(operation);
            let mut answered = Answered::default();
            work(directory.path(), &mut answered);
            was_cut = disk.is_off();
            disk.power_on(operation * SEEDS + seed).unwrap();
            let place = format!("operation {operation}, seed {seed}");
            let store = CredentialStore::open(directory.path(), NOW)
                .unwrap_or_else(|error| panic!("{place}: {error:?}"));
            let accounts = store.accounts().unwrap();
            assert_eq!(accounts.len(), 1, "{place}");
            if let Some(account) = answered.account {
                assert_eq!(accounts[0].id, account, "{place}: another account");
            }
            for (n, token) in answered.tokens.iter().enumerate() {
                let found = store.by_token(token).unwrap();
                let found = found.unwrap_or_else(|| panic!("{place}: token {n} is not known"));
                if n == 0 && answered.is_first_revoked {
                    assert_eq!(found.revoked_at, Some(NOW), "{place}");
                }
            }
        }
    }
    assert!(operation > 30, "{operation} operations are few");
}
