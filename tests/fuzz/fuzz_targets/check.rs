//! Checks of FAT, NTFS and ext volumes, and who holds their clusters. How to run it: `lib.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| lifeboat_fuzz::check_volume(input));
