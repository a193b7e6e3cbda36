//! Users' names.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;

/// Users beyond this much of the list of users have no name here.
const MAX_BYTES: u64 = 1 << 20;

/// Users' names by their numbers, as far as the system has a list of them (`passwd(5)`).
#[must_use]
pub fn user_names() -> HashMap<u32, String> {
    let mut text = String::new();
    let read = File::open("/etc/passwd").and_then(|file| file.take(MAX_BYTES).read_to_string(&mut text));
    if read.is_err() {
        return HashMap::new();
    }
    let user = |line: &str| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        Some((fields.nth(1)?.parse().ok()?, name.to_owned()))
    };
    text.lines().filter_map(user).collect()
}
