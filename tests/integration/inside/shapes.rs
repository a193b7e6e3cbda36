//! Every shape of volume: a factory image, a user image based on it, one that is complete in itself; then they go.

use lifeboat::error::Kind as ErrorKind;
use lifeboat::image::Kind;
use lifeboat::plan::BackupRequest;

use super::stage::Stage;
use crate::oracle::long;
use crate::zoo::{Shape, ext, fat, ntfs};

/// Shapes that stand for the others when time is short.
const SOON: [&str; 7] = [
    "fat12-1k-fragmented",
    "fat16-4k-sectors",
    "fat32-512-names",
    "fat32-not-mirrored",
    "ext2-1k-mixed",
    "ext4-bigalloc-1k",
    "ntfs-files-512",
];

/// The whole life of a container on one volume; false when it has no room for a first image.
fn life(shape: &Shape) -> bool {
    let stage = Stage::new(shape);
    let before = std::fs::read(&stage.image).unwrap();
    let original = stage.walk();
    let factory = stage.request(Kind::Factory);
    match stage.plan(&factory) {
        Ok(_) => {}
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Refused, "{}: {error}", shape.name);
            assert!(std::fs::read(&stage.image).unwrap() == before, "{}: planning writes nothing", shape.name);
            eprintln!("{}: {error}", shape.name);
            return false;
        }
    }
    drop(before);
    stage.create(&factory);
    stage.prove("factory", &original);
    let user = stage.request(Kind::User);
    if stage.plan(&user).is_err() {
        return true;
    }
    stage.create(&user);
    let based = stage.container().unwrap().find("user").unwrap().record.base_id;
    assert!(based.is_some(), "{}: a user image is based on the factory image", shape.name);
    stage.prove("user", &original);
    stage.prove("factory", &original);
    let refused = stage.drop_image("factory").unwrap_err();
    assert!(refused.to_string().contains("user"), "{refused}");
    let full = BackupRequest { full: true, name: Some("complete".into()), ..stage.request(Kind::User) };
    if stage.plan(&full).is_ok() {
        stage.create(&full);
        assert_eq!(stage.container().unwrap().images.len(), 3, "{}", shape.name);
        for name in ["user", "factory", "complete"] {
            stage.prove(name, &original);
        }
        stage.done(&stage.drop_image("complete").unwrap(), "drop");
        stage.judge(&format!("{}: complete is dropped", shape.name));
    }
    for name in ["user", "factory"] {
        let what = format!("{}: {name} is dropped", shape.name);
        stage.done(&stage.drop_image(name).unwrap(), &what);
        stage.judge(&what);
        assert!(stage.walk() == original, "{what}: the files are what they were");
    }
    assert!(stage.container().is_none(), "{}", shape.name);
    true
}

fn sweep(shapes: &[Shape], least: usize) {
    let chosen = shapes.iter().filter(|shape| long() || SOON.contains(&shape.name));
    let lived = chosen.filter(|shape| life(shape)).count();
    assert!(lived >= least, "only {lived} shapes had room");
}

#[test]
fn containers_live_on_fat() {
    sweep(fat::SHAPES, 3);
}

#[test]
fn containers_live_on_ntfs() {
    sweep(ntfs::SHAPES, 1);
}

#[test]
fn containers_live_on_ext() {
    sweep(ext::SHAPES, 2);
}
