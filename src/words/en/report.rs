//! What a job says while it runs and when it has ended: progress, warnings, outcome, next steps.

words! {
    PROOF_BYTES = "every byte matched";
    PROOF_DIGESTS = "every digest matched";
    PROOF_NONE = "not done";
}
