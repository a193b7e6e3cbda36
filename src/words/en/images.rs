//! Images: the list, and what one says of itself.

words! {
    INSPECT_NEXT = "Press r to look again at what is there.";
    INSPECTING = "Opening the image…";
    NO_IMAGES_NEXT = "Press g to go to another folder.";
    DAMAGED = "damaged";
    STATE_UNREADABLE = "unreadable";
    UNREADABLE = "cannot be read";
    DAMAGE = "Damage";
    FACT_BASE = "Based on";
    FACT_CONTAINER = "Its place";
    FACT_IMAGE = "Image";
    STATE_WHOLE = "whole";
    FACT_FILE = "File";
    FACT_FILE_SIZE = "File size";
    FACT_KIND = "Image kind";
    FACT_MADE = "Made";
    FACT_MACHINE = "On machine";
    FACT_NEEDS = "Needs";
    FACT_HOLDS = "Holds";
    FACT_ID = "Image id";
    FACT_WRITER = "Written by";
    FACT_PARTITION = "Came from";
    FACT_LEFT_OUT = "Left out";
    NOTE_RAW = "All sectors were taken, used or not. Files in it cannot be listed.";
    NOTE_DIRTY = "The volume was not clean (not closed properly) when the image was made.";
    FOUND_BY_FILE = "as a file of the partition";
    FOUND_BY_CONTENTS = "by its table of contents";
    FOUND_BY_AID = "by a recovery aid (a small file kept elsewhere)";
    FOUND_BY_PARTITION = "by a recovery partition";
    FOUND_BY_RECORDS = "put together from its records";
    CLUSTERS_OF = "{count} clusters of {size}";
    FACTORY_LINE = "{place}  {created}  {imaged}";
    IMAGED = "{kind}, {size}";
    IMAGED_LABEL = "{kind} “{label}”, {size}";
    IMAGE_BY_NAME = "“{name}”, a {kind} image of {created}";
    STALE_NOTICE = "! The recovery partition {partition} is out of date. Press k to renew it.";
    VOLUME_OF = "{kind} volume";
    WAS_VOLUME = "Nothing of it can be read but the images inside; it was a {kind} volume.";
    PARTITION_WAS = "partition {number} ({table}) at {start}, {size}";
    LEFT_OUT_FILE = "{path} ({size})";
    BAD_CLUSTER = "{count} cluster could not be read when the image was made; it is zeros in it.";
    BAD_CLUSTERS = "{count} clusters could not be read when the image was made; they are zeros in it.";
    FILE_FALLBACK = "volume";
    IMAGES_FILTER_ONE = "Filter ({count} image)";
    IMAGES_FILTER_MANY = "Filter ({count} images)";
    NO_IMAGES_MATCH = "No image matches. Esc takes the filter away.";
    NO_IMAGES_ANYWHERE = "There are no images (.lbi files) in this folder, and none were found inside partitions.";
}

/// The images screen's columns.
pub const IMAGE_COLUMNS: [&str; 5] = ["File", "Kind", "Label", "Made", "Size"];
