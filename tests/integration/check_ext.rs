//! Checking EXT volumes, beside strangers' checkers.
