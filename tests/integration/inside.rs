//! Images inside the volume that they are made of: after every step strangers call the volume sound, every file is
//! what it was, and every image inside is the volume as it was when it was made.

mod growth;
mod only;
mod order;
mod room;
mod shapes;
mod sound;
pub(crate) mod stage;
