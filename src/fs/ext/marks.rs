//! A bit for each of very many things, whose memory grows with what is set.
//!
//! Cut into windows of 2^15 bits; one without set bits takes 16 bytes, and so does one with all bits set. The worst
//! case is a bit per thing: 512 MiB for the 2^32 blocks of 16 TiB.

/// Bits in a window.
const WINDOW: u64 = 1 << 15;
/// 64-bit words in a window.
const WORDS: usize = (WINDOW / 64) as usize;

struct Bits {
    words: [u64; WORDS],
    set: u32,
}

enum Window {
    Empty,
    Full,
    Mixed(Box<Bits>),
}

/// The bits.
pub(super) struct Marks {
    len: u64,
    windows: Vec<Window>,
}

impl Marks {
    /// `len` bits, none set.
    pub(super) fn new(len: u64) -> Self {
        let windows = (0..len.div_ceil(WINDOW)).map(|_| Window::Empty).collect();
        Self { len, windows }
    }

    /// True when the bit is set.
    pub(super) fn contains(&self, at: u64) -> bool {
        self.word(at / 64) >> (at % 64) & 1 == 1
    }

    /// 64 bits, the first of them `index * 64`.
    pub(super) fn word(&self, index: u64) -> u64 {
        let at = index * 64;
        match self.windows.get((at / WINDOW) as usize) {
            None | Some(Window::Empty) => 0,
            Some(Window::Full) => u64::MAX,
            Some(Window::Mixed(bits)) => bits.words[(at % WINDOW / 64) as usize],
        }
    }

    /// What all of these bits are, where they make up whole windows and that is known without looking at each.
    pub(super) fn uniform(&self, start: u64, count: u64) -> Option<bool> {
        if !start.is_multiple_of(WINDOW) || !count.is_multiple_of(WINDOW) {
            return None;
        }
        let windows = self.windows.get((start / WINDOW) as usize..(start.checked_add(count)? / WINDOW) as usize)?;
        let same = |set: bool| {
            windows.iter().all(|window| match window {
                Window::Empty => !set,
                Window::Full => set,
                Window::Mixed(_) => false,
            })
        };
        [true, false].into_iter().find(|set| same(*set))
    }

    /// Sets a bit; true when it was not set.
    pub(super) fn insert(&mut self, at: u64) -> bool {
        self.insert_run(at, 1).is_none()
    }

    /// Sets a run of bits, as far as there are so many; tells the first that was set before, and how many were.
    pub(super) fn insert_run(&mut self, start: u64, count: u64) -> Option<(u64, u64)> {
        let end = start.saturating_add(count).min(self.len);
        let mut before: Option<(u64, u64)> = None;
        let mut at = start;
        while at < end {
            let stop = end.min((at / WINDOW + 1) * WINDOW);
            if let Some((first, count)) = self.insert_in_window(at, stop) {
                before = Some(before.map_or((first, count), |(first, sum)| (first, sum + count)));
            }
            at = stop;
        }
        before
    }

    fn insert_in_window(&mut self, start: u64, stop: u64) -> Option<(u64, u64)> {
        let window = self.windows.get_mut((start / WINDOW) as usize)?;
        if let Window::Full = window {
            return Some((start, stop - start));
        }
        if let Window::Empty = window {
            if stop - start == WINDOW {
                *window = Window::Full;
                return None;
            }
            *window = Window::Mixed(Box::new(Bits { words: [0; WORDS], set: 0 }));
        }
        let Window::Mixed(bits) = window else { return None };
        let mut before: Option<(u64, u64)> = None;
        let mut at = start;
        while at < stop {
            let (low, many) = (at % 64, (stop - at).min(64 - at % 64));
            let mask = (u64::MAX >> (64 - many)) << low;
            let word = &mut bits.words[(at % WINDOW / 64) as usize];
            let twice = *word & mask;
            if twice != 0 {
                let first = at / 64 * 64 + u64::from(twice.trailing_zeros());
                let count = u64::from(twice.count_ones());
                before = Some(before.map_or((first, count), |(first, sum)| (first, sum + count)));
            }
            bits.set += (mask & !*word).count_ones();
            *word |= mask;
            at += many;
        }
        if u64::from(bits.set) == WINDOW {
            *window = Window::Full;
        }
        before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_set_exactly_their_bits_and_tell_what_was_set_before() {
        let mut marks = Marks::new(200_000);
        assert_eq!(marks.insert_run(10, 100_000), None);
        for at in [9, 10, 63, 64, 32_767, 32_768, 100_009, 100_010] {
            assert_eq!(marks.contains(at), (10..100_010).contains(&at), "{at}");
        }
        assert_eq!(marks.insert_run(100_000, 20), Some((100_000, 10)));
        assert_eq!(marks.insert_run(40_000, 3), Some((40_000, 3)), "within a full window");
        assert!(marks.insert(199_999) && !marks.insert(199_999));
        assert_eq!(marks.insert_run(199_990, u64::MAX), Some((199_999, 1)), "clipped at the end");
        assert!(!marks.contains(200_000) && !marks.contains(u64::MAX));
        let windows = [(0, None), (32_768, Some(true)), (131_072, Some(false)), (196_608, None), (1, None)];
        assert!(windows.iter().all(|(start, set)| marks.uniform(*start, 32_768) == *set));
    }
}
