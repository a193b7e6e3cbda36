//! Changes through the journal: power cuts, failing writes, finishing and rolling back.

mod cli;
mod cuts;
mod edits;
mod faults;
mod hostile;
mod refusals;
mod stage;
mod wizard;
