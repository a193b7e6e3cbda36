//! Who uses a mounted volume, on the real kernel: an ext4 image on a loop device, with a program in it.

use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use lifeboat::device::discover::Roots;
use lifeboat::device::{HolderKind, holders, unmount};
use lifeboat::error::Kind;

/// A volume in a file, mounted; unmounted whatever happens.
struct Mounted {
    dir: tempfile::TempDir,
}

impl Mounted {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let script = "truncate -s 8M v.img && mke2fs -q -F -t ext4 v.img && mkdir m && mount -o loop v.img m";
        let done = Command::new("sh").args(["-ec", script]).current_dir(dir.path()).status().unwrap();
        assert!(done.success());
        Self { dir }
    }

    fn image(&self) -> PathBuf {
        self.dir.path().join("v.img")
    }

    fn place(&self) -> PathBuf {
        self.dir.path().canonicalize().unwrap().join("m")
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-q").arg(self.place()).status();
    }
}

/// A program that does nothing, ended whatever happens.
struct Sleeper(Child);

impl Sleeper {
    fn inside(place: &Path) -> Self {
        Self(Command::new("sleep").arg("120").current_dir(place).spawn().unwrap())
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_mounted_volume_is_told_with_its_user_and_freed_after_that_has_ended() {
    let volume = Mounted::new();
    let (image, place, roots) = (volume.image(), volume.place(), Roots::default());
    let sleeper = Sleeper::inside(&place);
    let pid = sleeper.0.id();

    let found = holders(&roots, &image, None).list;
    let is_mount = |kind: &HolderKind| matches!(kind, HolderKind::Mount { place: at, file_system, .. } if *at == place && file_system == "ext4");
    assert!(found.iter().any(|holder| is_mount(&holder.kind)), "{found:#?}");
    assert!(found.iter().any(|holder| matches!(&holder.kind, HolderKind::Loop { file } if file.ends_with("v.img"))));
    let user = found.iter().find_map(|holder| match &holder.kind {
        HolderKind::Process { pid: at, name, place: Some(kept), uid, .. } if *at == pid => Some((name, kept, uid)),
        _ => None,
    });
    assert_eq!(user, Some((&"sleep".to_owned(), &place, &Some(own_uid()))), "{found:#?}");

    let refused = unmount(&roots, &image, None, &place).unwrap_err();
    assert_eq!(refused.kind(), Kind::Refused);
    assert!(refused.to_string().contains(&format!("sleep ({pid})")), "{refused}");
    assert!(is_mountpoint(&place), "a refusal changes nothing");

    drop(sleeper);
    unmount(&roots, &image, None, &place).unwrap();
    assert!(!is_mountpoint(&place));
    let left = holders(&roots, &image, None).list;
    assert!(!left.iter().any(|holder| is_mount(&holder.kind)), "{left:#?}");
    let again = unmount(&roots, &image, None, &place).unwrap_err();
    assert!(again.to_string().contains("not mounted"), "{again}");
}

fn own_uid() -> u32 {
    rustix::process::getuid().as_raw()
}

fn is_mountpoint(place: &Path) -> bool {
    Command::new("mountpoint").arg("-q").arg(place).status().unwrap().success()
}
