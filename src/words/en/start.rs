//! The start: what happened, and what is offered at once.

words! {
    START_PROMISE = "Nothing is written before you have seen and confirmed it.";
    FACTORY_LOOKING = "The disks are still being looked at.";
    FACTORY_LOOKING_NEXT = "Wait a moment, and press f again.";
    FACTORY_NONE_WHY = "No factory image was found by a quick look at the disks.";
    FACTORY_NONE_NEXT = "Press d for the disks, choose the disk, and press a: every sector of it is searched. If the image is a file, press e.";
    FACTORY_DAMAGED_NEXT = "Press d for the disks, open the image with Enter, and press v: that tells what is lost.";
    FACTORY_WHICH = "Which one?";
    FACTORY_SOME = "Put a partition back as it was delivered.";
    FACTORY_WAIT = "Looking for a factory image…";
    RESET_STAY = "The images inside the partition stay.";
    FACTORY_DAMAGED = "The factory image {address} is damaged: {why}";
    RESET_MEANS = "The partition becomes what it was on {created}. Files made or changed since then are lost: if you need some, go back (Esc) and save them first.";
    GUIDE_QUESTION = "What happened?";
    GUIDE_EXPERTS = "Or go straight to";
    GUIDE_NO_FACTORY = "No image of it was found so far.";
    FACTORY_FOUND_ONE = "{count} image of it is there.";
    FACTORY_FOUND_MANY = "{count} images of it are there.";
    CHOICE_RENEW = "Renew the recovery partition {partition}";
    CHOICE_RENEW_WHY = "It is out of date.";
    START_WRONG = "{what}. Press w.";
}

/// What brings people here: letter, words, explanation.
pub const GUIDE_CHOICES: [(char, &str, &str); 4] = [
    ('w', "The computer does not start", "See what is wrong, and what helps."),
    ('f', "I want the factory state back", FACTORY_SOME),
    ('b', "I want to keep a copy", "Back up a partition to an image."),
    ('l', "I want to look at a backup", "See what is in it, take files out."),
];

/// What experts go straight to.
pub const EXPERT_CHOICES: [(char, &str, &str); 8] = [
    ('i', "Interrupted jobs", "Finish them, or take them back."),
    ('k', "", CHOICE_RENEW_WHY),
    ('d', "Disks", "All disks, and what is on them."),
    ('e', "Restore an image", "Put an image back onto a partition."),
    ('c', "Check a volume", "Tell whether it is sound."),
    ('v', "Verify an image", "Read it, and prove that it is whole."),
    ('m', "Free a disk in use", "See who uses it, and unmount it."),
    ('q', "Quit", "Leave Lifeboat."),
];
