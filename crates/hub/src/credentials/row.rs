//! What the tables' reads share: columns that are ids, and how a read fails.

use std::str::FromStr;

use baton_protocol::Role;

/// A read or a write of one table failed.
#[derive(Debug, thiserror::Error)]
pub enum RowError {
    /// The database failed.
    #[error("the credentials database failed")]
    Sqlite(#[from] rusqlite::Error),
    /// A column holds what nobody writes there.
    #[error("the credentials database holds `{0}` where it should not")]
    Damaged(String),
}

/// A column that holds an id.
pub fn id<T: FromStr>(text: &str) -> Result<T, RowError> {
    text.parse().map_err(|_| RowError::Damaged(text.to_owned()))
}

/// A role's column.
pub const fn role_text(role: Role) -> &'static str {
    match role {
        Role::Device => "device",
        Role::Runner => "runner",
    }
}

/// A role from its column.
pub fn role(text: &str) -> Result<Role, RowError> {
    match text {
        "device" => Ok(Role::Device),
        "runner" => Ok(Role::Runner),
        other => Err(RowError::Damaged(other.to_owned())),
    }
}
