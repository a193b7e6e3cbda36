//! Power cuts, failing media and cancels during all that is done with images inside a volume: whatever happens when,
//! every image that was good stays good, and what was begun can be brought to an end.

mod acts;
mod cuts;
mod faults;
mod scene;
mod yard;
