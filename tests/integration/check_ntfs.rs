//! Checking NTFS volumes, beside strangers' checkers.
