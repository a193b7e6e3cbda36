//! Changing EXT volumes, judged by strangers' tools.
