//! Looking at files: a volume stays open while it is looked at, so that going from folder to folder is quick.

mod find;
mod list;
mod piece;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::{Kind, Result};
use crate::fs::FileSystem;
use crate::inventory::Address;
use crate::job::{self, ExtractRequest, Monitor};

use super::super::model::Trouble;
use super::super::msg::{FilesAnswer, FilesRequest, Measured};

type Open = fn(&Address, &Monitor) -> Result<Box<dyn FileSystem>>;

/// A volume that is open, and what it is.
type Session = Arc<Mutex<Option<(Address, Arc<dyn FileSystem>)>>>;

/// What is looked at.
#[derive(Default)]
pub(super) struct Browser {
    session: Session,
    /// The search that is under way; the next one ends it.
    finding: Option<Arc<Monitor>>,
}

impl Browser {
    /// What is to be done for a request; none for one that only ends something.
    pub(super) fn take(&mut self, open: Open, request: FilesRequest) -> Option<Work> {
        if !matches!(request, FilesRequest::List(..) | FilesRequest::Peek(..) | FilesRequest::Measure(_)) {
            self.stop_finding();
        }
        if matches!(request, FilesRequest::Open(..) | FilesRequest::Close) {
            // A new session, and not the old one emptied: whoever still waits for that one's disk keeps it.
            self.session = Session::default();
        }
        let monitor = Arc::new(Monitor::new());
        match &request {
            FilesRequest::Close | FilesRequest::StopFinding => return None,
            FilesRequest::Find(..) => self.finding = Some(Arc::clone(&monitor)),
            _ => {}
        }
        Some(Work { session: Arc::clone(&self.session), open, request, monitor })
    }

    /// Nobody looks any more.
    pub(super) fn close(&mut self) {
        self.stop_finding();
        self.session = Session::default();
    }

    fn stop_finding(&mut self) {
        if let Some(monitor) = self.finding.take() {
            monitor.cancel();
        }
    }
}

/// A request on its way.
pub(super) struct Work {
    session: Session,
    open: Open,
    request: FilesRequest,
    monitor: Arc<Monitor>,
}

impl Work {
    /// By which it is ended.
    pub(super) fn monitor(&self) -> Arc<Monitor> {
        Arc::clone(&self.monitor)
    }

    /// Gives the answer; `send` takes what comes before it.
    pub(super) fn carry_out(self, send: &dyn Fn(FilesAnswer)) -> Result<FilesAnswer, Trouble> {
        self.answer(send).map_err(|error| Trouble::from(&error))
    }

    fn answer(&self, send: &dyn Fn(FilesAnswer)) -> Result<FilesAnswer> {
        match &self.request {
            FilesRequest::Open(subject, folder) | FilesRequest::List(subject, folder) => {
                list::folder(&*self.volume(subject)?, folder).map(FilesAnswer::Folder)
            }
            FilesRequest::Find(subject, below, pattern) => {
                let volume = self.volume(subject)?;
                let found = find::search(volume.tree(), below, pattern, &self.monitor, send);
                match found {
                    // Nobody waits for more; what was found has been told.
                    Err(error) if error.kind() == Kind::Cancelled => Ok(FilesAnswer::Found(Default::default())),
                    found => found.map(FilesAnswer::Found),
                }
            }
            FilesRequest::Peek(subject, path, offset) => {
                piece::read(self.volume(subject)?.tree(), path, *offset).map(FilesAnswer::Piece)
            }
            FilesRequest::Measure(request) => self.measure(request).map(FilesAnswer::Measured),
            // These have no answer, and are not carried out.
            FilesRequest::StopFinding | FilesRequest::Close => Ok(FilesAnswer::Found(Default::default())),
        }
    }

    fn volume(&self, subject: &Address) -> Result<Arc<dyn FileSystem>> {
        let mut session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((address, volume)) = &*session
            && address == subject
        {
            return Ok(Arc::clone(volume));
        }
        let volume: Arc<dyn FileSystem> = Arc::from((self.open)(subject, &self.monitor)?);
        *session = Some((subject.clone(), Arc::clone(&volume)));
        Ok(volume)
    }

    fn measure(&self, request: &ExtractRequest) -> Result<Measured> {
        let volume = self.volume(&request.subject)?;
        let paths: Vec<PathBuf> = request.paths.iter().map(|path| Path::new("/").join(path)).collect();
        let amount = job::measure(volume.tree(), &paths, &*self.monitor)?;
        Ok(Measured { amount, free: free(&request.to) })
    }
}

/// Room in the file system of a folder, which need not be there yet.
fn free(folder: &Path) -> Option<u64> {
    let whole = std::path::absolute(folder).ok()?;
    let stat = whole.ancestors().find_map(|above| rustix::fs::statvfs(above).ok())?;
    stat.f_bavail.checked_mul(stat.f_frsize)
}

#[cfg(test)]
mod tests {
    use crate::fs::{Attributes, Entry, EntryKind};

    /// What a folder lists under that name.
    pub(super) fn entry(name: &str, kind: EntryKind) -> Entry {
        let attributes = Attributes::default();
        Entry { name: name.into(), kind, bytes: 1, modified: None, attributes, streams: Vec::new() }
    }
}
