//! Checking FAT volumes, beside strangers' checkers.
