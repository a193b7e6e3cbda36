//! Round trips of whole volumes through the real binary, judged by strangers' tools: back up, restore elsewhere, and
//! the file system's own checker must say of the copy what it says of the original, word for word, and every file must
//! be there with its bytes.
//!
//! The default set takes each shape of volume once; the full matrix of shapes and fills runs with `LIFEBOAT_LONG` set.

mod damage;
mod ext;
mod fat;
mod leave_out;
mod ntfs;
mod places;
mod raw;
mod references;
mod stage;
