//! Every word the wizard says, in English. Another language is a file beside this one.
//!
//! A sentence is whole here: what it tells of stands in braces, `{like_this}`, and is filled in by the functions of
//! [`text`](super). No sentence is glued from parts, since other languages put them in another order.

use super::KeyWord;

macro_rules! words {
    ($($name:ident = $text:expr;)*) => {
        $(#[allow(missing_docs, reason = "the text says it")] pub const $name: &str = $text;)*
    };
}

words! {
    PROGRAM = "Lifeboat";
    TOO_SMALL = "Please make the window larger (at least 40 × 12).";

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

    LOOKING = "Looking at the disks…";
    NO_DISKS = "No disks were found.";
    NO_DISKS_WHY = "Lifeboat needs the rights to read them.";
    NO_DISKS_NEXT = "Start it as root (sudo lifeboat), or name a disk, or a file that holds one: lifeboat --disk PATH";
    WHOLE_DISK = "whole disk";
    NOTHING_KNOWN = "nothing known";
    MOUNTED = "mounted";
    READ_ONLY = "read-only";
    ACTIVE_SIGN = "►";

    DETAIL_PATH = "Disk";
    DETAIL_MODEL = "Model";
    DETAIL_SERIAL = "Serial";
    DETAIL_TRANSPORT = "Connected by";
    DETAIL_TABLE = "Table";
    DETAIL_SECTOR = "Sectors";
    DETAIL_ADDRESS = "Address";
    DETAIL_TYPE = "Type";
    DETAIL_NAME = "Name";
    DETAIL_START = "Begins at";
    DETAIL_VOLUME = "Volume";
    DETAIL_ID = "Id";
    DETAIL_MOUNTED = "Mounted at";
    DETAIL_NO_TARGET = "Not possible";
    DETAIL_NOTE = "Note";
    DETAIL_FOUND_BY = "Found";
    FOUND_NOTE = "No partition table names this volume (file system); it was found by its own signature, the marks it carries itself.";

    REFUSED_DISK = "This is a whole disk with partitions. Choose one of the lines below it.";
    REFUSED_EXTENDED = "An extended partition only holds other partitions. Choose one of those.";
    REFUSED_READ_ONLY = "This disk cannot be written. Take off its write protection, or choose another.";
    REFUSED_NO_VOLUME = "No file system was found here that could be checked.";
    REFUSED_IMAGE = "This is an image inside the partition above it. Choose the partition.";
    REFUSED_NO_IMAGES = "There are no images inside this partition.";
    NOTHING_TO_TIDY = "There is nothing to do: the images lie in order, at the end of the partition.";
    REFUSED_ROLL_BACK = "A restore cannot be taken back: what it has overwritten was not kept. Enter finishes it.";
    REFUSED_SAME = "This is the image itself. It cannot be restored onto itself; choose another place.";

    FOLDER = "Folder";
    PATH_PROMPT = "Go to";
    LISTING = "Reading the folder…";
    INSPECTING = "Opening the image…";
    WAIT_TITLE = "One moment";
    PLANNING = "Reading and planning. Nothing is written yet…";
    NO_IMAGES_NEXT = "Press g to go to another folder.";
    DAMAGED = "damaged";
    STATE_UNREADABLE = "unreadable";
    UNREADABLE = "cannot be read";
    DAMAGE = "Damage";
    FACT_ADDRESS = "Address";
    FACT_FOUND = "Found";
    FACT_BASE = "Based on";
    FACT_CONTAINER = "Its place";
    FACT_IMAGE = "Image";
    STATE_WHOLE = "whole";
    STEP_EXPORT_VERIFY = "Check every digest (fingerprint) of the image";
    STEP_EXPORT_WRITE = "Write the new file, and read it back";
    FACT_FILE = "File";
    FACT_FILE_SIZE = "File size";
    FACT_KIND = "Image kind";
    FACT_MADE = "Made";
    FACT_MACHINE = "On machine";
    FACT_VOLUME = "Volume";
    FACT_NEEDS = "Needs";
    FACT_HOLDS = "Holds";
    FACT_ID = "Image id";
    FACT_WRITER = "Written by";
    FACT_PARTITION = "Came from";
    FACT_LEFT_OUT = "Left out";
    FACT_NOTE = "Note";
    NOTE_RAW = "All sectors were taken, used or not. Files in it cannot be listed.";
    NOTE_DIRTY = "The volume was not clean (not closed properly) when the image was made.";

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
    ON = "yes";
    OFF = "no";
    PATH_EMPTY = "Type where the image shall go.";

    REFUSED_TITLE = "Not possible";
    TROUBLE_TITLE = "That did not work";
    WHAT_TO_DO = "What to do";
    NOTHING_WRITTEN = "Nothing was written.";
    STEPS = "Steps";
    WARNINGS = "Please note";
    CHANGES = "What will change, place by place";
    COMMAND = "The same on the command line";
    PRESS_START = "Press s to start.";
    PRESS_CONFIRM = "Press Enter to go on. You will be asked to confirm.";

    FACT_BEGUN = "Begun";
    FACT_JOURNAL = "Journal (list)";
    NOTHING_TO_RESUME = "There is nothing to do";
    INTERRUPTED_TITLE = "A job was interrupted.";
    INTERRUPTED_WHY = "Its journal (the list of what it was changing) is whole, so nothing is lost: it can be finished, or taken back. Until then, do not use the volume, and do not start a system from it.";
    INTERRUPTED_RESTORE_TITLE = "A restore was interrupted: finish it?";
    INTERRUPTED_RESTORE_WHY = "The partition is half restored and cannot be used. The image that it is restored from lies inside it and was left alone: finishing begins again, and writes what is missing. It cannot be taken back.";
    INTERRUPTED_NOTICE = "! A job was interrupted and can be finished or taken back. Press i.";

    CONFIRM_RESUME_TITLE = "This changes the volume's own records.";
    CONFIRM_KEEP_TITLE = "This changes the partition's own records.";
    CONFIRM_TITLE = "This overwrites what is there.";
    CONFIRM_WRONG = "That is not the word. Nothing was started.";
    CONFIRM_NEXT = "Then press Enter. Esc goes back.";

    OVERALL = "Overall";
    STARTING = "Starting…";
    FINISHING = "finishing";
    LOG = "Log";
    CANCEL_QUESTION = "Cancel the job?";
    CANCEL_KEYS = "y  yes, cancel      n  no, go on";

    NEXT_STEPS = "What to do next";

    // Titles.
    TITLE_START = "Start";
    TITLE_BACKUP_DISKS = "Back up > Which partition?";
    TITLE_RESTORE_DISKS = "Restore > Onto which partition?";
    TITLE_DISKS = "Disks";
    TITLE_RESTORE_IMAGES = "Restore > Which image?";
    TITLE_IMAGES = "Look > Which image?";
    TITLE_FACTS = "Look > Image";
    TITLE_BACKUP_OPTIONS = "Back up > Where to?";
    TITLE_EXPORT_OPTIONS = "Export > Where to?";
    TITLE_RESET_OPTIONS = "Factory reset > Options";
    TITLE_RESTORE_OPTIONS = "Restore > Options";
    TITLE_INTERRUPTED = "Interrupted";
    TITLE_RESUME_PREVIEW = "Interrupted > What will be done";
    TITLE_RESUME_CONFIRM = "Interrupted > Confirm";
    TITLE_RESUME_RUNNING = "Interrupted > Running";
    TITLE_RESET_RUNNING = "Factory reset > Running";
    TITLE_RESET_PREVIEW = "Factory reset > What will be done";
    TITLE_RESET_CONFIRM = "Factory reset > Confirm";
    TITLE_KEEP_PREVIEW = "Images inside > What will be done";
    TITLE_KEEP_CONFIRM = "Images inside > Confirm";
    TITLE_KEEP_RUNNING = "Images inside > Running";
    TITLE_RENEW_PREVIEW = "Recovery partition > What will be done";
    TITLE_RENEW_CONFIRM = "Recovery partition > Confirm";
    TITLE_RENEW_RUNNING = "Recovery partition > Running";
    TITLE_EXPORT_PREVIEW = "Export > What will be done";
    TITLE_EXPORT_RUNNING = "Export > Running";
    TITLE_SEARCH_RUNNING = "Search > Running";
    TITLE_BACKUP_PREVIEW = "Back up > What will be done";
    TITLE_RESTORE_PREVIEW = "Restore > What will be done";
    TITLE_RESTORE_CONFIRM = "Restore > Confirm";
    TITLE_BACKUP_RUNNING = "Back up > Running";
    TITLE_RESTORE_RUNNING = "Restore > Running";
    TITLE_CHECK_RUNNING = "Check > Running";
    TITLE_VERIFY_RUNNING = "Verify > Running";
    TITLE_REPORT = "Report";
    TITLE_DIAGNOSIS = "What is wrong";
    TITLE_FILES = "Files";
    TITLE_PEEK = "Files > One file";
    TITLE_HELD = "Disks > In use";

    // Outcomes, and what a step does to what is there.
    OUTCOME_DONE = "Done";
    OUTCOME_WARNINGS = "Done with warnings";
    OUTCOME_FAILED = "Failed";
    OUTCOME_REFUSED = "Refused";
    OUTCOME_CANCELLED = "Cancelled";
    SAFETY_READS = "only reads";
    SAFETY_CREATES = "creates a file";
    SAFETY_OVERWRITES = "overwrites";

    // What the disk will be when a job is cancelled, and what it is afterwards.
    CANCEL_VERIFY = "Nothing is changed. The image stays as it is, but you do not know whether it is whole.";
    CANCEL_CHECK = "Nothing is changed. You do not know whether the volume is sound.";
    CANCEL_RESUME = "What is done stays done, and the journal (the list of what is left to do) stays: the job can be finished or taken back later.";
    CANCEL_BACKUP = "The disk that is read stays as it is. No image is left under the chosen name.";
    CANCEL_EXTRACT = "Files that are copied whole stay; the one under way is taken away again.";
    CANCEL_EXPORT = "The image inside stays. No file is left under the chosen name.";
    CANCEL_SEARCH = "Nothing is changed. What the quick look has found stays in the list.";
    CANCEL_RENEW = "One of its two copies stays whole. It can be renewed again at any time.";
    CANCEL_INSIDE = "No image is left inside, and all files stay. A change of the partition's records that has begun is finished first.";
    CANCEL_KEEP = "A change of the partition's records that has begun is finished first. All files stay.";
    CANCEL_RESTORE_WRITING = "The target is then unfinished: it cannot be used, and is marked so. Restoring the image again completes it.";
    CANCEL_RESTORE_MOVING = "Images may have been moved already, and stay whole. What the partition holds now may be damaged by that.";
    CANCEL_RESTORE = "Nothing was written to the target yet. It stays as it is.";
    CANCELLED_VERIFY = "Nothing was changed. It is not known whether the image is whole.";
    CANCELLED_CHECK = "Nothing was changed. It is not known whether the volume is sound.";
    CANCELLED_RESUME = "The journal (the list of what is left to do) is still there: the job can be finished or taken back later.";
    CANCELLED_BACKUP = "The disk that was read is as it was. No image was left under the chosen name.";
    CANCELLED_EXTRACT = "What was copied whole is still there. Nothing else was changed.";
    CANCELLED_EXPORT = "The image inside is as it was. No file was left under the chosen name.";
    CANCELLED_SEARCH = "Nothing was changed.";
    CANCELLED_INSIDE = "No image was left inside. All files are as they were.";
    CANCELLED_KEEP = "All files are as they were.";
    CANCELLED_RENEW = "One of its two copies is whole. It can be renewed again at any time.";
    CANCELLED_RESTORE = "Nothing was written to the target. It is as it was.";

    // By what an image was found.
    FOUND_BY_FILE = "as a file of the partition";
    FOUND_BY_CONTENTS = "by its table of contents";
    FOUND_BY_AID = "by a recovery aid (a small file kept elsewhere)";
    FOUND_BY_PARTITION = "by a recovery partition";
    FOUND_BY_RECORDS = "put together from its records";

    // What a volume and a table are like.
    STATE_DIRTY_NOTE = "It was not unmounted (closed) properly, or has errors.";
    STATE_HIBERNATED_NOTE = "Windows sleeps on it and remembers unwritten data. Shut Windows down fully first.";
    STATE_JOURNAL_NOTE = "Its journal (its own list of unfinished changes) was not worked off; mounting (opening) and unmounting it once does that.";
    TABLE_GPT = "GPT";
    TABLE_MBR = "MBR";
    TABLE_NONE = "none";
    TABLE_IS_DEGRADED = "{table}, usable, but something is wrong with it";
    TABLE_IS_DAMAGED = "{table}, damaged";

    // Sentences with values.
    CLUSTERS_OF = "{count} clusters of {size}";
    FACTORY_LINE = "{place}  {created}  {imaged}";
    QUOTED = "“{text}”";
    IMAGED = "{kind}, {size}";
    IMAGED_LABEL = "{kind} “{label}”, {size}";
    IMAGE_BY_NAME = "“{name}”, a {kind} image of {created}";
    STALE_NOTICE = "! The recovery partition {partition} is out of date. Press k to renew it.";
    VOLUME_OF = "{kind} volume";
    WAS_VOLUME = "Nothing of it can be read but the images inside; it was a {kind} volume.";
    FACTORY_DAMAGED = "The factory image {address} is damaged: {why}";
    RESET_MEANS = "The partition becomes what it was on {created}. Files made or changed since then are lost: if you need some, go back (Esc) and save them first.";
    SEARCH_HEADLINE = "Search every sector of {disk} for images";
    SEARCH_NOTHING = "There are no images inside the partitions of {disk}.";
    SEARCH_NOTHING_NEXT = "Every sector was looked at. If the image is a file, choose “Restore an image”.";
    EXPORT_HEADLINE = "Export {image} to {target}";
    PARTITION_WAS = "partition {number} ({table}) at {start}, {size}";
    LEFT_OUT_FILE = "{path} ({size})";
    BAD_CLUSTER = "{count} cluster could not be read when the image was made; it is zeros in it.";
    BAD_CLUSTERS = "{count} clusters could not be read when the image was made; they are zeros in it.";
    SECTOR_BYTES = "{bytes} B";
    SECTOR_BYTES_BOTH = "{logical} B ({physical} B physically)";
    BYTES_EXACT = "{size} ({count} B)";
    RATE = "{size}/s";
    TIME_DAY = "{days} day {hours} h";
    TIME_DAYS = "{days} days {hours} h";
    TIME_HOURS = "{hours} h {minutes} min";
    TIME_MINUTES = "{minutes} min {seconds} s";
    TIME_SECONDS = "{seconds} s";
    TIME_LEFT = "about {time} left";
    TIME_SO_FAR = "{time} so far";
    DONE_OF = "{done} of {all}";
    REFUSED_UNREADABLE = "It cannot be read: {problem}";
    CHECK_HEADLINE = "Check whether {address} is sound";
    REFUSED_KIND = "A {kind} volume cannot be checked here. Its own tool does that: {tool}.";
    REFUSED_MOUNTED = "It is mounted (in use) at {place}. Press m to see who uses it and to free it, or choose another.";
    REFUSED_SMALL = "Too small: the image needs {needed}, here are {there}; {missing} bytes are missing.";
    RESTORE_WHAT = "Image “{name}” needs {needed}.";
    BACKUP_WHAT = "Back up {address} ({volume})";
    CONFIRM_TYPE = "To overwrite it, type its name:  {word}";
    CONFIRM_TYPE_GO_ON = "To go on, type its name:  {word}";
    MORE_PLACE = "             and {count} more place";
    MORE_PLACES = "             and {count} more places";
    SCROLLED = "{first}–{last} of {all}";
    OPTION_HINT = "Here: press o, and turn on “{name}”.";

    HELP_TITLE = "Help";
    FILE_FALLBACK = "volume";
    TERMINAL_FAILED = "the terminal cannot be used";
    TERMINAL_FAILED_NEXT = "Run it in a terminal, or use the command line: lifeboat --help";
    WORKER_LOST = "A part of Lifeboat stopped unexpectedly.";
    WORKER_LOST_NEXT = "What was being written must be taken as unfinished. Please report this.";
    PLAN_GONE = "The plan that was shown is not there any more.";
    PLAN_GONE_NEXT = "Nothing was started. Go back and choose again.";
    NOT_A_FOLDER = "This is neither a folder nor an image.";

    // The disks screen.
    LOOKING_AT = "Reading {disk}: {what}";
    LOOKING_AT_ONE_MORE = "Reading {disk}: {what} (and another disk)";
    LOOKING_AT_MORE = "Reading {disk}: {what} (and {count} more disks)";
    LOOKING_SLOW = "Reading {disk} for {time}: {what}. Space leaves it out.";
    READING_OPENING = "its beginning";
    READING_TABLE = "its partition table";
    READING_PARTITION = "partition {number}";
    READING_FOUND = "a volume that no table names";
    READING_WHOLE = "the volume on it";
    READING_LOST = "looking for lost volumes";
    READING_IMAGES = "looking for images";
    BEING_READ = "being read…";
    SKIPPED_NEXT = "It took too long, and was left out. Press r to look at it again.";
    DISK_GONE = "{disk} is not there any more.";
    DISKS_GONE = "{count} disks are not there any more.";
    DISK_CAME = "{disk} is there now.";
    DISKS_CAME = "{count} more disks are there now.";
    PLACE_GONE = "{disk} is not there any more. Nothing was written.";
    PLACE_UNREADABLE = "{disk} cannot be read any more. Nothing was written.";
    PLACE_GONE_NEXT = "Connect it again and choose anew, or choose another.";
    FILTER_LABEL = "Find";
    FILTER_COUNT = "{count} of {all} lines";
    FILTER_NOTHING = "No line has this text. Esc shows all again.";
    STATE_CLEAN = "clean";
    STATE_NOT_CLEAN = "not clean";
    STATE_HIBERNATED = "hibernated";
    STATE_ONLY_IMAGES = "has images";
    LOST = "lost";
    LOST_LONG = "lost: in no table";
    MOUNTED_AT = "mounted at {place}";
    MOUNTED_AT_MORE = "mounted at {place} and {count} more";
    BADGE_FACTORY = "[F]";
    BADGE_FACTORIES = "[{count} F]";
    BADGE_USER = "[U]";
    BADGE_USERS = "[{count} U]";
    IMAGES_INSIDE = "{factory} factory, {user} user";
    IMAGES_DAMAGED = "{factory} factory, {user} user; {damaged} of them damaged";
    TABLE_BACKUP_USED = "primary partition table damaged, backup used";
    TABLE_FAULTS = "partition table has faults";
    TABLE_DAMAGED = "partition table damaged";
    NO_TABLE = "no partition table";
    TABLE_NAMED = "{kind} table";
    SIZE_BOTH = "{binary} ({decimal})";
    USED_OF = "{used} of {all} used ({percent}%)";
    SERIAL = "S/N {serial}";
    DETAIL_SIZE = "Size";
    DETAIL_USED = "Used";
    DETAIL_IMAGES = "Images";
    DETAIL_READING = "Reading";
    PANE_DETAILS = "Details";
    PANE_DETAILS_PAGE = "Details {page} of {pages}";
    PANE_MAP = "Clusters";
    PANE_MORE = "more";
    WARNED = "! {words}";
    PERCENT = "{percent}%";
    VERIFY_WHAT = "Verify {image}";
    PANE_TAB = "Tab: {other}";
    MAP_READING = "Reading the map of {place}…";
    MAP_NONE = "There is no map of this: {reason}";
    MAP_OF_DISK = "Choose a partition: its clusters are shown here.";
    MAP_OF_NOTHING = "Which clusters are used is not known: no file system was found that Lifeboat can read.";
    REFUSED_LOOK_INSIDE = "This is a whole disk with partitions. Choose a partition or an image, and press l.";
    REFUSED_VERIFY = "Only an image can be verified. The images inside a partition stand below it.";

    // Layout bar and cluster map.
    SIGN_IMAGE = "■";
    BAR_IMAGES = "■ images";
    BAR_FOUND = "lost";
    BAR_FOUND_SHORT = "?";
    BAR_GAP = "free";
    BAR_GAP_OF = "free {size}";
    BAR_UNKNOWN = "unknown";
    MAP_USED = "used";
    MAP_LEFT = "to do";
    MAP_FREE = "free";
    MAP_IMAGE = "images";
    MAP_MOVING = "to be moved";
    MAP_BAD = "failing";
    MAP_DONE = "done";
    MAP_WRITING = "at work here";
    MAP_ENTRY = "{name} {count} ({size})";
    MAP_SCALE_ONE = "1 sign = {count} cluster";
    MAP_SCALE = "1 sign = {count} clusters";
    MAP_ENTRY_SHORT = "{name} {size}";

    // Running, preview and report.
    LAYOUT_BEFORE = "The disk now";
    LAYOUT_AFTER = "The disk afterwards";
    LAYOUT_SAME = "The disk, before and after";
    MAP_AFTER = "The partition afterwards";
    MAP_NOW = "The partition now";
    FACTS = "In numbers";
    CANCEL_RESTORE_SEALED = "Everything is restored and can be used. Only the last check is left out, and images that were to be dropped may stay.";
    CANCEL_INSIDE_ADOPTING = "All files stay. A change of the partition's records that has begun is finished first: the image is then inside and whole.";
    CANCEL_INSIDE_CHECKING = "The image is inside and whole, and all files stay. Only the last check is left out.";
    CANCEL_KEEP_CHECKING = "Everything is done, and all files stay. Only the last check is left out.";
    PAUSED_BANNER = "PAUSED. p goes on, Esc cancels.";
    CANCELLING_BANNER = "STOPPING at the next safe place…";
    LOG_NEWER_ONE = "Log  ({count} newer line below: ↓, or End)";
    LOG_NEWER_MANY = "Log  ({count} newer lines below: ↓, or End)";
    LAST_MINUTE = "Rate, last minute";
    LEFT_UNKNOWN = "time left not known yet";
    REPORT_TASK = "What was to be done";
    REPORT_TOOK = "Time in all";
    REPORT_LOG = "What happened";
    REPORT_FILE = "lifeboat-report-{date}.txt";
    REPORT_TITLE = "Report of Lifeboat {version}, {date}";
    SAVE_PROMPT = "Save this report to";
    SAVE_NEXT = "Enter saves it, Tab completes the path, Esc leaves it.";
    SAVING = "Saving…";
    SAVED = "Saved as {path}";
    SAVE_EMPTY = "Type where the report shall go.";
    SAVE_EXISTS = "{path} is there already. It was left as it is.";
    SAVE_EXISTS_NEXT = "Type another name.";
    SAVE_IS_FOLDER = "{path} is a folder.";
    SAVE_IS_FOLDER_NEXT = "Type a file name behind it.";
    SAVE_NO_FOLDER = "There is no such folder: {path}";
    SAVE_READ_ONLY = "Nothing can be written there, it is read-only: {path}";
    SAVE_NOT_ALLOWED = "You may not write there: {path}";
    SAVE_FULL = "There is no room left for {path}. Nothing was saved.";
    SAVE_FAILED = "{path} could not be written: {error}";
    SAVE_OTHER_NEXT = "Choose another folder, for example one on a stick.";

    // Files.
    TITLE_EXTRACT_PREVIEW = "Copy files out > What will be done";
    TITLE_EXTRACT_RUNNING = "Copy files out > Running";
    FILES_READING = "Reading the folder…";
    FILES_OPENING = "Opening the volume…";
    FILES_EMPTY = "This folder is empty.";
    FILES_VOLUME_LABEL = "{kind} “{label}”";
    FILES_IS_FILE = "file";
    FILES_IS_FOLDER = "folder";
    FILES_IS_LINK = "link";
    FILES_IS_STREAM = "stream (a second content of the file above)";
    FILES_IS_SPECIAL = "device or pipe";
    FILES_MODE = "permissions {mode}";
    FILES_READ_ONLY = "read-only";
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
    FIND_PROMPT = "Find";
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
    HELP_PEEK = "This is what is in one file, read a page at a time. h changes between text and hex (the bytes as numbers); a file that is no text opens as hex. x copies the file out. Looking changes nothing.";


    // Start, what is wrong, in use.
    TITLE_EXAMINE_DISKS = "Check > Which volume?";
    TITLE_SEARCH_DISKS = "Search > Which disk?";
    TITLE_FREE_DISKS = "Free a disk > Which one?";
    TITLE_VERIFY_IMAGES = "Verify > Which image?";
    GUIDE_QUESTION = "What happened?";
    GUIDE_EXPERTS = "Or go straight to";
    GUIDE_NO_FACTORY = "No image of it was found so far.";
    FACTORY_FOUND_ONE = "{count} image of it is there.";
    FACTORY_FOUND_MANY = "{count} images of it are there.";
    CHOICE_RENEW = "Renew the recovery partition {partition}";
    CHOICE_RENEW_WHY = "It is out of date.";
    START_WRONG = "{what}. Press w.";

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
    FINDING_ADDRESS = "Address";

    REMEDY_RESUME = "shows the job, to finish it or to take it back.";
    REMEDY_RESTORE = "shows what putting it back would do.";
    REMEDY_RESTORE_FROM = "shows what putting it back would do, from its newest: the {image}.";
    REMEDY_CHECK = "checks it. Nothing is written.";
    REMEDY_SEARCH = "reads every sector of {name} for images. It takes a while and writes nothing.";
    REMEDY_RENEW = "shows what renewing it would do.";
    REMEDY_SHOW = "shows it among the disks.";
    REMEDY_OPEN = "shows what the image says of itself.";
    REMEDY_CHOOSE_IMAGE = "leads to the images, to put one of them back.";

    DIAGNOSIS_LOOKING = "Looking at the disks…";
    DIAGNOSIS_SEEKING = "Looking for interrupted jobs…";
    DIAGNOSIS_NOTHING = "Nothing wrong was found.";
    DIAGNOSIS_NOTHING_MEANS = "This was a quick look: lists of partitions, beginnings of file systems, images. Files of the system may still be damaged, or the computer itself.";
    DIAGNOSIS_FOUND = "This was found, the most urgent first:";
    DIAGNOSIS_MORE = "What else can be tried:";

    HELD_TITLE = "What uses {place}";
    HELD_LOOKING = "Looking who uses it…";
    HELD_NOBODY = "Nothing uses it. It is free.";
    HELD_NOBODY_NEXT = "Go back with Esc and go on with what you wanted to do.";
    HELD_HIDDEN_ONE = "{count} program could not be looked into, for want of rights.";
    HELD_HIDDEN_MANY = "{count} programs could not be looked into, for want of rights.";
    HELD_CUT = "There is more than can be listed here.";
    HELD_FILES = "Has open";
    HELD_DO = "To free it";
    HELD_BELOW = "Below it";
    HOLDER_MOUNT = "{node} is mounted at {place} ({kind})";
    HOLDER_SWAP = "{node} is swap space (memory on disk)";
    HOLDER_LVM = "{node} is a logical volume on it: {name}";
    HOLDER_CRYPT = "{node} is the opened encrypted volume {name}";
    HOLDER_RAID = "{node} is a RAID that it is part of: {name}";
    HOLDER_MAPPED = "{node} stands on it: {name}";
    HOLDER_LOOP = "{node} is a loop device on {file}";
    HOLDER_PROCESS = "Program {name}, number {pid}";
    HOLDER_PROCESS_OF = "Program {name}, number {pid}, of user {user}";
    HOLDER_SELF = "Lifeboat itself: {name}, number {pid}";
    ADVICE_MOUNT = "Press Enter: it is unmounted (closed) after you have said yes. What is still to be written is written first.";
    ADVICE_ROOT = "The running system lies on it, so it cannot be freed. Start the computer from another medium, such as a recovery stick.";
    ADVICE_SWAP = "Type in a terminal: swapoff {node}";
    ADVICE_LVM = "Unmount what is on it. Then type in a terminal: dmsetup remove {name} (or vgchange -an for its whole group)";
    ADVICE_CRYPT = "Unmount what is on it. Then type in a terminal: cryptsetup close {name}";
    ADVICE_RAID = "Unmount what is on it. Then type in a terminal: mdadm --stop /dev/{name}";
    ADVICE_MAPPED = "Unmount what is on it. Then type in a terminal: dmsetup remove {name}";
    ADVICE_LOOP = "Unmount what is on it. Then type in a terminal: losetup -d {node}";
    ADVICE_PROCESS = "Close the program, or let it leave that folder. When it does not end by itself, type in a terminal: kill {pid}";
    ADVICE_SELF = "Leave Lifeboat, go to another folder (cd /), and start it again from there.";
    UNMOUNT_TITLE = "Unmount it?";
    UNMOUNT_QUESTION = "{place} will be unmounted.";
    UNMOUNT_MEANS = "What is still to be written is written first. Its files cannot be reached at that place until it is mounted again. Nothing is lost.";
    UNMOUNT_USERS = "These use it, and as long as they do it is refused: {names}.";
    UNMOUNT_NEVER_FORCED = "It is never forced.";
    UNMOUNT_KEYS = "y  yes, unmount      n  no, leave it";
    UNMOUNTING = "Unmounting. What is still to be written is written first…";
    UNMOUNTED = "{place} was unmounted.";
    REFUSED_NOT_MOUNT = "Only a mount can be undone from here. What to do about this one stands below the list.";
    HELD_HINT = "Press m to see who uses it, and to free it.";

    IMAGES_FILTER_ONE = "Filter ({count} image)";
    IMAGES_FILTER_MANY = "Filter ({count} images)";
    NO_IMAGES_MATCH = "No image matches. Esc takes the filter away.";
    NO_IMAGES_ANYWHERE = "There are no images (.lbi files) in this folder, and none were found inside partitions.";

    // The terminal and settings.
    SETTINGS_PROBLEMS = "Some settings were not understood, and are left out. {problems}.";
    SETTINGS_NEXT = "Go on without them: nothing needs them. Correct the file later.";

    // Help.
    HELP_EXAMINE = "Choose the volume (the file system in a partition) to check, and press Enter. Checking only reads: it tells whether the order of files and folders is sound, and which tool repairs what is not. “Lost” means that no partition table names the volume.";
    HELP_SEARCH = "Choose the disk to search, and press Enter. Every sector of it is read for images inside partitions, which takes a while and changes nothing. It finds images whose partition is not in any list any more.";
    HELP_FREE = "Choose the disk or partition that is in use, and press Enter: you see what uses it, and can free it. The state says “mounted” where one is in use.";
    HELP_VERIFY = "Choose an image, and press Enter: it is read from start to end, and each part of it is checked against its digest (a fingerprint taken when it was made). Nothing is changed. Press / to narrow the list, and g to go to another folder or file.";
    HELP_START = "Say what happened, with its letter or with the arrow keys and Enter; or go straight to where you want to go. w looks for what is wrong and says what helps. f puts a partition back to the state it was delivered in: its image lies inside the partition and outlives most damage. You see everything before it is done, and can always go back with Esc.";
    HELP_TARGETS = "These are the disks and what is on them. Choose the partition that the image shall be written to. What is there now will be overwritten, but only after you have confirmed it on a later screen. Mounted and read-only places and places that are too small cannot be chosen; the reason is shown below the list.";
    HELP_DISKS = "These are the disks, their partitions and the volumes (file systems) in them. Looking changes nothing. “Lost” means that no partition table names the volume, but the marks that it carries itself were found. [F] and [U] count the factory and user images inside; they stand below their partition, and Enter opens one. Clusters are the small pieces that a volume is divided into. a searches every sector of a disk for images, which takes a while; looking at the ends is done already. t puts a partition's images in order at its end.";
    HELP_SOURCES = "These are the disks, their partitions and the volumes (file systems) in them. Choose what to back up, and press Enter. Looking changes nothing. “Lost” means that no partition table names the volume, but the marks that it carries itself were found: it can be backed up, too. The lines below the list tell more about the chosen one.";
    HELP_IMAGES = "These are the images in the folder and, below them, those found inside partitions. Press / to narrow the list by a part of the name. Press g to type the path of another folder or of an image file; Tab completes it.";
    HELP_FACTS = "This is what the image says of itself. v reads it from start to end and checks every part of it against its digest (a fingerprint taken when it was made). l looks at the files in it. e restores it: an image inside a partition to that partition, a file to one that you choose. g restores to another place, x writes the image to a file, Del drops it (its room is free again). All but v and l show first what they will do.";
    HELP_BACKUP_OPTIONS = "Say where the image shall go. Choose another disk than the one you are backing up. The file appears under its name only when it is complete and was read back. Or keep the image inside the partition itself: hidden at its end, found again when all else is gone. It is lost with the disk, so have one elsewhere, too.";
    HELP_OPTIONS = "The defaults are the safe choice. Enter plans anew with what you set; Esc leaves it as it was.";
    HELP_PREVIEW = "This is everything that will be done, step by step; “overwrites” stands where something is lost. Nothing has been written yet. o changes how it is done. The last line is the command that does the same without this screen.";
    HELP_INTERRUPTED = "The power went, or the program was stopped, while Lifeboat was changing this volume. It had written down beforehand what it would change. Enter does what is left to do; u puts everything back as it was before. Both show first what they will write, and ask. Esc leaves it for later.";
    HELP_CONFIRM_CHANGE = "To be sure that it is the right volume, type its name as shown and press Enter. Nothing else starts the job.";
    HELP_CONFIRM = "Restoring replaces what is on the target. To be sure that it is the right one, type its name as shown and press Enter. Nothing else starts the job.";
    HELP_RUNNING = "The job is under way. p lets it wait and go on again. Esc asks whether to cancel, and says what the disk will then be. The time left includes bringing everything to the medium, and reading it back.";
    HELP_DIAGNOSIS = "This is what a quick look at the disks tells of damage, the most urgent first. Below the list stands what the chosen line means and what helps. Enter leads there: it shows first what would be done, or only reads. What may still be tried stands at the end of the list. r looks again.";
    HELP_FILES = "The folders and files of a volume or an image, as they are in it. Enter opens a folder or looks into a file; the left arrow and Esc go up, and from the top Esc leaves. Space marks what you want to have; marks stay while you go elsewhere. x copies what is marked, or else the chosen line, to a folder that you name, after showing what that means. / finds files by name. Letters in the last column: R read-only, H hidden, S system, A archive, C compressed, E encrypted, P sparse; numbers are Unix permissions. Looking changes nothing.";
    HELP_HELD = "A disk or partition that is in use cannot be written. This is what uses it: where it is mounted, programs that have files open there, swap space, and devices that stand on it. Below the list stands what to do about each. Enter on a mount asks whether to unmount it; it is never forced, and refused while programs use it. r looks again.";
    HELP_REPORT = "This is how it ended. Only “Done” means that everything was done and proven. x saves this report to a file, on a stick for example. Enter leads back to the start.";
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

/// What can be tried when nothing more is known to be wrong.
pub const DIAGNOSIS_OFFERS: [(char, &str, &str); 5] = [
    ('c', "Check the volumes", "One by one: tells whether the files' order is sound."),
    ('a', "Search everywhere", "Every sector of a disk, for images."),
    ('f', "Factory state", "Put a partition back as it was delivered."),
    ('l', "Look at a backup", "Take single files out of it."),
    ('b', "Keep a copy first", "Before anything else is tried."),
];

/// The disks screen's columns.
pub const DISK_COLUMNS: [&str; 6] = ["No", "Kind", "Label", "Size", "Used", "State"];

/// The files screen's columns.
pub const FILE_COLUMNS: [&str; 4] = ["Name", "Size", "Changed", "Attrib"];

/// The columns of what was found.
pub const FOUND_COLUMNS: [&str; 3] = ["Name", "Size", "Folder"];

/// The images screen's columns.
pub const IMAGE_COLUMNS: [&str; 5] = ["File", "Kind", "Label", "Made", "Size"];

#[allow(missing_docs, reason = "the words say it")]
pub mod key {
    use super::KeyWord;

    pub const MOVE: KeyWord = ("↑↓", "move");
    pub const SCROLL: KeyWord = ("↑↓", "scroll");
    pub const CHOOSE: KeyWord = ("Enter", "choose");
    pub const OPEN: KeyWord = ("Enter", "open");
    pub const NEXT: KeyWord = ("Enter", "go on");
    pub const CONFIRM: KeyWord = ("Enter", "confirm");
    pub const BACK: KeyWord = ("Esc", "back");
    pub const CLOSE: KeyWord = ("Esc", "close");
    pub const STOP_WAITING: KeyWord = ("Esc", "stop waiting");
    pub const TO_START: KeyWord = ("Enter", "to the start");
    pub const HELP: KeyWord = ("?", "help");
    pub const QUIT: KeyWord = ("q", "quit");
    pub const REFRESH: KeyWord = ("r", "refresh");
    pub const GO: KeyWord = ("g", "go to folder");
    pub const COMPLETE: KeyWord = ("Tab", "complete");
    pub const CHANGE: KeyWord = ("Space", "change");
    pub const LESS_MORE: KeyWord = ("←→", "less, more");
    pub const START: KeyWord = ("s", "start");
    pub const OPTIONS: KeyWord = ("o", "options");
    pub const RESTORE: KeyWord = ("e", "restore");
    pub const ELSEWHERE: KeyWord = ("g", "elsewhere");
    pub const EXPORT: KeyWord = ("x", "export");
    pub const DROP: KeyWord = ("Del", "drop");
    pub const SEARCH: KeyWord = ("a", "search all");
    pub const TIDY: KeyWord = ("t", "tidy");
    pub const VERIFY: KeyWord = ("v", "verify");
    pub const CHECK: KeyWord = ("c", "check");
    pub const PAUSE: KeyWord = ("p", "pause");
    pub const RESUME: KeyWord = ("p", "go on");
    pub const CANCEL: KeyWord = ("Esc", "cancel");
    pub const FINISH: KeyWord = ("Enter", "finish it");
    pub const UNDO: KeyWord = ("u", "take it back");
    pub const HELP_IT: KeyWord = ("Enter", "what helps");
    pub const UNMOUNT: KeyWord = ("Enter", "unmount");
    pub const FILTER: KeyWord = ("/", "filter");
    pub const VERIFY_IT: KeyWord = ("Enter", "verify");
    pub const CHECK_IT: KeyWord = ("Enter", "check");
    pub const SEARCH_IT: KeyWord = ("Enter", "search it");
    pub const WHO: KeyWord = ("Enter", "who uses it");
    pub const HOLDERS: KeyWord = ("m", "who uses it");
    pub const YES_UNMOUNT: KeyWord = ("y", "yes, unmount");
    pub const NO_UNMOUNT: KeyWord = ("n", "no");
    pub const FILES: KeyWord = ("l", "look inside");
    pub const UP_FOLDER: KeyWord = ("Esc", "up");
    pub const MARK: KeyWord = ("Space", "mark");
    pub const FIND: KeyWord = ("/", "find");
    pub const EXTRACT: KeyWord = ("x", "copy out");
    pub const OTHER_PANE: KeyWord = ("Tab", "pane");
    pub const GO_THERE: KeyWord = ("Enter", "go there");
    pub const BEGIN: KeyWord = ("Enter", "begin");
    pub const HEX: KeyWord = ("h", "hex");
    pub const AS_TEXT: KeyWord = ("h", "text");
    pub const PAGE: KeyWord = ("PgDn", "next page");
    pub const BACK_UP: KeyWord = ("b", "back up");
    pub const KEEP_SO: KeyWord = ("Enter", "keep it so");
    pub const MORE: KeyWord = ("Tab", "more");
    pub const LEAVE_OUT: KeyWord = ("Space", "leave out");
    pub const YES: KeyWord = ("y", "yes, cancel");
    pub const NO: KeyWord = ("n", "no, go on");
    pub const LOG: KeyWord = ("↑↓", "log");
    pub const SAVE_REPORT: KeyWord = ("x", "save report");
    pub const SAVE: KeyWord = ("Enter", "save");
}
