//! Files of a volume or an image: looking, finding, copying out.

words! {
    FILES_OPENING = "Opening the volume…";
    FILES_UNREADABLE_NEXT = "Esc leads back. There, a searches every sector of the disk for images, and b keeps a copy of this partition as it is.";
    FILES_IMAGE_UNREADABLE_NEXT = "Esc leads back. There, v verifies the image: that tells what of it is lost.";
    FILES_EMPTY = "This folder is empty.";
    FILES_VOLUME_LABEL = "{kind} “{label}”";
    FILES_IS_FILE = "file";
    FILES_IS_FOLDER = "folder";
    FILES_IS_LINK = "link";
    FILES_IS_STREAM = "stream (a second content of the file above)";
    FILES_IS_SPECIAL = "device or pipe";
    FILES_MODE = "permissions {mode}";
    FILES_HIDDEN = "hidden";
    FILES_SYSTEM = "system";
    FILES_COMPRESSED = "compressed";
    FILES_ENCRYPTED = "encrypted";
    FILES_SPARSE = "sparse";
    FILES_ONE_STREAM = "{count} stream";
    FILES_STREAMS = "{count} streams";
    FILES_LINK = "This is a link to {target}. Links are not followed here: go to that place by hand.";
    FILES_LINK_UNKNOWN = "This is a link, and where it leads cannot be read.";
    FILES_SPECIAL = "This is a device, a pipe or the like. There is nothing in it to be shown.";
    FILES_MORE = "and {count} more, which are not listed";
    FILES_MARKED_FILE = "{count} file marked, {size}";
    FILES_MARKED_FILES = "{count} files marked, {size}";
    FILES_MARKED_FOLDER = "{count} folder marked, with all that is in it";
    FILES_MARKED_FOLDERS = "{count} folders marked, with all that is in them";
    FILES_MARKED_BOTH = "marked: files: {files} ({size}), folders: {folders} with all that is in them";
    FILES_TARGET = "files-{date}";
    FIND_HINT = "Type part of a name, or a pattern: * stands for any characters, ? for one. Capital and small letters are the same. Enter begins.";
    FIND_WHERE = "Looked for in {folder} and in all folders below it.";
    FIND_FOUND = "“{pattern}”: {count} found; folders looked through: {folders}";
    FIND_NOTHING = "Nothing of that name was found.";
    FIND_UNREADABLE = "{count} folders could not be read.";
    FIND_UNREADABLE_ONE = "{count} folder could not be read.";
    FIND_BOUNDED = "The search ended after {count}: type more of the name.";
    FIND_PATTERN = "This is no pattern.";
    FIND_PATTERN_NEXT = "Each [ needs its ]. Type part of the name instead.";
    PEEK_PLACE = "byte {place} ({percent} %) of {size}, {how}";
    PEEK_HEX = "hex";
    ENCODING_UTF_8 = "UTF-8";
    ENCODING_UTF_16 = "UTF-16";
    ENCODING_LATIN_1 = "Latin-1";
    PEEK_EMPTY = "This file is empty.";
    PEEK_READING = "Reading…";
    PEEK_HOLE = "Bytes {from} to {to} cannot be read: {why}";
    TARGET_PROMPT = "Copy to";
    TARGET_HINT = "The folder on this machine, or on a stick that is mounted, to copy to. It is made when it is not there. Enter shows what will be done.";
    EXTRACT_COUNTING = "Counting what is to be copied…";
    EXTRACT_HEADLINE = "Copy files from {subject} to {to}";
    EXTRACT_WHAT = "What";
    EXTRACT_MUCH = "How much";
    EXTRACT_AMOUNT = "{size}; files: {files}, folders: {folders}";
    EXTRACT_AMOUNT_MORE = "more than {size}; files: over {files}, folders: over {folders}";
    EXTRACT_PATHS_MORE = "{names}, and {count} more";
    EXTRACT_NEVER_OVERWRITES = "Nothing is overwritten: a file that is there already stays as it is, and the report names it.";
    EXTRACT_NO_ROOM = "There is not enough room: {needed} are needed, {free} are free; {missing} bytes are missing.";
    EXTRACT_SAME_NAME = "{count} of them has the name of another and would land in the same place: it is left out. Copy it by itself, to another folder.";
    EXTRACT_SAME_NAMES = "{count} of them have the name of another and would land in the same place: they are left out. Copy them by themselves, to another folder.";
    EXTRACT_UNREADABLE = "{count} folders cannot be read. What is in them is left out.";
    EXTRACT_UNREADABLE_ONE = "{count} folder cannot be read. What is in it is left out.";
}

/// The files screen's columns.
pub const FILE_COLUMNS: [&str; 4] = ["Name", "Size", "Changed", "Attrib"];

/// The columns of what was found.
pub const FOUND_COLUMNS: [&str; 3] = ["Name", "Size", "Folder"];
