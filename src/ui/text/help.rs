//! The help of each screen.

use super::super::model::{Screen, Task};

/// Help for a screen: one paragraph.
#[must_use]
pub fn help(screen: Screen, task: Task) -> &'static str {
    match (screen, task) {
        (Screen::Start, _) => {
            "Choose what you want to do, with its letter or with the arrow keys and Enter. You see what will be done \
             before anything is done, and you can always go back with Esc. f puts a partition back to the state it was \
             delivered in, when its factory image is found: it lies inside the partition and outlives most damage."
        }
        (Screen::Disks, Task::Restore) => {
            "These are the disks and what is on them. Choose the partition that the image shall be written to. \
             What is there now will be overwritten, but only after you have confirmed it on a later screen. Mounted and \
             read-only places and places that are too small cannot be chosen; the reason is shown below the list."
        }
        (Screen::Disks, Task::Browse) => {
            "These are the disks, their partitions and the volumes in them. Looking changes nothing. “Found” means that \
             no partition table names the volume, but its own signature was found. Below a partition stand the \
             images inside it: Enter opens one, to restore, verify, export or drop it. c checks whether the chosen volume \
             is sound. s searches every sector of the disk for images, which takes a while; looking at the ends is done \
             already. t puts the images of a partition in order at its end."
        }
        (Screen::Disks, _) => {
            "These are the disks, their partitions and the volumes in them. Looking changes nothing. “Found” means that \
             no partition table names the volume, but its own signature was found. The lines below the list tell \
             more about the chosen one."
        }
        (Screen::Images, _) => {
            "These are the images in the folder. Press g to type the path of another folder or of an image file; Tab \
             completes it."
        }
        (Screen::Facts, _) => {
            "This is what the image says of itself. v reads it from start to end and checks every part of it against its \
             digest. e restores it: an image inside a partition to that partition, a file to one that you choose. o \
             restores to another place, x writes the image to a file, d drops it. All but v show first what they will do."
        }
        (Screen::Options, Task::Backup) => {
            "Say where the image shall go. Choose another disk than the one you are backing up. The file appears under its \
             name only when it is complete and was read back. Or keep the image inside the partition itself: hidden at its \
             end, found again when all else is gone. It is lost with the disk, so have one elsewhere, too."
        }
        (Screen::Options, _) => {
            "The defaults are the safe choice. Enter plans anew with what you set; Esc leaves it as it was."
        }
        (Screen::Preview, _) => {
            "This is everything that will be done, step by step. Nothing has been written yet. The last line is the \
             command that does the same without this screen."
        }
        (Screen::Interrupted, _) => {
            "The power went, or the program was stopped, while Lifeboat was changing this volume. It had written down \
             beforehand what it would change. f does what is left to do; u puts everything back as it was before. Both \
             show first what they will write, and ask. Esc leaves it for later."
        }
        (Screen::Confirm, Task::Resume | Task::Keep) => {
            "To be sure that it is the right volume, type its name as shown and press Enter. Nothing else starts the job."
        }
        (Screen::Confirm, _) => {
            "Restoring replaces what is on the target. To be sure that it is the right one, type its name as shown and \
             press Enter. Nothing else starts the job."
        }
        (Screen::Running, _) => {
            "The job is under way. p lets it wait and go on again. c asks whether to cancel, and says what the disk \
             will then be. The time left includes the final flush and reading back."
        }
        (Screen::Report, _) => {
            "This is how it ended. Only “Done” means that everything was done and proven. Enter leads back to the start."
        }
    }
}
