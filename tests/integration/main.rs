//! Everything that is proven with someone else's tools, on real volumes, or through the real binary.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod aid;
mod check_ext;
mod check_fat;
mod check_ntfs;
mod cli;
mod edit_ext;
mod edit_fat;
mod edit_ntfs;
mod edit_ntfs_index;
mod edit_refill;
mod faults;
mod faults_cuts;
mod faults_device;
mod faults_power;
mod gallery;
mod guest;

mod holders;
mod hostile;
mod hostile_damage;
mod hostile_ends;
mod hostile_references;
mod hostile_volumes;
mod images;
mod in_place;
mod inside;
mod inside_power;
mod journal;
mod journeys;
mod matrix;
mod movable;
mod oracle;
mod pictures;
mod pty;
mod roundtrip;
mod scavenge;
mod table_write;
mod tables;
mod tidy;
mod volumes_content;
mod volumes_ext;
mod volumes_fat;
mod volumes_ntfs;
mod words;
mod zoo;
