//! The browser on real volumes and their images: what it lists is what other tools list, what it shows and copies out is
//! what was put in.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::Receiver;
use lifeboat::inventory::Address;
use lifeboat::job::{self, ExtractRequest, Monitor, Outcome, Report};
use lifeboat::plan::{BackupRequest, ImageTarget};
use lifeboat::ui::msg::{Effect, FilesAnswer, FilesRequest, FoundBatch, Measured, Msg, Piece};
use lifeboat::ui::worker::{Library, Worker};

use super::oracle::sh;

const LONG_NAME: &str = "A name that is longer than eight and three.text";

/// Fills `m`: a long name, a file of several pieces, folders, an empty file.
const FILL: &str = "mkdir -p m/Folder/deep/deeper m/empty
    seq 60000 > m/Folder/numbers.txt
    printf 'Gr\\303\\274\\303\\237e\\n' > m/Folder/deep/deeper/Letter.TXT
    printf 'x' > 'm/A name that is longer than eight and three.text'
    : > m/nothing
    find m -exec touch -h -d '2026-01-02 03:04:06 UTC' {} +";

/// A worker with the real library.
struct Bench {
    dir: tempfile::TempDir,
    worker: Worker,
    messages: Receiver<Msg>,
    ticket: u64,
}

impl Bench {
    fn new(script: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        sh(dir.path(), &format!("{FILL}\n{script}"));
        let (sender, messages) = crossbeam_channel::unbounded();
        Self { dir, worker: Worker::new(Library::real(), sender), messages, ticket: 0 }
    }

    fn subject(&self, file: &str) -> Address {
        Address::Whole(self.dir.path().join(file))
    }

    /// The volume, and an image of it.
    fn subjects(&self) -> [Address; 2] {
        let target = self.dir.path().join("v.lbi");
        let request = BackupRequest::new(self.subject("v.img"), ImageTarget::File(target));
        let monitor = Arc::new(Monitor::new());
        let report = job::run(&job::plan_backup(&request, &monitor).unwrap(), &monitor);
        assert_eq!(report.outcome, Outcome::Done, "{report:?}");
        [self.subject("v.img"), self.subject("v.lbi")]
    }

    fn next(&self) -> Msg {
        self.messages.recv_timeout(Duration::from_secs(60)).expect("an answer comes")
    }

    fn ask(&mut self, request: FilesRequest) -> FilesAnswer {
        self.ticket += 1;
        self.worker.carry_out(Effect::Files(self.ticket, request));
        match self.next() {
            Msg::Files(ticket, answer) if ticket == self.ticket => answer.unwrap(),
            other => panic!("{other:?}"),
        }
    }

    /// The names in a folder, folders with `/`, streams as `file:stream`.
    fn names(&mut self, subject: &Address, folder: &str) -> BTreeSet<String> {
        match self.ask(FilesRequest::List(subject.clone(), folder.into())) {
            FilesAnswer::Folder(view) => view
                .rows
                .iter()
                .map(|row| row.name.to_string_lossy().into_owned() + if row.is_folder() { "/" } else { "" })
                .collect(),
            other => panic!("{other:?}"),
        }
    }

    fn find(&mut self, subject: &Address, pattern: &str) -> Vec<PathBuf> {
        self.ticket += 1;
        let request = FilesRequest::Find(subject.clone(), "/".into(), pattern.into());
        self.worker.carry_out(Effect::Files(self.ticket, request));
        let mut found = Vec::new();
        loop {
            let Msg::Files(_, Ok(FilesAnswer::Found(FoundBatch { hits, ended, .. }))) = self.next() else {
                panic!("a batch was expected")
            };
            found.extend(hits.into_iter().map(|hit| hit.folder.join(hit.row.name)));
            if ended {
                found.sort();
                return found;
            }
        }
    }

    fn piece(&mut self, subject: &Address, path: &str, offset: u64) -> Piece {
        match self.ask(FilesRequest::Peek(subject.clone(), path.into(), offset)) {
            FilesAnswer::Piece(piece) => piece,
            other => panic!("{other:?}"),
        }
    }

    fn measure(&mut self, request: &ExtractRequest) -> Measured {
        match self.ask(FilesRequest::Measure(Box::new(request.clone()))) {
            FilesAnswer::Measured(measured) => measured,
            other => panic!("{other:?}"),
        }
    }

    fn extract(&mut self, request: &ExtractRequest) -> Report {
        self.worker.carry_out(Effect::Extract(Box::new(request.clone())));
        match self.next() {
            Msg::Finished(report) => report,
            other => panic!("{other:?}"),
        }
    }

    fn request(&self, subject: &Address, paths: &[&str], to: &str) -> ExtractRequest {
        let paths = paths.iter().map(PathBuf::from).collect();
        ExtractRequest { subject: subject.clone(), paths, to: self.dir.path().join(to), overwrite: false }
    }

    /// What holds of every volume that was filled with [`FILL`], and of its image.
    fn prove(&mut self, root: &[&str], extra: &str) {
        let root: BTreeSet<String> = root.iter().map(|name| (*name).to_owned()).collect();
        let numbers = fs::read(self.dir.path().join("m/Folder/numbers.txt")).unwrap();
        for (index, subject) in self.subjects().into_iter().enumerate() {
            assert_eq!(self.names(&subject, "/"), root, "{subject}");
            assert_eq!(
                self.names(&subject, "/Folder"),
                ["deep/", "numbers.txt"].map(str::to_owned).into(),
                "{subject}"
            );
            assert_eq!(self.find(&subject, "letter"), [Path::new("/Folder/deep/deeper/Letter.TXT")], "{subject}");
            assert_eq!(self.find(&subject, "*.t?xt"), [Path::new("/").join(LONG_NAME)], "{subject}");
            for offset in [0, 4096, 131_072, 262_144, 1 << 40] {
                let piece = self.piece(&subject, "/Folder/numbers.txt", offset);
                let from = (offset as usize).min(numbers.len());
                let to = (from + (64 << 10)).min(numbers.len());
                assert_eq!(piece.bytes[..], numbers[from..to], "{subject} from byte {offset}");
            }
            let request = self.request(&subject, &["/"], &format!("out{index}"));
            let amount = self.measure(&request).amount;
            let report = self.extract(&request);
            assert_eq!(report.outcome, Outcome::Done, "{report:?}");
            let files = &report.facts.iter().find(|(name, _)| name == "Files").unwrap().1;
            assert!(files.starts_with(&format!("{}, ", amount.files)), "{files}: {amount:?}");
            let compare = "find . -type f -printf '%P %s %T@ ' -exec sh -c 'sha256sum <\"$1\"' - {} \\; | sort";
            sh(
                self.dir.path(),
                &format!(
                    "{extra}
                     (cd m; {compare}) > expected; (cd out{index}; rm -rf lost+found; {compare}) > got
                     test -s expected; diff expected got"
                ),
            );
            let again = self.extract(&self.request(&subject, &["/Folder/numbers.txt"], &format!("out{index}/Folder")));
            assert_eq!(again.outcome, Outcome::Refused, "a file that is there is not overwritten: {again:?}");
        }
    }
}

#[test]
fn a_fat_volume_is_listed_as_mdir_does_and_copied_out_whole() {
    let mut bench = Bench::new("truncate -s 8M v.img; mkfs.fat -n BOAT v.img >/dev/null; mcopy -s -m -i v.img m/* ::/");
    let listed = sh(bench.dir.path(), "TZ=UTC mdir -b -i v.img ::/ | sed 's,^::/,,'");
    let listed: Vec<&str> = listed.lines().collect();
    assert!(listed.contains(&LONG_NAME) && listed.contains(&"Folder/"), "{listed:?}");
    // FAT keeps local times, in steps of two seconds: they are not the host's, and stay out of the comparison.
    bench.prove(&listed, "find m out* -exec touch -h -d @0 {} +");
}

#[test]
fn an_ntfs_volume_is_listed_as_ntfsls_does_with_its_streams() {
    let mut bench = Bench::new(
        "truncate -s 16M v.img; mkntfs -q -F -L BOAT v.img >/dev/null; mkdir n
         ntfs-3g -o streams_interface=windows v.img n; cp -a m/. n/; printf 'kept beside' > n/nothing:origin
         touch -d '2026-01-02 03:04:06 UTC' n/nothing n; umount n
         for _ in $(seq 50); do ntfsinfo -m v.img >/dev/null 2>&1 && break; sleep 0.1; done
         printf 'kept beside' > m/nothing:origin; touch -d '2026-01-02 03:04:06 UTC' m/nothing:origin m",
    );
    let listed = sh(bench.dir.path(), "ntfsls -F v.img | grep -v '^\\.'");
    let mut listed: Vec<&str> = listed.lines().collect();
    assert!(listed.contains(&LONG_NAME) && listed.contains(&"Folder/"), "{listed:?}");
    listed.push("nothing:origin");
    bench.prove(&listed, ":");
    let subject = bench.subject("v.img");
    assert_eq!(bench.piece(&subject, "/nothing:origin", 0).bytes[..], b"kept beside"[..]);
    assert_eq!(bench.piece(&subject, "/nothing:origin", 5).bytes[..], b"beside"[..]);
}

#[test]
fn an_ext_volume_is_listed_as_debugfs_does_with_its_links() {
    let mut bench =
        Bench::new("ln -s Folder/numbers.txt m/link; ln -s /etc m/away; mke2fs -q -t ext4 -L BOAT -d m v.img 8M");
    let listed = sh(
        bench.dir.path(),
        "debugfs -R 'ls -p /' v.img 2>/dev/null |
         awk -F/ 'NF > 5 && $6 != \".\" && $6 != \"..\" { print $6 ($3 ~ /^04/ ? \"/\" : \"\") }'",
    );
    let listed: Vec<&str> = listed.lines().collect();
    assert!(listed.contains(&LONG_NAME) && listed.contains(&"link") && listed.contains(&"lost+found/"), "{listed:?}");
    bench.prove(&listed, ":");
    let script = "test \"$(readlink out0/link)\" = Folder/numbers.txt; test \"$(readlink out1/away)\" = /etc";
    sh(bench.dir.path(), script);
}

#[test]
fn folders_nested_deeper_than_a_threads_stack_are_copied_out() {
    let mut bench = Bench::new(
        "truncate -s 64M v.img; mke2fs -q -t ext4 -N 4000 v.img
         path=; { for _ in $(seq 700); do path=$path/d; echo \"mkdir $path\"; done; echo \"write m/nothing $path/last\"; } > deep
         debugfs -w -f deep v.img >/dev/null 2>&1",
    );
    let subject = bench.subject("v.img");
    assert_eq!(bench.find(&subject, "last").len(), 1);
    // Each folder on the way is open: what the system gives may not be enough, and is said, not died of.
    let report = bench.extract(&bench.request(&subject, &["/"], "out"));
    assert!(matches!(report.outcome, Outcome::Done | Outcome::DoneWithWarnings), "{report:?}");
    sh(bench.dir.path(), "test $(find out -type d -name d | wc -l) -ge 500");
}

#[test]
fn a_copy_is_cancelled_between_blocks_and_leaves_no_half_file() {
    let bench = Bench::new(
        "head -c 30000000 /dev/urandom > m/big; truncate -s 64M v.img; mkfs.fat v.img >/dev/null; mcopy -s -i v.img m/* ::/",
    );
    let request = bench.request(&bench.subject("v.img"), &["/big"], "out");
    let monitor = Arc::new(Monitor::new());
    let report = std::thread::scope(|scope| {
        let job = scope.spawn(|| job::extract_files(&request, &monitor));
        while !job.is_finished() && monitor.sample().overall().0 == 0 {
            std::thread::yield_now();
        }
        monitor.cancel();
        job.join().unwrap()
    });
    if report.outcome == Outcome::Done {
        return; // Copied before the wish was heard.
    }
    assert_eq!(report.outcome, Outcome::Cancelled, "{report:?}");
    assert_eq!(fs::read_dir(&request.to).unwrap().count(), 0);
}

#[test]
fn progress_counts_what_is_copied() {
    let bench = Bench::new("truncate -s 8M v.img; mkfs.fat v.img >/dev/null; mcopy -s -i v.img m/* ::/");
    let monitor = Arc::new(Monitor::new());
    let report = job::extract_files(&bench.request(&bench.subject("v.img"), &["/"], "out"), &monitor);
    assert_eq!(report.outcome, Outcome::Done);
    let progress = monitor.sample();
    let bytes: u64 = fs::metadata(bench.dir.path().join("m/Folder/numbers.txt")).unwrap().len() + 8 + 1;
    assert_eq!((progress.steps.len(), progress.steps[1].step.bytes, progress.steps[1].done), (3, bytes, bytes));
}
