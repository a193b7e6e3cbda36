//! Changes of FAT, NTFS and ext volumes that nobody checked. How to run it: `lib.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| lifeboat_fuzz::change_volume(input));
