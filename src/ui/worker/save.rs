//! Writing a report to a new file: never over one that is there, and on its medium before that is said.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use super::super::model::Trouble;
use super::super::text;

/// Writes the text to a new file. What could not be written whole is taken away again.
pub(super) fn save(path: &Path, content: &str) -> Result<PathBuf, Trouble> {
    let mut file = File::create_new(path).map_err(|error| trouble(path, &error))?;
    let written = file.write_all(content.as_bytes()).and_then(|()| file.sync_all());
    drop(file);
    if let Err(error) = written {
        // The write that failed is what is told of.
        let _ = fs::remove_file(path);
        return Err(trouble(path, &error));
    }
    // The name is on its medium once its folder is; some file systems cannot flush a folder, and have none to lose.
    let _ = File::open(folder_of(path)).and_then(|folder| folder.sync_all());
    Ok(fs::canonicalize(path).unwrap_or_else(|_| path.to_owned()))
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// What happened, and what to do. A place where no file can be is a refusal; anything else went wrong.
fn trouble(path: &Path, error: &io::Error) -> Trouble {
    let kind = if path.is_dir() { ErrorKind::IsADirectory } else { error.kind() };
    let (what, next) = text::save_trouble(kind, path, folder_of(path), error);
    Trouble { refused: is_refusal(kind), what, next: Some(next.to_owned()) }
}

/// Whether another place would do; else the medium has failed or is full.
fn is_refusal(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::AlreadyExists
            | ErrorKind::IsADirectory
            | ErrorKind::NotADirectory
            | ErrorKind::NotFound
            | ErrorKind::PermissionDenied
            | ErrorKind::ReadOnlyFilesystem
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_written_to_a_new_file_and_never_over_another() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("report.txt");
        assert_eq!(save(&path, "first\n").unwrap(), fs::canonicalize(&path).unwrap());
        let again = save(&path, "second\n").unwrap_err();
        assert!(again.refused && again.what.contains("already") && again.next.is_some(), "{again:?}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "first\n");
    }

    #[test]
    fn what_is_no_place_for_a_file_is_said_in_words() {
        let dir = tempfile::tempdir().unwrap();
        let folder = save(dir.path(), "x").unwrap_err();
        assert!(folder.refused && folder.what.contains("is a folder"), "{folder:?}");
        let gone = save(&dir.path().join("no/such/report.txt"), "x").unwrap_err();
        assert!(gone.refused && gone.what.contains("no such folder"), "{gone:?}");
        // Not even root writes there.
        let kernel = save(Path::new("/proc/self/report.txt"), "x").unwrap_err();
        assert!(kernel.next.is_some(), "{kernel:?}");
    }

    #[test]
    fn a_link_to_nowhere_is_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let link = dir.path().join("link.txt");
        std::os::unix::fs::symlink(dir.path().join("elsewhere.txt"), &link).unwrap();
        assert!(save(&link, "x").unwrap_err().what.contains("already"));
        assert!(!dir.path().join("elsewhere.txt").exists());
    }

    #[test]
    fn what_cannot_be_written_whole_is_not_called_saved() {
        let full = save(Path::new("/dev/full"), "x").unwrap_err();
        assert!(full.refused, "a device that is there is never written to: {full:?}");
    }
}
