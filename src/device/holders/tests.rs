use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::super::discover::Roots;
use super::*;

/// A machine made of files: `sda` with a mounted partition, a swap partition and an LVM member whose volume is
/// mounted, a loop device on a file, and three processes.
struct Machine {
    dir: tempfile::TempDir,
}

impl Machine {
    fn new() -> Self {
        let machine = Self { dir: tempfile::tempdir().unwrap() };
        let sda = "sys/devices/ata1/block/sda";
        for (file, text) in [
            ("dev", "8:0"),
            ("size", "2048000"),
            ("sda1/partition", "1"),
            ("sda1/dev", "8:1"),
            ("sda1/start", "2048"),
            ("sda1/size", "4096"),
            ("sda2/partition", "2"),
            ("sda2/dev", "8:2"),
            ("sda2/start", "8192"),
            ("sda2/size", "4096"),
            ("sda3/partition", "3"),
            ("sda3/dev", "8:3"),
            ("sda3/start", "16384"),
            ("sda3/size", "8"),
            ("sda3/holders/dm-0/x", ""),
        ] {
            machine.write(&format!("{sda}/{file}"), text);
        }
        let dm = "sys/devices/virtual/block/dm-0";
        for (file, text) in [("dev", "253:0"), ("size", "8"), ("dm/name", "vg-home"), ("dm/uuid", "LVM-abc")] {
            machine.write(&format!("{dm}/{file}"), text);
        }
        let loop1 = "sys/devices/virtual/block/loop1";
        for (file, text) in [("dev", "7:1"), ("size", "64"), ("loop/backing_file", "/mnt/a b/disk.img")] {
            machine.write(&format!("{loop1}/{file}"), text);
        }
        fs::create_dir_all(machine.path("sys/block")).unwrap();
        for (name, to) in [("sda", sda), ("dm-0", dm), ("loop1", loop1)] {
            symlink(machine.path(to), machine.path("sys/block").join(name)).unwrap();
        }
        machine.mounts(
            "20 1 0:9 / / rw - tmpfs none rw\n21 1 8:1 / /mnt/a\\040b rw - ext4 /dev/sda1 rw\n\
             22 1 253:0 / /home rw - xfs DEV/dm-0 rw\n",
        );
        let swaps =
            format!("Filename\tType\n{}/dev/sda2 partition 1 0 -2\n/mnt/a\\040b/swap file 1 0 -3\n", machine.root());
        machine.write("proc/swaps", &swaps);
        symlink("77", machine.path("proc/self")).unwrap();
        machine
    }

    fn root(&self) -> String {
        self.dir.path().display().to_string()
    }

    fn path(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn mounts(&self, text: &str) {
        // `self` is a link to the process's own folder.
        self.write("proc/77/mountinfo", &text.replace("DEV", &format!("{}/dev", self.root())));
    }

    fn process(&self, pid: u32, name: &str, links: &[(&str, &str)], maps: &str) {
        self.write(&format!("proc/{pid}/comm"), &format!("{name}\n"));
        self.write(&format!("proc/{pid}/status"), "Name:\tx\nUid:\t1000\t1000\t1000\t1000\n");
        self.write(&format!("proc/{pid}/maps"), maps);
        fs::create_dir_all(self.path(&format!("proc/{pid}/fd"))).unwrap();
        for (link, to) in links {
            symlink(to, self.path(&format!("proc/{pid}/{link}"))).unwrap();
        }
    }

    fn roots(&self) -> Roots {
        Roots { sys: self.path("sys"), proc: self.path("proc"), dev: self.path("dev") }
    }

    /// What holds a part of `sda`, in short words.
    fn held(&self, part: Option<Part>) -> Vec<String> {
        let found = holders(&self.roots(), &self.path("dev/sda"), part);
        assert!(!found.is_cut);
        let root = self.root();
        found.list.iter().map(|holder| short(holder).replace(&root, "")).collect()
    }
}

fn short(holder: &Holder) -> String {
    let node = holder.node.display();
    match &holder.kind {
        HolderKind::Mount { place, file_system, inside, covered } => {
            format!("{node} at {} {file_system} {inside:?}{}", place.display(), if *covered { " covered" } else { "" })
        }
        HolderKind::Swap => format!("{node} swap"),
        HolderKind::Above { kind, name } => format!("{node} {kind:?} {name}"),
        HolderKind::Loop { file } => format!("{node} loop {}", file.display()),
        HolderKind::Process { pid, name, uid, files, place, is_self } => {
            let place = place.as_ref().map(|place| place.display().to_string());
            let own = if *is_self { " self" } else { "" };
            format!("{node} {name} {pid} {uid:?} {files:?} {place:?}{own}")
        }
    }
}

fn part(start: u64, len: u64) -> Option<Part> {
    Some((ByteOffset(start * 512), ByteLen(len * 512)))
}

#[test]
fn mounts_swap_and_what_stands_on_a_disk_are_told() {
    let machine = Machine::new();
    let whole = machine.held(None);
    assert_eq!(
        whole,
        [
            "/dev/sda1 at /mnt/a b ext4 []",
            "/mnt/a b/swap swap",
            "/dev/loop1 loop /mnt/a b/disk.img",
            "/dev/dm-0 at /home xfs []",
            "/dev/sda2 swap",
            "/dev/dm-0 Volume vg-home",
        ]
    );
    assert_eq!(machine.held(part(8192, 4096)), ["/dev/sda2 swap"], "only what lies in the part");
    assert_eq!(machine.held(part(0, 2048)), [""; 0]);
}

#[test]
fn programs_with_open_files_are_told_with_the_mount_that_they_keep() {
    let machine = Machine::new();
    let maps = "7f00-7f01 r-xp 00000000 08:01 12    /mnt/a b/lib.so\n7f02-7f03 rw-p 0 00:00 0    [heap]\n";
    let node = machine.path("dev/sda1").display().to_string();
    machine.process(5, "editor", &[("cwd", "/home/x"), ("fd/3", "/mnt/a b/text"), ("fd/4", "socket:[9]")], "");
    machine.process(6, "player", &[("cwd", "/"), ("fd/9", &node), ("exe", "/usr/bin/x")], maps);
    machine.process(7, "elsewhere", &[("cwd", "/mnt/a bc"), ("root", "/")], "");
    machine.process(77, "lifeboat", &[("cwd", "/mnt/a b"), ("fd/9", &node)], "");
    let held = machine.held(part(2048, 4096));
    assert_eq!(
        held,
        [
            "/dev/sda1 at /mnt/a b ext4 []",
            "/mnt/a b/swap swap",
            "/dev/loop1 loop /mnt/a b/disk.img",
            "/dev/sda1 editor 5 Some(1000) [\"/mnt/a b/text\"] Some(\"/mnt/a b\")",
            "/dev/sda1 player 6 Some(1000) [\"/mnt/a b/lib.so\"] Some(\"/mnt/a b\")",
            "/dev/sda1 lifeboat 77 Some(1000) [\"/mnt/a b\"] Some(\"/mnt/a b\") self",
            "/dev/sda1 player 6 Some(1000) [\"/dev/sda1\"] None",
        ]
    );
    let home = machine.held(part(16384, 8));
    assert!(home.iter().any(|line| line.contains("editor 5") && line.contains("/home")), "{home:?}");
}

#[test]
fn a_file_belongs_to_the_innermost_mount() {
    let machine = Machine::new();
    machine.mounts("21 1 8:1 / /m rw - ext4 /dev/sda1 rw\n22 1 0:30 / /m/in rw - tmpfs none rw\n");
    machine.process(5, "inner", &[("cwd", "/m/in/x")], "");
    machine.process(6, "outer", &[("cwd", "/m/x")], "");
    let held = machine.held(part(2048, 4096));
    assert_eq!(held[0], "/dev/sda1 at /m ext4 [\"/m/in\"]");
    assert!(held.len() == 2 && held[1].contains("outer 6"), "{held:?}");
}

/// Why this mount of partition 1 cannot be undone.
fn refusal(machine: &Machine, place: &str) -> String {
    let error = unmount(&machine.roots(), &machine.path("dev/sda"), part(2048, 4096), Path::new(place)).unwrap_err();
    assert_eq!(error.kind(), crate::error::Kind::Refused);
    error.to_string()
}

#[test]
fn what_is_used_covered_or_gone_is_not_unmounted() {
    let machine = Machine::new();
    machine.write("proc/swaps", "Filename\n");
    assert!(refusal(&machine, "/mnt/a b").contains("used by"), "a loop device stands on a file of it");
    assert!(refusal(&machine, "/home").contains("not mounted from there"));
    fs::remove_dir_all(machine.path("sys/devices/virtual/block/loop1")).unwrap();
    machine.process(5, "editor", &[("fd/3", "/mnt/a b/text")], "");
    assert!(refusal(&machine, "/mnt/a b").contains("used by editor (5)"));
    machine.mounts("21 1 8:1 / /mnt rw - ext4 /dev/sda1 rw\n22 1 0:8 / /mnt rw - tmpfs none rw\n");
    assert!(refusal(&machine, "/mnt").contains("mounted over"));
    machine.mounts("21 1 8:1 / /mnt rw - ext4 /dev/sda1 rw\n22 1 0:8 / /mnt/b rw - tmpfs none rw\n");
    assert!(refusal(&machine, "/mnt").contains("/mnt/b is mounted below"));
    machine.mounts("21 1 8:1 / / rw - ext4 /dev/sda1 rw\n");
    assert!(refusal(&machine, "/").contains("running system"));
}

#[test]
fn a_machine_that_tells_nothing_has_no_holders() {
    let roots = Roots { sys: "/nowhere".into(), proc: "/nowhere".into(), dev: "/nowhere".into() };
    assert_eq!(holders(&roots, Path::new("/nowhere/sda"), None), Holders::default());
}

#[test]
fn a_crowd_is_cut_and_says_so() {
    let machine = Machine::new();
    let count = u32::try_from(MAX_HOLDERS).unwrap() + 5;
    (100..100 + count).for_each(|pid| machine.process(pid, "crowd", &[("cwd", "/mnt/a b")], ""));
    let found = holders(&machine.roots(), &machine.path("dev/sda"), None);
    assert_eq!((found.list.len(), found.is_cut), (MAX_HOLDERS, true));
}
