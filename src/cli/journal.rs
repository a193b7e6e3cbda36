//! The log file: the plan and every step of a job, for the day after. A log that cannot be opened is said and
//! is no reason to stop: whoever rescues a machine may have no place to write to.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// A log longer than this (8 MiB) is put aside as `lifeboat.log.1` before the next job.
const LONG_BYTES: u64 = 8 << 20;

/// Opens the log, at `path` or in the state directory; gives where it is, when it is there. Later calls change nothing.
pub(super) fn open(path: Option<&Path>) -> Option<PathBuf> {
    let (wanted, named) = match path {
        Some(path) => (Some(path.to_owned()), true),
        None => (default_path(), false),
    };
    let path = wanted?;
    match append(&path, named) {
        Ok(file) => {
            let subscriber =
                tracing_subscriber::fmt().with_writer(Mutex::new(file)).with_ansi(false).with_target(false).finish();
            // A second log in one process would be a test's; the first one stays.
            let _ = tracing::subscriber::set_global_default(subscriber);
            let command: Vec<String> = std::env::args_os().map(|arg| arg.to_string_lossy().into_owned()).collect();
            tracing::info!("lifeboat {}, process {}: {command:?}", env!("CARGO_PKG_VERSION"), std::process::id());
            Some(path)
        }
        Err(error) if named => {
            super::Console::new(false).say(&format!("lifeboat: no log: {}: {error}", path.display()));
            None
        }
        Err(_) => None,
    }
}

fn append(path: &Path, named: bool) -> io::Result<File> {
    if !named {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        if fs::metadata(path).is_ok_and(|metadata| metadata.len() > LONG_BYTES) {
            fs::rename(path, path.with_extension("log.1"))?;
        }
    }
    if fs::metadata(path).is_ok_and(|metadata| metadata.file_type().is_block_device()) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "that is a disk; a log would damage what is on it"));
    }
    OpenOptions::new().create(true).append(true).open(path)
}

/// `$XDG_STATE_HOME/lifeboat`, else `/var/log/lifeboat` for root and `~/.local/state/lifeboat` for others.
fn default_path() -> Option<PathBuf> {
    let folder = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let state = match folder("XDG_STATE_HOME") {
        Some(state) => state,
        None if rustix::process::geteuid().is_root() => "/var/log".into(),
        None => folder("HOME")?.join(".local/state"),
    };
    Some(state.join("lifeboat").join("lifeboat.log"))
}
