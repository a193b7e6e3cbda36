//! What is not filled anew, by name.
