//! Proofs on a tree in memory.
