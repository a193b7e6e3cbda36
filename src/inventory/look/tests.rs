use std::sync::atomic::AtomicUsize;
use std::sync::mpsc;

use super::*;

/// Writes down what it is told, and leaves out the disks that it was asked to.
#[derive(Default)]
struct Notes {
    heard: Mutex<Vec<String>>,
    skipped: Mutex<Vec<PathBuf>>,
}

impl Notes {
    fn note(&self, words: String) {
        self.heard.lock().unwrap().push(words);
    }
}

impl Observer for Notes {
    fn began(&self, disks: &[Disk]) {
        self.note(format!("{} disks", disks.len()));
    }

    fn reading(&self, disk: &Path, what: Reading) {
        self.note(format!("{}: {what}", disk.display()));
    }

    fn looked(&self, disk: &Disk) {
        self.note(format!("{} is known", disk.path.display()));
    }

    fn is_skipped(&self, disk: &Path) -> bool {
        self.skipped.lock().unwrap().iter().any(|path| path == disk)
    }
}

fn subjects_named(names: &[&str]) -> Vec<Subject> {
    names.iter().map(|name| Subject { path: name.into(), block: None }).collect()
}

fn observed() -> (Arc<Notes>, Arc<dyn Observer>) {
    let notes = Arc::new(Notes::default());
    (Arc::clone(&notes), notes)
}

#[test]
fn a_disk_that_hangs_is_left_out_and_holds_nobody_up() {
    let (notes, observer) = observed();
    let (release, held) = mpsc::channel::<()>();
    let held = Mutex::new(held);
    let late = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&late);
    let skipping = Arc::clone(&notes);
    let read = move |subject: &Subject, leash: &Leash| {
        leash.reading(Reading::Partition(2));
        if subject.path == Path::new("slow") {
            skipping.skipped.lock().unwrap().push("slow".into());
            // Hangs until the look has long ended.
            let _ = held.lock().unwrap().recv_timeout(Duration::from_secs(60));
            assert!(leash.is_cut(), "what was left out gets no more to read");
            counted.fetch_add(1, Ordering::SeqCst);
        }
        disk::bare(subject)
    };
    let disks = look_at_all(subjects_named(&["a", "slow", "b"]), &observer, &(Arc::new(read) as Read));
    assert_eq!(late.load(Ordering::SeqCst), 0, "its thread still hangs");
    let problems: Vec<_> = disks.iter().map(|disk| disk.problem.as_deref()).collect();
    assert_eq!(problems, [None, Some("skipped while being read: partition 2"), None]);
    let heard = notes.heard.lock().unwrap().clone();
    assert!(
        heard.contains(&"slow: partition 2".to_owned()) && heard.contains(&"slow is known".to_owned()),
        "{heard:?}"
    );
    release.send(()).unwrap();
    let until = Instant::now() + Duration::from_secs(60);
    while late.load(Ordering::SeqCst) == 0 {
        assert!(Instant::now() < until, "its thread never got to its end");
        thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(notes.heard.lock().unwrap().len(), heard.len(), "what comes too late is not told");
}

#[test]
fn disks_are_listed_in_their_order_and_a_panic_costs_one_of_them() {
    let (_, observer) = observed();
    let read = |subject: &Subject, _: &Leash| {
        assert!(subject.path != Path::new("b"), "a bug");
        disk::bare(subject)
    };
    let names = ["a", "b", "c", "d", "e", "f", "g"];
    let disks = look_at_all(subjects_named(&names), &observer, &(Arc::new(read) as Read));
    let listed: Vec<_> = disks.iter().map(|disk| disk.path.display().to_string()).collect();
    assert_eq!(listed, names);
    assert!(disks[1].problem.as_ref().is_some_and(|problem| problem.contains("bug")));
    assert!(disks.iter().enumerate().all(|(at, disk)| at == 1 || disk.problem.is_none()));
}

#[test]
fn no_more_disks_than_allowed_are_read_side_by_side() {
    let (_, observer) = observed();
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (counted, highest) = (Arc::clone(&now), Arc::clone(&most));
    let read = move |subject: &Subject, _: &Leash| {
        let reading = counted.fetch_add(1, Ordering::SeqCst) + 1;
        highest.fetch_max(reading, Ordering::SeqCst);
        thread::sleep(Duration::from_millis(5));
        counted.fetch_sub(1, Ordering::SeqCst);
        disk::bare(subject)
    };
    let names: Vec<String> = (0..40).map(|number| number.to_string()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    assert_eq!(look_at_all(subjects_named(&names), &observer, &(Arc::new(read) as Read)).len(), 40);
    assert!((1..=MAX_THREADS).contains(&most.load(Ordering::SeqCst)));
}

#[test]
fn a_file_is_described_before_it_is_read_and_known_afterwards() {
    let (notes, observer) = observed();
    let file = tempfile::NamedTempFile::new().unwrap();
    file.as_file().set_len(1 << 20).unwrap();
    let request = LookRequest { paths: vec![file.path().to_owned(), "/nowhere/at/all".into()], machine: false };
    let inventory = look_observed(&request, &observer);
    assert_eq!(inventory, look(&request));
    assert_eq!(inventory.disks[0].bytes, 1 << 20);
    assert!(inventory.disks[1].problem.is_some());
    let heard = notes.heard.lock().unwrap();
    assert_eq!(heard[0], "2 disks");
    assert!(heard.iter().any(|words| words.ends_with(": the search for images")), "{heard:?}");
}
