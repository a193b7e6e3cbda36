//! Checking FAT volumes, beside strangers' checkers.

use crate::oracle::sh_output;
use crate::zoo::fat::{FEW_CLUSTERS, SHAPES};

#[test]
fn every_shape_is_sound_to_fsck() {
    for shape in SHAPES.iter().chain(FEW_CLUSTERS) {
        let dir = tempfile::tempdir().unwrap();
        let start = std::time::Instant::now();
        let image = shape.make(dir.path());
        let made = start.elapsed();
        let output = sh_output(dir.path(), &format!("fsck.fat -n {}", image.display()));
        println!(
            "{} {made:?} {:?}: {}",
            shape.name,
            start.elapsed() - made,
            String::from_utf8_lossy(&output.stdout).replace('\n', " | ")
        );
        assert!(output.status.success());
    }
}
