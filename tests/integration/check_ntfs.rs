//! Checking NTFS volumes, beside strangers' checkers.

use crate::zoo::ntfs::SHAPES;

#[test]
fn zoo_makes() {
    let dir = tempfile::tempdir().unwrap();
    for shape in SHAPES {
        let at = std::time::Instant::now();
        shape.make(dir.path());
        println!("{} {:?}", shape.name, at.elapsed());
    }
    if let Ok(keep) = std::env::var("KEEP") {
        crate::oracle::sh(dir.path(), &format!("mkdir -p {keep}; cp --sparse=always *.img {keep}"));
    }
}
