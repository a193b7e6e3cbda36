//! Who uses a disk, and how to free it.

words! {
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
    UNMOUNT_MEANS = "Nothing is lost: what is still to be written is written first.";
    UNMOUNT_LATER = "Its files cannot be reached at that place until it is mounted again.";
    UNMOUNT_USERS = "These use it, and as long as they do it is refused: {names}.";
    UNMOUNT_NEVER_FORCED = "It is never forced.";
    UNMOUNT_KEYS = "y  yes, unmount      n  no";
    UNMOUNTING = "Unmounting. What is still to be written is written first…";
    UNMOUNTED = "{place} was unmounted.";
    REFUSED_NOT_MOUNT = "Only a mount can be undone from here. What to do about this one stands below the list.";
    HELD_HINT = "Press m to see who uses it, and to free it.";
}
