//! Watches for disks that come and go. Every two seconds it reads what the kernel tells of them, never the disks.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crossbeam_channel::Sender;

use crate::device::discover::{self, BlockDisk, Roots};
use crate::inventory::LookRequest;
use crate::ui::msg::Msg;

/// How often it is asked what there is.
const EVERY: Duration = Duration::from_secs(2);

/// What there is to look at, in words that differ when something has changed. Cheap, and reads no disk.
pub(super) type Census = fn(&LookRequest) -> Vec<String>;

/// A watch that goes on until it is dropped.
pub(super) struct Watch {
    is_over: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Watch {
    /// Tells through `messages` whenever the census changes. Without a thread to be had, nobody watches: then `r` still
    /// looks again.
    pub(super) fn begin(request: LookRequest, census: Census, messages: Sender<Msg>) -> Option<Self> {
        Self::every(EVERY, request, census, messages)
    }

    fn every(pause: Duration, request: LookRequest, census: Census, messages: Sender<Msg>) -> Option<Self> {
        let is_over = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&is_over);
        let watch = move || {
            let mut known = census(&request);
            loop {
                thread::park_timeout(pause);
                if told.load(Ordering::Relaxed) {
                    return;
                }
                let now = census(&request);
                if now != known {
                    known = now;
                    if messages.send(Msg::DisksChanged).is_err() {
                        return;
                    }
                }
            }
        };
        let thread = thread::Builder::new().name("lifeboat-watch".to_owned()).spawn(watch).ok()?;
        Some(Self { is_over, thread })
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        self.thread.thread().unpark();
    }
}

/// The disks of this machine, or the named files and disks.
pub(super) fn census(request: &LookRequest) -> Vec<String> {
    census_of(request, &Roots::default())
}

fn census_of(request: &LookRequest, roots: &Roots) -> Vec<String> {
    let disks = discover::disks(roots);
    let mut words = Vec::new();
    if request.machine {
        words.extend(disks.iter().map(|disk| of_disk(disk, roots)));
    }
    for path in &request.paths {
        words.push(of_path(path));
        words.extend(discover::named(&disks, path).map(|(disk, _)| of_disk(disk, roots)));
        words.extend(discover::loops_on(&disks, path).into_iter().map(|(disk, _)| of_disk(disk, roots)));
        words.extend(discover::mounts_of_file(roots, path).iter().map(|place| place.display().to_string()));
    }
    words
}

/// All that sysfs tells of a disk, and the kernel's count of media: another stick in the same slot may look the same.
fn of_disk(disk: &BlockDisk, roots: &Roots) -> String {
    let medium = fs::read_to_string(roots.sys.join("block").join(&disk.name).join("diskseq")).unwrap_or_default();
    format!("{disk:?} {medium}")
}

/// Which file it is, how long, and whether it may be written. Not when it was changed: a job changes it all the time.
fn of_path(path: &Path) -> String {
    match path.metadata() {
        Ok(facts) => format!("{path:?} {} {} {} {:o}", facts.dev(), facts.ino(), facts.len(), facts.mode()),
        Err(error) => format!("{path:?} {:?}", error.kind()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;

    #[test]
    fn a_named_file_that_appears_grows_or_vanishes_changes_the_census() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("disk.img");
        let request = LookRequest { paths: vec![path.clone()], machine: false };
        let absent = census(&request);
        fs::write(&path, [0; 512]).unwrap();
        let small = census(&request);
        fs::write(&path, [1; 512]).unwrap();
        assert_eq!(census(&request), small, "other bytes are no other disk");
        fs::write(&path, [0; 1024]).unwrap();
        let large = census(&request);
        fs::remove_file(&path).unwrap();
        assert_eq!(census(&request), absent);
        assert!(absent != small && small != large);
    }

    #[test]
    fn a_disk_that_is_plugged_in_mounted_or_changed_for_another_changes_the_census() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let roots = Roots { sys: at("sys"), proc: at("proc"), dev: at("dev") };
        let put = |name: &str, text: &str| {
            fs::create_dir_all(at(name).parent().unwrap()).unwrap();
            fs::write(at(name), text).unwrap();
        };
        put("proc/self/mountinfo", "");
        fs::create_dir_all(at("sys/block")).unwrap();
        let request = LookRequest { paths: Vec::new(), machine: true };
        let mut seen = vec![census_of(&request, &roots)];
        put("sys/block/sdz/size", "2048\n");
        put("sys/block/sdz/dev", "8:400\n");
        seen.push(census_of(&request, &roots));
        put("sys/block/sdz/diskseq", "7\n");
        seen.push(census_of(&request, &roots));
        put("proc/self/mountinfo", "36 35 8:400 / /mnt rw - ext4 /dev/sdz rw\n");
        seen.push(census_of(&request, &roots));
        for (at, one) in seen.iter().enumerate() {
            assert!(seen[..at].iter().all(|other| other != one), "{at}: {one:?}");
        }
        assert_eq!(census_of(&request, &roots), seen[3]);
    }

    #[test]
    fn a_change_is_told_once() {
        static CALLS: AtomicUsize = AtomicUsize::new(0);
        let (sender, messages) = crossbeam_channel::unbounded();
        let census: Census = |_| vec![(CALLS.fetch_add(1, Ordering::SeqCst) > 1).to_string()];
        let watch = Watch::every(Duration::from_millis(1), LookRequest::default(), census, sender).unwrap();
        assert!(matches!(messages.recv_timeout(Duration::from_secs(60)), Ok(Msg::DisksChanged)));
        let calls = CALLS.load(Ordering::SeqCst);
        while CALLS.load(Ordering::SeqCst) < calls + 5 {
            thread::yield_now();
        }
        assert!(messages.try_recv().is_err(), "nothing has changed since");
        drop(watch);
        assert!(messages.recv_timeout(Duration::from_secs(60)).is_err_and(|error| error.is_disconnected()));
    }
}
