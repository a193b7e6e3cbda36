//! Changes through the journal: power cuts, failing writes, finishing and rolling back.
