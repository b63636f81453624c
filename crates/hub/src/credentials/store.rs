//! The credentials database, with calls that block: for the hub behind [`super::Credentials`], and for a command line where no
//! hub runs.
//!
//! Invariant: no token and no link secret is ever stored, only SHA-256 of each.

use std::path::Path;

use baton_protocol::{AccountId, DeviceId, LinkResponse, Principal, Role, RunnerId, TimestampMs};
use rusqlite::{Connection, TransactionBehavior};
use rusqlite_migration::{M, Migrations};

use super::accounts::{self, Account};
use super::hub_key;
use super::link_codes::{self, LinkGrant, Redeemed};
use super::principals::{self, PrincipalRecord};
use super::revoke::{RevokeError, pick};
use super::row::RowError;
use super::token::{self, SecretHash};

/// The name of the account that the first start makes.
const FIRST_ACCOUNT_NAME: &str = "me";

/// The database's file in the data directory.
pub const FILE_NAME: &str = "credentials.db";

/// The credentials could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenCredentialsError {
    /// The file cannot be made or its permissions cannot be set.
    #[error("`{path}` cannot be opened")]
    File {
        /// Where.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// The database cannot be opened.
    #[error("the credentials database cannot be opened")]
    Sqlite(#[from] rusqlite::Error),
    /// The database cannot be brought to this version.
    #[error("the credentials database cannot be brought to this version")]
    Migrate(#[from] rusqlite_migration::Error),
    /// The first account cannot be made.
    #[error(transparent)]
    Row(#[from] RowError),
}

/// A read or a change of the credentials failed.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    /// The database failed.
    #[error(transparent)]
    Row(#[from] RowError),
    /// The system gives no random bytes.
    #[error("the system gives no random bytes")]
    Random(#[from] getrandom::Error),
    /// No such account.
    #[error("no account `{0}` on this hub")]
    AccountUnknown(AccountId),
    /// The hub is stopping.
    #[error("the hub is stopping")]
    Stopping,
}

impl From<rusqlite::Error> for CredentialsError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Row(RowError::Sqlite(error))
    }
}

/// A link code was not exchanged for a token.
#[derive(Debug, thiserror::Error)]
pub enum RedeemLinkCodeError {
    /// Nobody made it.
    #[error("the link code is not known")]
    Unknown,
    /// Older than five minutes.
    #[error("the link code is older than five minutes")]
    Expired,
    /// Used before.
    #[error("the link code was used before")]
    Used,
    /// The credentials failed.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
}

/// The database, open.
pub struct CredentialStore {
    pub(super) connection: Connection,
}

impl CredentialStore {
    /// Opens the database in a data directory; makes it, with one account, where there is none.
    pub fn open(data_dir: &Path, now: TimestampMs) -> Result<Self, OpenCredentialsError> {
        let path = data_dir.join(FILE_NAME);
        baton_private_files::open_or_make(&path).map_err(|source| OpenCredentialsError::File {
            path: path.display().to_string(),
            source,
        })?;
        let mut connection = Connection::open(&path)?;
        connection.busy_timeout(std::time::Duration::from_secs(5))?;
        // `EXTRA` comes first: it makes the deletion of the rollback journal durable by way of which a new database enters the WAL mode.
        // A journal that a power cut brings back would roll back everything after it. In the WAL mode it is what `FULL` is.
        connection.pragma_update(None, "synchronous", "EXTRA")?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "foreign_keys", true)?;
        Migrations::new(vec![
            M::up(accounts::MIGRATION),
            M::up(principals::MIGRATION),
            M::up(link_codes::MIGRATION),
            M::up(hub_key::MIGRATION),
        ])
        .to_latest(&mut connection)?;
        if accounts::all(&connection)?.is_empty() {
            let first = Account {
                id: AccountId::mint(),
                name: FIRST_ACCOUNT_NAME.to_owned(),
            };
            accounts::insert(&connection, &first, now)?;
        }
        Ok(Self { connection })
    }

    /// Every account, the oldest first.
    pub fn accounts(&self) -> Result<Vec<Account>, CredentialsError> {
        Ok(accounts::all(&self.connection)?)
    }

    /// Everybody who was ever linked, the oldest first.
    pub fn principals(&self) -> Result<Vec<PrincipalRecord>, CredentialsError> {
        Ok(principals::all(&self.connection)?)
    }

    /// The fingerprint of the hub's own key, as of the last start with one.
    pub fn hub_key(&self) -> Result<Option<String>, CredentialsError> {
        Ok(hub_key::fingerprint(&self.connection)?)
    }

    /// Notes the fingerprint of the hub's own key.
    pub fn set_hub_key(&self, fingerprint: &str) -> Result<(), CredentialsError> {
        Ok(hub_key::set(&self.connection, fingerprint)?)
    }

    /// Who holds a token, a revoked one included.
    pub fn by_token(&self, token: &str) -> Result<Option<PrincipalRecord>, CredentialsError> {
        if !token::looks_like_token(token) {
            return Ok(None);
        }
        Ok(principals::by_token(&self.connection, token)?)
    }

    /// Makes a one-time secret.
    pub fn create_link_code(
        &self,
        grant: LinkGrant,
        now: TimestampMs,
    ) -> Result<String, CredentialsError> {
        if !accounts::exists(&self.connection, grant.account)? {
            return Err(CredentialsError::AccountUnknown(grant.account));
        }
        let secret = token::mint_link_secret()?;
        link_codes::insert(&self.connection, SecretHash::of(&secret), grant, now)?;
        Ok(secret)
    }

    /// Uses a secret up and links who brought it.
    pub fn redeem(
        &mut self,
        secret: &str,
        name: &str,
        now: TimestampMs,
    ) -> Result<Linked, RedeemLinkCodeError> {
        let failed =
            |error: RowError| RedeemLinkCodeError::Credentials(CredentialsError::Row(error));
        // Waits for another writer before it reads: one that has read already is refused at once.
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(CredentialsError::from)?;
        let secret = SecretHash::of(&secret.to_ascii_lowercase());
        let grant = match link_codes::redeem(&transaction, secret, now).map_err(failed)? {
            Redeemed::Now(grant) => grant,
            Redeemed::Before => return Err(RedeemLinkCodeError::Used),
            Redeemed::Expired => return Err(RedeemLinkCodeError::Expired),
            Redeemed::Unknown => return Err(RedeemLinkCodeError::Unknown),
        };
        let account = grant.account;
        let record = PrincipalRecord {
            principal: match grant.role {
                Role::Device => Principal::Device {
                    account,
                    device: DeviceId::mint(),
                },
                Role::Runner => Principal::Runner {
                    runner: RunnerId::mint(),
                    agent: None,
                },
            },
            account,
            role: grant.role,
            name: name.to_owned(),
            linked_at: now,
            revoked_at: None,
            generation: 1,
        };
        let token = token::mint_token().map_err(CredentialsError::from)?;
        principals::insert(&transaction, &record, SecretHash::of(&token)).map_err(failed)?;
        transaction.commit().map_err(CredentialsError::from)?;
        Ok(Linked { token, record })
    }

    /// Takes away the access of whoever has this id, or this name where only one has it.
    pub fn revoke(&mut self, who: &str, now: TimestampMs) -> Result<PrincipalRecord, RevokeError> {
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(CredentialsError::from)?;
        let before = principals::all(&transaction).map_err(CredentialsError::from)?;
        let found = pick(&before, who)?;
        principals::revoke(&transaction, &found.id(), now).map_err(CredentialsError::from)?;
        let after = principals::all(&transaction).map_err(CredentialsError::from)?;
        let revoked = after
            .into_iter()
            .find(|record| record.principal == found.principal)
            .ok_or_else(|| RevokeError::Unknown(who.to_owned()))?;
        // Last: nothing may fail behind it.
        transaction.commit().map_err(CredentialsError::from)?;
        Ok(revoked)
    }
}

/// Somebody who was just linked, with the token that is shown once.
pub struct Linked {
    token: String,
    /// The hub's record.
    pub record: PrincipalRecord,
}

impl Linked {
    /// What the new device gets.
    pub fn into_response(self, hub_name: &str) -> LinkResponse {
        LinkResponse {
            token: self.token,
            account: self.record.account,
            principal: self.record.principal,
            hub_name: hub_name.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: TimestampMs = TimestampMs(1_000_000);

    fn store() -> (tempfile::TempDir, CredentialStore, LinkGrant) {
        let dir = tempfile::tempdir().unwrap();
        let store = CredentialStore::open(dir.path(), NOW).unwrap();
        let account = store.accounts().unwrap()[0].id;
        (
            dir,
            store,
            LinkGrant {
                account,
                role: Role::Device,
            },
        )
    }

    #[test]
    fn a_device_that_cannot_be_read_keeps_no_other_from_being_listed_and_revoked() {
        let (dir, mut store, grant) = store();
        let [hurt, sound] = ["Old", "Laptop"].map(|name| {
            let secret = store.create_link_code(grant, NOW).unwrap();
            store.redeem(&secret, name, NOW).unwrap()
        });
        let damage = "UPDATE principals SET role = 'later' WHERE id = ?1";
        let other = Connection::open(dir.path().join(FILE_NAME)).unwrap();
        other.execute(damage, [hurt.record.id()]).unwrap();
        assert_eq!(
            store.principals().unwrap(),
            std::slice::from_ref(&sound.record)
        );
        assert!(store.by_token(&hurt.into_response("hub").token).is_err());
        assert!(store.revoke("Laptop", NOW).unwrap().revoked_at.is_some());
    }

    #[test]
    fn a_code_links_once_and_says_what_is_wrong_after() {
        let (_dir, mut store, grant) = store();
        let secret = store.create_link_code(grant, NOW).unwrap();
        let linked = store.redeem(&secret, "Laptop", NOW).unwrap();
        let record = linked.record.clone();
        let token = linked.into_response("hub").token;
        assert_eq!(store.by_token(&token).unwrap(), Some(record));
        assert!(matches!(
            store.redeem(&secret, "Laptop", NOW),
            Err(RedeemLinkCodeError::Used)
        ));
        assert!(matches!(
            store.redeem(&"0".repeat(32), "Laptop", NOW),
            Err(RedeemLinkCodeError::Unknown)
        ));
        let late = store.create_link_code(grant, NOW).unwrap();
        let after = TimestampMs(NOW.0 + 300_000);
        assert!(matches!(
            store.redeem(&late, "Laptop", after),
            Err(RedeemLinkCodeError::Expired)
        ));
    }

    #[test]
    fn no_secret_stands_in_the_files() {
        let (dir, mut store, grant) = store();
        let secret = store.create_link_code(grant, NOW).unwrap();
        let token = store.redeem(&secret, "Laptop", NOW).unwrap().token;
        for entry in std::fs::read_dir(dir.path()).unwrap() {
            let bytes = std::fs::read(entry.unwrap().path()).unwrap();
            for needle in [
                secret.as_bytes(),
                token.as_bytes(),
                &token.as_bytes()["baton_".len()..],
            ] {
                assert!(!bytes.windows(needle.len()).any(|window| window == needle));
            }
        }
    }

    #[test]
    fn a_revoked_token_is_known_as_revoked_and_a_name_must_be_unique() {
        let (_dir, mut store, grant) = store();
        let link = |store: &mut CredentialStore, name: &str| {
            let secret = store.create_link_code(grant, NOW).unwrap();
            store.redeem(&secret, name, NOW).unwrap()
        };
        let laptop = link(&mut store, "Laptop");
        let twins = [link(&mut store, "Desk"), link(&mut store, "Desk")];
        assert!(matches!(
            store.revoke("Desk", NOW),
            Err(RevokeError::Ambiguous { count: 2, .. })
        ));
        assert!(matches!(
            store.revoke("Phone", NOW),
            Err(RevokeError::Unknown(_))
        ));
        assert_eq!(
            store.revoke(&twins[0].record.id(), NOW).unwrap().revoked_at,
            Some(NOW)
        );
        assert_eq!(
            store.revoke("Desk", NOW).unwrap().principal,
            twins[1].record.principal
        );
        let revoked = store.revoke("Laptop", NOW).unwrap();
        assert_eq!(
            store.by_token(&laptop.token).unwrap(),
            Some(revoked.clone())
        );
        assert_eq!((revoked.revoked_at, revoked.generation), (Some(NOW), 2));
    }

    #[test]
    fn the_first_account_is_made_once() {
        let (dir, store, _) = store();
        let before = store.accounts().unwrap();
        assert_eq!((before.len(), before[0].name.as_str()), (1, "me"));
        drop(store);
        assert_eq!(
            CredentialStore::open(dir.path(), NOW)
                .unwrap()
                .accounts()
                .unwrap(),
            before
        );
    }
}
