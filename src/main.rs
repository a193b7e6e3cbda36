//! Arguments → terminal guard → run → exit code. No logic.

fn main() {}
