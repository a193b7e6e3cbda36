//! Everything that is proven with someone else's tools, on real volumes, or through the real binary.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod cli;
mod faults;
mod faults_device;
mod faults_power;
mod hostile;
mod hostile_damage;
mod hostile_volumes;
mod journeys;
mod oracle;
mod pty;
mod roundtrip;
mod screens;
mod tables;
mod tidy;
mod volumes_content;
mod volumes_ext;
mod volumes_fat;
mod volumes_ntfs;
