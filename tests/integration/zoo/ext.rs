//! Shapes of ext2, ext3 and ext4 volumes.
//!
//! Made by `mke2fs`, and filled by the kernel through a loop mount. Where the kernel at hand may not mount a volume
//! (blocks larger than a page, features it lacks), `mke2fs -d` and `debugfs` fill it. Each lies in a sparse file of
//! at most 64 MiB and is made in at most a few seconds; none is random but for the hash seed and the UUID.

use super::Shape;

/// A shape, with the functions all scripts use before its own lines.
macro_rules! shape {
    ($name:literal, $script:literal) => {
        Shape { name: $name, script: concat!(include_str!("ext.sh"), "\n", $script) }
    };
}

/// Small enough for every run.
pub(crate) const SHAPES: &[Shape] = &[
    // Every block size, with and without a journal: fresh and with all kinds of files.
    shape!("ext2-1k-fresh", "make 8M -t ext2 -b 1024"),
    shape!("ext2-1k-mixed", "make 32M -t ext2 -b 1024; into; mixed; pieces; away"),
    shape!("ext2-2k-mixed", "make 32M -t ext2 -b 2048; into; mixed; away"),
    shape!("ext2-4k-mixed", "make 64M -t ext2 -b 4096; into; mixed; away"),
    shape!("ext2-old-inodes", "make 16M -t ext2 -b 1024 -I 128 -O none,filetype,sparse_super; into; mixed; away"),
    shape!("ext2-revision-0", "make 8M -t ext2 -b 1024 -r 0; offline; debug 'write s/alpha alpha' 'mkdir d'"),
    shape!("ext2-no-filetype", "make 16M -t ext2 -b 1024 -O ^filetype,^dir_index; into; mixed; away"),
    shape!("ext2-triple", "make 24M -t ext2 -b 1024; into; triple; away"),
    shape!("ext3-1k-fresh", "make 16M -t ext3 -b 1024"),
    shape!("ext3-1k-mixed", "make 32M -t ext3 -b 1024; into; mixed; away"),
    shape!("ext3-2k-mixed", "make 48M -t ext3 -b 2048; into; mixed; away"),
    shape!("ext3-4k-mixed", "make 64M -t ext3 -b 4096; into; mixed; away"),
    shape!("ext4-1k-fresh", "make 16M -t ext4 -b 1024"),
    shape!("ext4-1k-mixed", "make 32M -t ext4 -b 1024; into; mixed; pieces; away"),
    shape!("ext4-2k-mixed", "make 48M -t ext4 -b 2048; into; mixed; away"),
    shape!("ext4-4k-fresh", "make 64M -t ext4 -b 4096"),
    shape!("ext4-4k-mixed", "make 64M -t ext4 -b 4096; into; mixed; pieces; away"),
    shape!("ext4-64k", "offline; make 64M -t ext4 -b 65536 -O ^has_journal -N 256 -d s 2>/dev/null"),
    // Features one at a time.
    shape!("ext4-no-checksums", "make 32M -t ext4 -b 1024 -O ^metadata_csum,^64bit,^flex_bg; into; mixed; away"),
    shape!("ext4-uninit-bg", "make 64M -t ext4 -b 1024 -O ^metadata_csum,uninit_bg,^resize_inode; into; mixed; away"),
    shape!("ext4-csum-seed", "make 32M -t ext4 -b 1024 -O metadata_csum_seed; reseed; into; mixed; away"),
    shape!("ext4-csum-32bit", "make 32M -t ext4 -b 1024 -O metadata_csum,^64bit; into; mixed; pieces; away"),
    shape!("ext4-64bit-plain", "make 32M -t ext4 -b 1024 -O 64bit,^metadata_csum; into; mixed; away"),
    shape!("ext4-meta-bg", "make 64M -t ext4 -b 1024 -O meta_bg,^resize_inode -g 1024; into; mixed; away"),
    shape!("ext4-meta-bg-32bit", "make 64M -t ext4 -b 1024 -O meta_bg,^resize_inode,^64bit -g 512; into; mixed; away"),
    shape!("ext4-no-flex-bg", "make 64M -t ext4 -b 1024 -O ^flex_bg -g 8192; into; mixed; away"),
    shape!("ext4-flex-bg-4", "make 64M -t ext4 -b 1024 -G 4 -g 4096; into; mixed; away"),
    shape!("ext4-bigalloc", "make 64M -t ext4 -b 4096 -O bigalloc -C 16384; into; mixed; away"),
    shape!("ext4-bigalloc-1k", "make 48M -t ext4 -b 1024 -O bigalloc -C 8192; into; mixed; pieces; away"),
    shape!("ext4-inline", "make 32M -t ext4 -b 1024 -O inline_data -I 256; into; mixed; tiny; away"),
    shape!("ext4-inline-4k", "make 64M -t ext4 -b 4096 -O inline_data -I 512; into; mixed; tiny; away"),
    shape!("ext4-sparse-super2", "make 64M -t ext4 -b 1024 -O sparse_super2,^resize_inode; into; mixed; away"),
    shape!("ext4-sparse-super2-one", "make 64M -t ext4 -b 1024 -O sparse_super2,^resize_inode -E num_backup_sb=1"),
    shape!(
        "ext4-no-sparse-super",
        "make 32M -t ext4 -b 1024 -O ^sparse_super,^resize_inode -g 4096; into; mixed; away"
    ),
    shape!("ext4-no-journal", "make 32M -t ext4 -b 1024 -O ^has_journal; into; mixed; away"),
    shape!("ext4-no-resize", "make 32M -t ext4 -b 4096 -O ^resize_inode; into; mixed; away"),
    shape!(
        "ext4-quota",
        "offline; make 48M -t ext4 -b 4096 -O quota,project -d s; e2fsck -fy $IMG > /dev/null || true"
    ),
    shape!("ext4-ea-inode", "make 32M -t ext4 -b 1024 -O ea_inode; into; mixed; large_attributes; away"),
    shape!("ext4-encrypt-flag", "make 32M -t ext4 -b 4096 -O encrypt; offline; debug 'write s/alpha alpha'"),
    shape!("ext4-casefold-flag", "make 32M -t ext4 -b 4096 -O casefold; offline; debug 'write s/alpha alpha'"),
    shape!("ext4-verity-flag", "make 32M -t ext4 -b 4096 -O verity; into; mixed; away"),
    shape!("ext4-large-dir", "make 32M -t ext4 -b 1024 -O large_dir; into; mixed; away"),
    shape!("ext4-orphan-file", "make 32M -t ext4 -b 4096 -O orphan_file; into; mixed; away"),
    shape!("ext4-mmp", "offline; make 32M -t ext4 -b 4096 -O mmp -E mmp_update_interval=1 -d s"),
    shape!("ext4-fast-commit", "make 48M -t ext4 -b 4096 -O fast_commit; into; mixed; away"),
    shape!("ext4-inode-1024", "make 32M -t ext4 -b 4096 -I 1024; into; mixed; away"),
    shape!("ext4-inode-128", "make 32M -t ext4 -b 1024 -I 128 2>/dev/null; into; mixed; away"),
    shape!("ext4-lazy", "make 64M -t ext4 -b 1024 -E lazy_itable_init=1; into; echo 1 > one; away"),
    shape!(
        "ext4-bad-blocks",
        "echo 9000 9001 12000 | tr ' ' '\\n' > $DIR/bad; make 32M -t ext4 -b 1024 -l $DIR/bad; into; mixed; away"
    ),
    // States and contents.
    shape!("ext2-1k-full", "make 8M -t ext2 -b 1024; into; full; away"),
    shape!("ext4-1k-full", "make 16M -t ext4 -b 1024; into; full; away"),
    shape!("ext2-4k-fragmented", "make 48M -t ext2 -b 4096; into; fragmented; away"),
    shape!("ext3-1k-fragmented", "make 32M -t ext3 -b 1024; into; fragmented; away"),
    shape!("ext4-1k-fragmented", "make 32M -t ext4 -b 1024; into; fragmented; away"),
    shape!("ext4-4k-fragmented", "make 64M -t ext4 -b 4096; into; fragmented; away"),
    shape!("ext4-deep-extents", "make 32M -t ext4 -b 1024; into; deep_extents; away"),
    shape!("ext2-1k-huge-directory", "make 48M -t ext2 -b 1024 -N 4096; into; huge_directory 20000; away"),
    shape!("ext4-1k-huge-directory", "make 48M -t ext4 -b 1024 -N 4096; into; huge_directory 20000; away"),
    shape!("ext4-4k-huge-directory", "make 64M -t ext4 -b 4096 -N 4096; into; huge_directory 30000; away"),
    shape!("ext4-no-htree", "make 48M -t ext4 -b 1024 -O ^dir_index; into; huge_directory 1500; away"),
    shape!(
        "ext4-tea",
        "make 48M -t ext4 -b 1024 -N 4096; tune2fs -E hash_alg=tea $IMG > /dev/null; into; huge_directory 8000; away"
    ),
    shape!(
        "ext4-legacy-hash",
        "make 48M -t ext4 -b 1024 -N 4096; tune2fs -E hash_alg=legacy $IMG > /dev/null; into; huge_directory 8000; away"
    ),
    shape!("ext4-signed-hash", "make 48M -t ext4 -b 1024 -N 4096; hash_sign 1; into; huge_directory 8000; away"),
    shape!("ext4-unsigned-hash", "make 48M -t ext4 -b 1024 -N 4096; hash_sign 2; into; huge_directory 8000; away"),
    shape!(
        "ext4-emptied-directory",
        "make 48M -t ext4 -b 1024 -N 4096; into; huge_directory 9000; rm -rf huge/n*[0-8]; away"
    ),
    shape!("ext4-deep-tree", "make 32M -t ext4 -b 1024; into; deep_tree 400; away"),
    shape!("ext4-many-files", "make 64M -t ext4 -b 1024 -N 12000; into; many_files 9000; away"),
    shape!("ext4-attributes", "make 32M -t ext4 -b 1024; into; shared_attributes; away"),
    shape!("ext2-attributes", "make 32M -t ext2 -b 1024 -I 128; into; shared_attributes; away"),
];
