//! Superblocks, group descriptors, inodes, extents and directories. How to run it: `lib.rs`.
#![no_main]

use lifeboat::fs::Kind;

libfuzzer_sys::fuzz_target!(|input: &[u8]| lifeboat_fuzz::use_volume(input, &[Kind::Ext2]));
