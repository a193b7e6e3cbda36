//! Images inside volumes: found whatever is left of the volume, read, checked and exported. The containers are built
//! by hand, so that what is found was not made by the code that finds.
#![allow(clippy::single_range_in_vec_init, reason = "a list of ranges of a disk may have one")]

mod damage;
mod disks;
mod export;
mod hostile;
mod stage;
