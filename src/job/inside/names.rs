//! Names of images: what stands behind the `/` of an address, and before the dot of an image's files.

use crate::error::{Error, Result};
use crate::image::Kind;
use crate::image::container::{ImageRecord, Toc, inter_name};

/// Longest name: FAT allows 255 with the extension, addresses should stay readable.
const MAX_CHARS: usize = 64;

/// Names that DOS and Windows keep for devices, whatever the extension (Microsoft, "Naming Files, Paths, and
/// Namespaces").
const DEVICES: [&str; 4] = ["con", "prn", "aux", "nul"];

/// A name as a file name on every file system: letters, digits, `-` and `_` stay, all else becomes `_`. (FAT and NTFS
/// forbid `" * / : < > ? \ |` and control characters; spaces and dots at the end get lost in Windows; a dot within would
/// look like a part's number.)
fn safe(name: &str) -> String {
    let plain = |c: char| if c.is_alphanumeric() || c == '-' || c == '_' { c } else { '_' };
    let name: String = name.trim().chars().take(MAX_CHARS).map(plain).collect();
    let lower = name.to_ascii_lowercase();
    let numbered = lower.len() == 4
        && (lower.starts_with("com") || lower.starts_with("lpt"))
        && lower.ends_with(|c: char| c.is_ascii_digit());
    if numbered || DEVICES.contains(&lower.as_str()) { format!("_{name}") } else { name }
}

/// The name of a new image: as asked for, made safe; else `factory` or `user`, with the first number that is free.
///
/// # Errors
/// `Refused`, when a name that was asked for is taken or empty.
pub(super) fn choose(asked: Option<&str>, kind: Kind, toc: Option<&Toc>) -> Result<String> {
    let taken = |name: &str| toc.is_some_and(|toc| toc.named(name).is_some() || has_files(toc, name));
    if let Some(asked) = asked {
        let name = safe(asked);
        if name.is_empty() {
            return Err(Error::refused("the image's name is empty").advise("Choose one with --name"));
        }
        if taken(&name) {
            return Err(Error::refused(format!("an image named {name} is inside already"))
                .advise("Choose another --name, or drop that image first: lifeboat drop"));
        }
        return Ok(name);
    }
    let stem = kind.name();
    let mut names = std::iter::once(stem.to_owned()).chain((2u32..).map(|number| format!("{stem}-{number}")));
    names.find(|name| !taken(name)).ok_or_else(|| Error::refused("all names are taken"))
}

/// The image that a name asked for means, if there is one.
pub(super) fn existing<'a>(asked: &str, toc: &'a Toc) -> Option<&'a ImageRecord> {
    toc.named(asked).or_else(|| toc.named(&safe(asked)))
}

/// True when a file of the container would be in the way of an image of this name.
fn has_files(toc: &Toc, name: &str) -> bool {
    toc.files
        .iter()
        .any(|file| file.name.rsplit_once('.').is_some_and(|(stem, _)| stem.to_lowercase() == name.to_lowercase()))
}

/// The name of the next table between images.
pub(super) fn next_inter(toc: &Toc) -> String {
    let taken = |name: &String| toc.files.iter().any(|file| file.name.eq_ignore_ascii_case(name));
    let mut names = (1u32..).map(inter_name);
    names.find(|name| !taken(name)).unwrap_or_default()
}

/// The name of a part's file.
pub(super) fn part(name: &str, number: u32) -> String {
    if number == 0 { format!("{name}.lbi") } else { format!("{name}.{number:03}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_file_names_on_every_file_system() {
        let name = |asked| choose(Some(asked), Kind::User, None);
        assert_eq!(name("before the update").unwrap(), "before_the_update");
        assert_eq!(name("a/b:c*?.x").unwrap(), "a_b_c___x");
        assert_eq!(name("Größe-1").unwrap(), "Größe-1");
        assert_eq!(name("NUL").unwrap(), "_NUL");
        assert_eq!(name("com1").unwrap(), "_com1");
        assert!(name("  ").is_err());
        assert_eq!(choose(None, Kind::Factory, None).unwrap(), "factory");
    }
}
