//! Looks at the disks: what they are at goes to the screen, and what the screen will not wait for goes to them.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use crossbeam_channel::Sender;

use super::lock;
use super::watch::{Census, Watch};
use crate::inventory::{Disk, LookRequest, Observer, Reading};
use crate::ui::msg::{LookNews, Msg, Ticket};

/// The look that is under way, what is left out of it, and the watch for the next reason to look.
#[derive(Default)]
pub(super) struct Looks {
    present: Option<Arc<Looker>>,
    skipped: Arc<Mutex<Vec<PathBuf>>>,
    watch: Option<Watch>,
    /// Disks as they were last found.
    known: Arc<Mutex<Vec<Disk>>>,
}

impl Looks {
    /// Who watches the look that now begins. An earlier one waits for no disk any more: nobody wants its answer.
    pub(super) fn begin(
        &mut self,
        ticket: Ticket,
        request: &LookRequest,
        census: Census,
        messages: &Sender<Msg>,
    ) -> Arc<dyn Observer> {
        if self.watch.is_none() {
            self.watch = Watch::begin(request.clone(), census, messages.clone());
        }
        let looker = Looker {
            ticket,
            messages: messages.clone(),
            is_over: AtomicBool::new(false),
            skipped: Arc::clone(&self.skipped),
            known: Arc::clone(&self.known),
        };
        let looker = Arc::new(looker);
        if let Some(earlier) = self.present.replace(Arc::clone(&looker)) {
            earlier.is_over.store(true, Ordering::Relaxed);
        }
        looker
    }

    /// These disks are not to be waited for, in this look and those to come.
    pub(super) fn skip(&self, disks: Vec<PathBuf>) {
        *lock(&self.skipped) = disks;
    }

    /// The disks as the last looks have found them.
    pub(super) fn known(&self) -> Vec<Disk> {
        lock(&self.known).clone()
    }

    /// A job may change any disk: what is known of them counts no more, nor what a look under way has yet to tell.
    pub(super) fn forget(&mut self) {
        self.known = Arc::default();
    }
}

struct Looker {
    ticket: Ticket,
    messages: Sender<Msg>,
    is_over: AtomicBool,
    skipped: Arc<Mutex<Vec<PathBuf>>>,
    known: Arc<Mutex<Vec<Disk>>>,
}

impl Looker {
    fn tell(&self, news: LookNews) {
        // Nobody listens any more when the wizard was left meanwhile.
        let _ = self.messages.send(Msg::LookNews(self.ticket, news));
    }
}

impl Observer for Looker {
    fn began(&self, disks: &[Disk]) {
        self.tell(LookNews::Began(disks.to_vec()));
    }

    fn reading(&self, disk: &Path, what: Reading) {
        self.tell(LookNews::Reading(disk.to_owned(), what));
    }

    fn looked(&self, disk: &Disk) {
        if !self.is_over.load(Ordering::Relaxed) {
            let mut known = lock(&self.known);
            known.retain(|earlier| earlier.path != disk.path);
            known.push(disk.clone());
        }
        self.tell(LookNews::Disk(Box::new(disk.clone())));
    }

    fn is_skipped(&self, disk: &Path) -> bool {
        self.is_over.load(Ordering::Relaxed) || lock(&self.skipped).iter().any(|skipped| skipped == disk)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_is_known_as_it_was_last_found_until_a_job_begins() {
        let (sender, _messages) = crossbeam_channel::unbounded();
        let mut looks = Looks::default();
        let disk = |bytes| Disk { path: "a".into(), bytes, ..Disk::default() };
        let older = looks.begin(1, &LookRequest::default(), |_| Vec::new(), &sender);
        older.looked(&disk(1));
        let newer = looks.begin(2, &LookRequest::default(), |_| Vec::new(), &sender);
        newer.looked(&disk(2));
        older.looked(&disk(1));
        assert_eq!(looks.known(), [disk(2)]);
        looks.forget();
        newer.looked(&disk(2));
        assert_eq!(looks.known(), [], "a look that began before the job may have seen what is no more");
        let newest = looks.begin(3, &LookRequest::default(), |_| Vec::new(), &sender);
        newest.looked(&disk(3));
        assert_eq!(looks.known(), [disk(3)]);
    }

    #[test]
    fn a_newer_look_ends_the_waiting_of_the_older_one() {
        let (sender, messages) = crossbeam_channel::unbounded();
        let mut looks = Looks::default();
        let older = looks.begin(1, &LookRequest::default(), |_| Vec::new(), &sender);
        assert!(!older.is_skipped(Path::new("a")));
        looks.skip(vec!["a".into()]);
        assert!(older.is_skipped(Path::new("a")) && !older.is_skipped(Path::new("b")));
        let newer = looks.begin(2, &LookRequest::default(), |_| Vec::new(), &sender);
        assert!(older.is_skipped(Path::new("b")), "nobody waits for the older one");
        assert!(newer.is_skipped(Path::new("a")) && !newer.is_skipped(Path::new("b")));
        newer.reading(Path::new("b"), Reading::Partition(3));
        let Ok(Msg::LookNews(2, LookNews::Reading(path, what))) = messages.try_recv() else {
            panic!("it was to be told")
        };
        assert_eq!((path.as_path(), what), (Path::new("b"), Reading::Partition(3)));
    }
}
