//! What can be set for a job, with a line of advice for each.

words! {
    FIELD_PATH = "Image file";
    FIELD_INSIDE = "Keep it inside the partition itself";
    FIELD_NAME = "Name (empty: factory, or user and a number)";
    FIELD_FULL = "Independent of the images inside already";
    FIELD_COMPARE = "Write only what differs";
    FIELD_DROP_IMAGES = "Drop the images inside afterwards";
    FIELD_LEVEL = "Compression level";
    FIELD_READ_BACK_IMAGE = "Read the image back and compare";
    FIELD_READ_BACK_TARGET = "Read the target back and compare";
    FIELD_FACTORY = "Mark as the factory state";
    FIELD_SPLIT = "Split it into files below 4 GiB";
    FIELD_EVEN_IF_DIRTY = "Make it although it is not clean";
    FIELD_RAW = "Take all sectors, used or not";
    FIELD_CHECK_FIRST = "Check the whole image first";
    FIELD_KEEP_GOING = "Restore what is whole of a damaged image";
    FIELD_ZERO_FREE = "Fill unused space with zeros";
    FIELD_DISCARD = "Discard (TRIM) unused space";
    HINT_PATH = "Where the image is written. It gets this name only once it is complete and checked.";
    HINT_INSIDE = "Hidden at its end: found again even when partition table and file system are gone. Not safe from a dying disk.";
    HINT_NAME = "By this name the image is asked for later. Letters, digits, - and _ are kept.";
    HINT_FULL = "Otherwise only what differs from the image inside is stored, and that one cannot be dropped.";
    HINT_COMPARE = "The partition is read first. A lightly damaged one is back in a short time.";
    HINT_DROP_IMAGES = "Frees their room. The partition can then not be restored from them again.";
    HINT_LEVEL = "1 is fastest, 19 is smallest. 3 is a good middle.";
    HINT_READ_BACK = "Proves what was written. Takes longer; without it nothing is proven.";
    HINT_FACTORY = "For the state a machine was delivered in. Otherwise it is a user image.";
    HINT_SPLIT = "For FAT disks and sticks, whose files cannot be longer. Keep all the parts together.";
    HINT_EVEN_IF_DIRTY = "Not clean: it was not closed properly. Files that were being written may be incomplete; the image says so.";
    HINT_RAW = "For a volume that cannot be read. It can be restored, but its files cannot be listed.";
    HINT_CHECK_FIRST = "A damaged image is then noticed before the target is touched.";
    HINT_KEEP_GOING = "The report lists the files that are not whole.";
    HINT_ZERO_FREE = "Old data in unused space is destroyed.";
    HINT_DISCARD = "For flash disks (SSD): they are told what is unused. Old data in unused space is destroyed.";
    PATH_EMPTY = "Type where the image shall go.";
    OPTION_HINT = "Here: press o, and turn on “{name}”.";
}
