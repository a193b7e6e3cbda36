//! What a job says before it begins and while it runs: the titles of its own steps, the log, and what its look at the
//! disk found that the plan passes on.

words! {
    STEP_CHECK_IMAGE = "Check every digest of {image}";
    STEP_COMPARE_VOLUME = "Read the volume, and compare it with the image";
    STEP_COPY_FILES = "Copy the files, with their times";
    STEP_COUNT_FILES = "Count the files";
    STEP_RESTORE_INSIDE = "Restore the volume from the image inside it";
    STEP_SYNC_FILES = "Wait until the files are on their medium";
    STEP_WRITE_FILE = "Write the image file";
    STEP_PROVE_FILE = "Read the image file back and check every digest";

    LOG_DAMAGED = "Damaged: {chunk}";
    LOG_ZEROS = "Clusters {first} to {last} cannot be read; zeros are stored";

    AID_COPIES_DIFFER = "its copies differ, number {first} and {second}: a renewal was interrupted";
    AID_COPIES_LOST = "neither of its copies can be read: {why}";
    AID_COPY_FIRST = "its first copy cannot be read: {why}";
    AID_COPY_SECOND = "its second copy cannot be read: {why}";
    AID_IMAGES_CHANGED = "the images inside {volume} were changed: its table of contents is number {now}, and was {was}";
    AID_IMAGES_ELSEWHERE = "the images inside {volume} lie elsewhere than it says";
    AID_IMAGES_GONE = "the images that it knows inside the volume at byte {start} are not there";
    AID_IMAGES_NEW = "it does not know of the images inside {volume}";
    AID_LACKS = "{volume}: what its file system says of the images is not kept: {why}";
    AID_NEEDED_ONE = "recovery partition {partition}: nothing else leads to {count} image any more. `lifeboat restore {image}` brings the volume back";
    AID_NEEDED_MANY = "recovery partition {partition}: nothing else leads to {count} images any more. `lifeboat restore {image}` brings the volume back";
    AID_NOTE = "recovery partition {partition}: {what}";
    AID_OTHERS_ONE = "What leads to the images of {count} other volume is in it, and is lost";
    AID_OTHERS_MANY = "What leads to the images of {count} other volumes is in it, and is lost";
    AID_RENEWAL = "`{command}` renews it";
    AID_SEALS = "the first sectors of {volume} (boot record or superblock) are others";
    AID_TABLE = "the partition table is another one than when it was written";
    AID_VOLUME_ONE = "{volume} ({count} image)";
    AID_VOLUME_MANY = "{volume} ({count} images)";

    THERE_UNFINISHED = "an unfinished restore";
    THERE_UNKNOWN = "something that Lifeboat does not know";
    USED_BY_LOOP = "the loop device {node} stands on it (`losetup -d {node}` takes it away)";
    STRANGER_ID = "its id was {was}, and is {now}";
    STRANGER_TYPE = "its type was {was}, and is {now}";

    LOOK_AMBIGUOUS = "signatures of several kinds are there at once: {kinds}";
    LOOK_BEHIND = "Its bookkeeping is behind what waits to be written: all clusters are taken";
    LOOK_CONTAINER_DAMAGED = "The container is damaged: {what}";
    LOOK_IMAGE_HOMELESS = "{name} lies in no clusters of its own, and will not be in the folder";
    LOOK_IMAGE_LAST = "This is the last image: the container goes with it";
    LOOK_IMAGE_OTHER_ID = "The image {name} was made when the volume had another id: it may be of another time of its life";
    LOOK_IMAGE_ZEROS_ONE = "{count} cluster could not be read when the image {name} was made: where no file was taken anew, it is zeros";
    LOOK_IMAGE_ZEROS_MANY = "{count} clusters could not be read when the image {name} was made: where no file was taken anew, they are zeros";
    LOOK_PATHS_GONE = "Not there any more; the image keeps them as empty directories: {paths}";
    LOOK_PATHS_NEW = "New in the image, with owner and rights by their directory there: {paths}";
    LOOK_PATHS_STREAMS = "Named streams are not taken; they stay as the image has them: {paths}";
    HELD_BY_BAD = "bad clusters";
    HELD_BY_NOBODY = "clusters of nobody";
    CONTAINER_DROP = "dropping the image {name}";
    CONTAINER_TIDY = "putting it in order at the volume's end";

    ENTRY_NOT_PUT_BACK = "The partition's entry in the disk's table is not put back: {why}";
    ENTRY_NO_SENSE = "what is kept of it makes no sense";
    ENTRY_MOVED = "the volume began at byte {was} of its disk, and begins at byte {now} of this one";
    ENTRY_OF_TABLE = "the disk's {kind} partition table, as it was kept with the images";
    ENTRY_OF_COPY = "the damaged copy of the disk's gpt partition table, from its other copy";
    ENTRY_OF_PARTITION = "the entry of partition {number} ({table}, from byte {start} on, {size})";

    WAITING_NAME = "a restore in place";
    WAITING_VOLUME = "a volume of {size}, half restored";
    WAITING_MARK = "the mark in the volume's first sector";
    WAITING_AGAIN = "{volume}: the restore of image {image} onto it was not finished. Run `lifeboat restore` again, with that image.";
    WAITING_NOTHING = "{volume}: there is nothing to resume.";
    WAITING_NOTHING_IN = "{path}: there is nothing to resume. Its job is at its end, or was never begun.";
    WAITING_CLOSED_ONE = "{count} journal (list) of a job that came to its end is there.";
    WAITING_CLOSED_MANY = "{count} journals (lists) of jobs that came to their end are there.";
    WAITING_NEWER_ONE = "{count} journal (list) was written by a newer Lifeboat: use that.";
    WAITING_NEWER_MANY = "{count} journals (lists) were written by a newer Lifeboat: use that.";
    WAITING_UNREAD = "{count} bytes could not be read.";
    WAITING_MANY = "{count} open journals (lists of interrupted jobs) were found; the newest is taken";
    WAITING_MOVED = "The job was begun where the volume began at byte {was} of its disk; here it begins at byte {now}";
}
