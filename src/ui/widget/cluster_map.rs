//! A volume's clusters as a picture: each cell stands for a stretch of it, and a legend tells what the signs mean.

use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::words::{clip, width};
use crate::inventory::{ClusterState, Counts, VolumeMap};
use crate::ui::text;
use crate::ui::theme::Theme;

/// How far a job has come on the volume that is shown. It goes through the used clusters from the first to the last;
/// images inside the volume are none of its business.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(in crate::ui) struct Overlay {
    /// All clusters before this one are done.
    pub(in crate::ui) done: u64,
    /// The one that the worker is at.
    pub(in crate::ui) writing: Option<u64>,
}

/// What a cell shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Sign {
    Free,
    /// In how many quarters it is full, 1 to 4.
    Used(u8),
    Image,
    Bad,
    Moving,
    Done,
    Writing,
}

impl Sign {
    fn glyph(self) -> &'static str {
        match self {
            Self::Free => "·",
            Self::Used(1) => "░",
            Self::Used(2) => "▒",
            Self::Used(3) => "▓",
            Self::Used(_) => "█",
            Self::Image => text::SIGN_IMAGE,
            Self::Bad => "x",
            Self::Moving => "◄",
            Self::Done => "√",
            Self::Writing => "►",
        }
    }

    fn style(self, theme: Theme) -> Style {
        match self {
            Self::Free => theme.quiet(),
            Self::Used(_) => theme.accent(),
            Self::Image => theme.strong(),
            Self::Bad => theme.bad(),
            Self::Moving => theme.warning(),
            Self::Done => theme.good(),
            Self::Writing => theme.warning().patch(theme.selected()),
        }
    }
}

/// In fewer columns an entry of the legend has no room.
const NARROWEST_LEGEND: usize = 16;

/// Blanks between two entries of the legend.
const BETWEEN: usize = 3;

/// The map in at most `rows` lines of `columns`, its legend included. Where there are few rows, the legend is what is
/// left out; it takes at most half of them.
pub(in crate::ui) fn cluster_map(
    theme: Theme,
    map: &VolumeMap,
    overlay: Option<Overlay>,
    columns: usize,
    rows: usize,
) -> Vec<Line<'static>> {
    if columns == 0 || rows == 0 {
        return Vec::new();
    }
    let mut legend = legend(theme, map, overlay, columns, rows / 2);
    let cells = map.cells(columns.saturating_mul(rows - legend.len()));
    if let Some(last) = legend.last_mut() {
        let scale = text::map_scale(map.clusters.div_ceil(cells.len().max(1) as u64));
        if last.width() + BETWEEN + width(&scale) <= columns {
            last.push_span(Span::raw(" ".repeat(BETWEEN)));
            last.push_span(Span::styled(scale, theme.quiet()));
        }
    }
    let signs = signs(&cells, overlay);
    let line = |row: &[Sign]| {
        let same = row.chunk_by(|a, b| a == b);
        Line::from_iter(same.map(|run| Span::styled(run[0].glyph().repeat(run.len()), run[0].style(theme))))
    };
    let mut lines: Vec<Line<'static>> = signs.chunks(columns).map(line).collect();
    lines.extend(legend);
    lines
}

fn signs(cells: &[Counts], overlay: Option<Overlay>) -> Vec<Sign> {
    let mut signs: Vec<Sign> = cells.iter().map(sign).collect();
    // A little of something is lost among much else; once at least it is shown.
    for (state, sign) in [(ClusterState::Image, Sign::Image), (ClusterState::Moving, Sign::Moving)] {
        let most = cells.iter().enumerate().max_by_key(|(_, cell)| cell[state as usize]);
        if let Some((index, cell)) = most
            && cell[state as usize] > 0
            && !signs.contains(&sign)
        {
            signs[index] = sign;
        }
    }
    let Some(overlay) = overlay else { return signs };
    let mut begin = 0;
    for (cell, sign) in cells.iter().zip(&mut signs) {
        let end = begin + cell.iter().sum::<u64>();
        if overlay.writing.is_some_and(|at| (begin..end).contains(&at)) {
            *sign = Sign::Writing;
        } else if end <= overlay.done && matches!(sign, Sign::Used(_)) {
            *sign = Sign::Done;
        }
        begin = end;
    }
    signs
}

/// What a cell shows of what lies in its stretch: a failing cluster always, else what there is most of.
fn sign(cell: &Counts) -> Sign {
    let [free, used, image, bad, moving] = *cell;
    let taken = used + image + moving;
    if bad > 0 {
        Sign::Bad
    } else if taken == 0 {
        Sign::Free
    } else if moving >= used && moving >= image {
        Sign::Moving
    } else if image >= used {
        Sign::Image
    } else {
        let quarters = (u128::from(taken) * 4).div_ceil(u128::from(taken) + u128::from(free));
        Sign::Used(u8::try_from(quarters).unwrap_or(4))
    }
}

/// Sign, name, clusters and bytes of each state that there is, in at most `limit` lines of at most `columns`; without
/// the clusters where that is too long. None, where there is no room for it.
fn legend(theme: Theme, map: &VolumeMap, overlay: Option<Overlay>, columns: usize, limit: usize) -> Vec<Line<'static>> {
    if columns < NARROWEST_LEGEND || limit == 0 {
        return Vec::new();
    }
    let entries = entries(map, overlay);
    let set = |words: &dyn Fn(&'static str, u64, u64) -> String| {
        let mut lines = vec![Line::default()];
        for (sign, name, count) in &entries {
            let bytes = count.saturating_mul(u64::from(map.cluster_bytes));
            push(&mut lines, columns, Span::styled(key(*sign), sign.style(theme)), &words(name, *count, bytes));
        }
        if overlay.is_some_and(|overlay| overlay.writing.is_some()) {
            let key = Span::styled(key(Sign::Writing), Sign::Writing.style(theme));
            push(&mut lines, columns, key, text::MAP_WRITING);
        }
        lines
    };
    let mut lines = set(&text::map_entry);
    if lines.len() > limit {
        lines = set(&|name, _, bytes| text::map_entry_short(name, bytes));
        lines.truncate(limit);
    }
    lines
}

/// What the legend tells of.
fn entries(map: &VolumeMap, overlay: Option<Overlay>) -> Vec<(Sign, &'static str, u64)> {
    let [free, used, image, bad, moving] = map.counts;
    let done = overlay.map_or(0, |overlay| map.counts_before(overlay.done)[ClusterState::Used as usize]);
    let used_name = if overlay.is_some() { text::MAP_LEFT } else { text::MAP_USED };
    let mut entries = vec![
        (Sign::Done, text::MAP_DONE, done),
        (Sign::Used(4), used_name, used.saturating_sub(done)),
        (Sign::Free, text::MAP_FREE, free),
        (Sign::Image, text::MAP_IMAGE, image),
        (Sign::Moving, text::MAP_MOVING, moving),
        (Sign::Bad, text::MAP_BAD, bad),
    ];
    entries.retain(|(sign, _, count)| *count > 0 || matches!(sign, Sign::Used(_) | Sign::Free));
    entries
}

/// The sign as it stands in the legend: of used clusters all that there are.
fn key(sign: Sign) -> &'static str {
    if matches!(sign, Sign::Used(_)) { "░▒▓█" } else { sign.glyph() }
}

/// Adds an entry to the last line, or to a new one where it does not fit; alone on a line it is cut.
fn push(lines: &mut Vec<Line<'static>>, columns: usize, key: Span<'static>, words: &str) {
    let needed = key.width() + 1 + width(words);
    let taken = lines.last().map_or(0, Line::width);
    if taken > 0 && taken + BETWEEN + needed > columns {
        lines.push(Line::default());
    } else if taken > 0 {
        lines.last_mut().into_iter().for_each(|line| line.push_span(Span::raw(" ".repeat(BETWEEN))));
    }
    if let Some(line) = lines.last_mut() {
        let words = clip(words, columns.saturating_sub(key.width() + 1));
        line.push_span(key);
        line.push_span(Span::raw(format!(" {words}")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extent::{ClusterMap, Extent, ExtentSet};
    use std::time::{Duration, Instant};

    fn set(runs: &[(u64, u64)]) -> ExtentSet {
        runs.iter().map(|(start, len)| Extent::new(*start, *len)).collect()
    }

    /// 640 clusters: 320 used, of which 32 are an image and 8 are to be moved; one is bad.
    fn map() -> VolumeMap {
        VolumeMap::new(
            640,
            4096,
            &[
                (ClusterState::Used, &set(&[(0, 320)])),
                (ClusterState::Image, &set(&[(256, 32)])),
                (ClusterState::Moving, &set(&[(312, 8)])),
                (ClusterState::Bad, &set(&[(639, 1)])),
            ],
        )
    }

    fn drawn(map: &VolumeMap, overlay: Option<Overlay>, columns: usize, rows: usize) -> Vec<String> {
        let lines = cluster_map(Theme::default(), map, overlay, columns, rows);
        assert!(
            lines.len() <= rows && lines.iter().all(|line| line.width() <= columns),
            "{columns} × {rows}: {lines:#?}"
        );
        lines.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_map_shows_every_state_and_counts_it() {
        let [first, second, legend @ ..] = &drawn(&map(), None, 80, 4)[..] else { panic!("lines were expected") };
        assert_eq!(*first, format!("{}■■■■■■■■{}◄◄", "█".repeat(64), "█".repeat(6)));
        assert_eq!(*second, format!("{}x", "·".repeat(79)));
        assert_eq!(
            legend,
            [
                "░▒▓█ used 280 (1.0 MiB)   · free 319 (1.2 MiB)   ■ images 32 (128.0 KiB)",
                "◄ to be moved 8 (32.0 KiB)   x failing 1 (4.0 KiB)   1 sign = 4 clusters",
            ]
        );
    }

    #[test]
    fn what_is_done_is_told_from_what_is_left() {
        let overlay = Overlay { done: 160, writing: Some(160) };
        assert_eq!(
            drawn(&map(), Some(overlay), 40, 8),
            [
                "√√√√√√√√√√√√√√√√√√√√√√√√√√√√√√√√√√√√√√√√",
                "►███████████████████████■■■■■■■■██████◄◄",
                "········································",
                "·······································x",
                "√ done 640.0 KiB   ░▒▓█ to do 480.0 KiB",
                "· free 1.2 MiB   ■ images 128.0 KiB",
                "◄ to be moved 32.0 KiB",
                "x failing 4.0 KiB   ► at work here",
            ]
        );
    }

    #[test]
    fn any_size_of_screen_and_volume_is_drawn() {
        for clusters in [0, 1, 2, 639, 1 << 40] {
            let map = VolumeMap::new(clusters, 512, &[(ClusterState::Used, &set(&[(0, clusters / 2)]))]);
            for columns in [0, 1, 2, 7, 36, 80, 240] {
                for rows in [0, 1, 2, 3, 8, 80] {
                    drawn(&map, None, columns, rows);
                    drawn(&map, Some(Overlay { done: clusters, writing: Some(clusters) }), columns, rows);
                }
            }
        }
    }

    #[test]
    fn a_little_of_something_is_shown_somewhere() {
        let map = VolumeMap::new(
            1 << 20,
            4096,
            &[(ClusterState::Used, &set(&[(0, 1 << 20)])), (ClusterState::Image, &set(&[(77, 1)]))],
        );
        assert!(drawn(&map, None, 40, 8).concat().contains("■"));
    }

    #[test]
    fn a_fragmented_map_of_a_huge_volume_is_drawn_from_its_stretches_alone() {
        let mut used = ClusterMap::new(1 << 32);
        for group in 0..(1u64 << 12) {
            for bit in 0..64 {
                used.set(Extent::new((group << 20) + 3 * bit, 1), true);
            }
        }
        let map = VolumeMap::of(4096, vec![(ClusterState::Used, used)]);
        assert_eq!(map.counts[ClusterState::Used as usize], 64 << 12);
        let began = Instant::now();
        drawn(&map, Some(Overlay { done: 1 << 31, writing: Some(1 << 31) }), 240, 80);
        // Even without optimisation: going through so many clusters would take minutes.
        assert!(began.elapsed() < Duration::from_millis(500), "{:?}", began.elapsed());
    }
}
