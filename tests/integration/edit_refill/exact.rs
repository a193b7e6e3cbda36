//! Single cases, each with what exactly must come out.
