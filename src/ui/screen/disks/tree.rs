//! The list: each disk, its partitions below it, and below those the images inside.

use ratatui::style::Style;
use ratatui::text::{Line, Span};

use crate::inventory::ImageView;
use crate::ui::model::{Model, Task};
use crate::ui::rows::{self, Row, RowKind};
use crate::ui::text;
use crate::ui::widget::{clip, pad, width};

/// Columns of the sign and the branches before a line's words.
const SIGN: usize = 2;
const BRANCH: usize = 6;
const KIND: usize = 11;
const SIZE: usize = 10;
const PERCENT: usize = 5;
const STATE: usize = 11;
/// Cells of the bar that shows how full a volume is.
const BAR: usize = 6;
/// From this width on a list has its columns of use, state and remarks.
const FULL: usize = 68;
/// From this width on it has the bar, too.
const ROOMY: usize = 90;

/// How wide the columns are that differ from screen to screen.
#[derive(Clone, Copy)]
pub(super) struct Columns {
    all: usize,
    label: usize,
    /// The remarks; none where the list is narrow.
    note: usize,
    has_bar: bool,
}

impl Columns {
    pub(super) fn new(columns: usize) -> Self {
        let all = columns.saturating_sub(SIGN);
        let has_bar = columns >= ROOMY;
        let bar = if has_bar { BAR + 1 } else { 0 };
        let fixed = BRANCH + KIND + SIZE + 1;
        if columns < FULL {
            return Self { all, label: all.saturating_sub(fixed).max(4), note: 0, has_bar };
        }
        let left = all.saturating_sub(fixed + PERCENT + bar + 2 + STATE);
        // Where room is short, a label is worth more than a remark's long form.
        let label = if has_bar { left / 2 } else { left * 4 / 7 };
        Self { all, label, note: left - label, has_bar }
    }
}

/// The columns' names.
pub(super) fn names(model: &Model, columns: Columns) -> Line<'static> {
    let [number, kind, label, size, used, state] = text::DISK_COLUMNS;
    let mut words = format!("  {number:>5} {}{} {size:>SIZE$}", pad(kind, KIND), pad(label, columns.label));
    if columns.note > 0 {
        let wide = PERCENT + if columns.has_bar { BAR + 1 } else { 0 };
        words.push_str(&format!("{used:>wide$}  {state}"));
    }
    Line::styled(clip(&words, columns.all + SIGN), model.theme.quiet())
}

/// A line of the list. `visible` are the lines that are shown, to know where a branch ends.
pub(super) fn line(model: &Model, visible: &[usize], at: usize, columns: Columns) -> Line<'static> {
    let theme = model.theme;
    let rows = &model.disks.rows;
    let Some(row) = visible.get(at).and_then(|at| rows.get(*at)) else { return Line::default() };
    let is_chosen = model.disks.chosen_at(model.filter.as_ref()) == visible.get(at).copied();
    let style = style(model, row);
    let sign = if is_chosen { text::ACTIVE_SIGN } else { " " };
    let following = visible[at + 1..].iter().filter_map(|at| rows.get(*at)).map(|row| row.kind);
    let branch = branch(row, following);
    let words = match (&row.image, row.kind) {
        (Some(view), _) => image_words(row, view, &branch, columns),
        (None, RowKind::Disk) => disk_words(model, row, columns.all),
        (None, _) => volume_words(row, &branch, columns),
    };
    let sign = Span::styled(format!("{sign} "), Style::new());
    if is_chosen {
        return Line::from(vec![sign, Span::styled(pad(&words, columns.all), theme.selected())]);
    }
    Line::from(vec![sign, Span::styled(clip(&words, columns.all), style)])
}

fn style(model: &Model, row: &Row) -> Style {
    let theme = model.theme;
    let is_refused = || row.refusal(model.task, model.image.as_deref()).is_some();
    let is_broken = |row: &Row| row.problem.is_some() || row.table.as_ref().and_then(text::table_warning).is_some();
    match row.kind {
        RowKind::Disk if is_broken(row) => theme.bad(),
        RowKind::Disk => theme.strong(),
        RowKind::Image if !row.is_whole_image() => theme.warning(),
        RowKind::Image if model.task == Task::Browse => theme.good(),
        _ if matches!(model.task, Task::Backup | Task::Restore) && is_refused() => theme.quiet(),
        RowKind::Found => theme.warning(),
        _ => theme.text(),
    }
}

/// The lines that lead from a disk to what is on it; what follows tells whether there is more of the same.
fn branch(row: &Row, mut following: impl Iterator<Item = RowKind> + Clone) -> String {
    let is_last_place = !following.clone().take_while(|kind| *kind != RowKind::Disk).any(|kind| kind != RowKind::Image);
    let trunk = if is_last_place { ' ' } else { '│' };
    match row.kind {
        RowKind::Disk => String::new(),
        RowKind::Image => {
            let is_last = following.next() != Some(RowKind::Image);
            format!("{trunk}   {}─", if is_last { '└' } else { '├' })
        }
        _ => format!("{}─", if is_last_place { '└' } else { '├' }),
    }
}

/// A disk: its path, and of the rest what has room, the most important first.
fn disk_words(model: &Model, row: &Row, columns: usize) -> String {
    let table = row.table.as_ref();
    let trouble = table.and_then(text::table_warning);
    let is_unread = model.disks.unread.iter().any(|path| path == row.address.path());
    let healthy = table.filter(|_| trouble.is_none() && !is_unread).map(|table| text::table_kind(table.kind));
    let is_known = row.bytes > 0;
    // In the order of the line: how important each is (0 is never left out), and the words.
    let parts: [(u8, Option<String>); 9] = [
        (0, Some(row.address.to_string())),
        (5, Some(row.title.clone()).filter(|title| !title.is_empty())),
        (6, row.serial.as_deref().map(text::serial)),
        (2, is_known.then(|| text::bytes(row.bytes))),
        (4, is_known.then(|| text::disk_size(row.bytes))),
        (3, healthy),
        (1, trouble.map(text::warned)),
        (1, row.problem.as_deref().map(text::warned).or_else(|| is_unread.then(|| text::BEING_READ.to_owned()))),
        (2, row.read_only.then(|| text::READ_ONLY.to_owned())),
    ];
    let mut dropped = 7;
    loop {
        let kept: Vec<&str> = parts
            .iter()
            .filter(|(rank, _)| *rank < dropped)
            // The size stands in one of two forms.
            .filter(|(rank, words)| !(*rank == 2 && dropped > 4 && words.as_deref() == Some(&text::bytes(row.bytes))))
            .filter_map(|(_, words)| words.as_deref())
            .collect();
        let line = kept.join("  ");
        if width(&text::clean(&line)) <= columns || dropped <= 2 {
            return line;
        }
        dropped -= 1;
    }
}

/// An image under its volume: kind, name, size, when it was made, whether it is whole.
fn image_words(row: &Row, view: &ImageView, branch: &str, columns: Columns) -> String {
    let state = if view.whole { text::STATE_WHOLE } else { text::DAMAGED };
    let is_full = columns.note > 0;
    // Where there is no room for the state, the kind gives way to damage: colour alone says nothing.
    let kind = if is_full || view.whole { view.kind.name() } else { text::DAMAGED };
    let mut words = format!(
        "{}{} {} {:>SIZE$}",
        pad(branch, BRANCH + 1),
        pad(kind, KIND - 2),
        pad(&view.name, columns.label),
        text::bytes(row.bytes)
    );
    if is_full {
        let note = [rows::made(view), flag(row, columns.note.saturating_sub(11))].join(" ");
        let gap = PERCENT + 2 + if columns.has_bar { BAR + 1 } else { 0 };
        words.push_str(&format!("{}{}{}", " ".repeat(gap), pad(state, STATE), clip(note.trim_end(), columns.note)));
    }
    words
}

fn volume_words(row: &Row, branch: &str, columns: Columns) -> String {
    let volume = row.volume.as_ref();
    let number = match row.kind {
        RowKind::Partition => row.number.to_string(),
        RowKind::Found => "+".to_owned(),
        RowKind::Disk | RowKind::Whole | RowKind::Image => "-".to_owned(),
    };
    let kind = volume.map_or("-", |volume| volume.kind.name());
    let label = volume.and_then(|volume| volume.label.clone()).filter(|label| !label.is_empty());
    let label = label.unwrap_or_else(|| row.title.clone());
    let mut words = format!(
        "{branch}{number:>3} {}{} {:>SIZE$}",
        pad(kind, KIND),
        pad(&label, columns.label),
        text::bytes(row.bytes)
    );
    if columns.note > 0 {
        words.push_str(&format!("{}  {}", used(row, columns), pad(&state(row), STATE)));
        words.push_str(&clip(&note(row, columns.note), columns.note));
    }
    words
}

/// How full a volume is: in percent, with a bar where there is room.
fn used(row: &Row, columns: Columns) -> String {
    let bar = if columns.has_bar { BAR + 1 } else { 0 };
    let Some((used, all)) = row.used_bytes().zip(row.volume_bytes()) else { return " ".repeat(PERCENT + bar) };
    let percent = text::percent(used, all);
    let words = text::percent_words(percent);
    if !columns.has_bar {
        return format!("{words:>PERCENT$}");
    }
    // A volume with anything in it shows a cell, and only a full one shows all.
    let full = (BAR * usize::from(percent)).div_ceil(100).min(if percent < 100 { BAR - 1 } else { BAR });
    format!(" {}{}{words:>PERCENT$}", "█".repeat(full), "░".repeat(BAR - full))
}

fn state(row: &Row) -> String {
    let known = row.volume.as_ref().and_then(|volume| volume.state).map(text::state);
    let unreadable = row.unreadable().then_some(text::STATE_UNREADABLE);
    let only_images = (row.volume.is_some() && !row.images().is_empty()).then_some(text::STATE_ONLY_IMAGES);
    known.or(unreadable).or(only_images).unwrap_or_default().to_owned()
}

/// The images inside, and what matters most about the line.
fn note(row: &Row, columns: usize) -> String {
    let (factory, user, _) = row.image_counts();
    let mut words = text::badges(factory, user);
    let taken: usize = words.iter().map(|badge| width(badge) + 1).sum();
    words.push(flag(row, columns.saturating_sub(taken)));
    words.join(" ").trim_end().to_owned()
}

/// In use, protected, or lost; in as many words as there is room for.
fn flag(row: &Row, columns: usize) -> String {
    let either =
        |long: String, short: &str| if width(&text::clean(&long)) <= columns { long } else { short.to_owned() };
    if !row.mounted_at.is_empty() {
        either(text::mounted_at(&row.mounted_at), text::MOUNTED)
    } else if row.is_found() {
        either(text::LOST_LONG.to_owned(), text::LOST)
    } else if row.read_only {
        text::READ_ONLY.to_owned()
    } else {
        String::new()
    }
}
