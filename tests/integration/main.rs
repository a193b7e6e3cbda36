//! Everything that is proven with someone else's tools, on real volumes, or through the real binary.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod check_ext;
mod check_fat;
mod check_ntfs;
mod cli;
mod edit_ext;
mod edit_fat;
mod edit_ntfs;
mod edit_ntfs_index;
mod faults;
mod faults_device;
mod faults_power;
mod hostile;
mod hostile_damage;
mod hostile_volumes;
mod journal;
mod journeys;
mod movable;
mod oracle;
mod pty;
mod roundtrip;
mod scavenge;
mod screens;
mod tables;
mod tidy;
mod volumes_content;
mod volumes_ext;
mod volumes_fat;
mod volumes_ntfs;
mod zoo;
