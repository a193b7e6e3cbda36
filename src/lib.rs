//! Lifeboat: the recovery console a technician opens when a machine no longer starts.

pub mod cli;
pub mod device;
pub mod error;
pub mod extent;
pub mod fs;
pub mod image;
pub mod inventory;
pub mod job;
pub mod plan;
pub mod table;
pub mod ui;
pub mod unit;
pub mod volume;
