//! Columns that line up.

use ratatui::text::Span;

/// Rows of cells; the last cell of a row is not padded.
#[derive(Default)]
pub(super) struct Columns {
    rows: Vec<Vec<String>>,
}

impl Columns {
    /// Adds a row.
    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// The lines, each cell padded to its column's widest. Columns named in `right` are aligned to the right
    /// (sizes); a column that is empty in every row takes no room.
    pub(super) fn lines(&self, right: &[usize]) -> Vec<String> {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let widths: Vec<usize> = (0..columns)
            .map(|column| self.rows.iter().filter_map(|row| row.get(column)).map(|c| width(c)).max().unwrap_or(0))
            .collect();
        self.rows.iter().map(|row| line(row, &widths, right)).collect()
    }
}

fn line(row: &[String], widths: &[usize], right: &[usize]) -> String {
    let mut line = String::new();
    for (column, cell) in row.iter().enumerate() {
        if widths[column] == 0 {
            continue;
        }
        let padding = " ".repeat(widths[column] - width(cell));
        if right.contains(&column) {
            line += &padding;
            line += cell;
        } else {
            line += cell;
            line += &padding;
        }
        line += "  ";
    }
    line.truncate(line.trim_end().len());
    line
}

/// Cells a terminal gives the text: wide characters take two.
fn width(text: &str) -> usize {
    Span::raw(text).width()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_also_behind_wide_characters() {
        let mut columns = Columns::default();
        columns.row(["船".into(), String::new(), "1 B".into(), "x".into()]);
        columns.row(["abc".into(), String::new(), "20 B".into(), "y".into()]);
        assert_eq!(columns.lines(&[2]), ["船    1 B  x", "abc  20 B  y"]);
    }
}
