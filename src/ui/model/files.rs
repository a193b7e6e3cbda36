//! What the browser of a volume's or image's files knows.

use std::path::PathBuf;

use crate::inventory::Address;

use super::super::msg::Ticket;

/// A volume or image whose files are looked at, and where the cursor is in it.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Files {
    /// What is looked into.
    pub subject: Option<Address>,
    /// The folder that is shown.
    pub folder: PathBuf,
    /// The answer that is waited for.
    pub waiting: Option<Ticket>,
}
