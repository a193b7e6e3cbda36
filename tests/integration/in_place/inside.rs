//! Images made by `backup --inside`, a user image on a factory image, restored in place by the command line.

use super::stage::{START, Stage, each_of, shape};
use crate::oracle::{long, sh};

/// Zeros the volume's first bytes, and both copies of the disk's table.
fn destroy(stage: &Stage) {
    stage.write_at(0, &vec![0; 256 << 10]);
    stage.write_disk(0, &vec![0; START as usize]);
    let len = stage.disk.metadata().unwrap().len();
    stage.write_disk(len - 64 * 512, &vec![0; 64 * 512]);
}

#[test]
fn user_and_factory_image_bring_their_states_back_and_stay() {
    let all = ["fat32-512-mixed-1-fat", "ntfs-roomy", "ext4-4k-mixed"];
    each_of(if long() { &all } else { &all[..1] }, |name| {
        let stage = Stage::bare(shape(name));
        let factory = stage.walk();
        stage.lifeboat("backup disk.img:1 --inside --kind factory", 0);
        assert_eq!(stage.walk(), factory, "{name}");
        stage.scribble(3);
        let user = stage.walk();
        stage.lifeboat("backup disk.img:1 --inside", 0);
        assert_ne!(user, factory, "{name}");
        let verify = || {
            for image in ["factory", "user"] {
                stage.lifeboat(&format!("verify disk.img:1/{image}"), 0);
            }
            stage.judge();
        };
        verify();
        // Where the table kept room for partitions is told by no entry.
        let table = || sh(stage.dir.path(), "sfdisk --dump disk.img | grep -v first-lba");
        let named = table();
        destroy(&stage);
        stage.lifeboat(&format!("restore disk.img@{START}/user --yes"), 0);
        assert_eq!(table(), named, "{name}");
        assert_eq!(stage.walk(), user, "{name}");
        verify();
        let shown = stage.lifeboat("restore disk.img:1/user --yes", 0);
        assert!(shown.contains("nothing had to be written"), "{name}: {shown}");
        stage.lifeboat("restore disk.img:1/factory --yes", 0);
        assert_eq!(stage.walk(), factory, "{name}");
        verify();
    });
}
