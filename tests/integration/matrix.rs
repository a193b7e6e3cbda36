//! The damage matrix: whatever is destroyed of a disk, the images inside its volume are found, and bring it back.
//!
//! Each cell is one damage to one family, judged through the real binary: `images` finds the image, and by the way that
//! is expected; `restore` brings it home; sfdisk tells the table of before, a stranger's checker calls the volume sound,
//! every file is what it was when the image was made, and the images inside still verify. What cannot come back is
//! refused, and nothing is written.
#![allow(clippy::single_range_in_vec_init, reason = "a list of ranges may have one")]

mod cells;
mod family;
mod kernel;
mod limits;
mod stage;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use self::family::{FAMILIES, Family};
use self::stage::Stage;
use crate::oracle::long;

/// Rows in their order, and what each family's cell of it says.
#[derive(Default)]
struct Matrix {
    rows: Vec<String>,
    cells: BTreeMap<(String, &'static str), Result<String, String>>,
}

impl Matrix {
    /// Takes a family's column; rows that are new come behind the one that is before them there.
    fn put(&mut self, family: &'static str, column: Vec<(String, Result<String, String>)>) {
        let mut at = 0;
        for (row, text) in column {
            at = match self.rows.iter().position(|known| *known == row) {
                Some(known) => known + 1,
                None => {
                    self.rows.insert(at, row.clone());
                    at + 1
                }
            };
            self.cells.insert((row, family), text);
        }
    }

    fn print(&self, families: &[Family]) -> String {
        let text = |row: &str, family: &Family| match self.cells.get(&(row.to_owned(), family.name)) {
            None => "-".to_owned(),
            Some(Ok(text)) => text.clone(),
            Some(Err(_)) => "FAILED".to_owned(),
        };
        let first = self.rows.iter().map(String::len).max().unwrap_or(0);
        let width = |family: &Family| self.rows.iter().map(|row| text(row, family).len()).max().unwrap_or(0);
        let widths: Vec<usize> = families.iter().map(|family| width(family).max(family.name.len())).collect();
        let mut lines = String::new();
        let mut line = |row: &str, columns: Vec<String>| {
            let _ = write!(lines, "{row:first$}");
            for (column, width) in columns.iter().zip(&widths) {
                let _ = write!(lines, " | {column:width$}");
            }
            lines.push('\n');
        };
        line("damage", families.iter().map(|family| family.name.to_owned()).collect());
        for row in &self.rows {
            line(row, families.iter().map(|family| text(row, family)).collect());
        }
        lines
    }
}

/// The cells of one family.
fn column(family: Family) -> Vec<(String, Result<String, String>)> {
    let only = std::env::var("LIFEBOAT_MATRIX").unwrap_or_default();
    let stage = Stage::new(family);
    let cells = cells::cells(&stage).into_iter();
    let chosen = cells.filter(|cell| (long() || cell.soon || !only.is_empty()) && cell.row.contains(&only));
    let judged = chosen.map(|cell| {
        let once = std::panic::AssertUnwindSafe(|| cells::act(&stage, &cell));
        let text = std::panic::catch_unwind(once).unwrap_or_else(|panic| {
            Err(panic.downcast_ref::<String>().cloned().unwrap_or_else(|| "it panicked".into()))
        });
        eprintln!("{}: {}: {text:?}", family.name, cell.row);
        (cell.row, text)
    });
    judged.collect()
}

#[test]
fn what_is_destroyed_comes_back() {
    let only = std::env::var("LIFEBOAT_FAMILY").unwrap_or_default();
    let families: Vec<Family> = FAMILIES.into_iter().filter(|family| family.name.contains(&only)).collect();
    let mut matrix = Matrix::default();
    std::thread::scope(|scope| {
        let columns = families.iter().map(|family| (family.name, scope.spawn(|| column(*family))));
        for (name, column) in columns.collect::<Vec<_>>() {
            matrix.put(name, column.join().unwrap());
        }
    });
    println!("{}", matrix.print(&families));
    let failed = matrix
        .cells
        .iter()
        .filter_map(|((row, family), text)| text.as_ref().err().map(|error| format!("{family}: {row}: {error}")));
    let failed: Vec<String> = failed.collect();
    assert!(failed.is_empty(), "{} of {} cells:\n{}", failed.len(), matrix.cells.len(), failed.join("\n"));
}
