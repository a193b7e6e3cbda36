//! Media that fail.
