//! What stands in the entry of a file or directory.

use super::super::directory::{ATTRIBUTES, RawEntry, timestamp};
use super::Report;
use crate::fs::Finding;
use crate::unit::ByteOffset;

/// OS/2 writes these, with spaces where no other name has them; fsck.fat knows them, too.
const OS2_NAMES: [&[u8; 11]; 2] = [b"EA DATA  SF", b"WP ROOT  SF"];
/// No system can name a file with one of these (fatgen103, "Short Directory Entries").
const FORBIDDEN: &[u8] = b"\"*/:<>?\\|";
/// These are forbidden by the specification, too, and systems read them.
const UNUSUAL: &[u8] = b"+,.;=[]";

/// Looks at the short name, the attributes and the times.
pub(super) fn check(entry: &RawEntry, offset: ByteOffset, path: &str, report: &mut Report) {
    check_name(&entry.name, offset, path, report);
    if entry.attributes & !ATTRIBUTES != 0 {
        let message = format!("expected attributes without the bits C0, found {:02X}", entry.attributes);
        report.add(Finding::warning("fat.entry.attributes", message).at(offset).of(path));
    }
    // Both fields may be 0: "not supported".
    if entry.date.get() != 0 && timestamp(entry.date.get(), entry.time.get()).is_none() {
        let message = format!(
            "expected the date and time of the last change, found {:04X} {:04X}, which no calendar has",
            entry.date.get(),
            entry.time.get()
        );
        report.add(Finding::note("fat.entry.time", message).at(offset).of(path));
    }
}

/// Eight and three bytes, each padded with spaces at its end; capitals, digits, bytes from 80 on (which depend on the
/// code page) and a few signs.
fn check_name(name: &[u8; 11], offset: ByteOffset, path: &str, report: &mut Report) {
    if OS2_NAMES.contains(&name) {
        return;
    }
    // A first byte of 05 stands for E5, which would mean "deleted".
    let first = usize::from(name[0] == 0x05);
    let bad = |byte: &u8| *byte < b' ' || *byte == 0x7F || FORBIDDEN.contains(byte);
    if let Some(byte) = name[first..].iter().find(|byte| bad(byte)).or((name[0] == b' ').then_some(&name[0])) {
        let message = format!("expected a short name that can be typed, found the byte {byte:02X} in it");
        report.add(Finding::error("fat.name.short", message).at(offset).of(path));
        return;
    }
    let (base, extension) = name.split_at(8);
    let gap = |part: &[u8]| part.windows(2).any(|pair| pair[0] == b' ' && pair[1] != b' ');
    let lower = name.iter().any(u8::is_ascii_lowercase);
    if lower || gap(base) || gap(extension) || name.iter().any(|byte| UNUSUAL.contains(byte)) {
        let message = "expected a short name of capitals, digits and a few signs, found another one";
        report.add(Finding::warning("fat.name.unusual", message).at(offset).of(path));
    }
}
