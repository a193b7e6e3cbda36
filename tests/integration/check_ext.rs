//! Checking ext2/3/4 volumes, beside `e2fsck -fn`.

use crate::oracle::sh;
use crate::zoo::ext::SHAPES;

#[test]
fn shapes_are_sound() {
    for shape in SHAPES.iter().step_by(3) {
        let dir = tempfile::tempdir().unwrap();
        let image = shape.make(dir.path());
        sh(dir.path(), &format!("e2fsck -fn {}", image.display()));
    }
}
