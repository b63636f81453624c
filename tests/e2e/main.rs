//! Real windows.
