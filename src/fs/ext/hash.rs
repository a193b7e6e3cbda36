//! The hashes of names that a directory's index (htree) is sorted by.
//!
//! Three functions, each of which takes a name's bytes as signed or as unsigned numbers: the kernel once used C's
//! `char`, whose sign depends on the machine, and now `s_flags` says which one a volume was made with.
//!
//! - legacy: a multiplication and a shift for each byte.
//! - half MD4: three rounds of eight steps, with MD4's own functions and constants, over 32 bytes at a time.
//! - TEA: sixteen rounds of the Tiny Encryption Algorithm over 16 bytes at a time.
//!
//! The last two begin with `s_hash_seed`, or with MD4's initial state when that is all zero. The lowest bit of a hash
//! is kept free: in an index entry it says that the block before may end with names of the same hash. Source: the
//! kernel's ext4 data structures documentation, "Hash Tree Directories"; the functions: `fs/ext4/hash.c` as behaviour.

use super::field::le32;

/// `s_flags`: names are hashed as unsigned bytes.
const UNSIGNED: u32 = 0x2;
/// Behind the last hash: the mark of the end of a directory, which no name may have.
const END: u32 = 0x7fff_ffff << 1;

/// One of the three functions.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Function {
    Legacy,
    HalfMd4,
    Tea,
}

/// How a directory's names are hashed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Hasher {
    pub(super) function: Function,
    pub(super) is_unsigned: bool,
    pub(super) seed: [u32; 4],
}

impl Hasher {
    /// From `hash_version` of the directory's root, and the superblock's `s_flags` (0x160) and `s_hash_seed` (0xEC).
    /// Versions 3 to 5 are the unsigned ones of 0 to 2. `None` for a version that is not known (6 is SipHash, which
    /// needs the key of an encrypted directory).
    pub(super) fn new(version: u8, superblock: &[u8]) -> Option<Self> {
        let function = match version {
            0 | 3 => Function::Legacy,
            1 | 4 => Function::HalfMd4,
            2 | 5 => Function::Tea,
            _ => return None,
        };
        let is_unsigned = version >= 3 || le32(superblock, 0x160) & UNSIGNED != 0;
        let seed = std::array::from_fn(|index| le32(superblock, 0xec + index * 4));
        Some(Self { function, is_unsigned, seed })
    }

    /// The hash of a name, its lowest bit 0.
    pub(super) fn hash(&self, name: &[u8]) -> u32 {
        let initial = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476];
        let mut state = if self.seed == [0; 4] { initial } else { self.seed };
        let hash = match self.function {
            Function::Legacy => self.legacy(name),
            Function::HalfMd4 => {
                for part in Parts::new(name, 32) {
                    half_md4(&mut state, &self.words::<8>(part));
                }
                state[1]
            }
            Function::Tea => {
                for part in Parts::new(name, 16) {
                    tea(&mut state, &self.words::<4>(part));
                }
                state[0]
            }
        };
        let even = hash & !1;
        if even == END { END - 2 } else { even }
    }

    fn number(&self, byte: u8) -> u32 {
        if self.is_unsigned { u32::from(byte) } else { i32::from(byte.cast_signed()).cast_unsigned() }
    }

    fn legacy(&self, name: &[u8]) -> u32 {
        let (mut last, mut before) = (0x12a3_fe2d_u32, 0x37ab_e8f9_u32);
        for byte in name {
            let mut next = before.wrapping_add(last ^ self.number(*byte).wrapping_mul(7_152_373));
            if next & 0x8000_0000 != 0 {
                next = next.wrapping_sub(0x7fff_ffff);
            }
            (before, last) = (last, next);
        }
        last << 1
    }

    /// A part of a name as words, its first byte the highest; what is missing is filled with the length of the rest
    /// of the name.
    fn words<const N: usize>(&self, rest: &[u8]) -> [u32; N] {
        let len = rest.len() as u32;
        let pad = len | len << 8;
        let pad = pad | pad << 16;
        let mut words = [pad; N];
        for (word, bytes) in words.iter_mut().zip(rest.chunks(4)) {
            *word = bytes.iter().fold(pad, |value, byte| self.number(*byte).wrapping_add(value << 8));
        }
        words
    }
}

/// What is left of a name, at each step by `len` bytes shorter.
struct Parts<'a> {
    rest: &'a [u8],
    len: usize,
}

impl<'a> Parts<'a> {
    fn new(name: &'a [u8], len: usize) -> Self {
        Self { rest: name, len }
    }
}

impl<'a> Iterator for Parts<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let now = self.rest;
        self.rest = now.get(self.len..).unwrap_or_default();
        (!now.is_empty()).then_some(now)
    }
}

/// Three rounds of eight steps: MD4's with half the input.
fn half_md4(state: &mut [u32; 4], input: &[u32; 8]) {
    const ORDERS: [[usize; 8]; 3] = [[0, 1, 2, 3, 4, 5, 6, 7], [1, 3, 5, 7, 0, 2, 4, 6], [3, 7, 2, 6, 1, 5, 0, 4]];
    const SHIFTS: [[u32; 4]; 3] = [[3, 7, 11, 19], [3, 5, 9, 13], [3, 9, 11, 15]];
    const ADDENDS: [u32; 3] = [0, 0x5a82_7999, 0x6ed9_eba1];
    let [mut a, mut b, mut c, mut d] = *state;
    for round in 0..3 {
        for (step, word) in ORDERS[round].iter().enumerate() {
            let mixed = match round {
                0 => d ^ (b & (c ^ d)),
                1 => (b & c).wrapping_add((b ^ c) & d),
                _ => b ^ c ^ d,
            };
            let sum = a.wrapping_add(mixed).wrapping_add(input[*word]).wrapping_add(ADDENDS[round]);
            (a, b, c, d) = (d, sum.rotate_left(SHIFTS[round][step % 4]), b, c);
        }
    }
    for (own, add) in state.iter_mut().zip([a, b, c, d]) {
        *own = own.wrapping_add(add);
    }
}

/// Sixteen rounds of the Tiny Encryption Algorithm on the state's first half, with the input as key.
fn tea(state: &mut [u32; 4], key: &[u32; 4]) {
    let [mut left, mut right, ..] = *state;
    let mut sum = 0u32;
    let mix = |value: u32, sum: u32, low: u32, high: u32| {
        (value << 4).wrapping_add(low) ^ value.wrapping_add(sum) ^ (value >> 5).wrapping_add(high)
    };
    for _ in 0..16 {
        sum = sum.wrapping_add(0x9e37_79b9);
        left = left.wrapping_add(mix(right, sum, key[0], key[1]));
        right = right.wrapping_add(mix(left, sum, key[2], key[3]));
    }
    state[0] = state[0].wrapping_add(left);
    state[1] = state[1].wrapping_add(right);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `debugfs -R "dx_hash -h FUNCTION [-s SEED] NAME"` of e2fsprogs 1.47 gives, which takes bytes as signed.
    #[test]
    fn hashes_are_those_of_debugfs() {
        let long = "Grüße aus dem Süden, mit langen Namen.tar.gz";
        let seed = [0x4433_2211, 0x8877_6655, 0xccbb_aa99, 0x00ff_eedd];
        let hash = |function, seed, name: &str| Hasher { function, is_unsigned: false, seed }.hash(name.as_bytes());
        assert_eq!(hash(Function::Legacy, [0; 4], "a"), 0xe74b_53e2);
        assert_eq!(hash(Function::Legacy, seed, long), 0x7b79_a696);
        assert_eq!(hash(Function::HalfMd4, [0; 4], "a"), 0xd5fa_7d7a);
        assert_eq!(hash(Function::HalfMd4, [0; 4], long), 0xad3e_8d0a);
        assert_eq!(hash(Function::HalfMd4, seed, "a"), 0x8217_0af6);
        assert_eq!(hash(Function::HalfMd4, seed, long), 0x92d8_9e14);
        assert_eq!(hash(Function::Tea, [0; 4], "a"), 0x6d0e_a4c0);
        assert_eq!(hash(Function::Tea, [0; 4], long), 0x76e8_1048);
        assert_eq!(hash(Function::Tea, seed, "a"), 0xbdaa_08e6);
        assert_eq!(hash(Function::Tea, seed, long), 0xa3c5_7112);
    }

    #[test]
    fn the_sign_of_bytes_matters_beyond_ascii() {
        for function in [Function::Legacy, Function::HalfMd4, Function::Tea] {
            let hash = |is_unsigned, name: &str| Hasher { function, is_unsigned, seed: [0; 4] }.hash(name.as_bytes());
            assert_eq!(hash(true, "plain"), hash(false, "plain"));
            assert_ne!(hash(true, "Süden"), hash(false, "Süden"));
        }
    }
}
