//! Changing NTFS volumes, judged by strangers' tools.
