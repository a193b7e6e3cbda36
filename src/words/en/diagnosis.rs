//! What is wrong: what was found, what it means, and what helps.

words! {
    PLACE_DISK = "{disk}";
    PLACE_DISK_MODEL = "{disk} ({model})";
    PLACE_PARTITION = "{disk}, partition {number}";
    PLACE_PARTITION_LABEL = "{disk}, partition {number} “{label}”";
    PLACE_FOUND = "{disk}, at {start}";
    PLACE_FOUND_LABEL = "{disk}, at {start}, “{label}”";
    PLACE_IMAGE = "image {name} in {place}";
    IMAGE_OF = "{kind} image of {made}";
    WRONG_INTERRUPTED = "A job was interrupted: {place}";
    MEANS_INTERRUPTED = "Lifeboat was stopped while it changed this partition. Nothing is lost: it had written down what it would change.";
    HELPS_INTERRUPTED = "Finish the job, or take it back. Until then do not use the partition, and do not start a system from it.";
    WRONG_RESTORE_INTERRUPTED = "A restore was interrupted: {place}";
    MEANS_RESTORE_INTERRUPTED = "The partition is half restored and cannot be used.";
    HELPS_RESTORE_INTERRUPTED = "Finish the restore: it begins again, and writes what is missing.";
    WRONG_DISK_UNREADABLE = "The disk cannot be read: {place}";
    MEANS_DISK_UNREADABLE = "Nothing of this disk can be told. It may be failing, badly connected, locked, or closed to this user.";
    HELPS_DISK_UNREADABLE = "Check its cable, and that Lifeboat was started as root. A failing disk gets worse with every attempt: copy it first to a healthy one (with ddrescue), and work on the copy: lifeboat --disk COPY.";
    WRONG_LEFT_OUT = "A disk was left out: {place}";
    MEANS_LEFT_OUT = "It took long to read, and was not waited for. Whether anything is wrong with it is not known.";
    HELPS_LEFT_OUT = "Press r: all disks are looked at again. A disk that is slow for no reason may be failing.";
    WRONG_LOST_WITH_IMAGES = "A lost partition that can come back: {place}";
    MEANS_LOST_WITH_IMAGES = "The disk's list of partitions (the partition table) does not name it any more, but images of it are still inside.";
    HELPS_LOST_WITH_IMAGES = "Put it back from an image inside. Its line in the list of partitions comes back with it.";
    WRONG_UNREADABLE_WITH_IMAGES = "Damaged, but with an image inside: {place}";
    MEANS_UNREADABLE_WITH_IMAGES = "Its file system (what keeps its files in order) cannot be read any more. A computer cannot start from it. Images inside are still there.";
    HELPS_UNREADABLE_WITH_IMAGES = "Put it back from an image inside. Files that are newer than the image are lost by that.";
    WRONG_TABLE_GONE = "The list of partitions is gone or damaged: {place}";
    MEANS_TABLE_GONE = "Without this list (the partition table) a computer does not know what is where on the disk, and does not start from it. The data may still be there.";
    HELPS_TABLE_GONE = "Put back what this list names as lost: its line in the list of partitions comes back, too. What is not found yet may be found by reading every sector of {name}. Do not make new partitions meanwhile.";
    WRONG_UNREADABLE = "Nothing in it can be read: {place}";
    MEANS_UNREADABLE = "Its file system (what keeps its files in order) is damaged, and no image was found inside. A computer cannot start from it.";
    HELPS_UNREADABLE = "Save what is there first: back it up with “Take all sectors”. Then read every sector of {name} for images, or put back an image from a file (e).";
    WRONG_UNRECOGNISED = "Nothing was recognised in it: {place}";
    MEANS_UNRECOGNISED = "No file system (what keeps files in order) was found in it: it was never formatted, is encrypted, or is badly damaged. No image was found inside.";
    HELPS_UNRECOGNISED = "If there was something in it, read every sector of {name} for images, or put back an image from a file (e).";
    WRONG_LOST = "Found, but in no list of partitions: {place}";
    MEANS_LOST = "The disk's list of partitions (the partition table) does not name it. It was deleted, or the list is damaged.";
    HELPS_LOST = "Back it up before anything else: its files can still be read. Then enter it again with a tool for partition tables, such as gdisk or fdisk.";
    WRONG_TABLE_FAULTY = "The list of partitions has faults: {place}";
    MEANS_TABLE_FAULTY = "It can still be used, and Lifeboat uses what is whole of it. The notes below say what is wrong. Some computers do not start from such a disk.";
    HELPS_TABLE_FAULTY = "When one of its two copies is damaged, gdisk {disk} and then w writes it anew from the other. Keep a copy of your partitions first.";
    WRONG_HIBERNATED = "Windows sleeps on it: {place}";
    MEANS_HIBERNATED = "Windows was not shut down but sent to sleep, and remembers what it has not written yet. A change from outside would damage its files.";
    HELPS_HIBERNATED = "Start Windows and shut it down fully: hold Shift while choosing “Shut down”. When it does not start any more, back it up as it is, or restore it.";
    WRONG_DIRTY = "It was not left in order: {place}";
    MEANS_DIRTY = "It was not unmounted (closed) properly, or an error was noticed on it. Files that were being written then may be incomplete.";
    HELPS_DIRTY = "Check it: that only reads, and tells what is wrong and which tool repairs it.";
    WRONG_JOURNAL = "It was not shut down properly: {place}";
    MEANS_JOURNAL = "What was written last still waits in its journal (its list of changes under way). Mounting it (opening it for use) and unmounting it once brings it in order.";
    HELPS_JOURNAL = "Check it: that only reads, and tells whether more is wrong.";
    WRONG_IMAGE_DAMAGED = "Damaged: {place}";
    MEANS_IMAGE_DAMAGED = "This image cannot be restored whole.";
    HELPS_IMAGE_DAMAGED = "Verify it: that tells what is lost. Make a new image when the partition is in order.";
    WRONG_STALE = "The recovery partition is out of date: {place}";
    MEANS_STALE = "It does not say any more what is on its disk. It would help less after a loss.";
    HELPS_STALE = "Renew it. It is a matter of seconds.";
    WRONG_EMPTY = "Nothing is on it: {place}";
    MEANS_EMPTY = "It has neither a list of partitions nor a file system: it is new, or all of it was lost.";
    HELPS_EMPTY = "If there was something on it, read every sector of {name} for images.";
    WRONG_SIGN = "!";
    WRONG_SIGN_MILD = "·";
    FINDING_MEANS = "It means";
    FINDING_HELPS = "What helps";
    FINDING_ENTER = "Enter";
    REMEDY_RESUME = "shows the job, to finish it or to take it back.";
    REMEDY_RESTORE = "shows what putting it back would do.";
    REMEDY_RESTORE_FROM = "shows what putting it back would do, from its newest: the {image}.";
    REMEDY_CHECK = "checks it. Nothing is written.";
    REMEDY_SEARCH = "reads every sector of {name} for images. It takes a while and writes nothing.";
    REMEDY_RENEW = "shows what renewing it would do.";
    REMEDY_SHOW = "shows it among the disks.";
    REMEDY_OPEN = "shows what the image says of itself.";
    REMEDY_CHOOSE_IMAGE = "leads to the images, to put one of them back.";
    DIAGNOSIS_SEEKING = "Looking for interrupted jobs…";
    DIAGNOSIS_NOTHING = "Nothing wrong was found.";
    DIAGNOSIS_NOTHING_MEANS = "This was a quick look: lists of partitions, beginnings of file systems, images. Files of the system may still be damaged, or the computer itself.";
    DIAGNOSIS_FOUND = "This was found, the most urgent first:";
    DIAGNOSIS_MORE = "What else can be tried:";
}

/// What can be tried when nothing more is known to be wrong.
pub const DIAGNOSIS_OFFERS: [(char, &str, &str); 5] = [
    ('c', "Check the volumes", "One by one: tells whether the files' order is sound."),
    ('a', "Search everywhere", "Every sector of a disk, for images."),
    ('f', "Factory state", "Put a partition back as it was delivered."),
    ('l', "Look at a backup", "Take single files out of it."),
    ('b', "Keep a copy first", "Before anything else is tried."),
];
