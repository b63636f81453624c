//! Who may come in: accounts, linked devices and runners, one-time link codes.
//!
//! Owns `credentials.db`. It never holds a token or a link secret, only their hashes, and never blocks an async thread.

mod accounts;
mod copy;
mod hub_key;
mod known_tokens;
mod link_codes;
mod principals;
mod revoke;
mod row;
mod store;
mod token;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use baton_protocol::TimestampMs;

use known_tokens::KnownTokens;
use token::SecretHash;

pub use accounts::Account;
pub use copy::CopyCredentialsError;
pub use link_codes::LinkGrant;
pub use principals::PrincipalRecord;
pub use revoke::RevokeError;
pub use row::RowError;
pub use store::{
    CredentialStore, CredentialsError, FILE_NAME as CREDENTIALS_FILE_NAME, Linked,
    OpenCredentialsError, RedeemLinkCodeError,
};

/// The credentials for async callers.
#[derive(Clone)]
pub struct Credentials {
    store: Arc<Mutex<CredentialStore>>,
    known: Arc<KnownTokens>,
}

impl Credentials {
    /// Takes over an open store.
    pub fn new(store: CredentialStore) -> Self {
        Self {
            store: Arc::new(Mutex::new(store)),
            known: Arc::default(),
        }
    }

    /// Every account, the oldest first.
    pub async fn accounts(&self) -> Result<Vec<Account>, CredentialsError> {
        self.with_store(|store| store.accounts()).await?
    }

    /// Everybody who was ever linked, the oldest first.
    pub async fn principals(&self) -> Result<Vec<PrincipalRecord>, CredentialsError> {
        self.with_store(|store| store.principals()).await?
    }

    /// Writes a copy into a new private file.
    pub async fn copy_to(&self, path: PathBuf) -> Result<(), CopyCredentialsError> {
        let copied = self.with_store(move |store| store.copy_to(&path)).await;
        copied.map_err(|_| CopyCredentialsError::Stopping)?
    }

    /// What the database finds when it checks all of itself; empty is well.
    pub async fn integrity(&self) -> Result<Vec<String>, CredentialsError> {
        self.with_store(|store| store.integrity()).await?
    }

    /// Who holds a token, a revoked one included.
    pub async fn by_token(&self, token: &str) -> Result<Option<PrincipalRecord>, CredentialsError> {
        let hash = SecretHash::of(token);
        if let Some(record) = self.known.find(&hash) {
            return Ok(Some(record));
        }
        let (token, known) = (token.to_owned(), Arc::clone(&self.known));
        self.with_store(move |store| {
            let found = store.by_token(&token)?;
            // Still under the store's lock, under which a revoke forgets.
            if let Some(record) = &found {
                known.remember(hash, record);
            }
            Ok(found)
        })
        .await?
    }

    /// Makes a one-time secret.
    pub async fn create_link_code(
        &self,
        grant: LinkGrant,
        now: TimestampMs,
    ) -> Result<String, CredentialsError> {
        self.with_store(move |store| store.create_link_code(grant, now))
            .await?
    }

    /// Uses a secret up and links who brought it.
    pub async fn redeem(
        &self,
        secret: String,
        name: String,
        now: TimestampMs,
    ) -> Result<Linked, RedeemLinkCodeError> {
        self.with_store(move |store| store.redeem(&secret, &name, now))
            .await?
    }

    /// Takes away the access of the principal with this id or name. What must not come later than the commit is done `at_once` behind it,
    /// even where this future is dropped.
    pub async fn revoke(
        &self,
        who: &str,
        now: TimestampMs,
        at_once: impl FnOnce(&PrincipalRecord) + Send + 'static,
    ) -> Result<PrincipalRecord, RevokeError> {
        let (who, known) = (who.to_owned(), Arc::clone(&self.known));
        self.with_store(move |store| {
            let revoked = store.revoke(&who, now);
            known.forget_all();
            revoked.inspect(at_once)
        })
        .await?
    }

    /// Runs off the async threads: the database waits for the disk.
    async fn with_store<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut CredentialStore) -> T + Send + 'static,
    ) -> Result<T, CredentialsError> {
        let store = Arc::clone(&self.store);
        let task = tokio::task::spawn_blocking(move || {
            // A panic inside rolls its transaction back: the store stays whole.
            let mut store = store.lock().unwrap_or_else(PoisonError::into_inner);
            work(&mut store)
        });
        task.await.map_err(|_| CredentialsError::Stopping)
    }
}
