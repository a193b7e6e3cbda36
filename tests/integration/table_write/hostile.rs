//! Copies and records from strangers.
