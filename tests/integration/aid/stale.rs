//! An aid that is older than the disk never wins over what is newer.

use lifeboat::image::Kind;
use lifeboat::image::container::Role;

use super::stage::{START, Stage};

#[test]
fn an_old_aid_wins_over_nothing_and_brings_nothing_dropped_back() {
    let stage = Stage::make("ext4", "gpt");
    stage.says(&["aid", "disk.img", "--to", "old.lba"], 0);
    stage.back_up(Kind::User);
    let toc = stage.toc();
    let how = |images: &[(String, String, bool)]| -> Vec<(String, String)> {
        let name = |address: &str| address.rsplit('/').next().unwrap().to_owned();
        let mut how: Vec<_> = images.iter().map(|(address, by, _)| (name(address), by.clone())).collect();
        how.sort();
        how
    };
    let pair = |factory: &str, user: &str| {
        vec![("factory".to_owned(), factory.to_owned()), ("user".to_owned(), user.to_owned())]
    };
    assert_eq!(how(&stage.images(&["--aid", "old.lba"])), pair("file-system", "file-system"));
    let healthy = std::fs::read(&stage.disk).unwrap();

    // Tables of contents are left: both images by them.
    stage.zero(START, 4 << 20);
    assert_eq!(how(&stage.images(&["--aid", "old.lba"])), pair("toc", "toc"));

    // Not even those: the aid knows of one image, its own records tell of the other.
    std::fs::write(&stage.disk, &healthy).unwrap();
    stage.zero_all_but(&toc, &[]);
    let found = stage.images(&["--aid", "old.lba"]);
    assert_eq!(how(&found), pair("aid", "scavenged"), "{found:?}");

    // The image is not where the aid says: it is not taken for it.
    std::fs::write(&stage.disk, &healthy).unwrap();
    stage.zero_all_but(&toc, &[]);
    let factory = toc.named("factory").unwrap().image_id;
    let parts = toc.files.iter().filter(|file| matches!(file.role, Role::Part { image, .. } if image == factory));
    for run in parts.flat_map(|file| &file.runs) {
        stage.zero(START + run.offset.0, run.len.0);
    }
    let found = stage.images(&["--aid", "old.lba"]);
    assert!(found.iter().all(|(address, ..)| !address.ends_with("/factory")), "{found:?}");

    // Dropped since: it stays dropped.
    std::fs::write(&stage.disk, &healthy).unwrap();
    stage.says(&["aid", "disk.img", "--to", "both.lba"], 0);
    stage.says(&["drop", "disk.img:1/user", "--yes"], 0);
    let only = [("factory".to_owned(), "file-system".to_owned())];
    assert_eq!(how(&stage.images(&["--aid", "both.lba"])), only);
    // Even where its bytes are still whole.
    let user = toc.named("user").unwrap().image_id;
    let parts = toc.files.iter().filter(|file| matches!(file.role, Role::Part { image, .. } if image == user));
    let disk = std::fs::OpenOptions::new().write(true).open(&stage.disk).unwrap();
    for run in parts.flat_map(|file| &file.runs) {
        let (at, len) = (START + run.offset.0, run.len.0);
        std::os::unix::fs::FileExt::write_all_at(&disk, &healthy[at as usize..][..len as usize], at).unwrap();
    }
    assert_eq!(how(&stage.images(&["--aid", "both.lba"])), only);
}

#[test]
fn of_several_aids_the_newest_counts() {
    let stage = Stage::make("fat16", "dos");
    stage.says(&["aid", "disk.img", "--to", "one.lba"], 0);
    stage.back_up(Kind::User);
    stage.says(&["aid", "disk.img:1", "--to", "two.lba"], 0);
    stage.zero_all_but(&stage.toc(), &[]);
    for order in [["one.lba", "two.lba"], ["two.lba", "one.lba"]] {
        let found = stage.images(&["--aid", order[0], "--aid", order[1]]);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found.iter().all(|(_, by, whole)| by == "aid" && *whole), "{found:?}");
    }
    // Images that need others open with them.
    stage.says(&["verify", &format!("disk.img@{START}/user"), "--aid", "two.lba"], 0);
}
