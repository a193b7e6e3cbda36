//! Partition tables made by `sfdisk` and `sgdisk`, damaged, and put back by what `lifeboat::table` says is to be
//! written; compared with what those tools said before. After every write, and amid every one, the power may go.

mod entry;
mod hostile;
mod refusals;
mod stage;
mod whole;
