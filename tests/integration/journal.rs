//! Changes through the journal: power cuts, failing writes, finishing and rolling back.

mod alone;
mod cli;
mod cuts;
mod edits;
mod ends;
mod faults;
mod hostile;
mod partition;
mod refusals;
mod stage;
mod wizard;
