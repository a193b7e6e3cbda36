//! What a plan says: headlines, numbers, steps, warnings, refusals.

words! {
    STEP_VERIFY_IMAGE = "Check every digest of the image";
    STEP_UNSEAL = "Mark the target as unfinished";
    STEP_WRITE_CLUSTERS = "Write the volume's used clusters";
    STEP_DISCARD_FREE = "Discard the target's unused clusters";
    STEP_ZERO_FREE = "Zero the target's unused clusters";
    STEP_SYNC_TARGET = "Wait until everything is on the medium";
    STEP_READ_BACK_TARGET = "Read the target back and compare";
    STEP_SEAL = "Write what makes the volume valid (boot record, superblock), and read it back";
    WARN_LOST_KNOWN = "What is on {target} now is lost: {there}";
    WARN_LOST = "What is on {target} now is lost";
}
