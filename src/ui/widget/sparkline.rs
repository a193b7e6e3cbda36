//! Values over time in one row of characters: how fast a job was.

use ratatui::text::Span;

use crate::ui::theme::Theme;

/// Low to high, in what the Linux console's font has.
const HEIGHTS: [char; 4] = [' ', '_', '▄', '█'];
/// The same in ASCII, where there are more characters of different heights.
const PLAIN_HEIGHTS: [char; 6] = [' ', '.', '_', '-', '=', '#'];

/// The values from the oldest to the newest, the highest one as high as the row. More values than `columns` are put
/// together in equal groups. Only zero is blank.
pub(in crate::ui) fn sparkline(theme: Theme, values: &[u64], columns: usize) -> Span<'static> {
    let columns = columns.min(values.len());
    let group = |index: usize| {
        let part = &values[values.len() * index / columns..values.len() * (index + 1) / columns];
        let sum: u128 = part.iter().map(|value| u128::from(*value)).sum();
        sum.div_ceil(part.len().max(1) as u128)
    };
    let groups: Vec<u128> = (0..columns).map(group).collect();
    let highest = groups.iter().max().copied().unwrap_or(0).max(1);
    let heights: &[char] = if theme.unicode { &HEIGHTS } else { &PLAIN_HEIGHTS };
    let top = heights.len() - 1;
    let sign = |value: &u128| {
        let level = (*value * top as u128).div_ceil(highest);
        heights[usize::try_from(level).unwrap_or(top).min(top)]
    };
    Span::styled(groups.iter().map(sign).collect::<String>(), theme.accent())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(unicode: bool, values: &[u64], columns: usize) -> String {
        sparkline(Theme { unicode, ..Theme::default() }, values, columns).content.into_owned()
    }

    #[test]
    fn the_highest_value_fills_the_row_and_only_zero_is_blank() {
        assert_eq!(drawn(true, &[0, 1, 50, 100], 10), " _▄█");
        assert_eq!(drawn(false, &[0, 1, 40, 60, 80, 100], 10), " ._-=#");
    }

    #[test]
    fn more_values_than_columns_are_put_together() {
        assert_eq!(drawn(true, &[0, 0, 100, 100, 0, 0], 3), " █ ");
        assert_eq!(drawn(true, &[u64::MAX; 600], 60).chars().count(), 60);
    }

    #[test]
    fn nothing_is_drawn_of_nothing() {
        assert_eq!(drawn(true, &[], 10), "");
        assert_eq!(drawn(true, &[1, 2], 0), "");
        assert_eq!(drawn(true, &[0, 0], 2), "  ");
    }
}
