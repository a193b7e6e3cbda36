//! Recovery aids and recovery partitions: made, used when nothing else is left, kept true, and never trusted.

mod cuts;
mod find;
mod hostile;
mod partition;
mod stage;
mod stale;
