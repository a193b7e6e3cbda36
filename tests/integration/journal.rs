//! Changes through the journal: power cuts, failing writes, finishing and rolling back.

mod alone;
mod cli;
mod cuts;
pub(crate) mod edits;
mod ends;
mod faults;
mod hostile;
mod partition;
mod refusals;
pub(crate) mod stage;
mod wizard;
