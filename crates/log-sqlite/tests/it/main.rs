//! The log on SQLite against the suite, and against what only a disk can do.

mod subject;

baton_log::conformance!(subject::empty_log);
