//! Changing FAT volumes, judged by strangers' tools.
