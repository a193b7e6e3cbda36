//! In which order a container's files lie, and putting them back into it.

use lifeboat::image::Kind;
use lifeboat::inventory::Address;
use lifeboat::job::{self, Monitor};
use lifeboat::plan::{BackupRequest, ContainerAct, ContainerRequest, ImageTarget};

use super::stage::Stage;
use crate::oracle::sh;
use crate::zoo::Shape;

const FAT: Shape = Shape {
    name: "fat32-order",
    script: "cd $DIR; truncate -s 40M $IMG; mkfs.fat -F 32 -s 1 $IMG >/dev/null; head -c 700000 /dev/urandom > a
             mmd -i $IMG ::/d; mcopy -i $IMG a ::/d/a; seq 5000 > b; mcopy -i $IMG b ::/b",
};

const EXT: Shape = Shape {
    name: "ext4-order",
    script: "cd $DIR; mkdir s; head -c 700000 /dev/urandom > s/a; seq 5000 > s/b; truncate -s 24M $IMG
             mke2fs -q -t ext4 -b 1024 -d s $IMG",
};

const NTFS: Shape = Shape {
    name: "ntfs-order",
    script: "cd $DIR; truncate -s 16M $IMG; mkntfs -F -Q -q -s 512 -c 1024 $IMG 2>/dev/null; M=$IMG.mnt; mkdir $M
             ntfs-3g -o no_detach $IMG $M & P=$!; trap 'umount $M 2>/dev/null || true; wait $P' EXIT
             until mountpoint -q $M; do sleep 0.02; done; head -c 700000 /dev/urandom > $M/a; seq 5000 > $M/b
             umount $M; wait $P; trap - EXIT",
};

fn user(stage: &Stage, name: &str) -> BackupRequest {
    BackupRequest { name: Some(name.into()), full: true, ..stage.request(Kind::User) }
}

fn tidy_is_needed(stage: &Stage) -> bool {
    let request = ContainerRequest { volume: stage.address(), act: ContainerAct::Tidy };
    job::plan_container(&request, &Monitor::new()).unwrap().is_some()
}

/// User images first, then a factory image: it comes to lie last. A dropped image leaves a hole, which tidying closes.
fn life(shape: &Shape) {
    let stage = Stage::new(shape);
    let original = stage.walk();
    stage.create(&user(&stage, "one"));
    stage.create(&user(&stage, "two"));
    assert_eq!(stage.order(), ["toc-begin.lbc", "two.lbi", "inter-1.lbc", "one.lbi", "toc-end.lbc"], "{}", shape.name);
    assert!(stage.is_contiguous() && !tidy_is_needed(&stage), "{}", shape.name);
    stage.create(&stage.request(Kind::Factory));
    let order = ["toc-begin.lbc", "two.lbi", "inter-1.lbc", "one.lbi", "inter-2.lbc", "factory.lbi", "toc-end.lbc"];
    assert_eq!(stage.order(), order, "{}: the factory image lies last", shape.name);
    assert!(stage.is_contiguous(), "{}", shape.name);
    for name in ["one", "two", "factory"] {
        stage.prove(name, &original);
    }
    stage.done(&stage.drop_image("one").unwrap(), "drop");
    stage.judge("one is dropped");
    assert!(tidy_is_needed(&stage), "{}: there is a hole", shape.name);
    stage.done(&stage.change(ContainerAct::Tidy).unwrap(), "tidy");
    stage.judge(&format!("{}: tidied", shape.name));
    assert!(stage.walk() == original, "{}: the files are what they were", shape.name);
    assert!(stage.is_contiguous() && !tidy_is_needed(&stage), "{}", shape.name);
    for name in ["two", "factory"] {
        stage.prove(name, &original);
    }
}

#[test]
fn a_factory_image_lies_last_on_fat_and_holes_are_closed() {
    life(&FAT);
}

#[test]
fn a_factory_image_lies_last_on_ext_and_holes_are_closed() {
    life(&EXT);
}

#[test]
fn a_factory_image_lies_last_on_ntfs_and_holes_are_closed() {
    life(&NTFS);
}

/// A hole that a dropped image left takes the next one.
#[test]
fn a_hole_is_used_again() {
    let stage = Stage::new(&FAT);
    for name in ["one", "two", "three"] {
        stage.create(&user(&stage, name));
    }
    stage.done(&stage.drop_image("one").unwrap(), "drop");
    stage.create(&user(&stage, "four"));
    let order = stage.order();
    assert_eq!(order.first().map(String::as_str), Some("toc-begin.lbc"), "{order:?}");
    assert_eq!(order[order.len() - 2..], ["four.lbi", "toc-end.lbc"], "{order:?}");
}

/// A backup to a file leaves the container out.
#[test]
fn an_image_elsewhere_has_no_container_in_it() {
    let stage = Stage::new(&EXT);
    let original = stage.walk();
    stage.create(&stage.request(Kind::Factory));
    let file = stage.dir.path().join("x.lbi");
    let request = BackupRequest::new(stage.address(), ImageTarget::File(file.clone()));
    let plan = stage.plan(&request).unwrap();
    stage.done(&stage.run(&plan), "a backup to a file");
    let out = stage.dir.path().join("out.img");
    sh(stage.dir.path(), &format!("truncate -s 24M {}", out.display()));
    let request =
        lifeboat::plan::RestoreRequest::new(lifeboat::plan::ImageSource::File(file), Address::Whole(out.clone()));
    let plan = job::plan_restore(&request, &Monitor::new()).unwrap();
    stage.done(&stage.run(&plan), "its restore");
    let restored = Stage { name: "restored".into(), dir: tempfile::tempdir().unwrap(), image: out };
    restored.judge("restored");
    assert!(restored.walk() == original && restored.container().is_none());
}

/// On a partition, the tables of contents keep the partition table; what somebody else put into the folder stays his.
#[test]
fn a_partition_and_a_strangers_file() {
    let dir = tempfile::tempdir().unwrap();
    let disk = dir.path().join("disk.img");
    sh(
        dir.path(),
        "truncate -s 20M disk.img; echo '2048,,6' | sfdisk -q disk.img; truncate -s 19M v
         mkfs.fat -F 16 -s 4 v >/dev/null; seq 9000 > f; mcopy -i v f ::/; dd if=v of=disk.img bs=1M seek=1 conv=notrunc status=none",
    );
    let address = Address::Partition(disk.clone(), 1);
    let make = |kind| {
        let request = BackupRequest { kind, ..BackupRequest::new(address.clone(), ImageTarget::Inside) };
        let plan = job::plan_backup(&request, &Monitor::new()).unwrap();
        let report = job::run(&plan, &std::sync::Arc::new(Monitor::new()));
        assert_eq!(report.outcome, job::Outcome::Done, "{report:#?}");
    };
    let container = || {
        let source = lifeboat::inventory::open_source(&address).unwrap();
        lifeboat::inventory::container_of(&source, &address).unwrap()
    };
    make(Kind::Factory);
    let toc = container().unwrap().toc;
    assert!(toc.table.is_some() && toc.partition.is_some() && !toc.boot.is_empty());
    sh(dir.path(), "echo mine > note.txt; mcopy -i disk.img@@1M note.txt ::/LIFEBOAT/");
    make(Kind::User);
    for name in ["user", "factory"] {
        let request = ContainerRequest { volume: address.clone(), act: ContainerAct::Drop(name.into()) };
        let plan = job::plan_container(&request, &Monitor::new()).unwrap().unwrap();
        let report = job::run(&plan, &std::sync::Arc::new(Monitor::new()));
        assert_eq!(report.outcome, job::Outcome::Done, "{report:#?}");
    }
    let out = sh(
        dir.path(),
        "mtype -i disk.img@@1M ::/LIFEBOAT/note.txt; dd if=disk.img of=v bs=1M skip=1 status=none; fsck.fat -n v",
    );
    assert!(out.starts_with("mine"), "{out}");
    assert!(container().is_none_or(|container| container.images.is_empty()));
}
