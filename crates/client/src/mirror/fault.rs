//! Decides in one place what an error of the mirror is about: every path that reads a log asks [`StoreError::fault`].
//!
//! A log's content is a copy, so a log that cannot be read is dropped and fetched again while the others continue. A damaged file is
//! repaired at the next start. Anything else (a full disk, a lock, a newer version) passes without losing data.

use baton_session::FoldError;
use rusqlite::ErrorCode;

use super::StoreError;

/// What is unusable.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fault {
    /// The stored copy of the log being read.
    Content,
    /// The search index, which can be rebuilt from the rows.
    Index,
    /// The database file as a whole.
    File,
    /// Nothing stored: the disk is full, another process holds the lock, or the mirror is closed.
    Passing,
}

/// Why a log cannot be brought up to date.
#[derive(Debug, thiserror::Error)]
pub(super) enum FoldLogError {
    #[error(transparent)]
    Fold(#[from] FoldError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl FoldLogError {
    pub(super) fn fault(&self) -> Fault {
        match self {
            Self::Fold(_) => Fault::Content,
            Self::Store(error) => error.fault(),
        }
    }
}

impl From<FoldLogError> for StoreError {
    fn from(error: FoldLogError) -> Self {
        match error {
            FoldLogError::Fold(error) => Self::Unfoldable(error),
            FoldLogError::Store(error) => error,
        }
    }
}

impl StoreError {
    pub(crate) fn fault(&self) -> Fault {
        match self {
            Self::Json(_) | Self::Unreadable(_) | Self::Unfoldable(_) => Fault::Content,
            Self::Sqlite(error) => of_sqlite(error),
            Self::Damaged => Fault::File,
            Self::Migration(_) | Self::Newer | Self::Io(_) | Self::Closed => Fault::Passing,
        }
    }
}

fn of_sqlite(error: &rusqlite::Error) -> Fault {
    match error {
        rusqlite::Error::SqliteFailure(failure, _) => match failure.code {
            // The tables' constraints hold for every log that the hub sends, so the stored data contradicts the log.
            ErrorCode::ConstraintViolation
                if failure.extended_code != rusqlite::ffi::SQLITE_CONSTRAINT_TRIGGER =>
            {
                Fault::Content
            }
            ErrorCode::TypeMismatch => Fault::Content,
            ErrorCode::DatabaseCorrupt
                if failure.extended_code == rusqlite::ffi::SQLITE_CORRUPT_VTAB =>
            {
                Fault::Index
            }
            ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => Fault::File,
            _ => Fault::Passing,
        },
        // A cell of the wrong type, out of range or not UTF-8.
        rusqlite::Error::FromSqlConversionFailure(..)
        | rusqlite::Error::IntegralValueOutOfRange(..)
        | rusqlite::Error::InvalidColumnType(..)
        | rusqlite::Error::Utf8Error(..) => Fault::Content,
        _ => Fault::Passing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused_by(sql: &str) -> StoreError {
        let conn = rusqlite::Connection::open_in_memory().unwrap();
        let table = "CREATE TABLE t (a INTEGER PRIMARY KEY); INSERT INTO t VALUES (1);";
        conn.execute_batch(table).unwrap();
        conn.execute_batch(sql).unwrap_err().into()
    }

    #[test]
    fn what_contradicts_the_tables_is_the_content_and_a_failed_statement_is_not() {
        let doubled = refused_by("INSERT INTO t VALUES (1)");
        assert_eq!(doubled.fault(), Fault::Content);
        let other = refused_by("SELECT * FROM elsewhere");
        assert_eq!(other.fault(), Fault::Passing);
        assert_eq!(StoreError::Newer.fault(), Fault::Passing);
        assert_eq!(StoreError::Damaged.fault(), Fault::File);
    }
}
