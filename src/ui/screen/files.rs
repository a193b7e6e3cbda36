//! The folders and files of a volume or image: two panes side by side, one where the window is narrow.

mod find;
mod peek;
mod row;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::Scrolled;
use crate::ui::hit::List;
use crate::ui::model::{Branch, Model, Pane, Typing};
use crate::ui::widget::{clip, first_visible, pad, paint, typed, width, wrap};
use crate::ui::{overlay, text};
pub(super) use peek::draw as draw_peek;
pub(in crate::ui) use peek::shape as peek_shape;

/// Lines above the list: the volume, the folder, the columns' names.
const HEAD: u16 = 3;

/// From this width on there are two panes.
const TWO_PANES: u16 = 80;

/// Lines below the list, about the chosen line and the marks.
fn foot(area: Rect) -> u16 {
    if area.height >= 14 { 3 } else { 1 }
}

fn list_area(area: Rect) -> Rect {
    Rect { y: area.y + HEAD, height: area.height.saturating_sub(HEAD + foot(area)), ..area }
}

/// How many lines of the list fit the screen.
pub(in crate::ui) fn page(model: &Model) -> usize {
    usize::from(list_area(super::body(model.size)).height)
}

/// The folders and the content, side by side.
fn panes(list: Rect) -> (Rect, Rect) {
    let left = (list.width / 4).clamp(18, 36);
    (Rect { width: left, ..list }, Rect { x: list.x + left + 3, width: list.width - left - 3, ..list })
}

/// The list that the keys are for, when there is one.
pub(super) fn hits(model: &Model) -> Option<List> {
    let files = &model.files;
    let list = list_area(super::body(model.size));
    if files.typing.is_some() {
        return None;
    }
    if let Some(find) = &files.find {
        return Some(List::new(model.clicked_top, find::list_area(find, list), find.cursor, find.hits.len()));
    }
    let (folders, content) = if model.size.0 < TWO_PANES { (list, list) } else { panes(list) };
    match files.pane {
        Pane::Folders => Some(List::new(model.clicked_top, folders, files.tree.cursor, files.tree.lines.len())),
        Pane::Content if files.problem.is_some() => None,
        Pane::Content => Some(List::new(model.clicked_top, content, files.cursor, files.rows.len())),
    }
}

/// The pane beside it, to which Tab leads.
pub(super) fn other_pane(model: &Model) -> Option<Rect> {
    let files = &model.files;
    if files.typing.is_some() || files.find.is_some() || model.size.0 < TWO_PANES {
        return None;
    }
    let (folders, content) = panes(list_area(super::body(model.size)));
    Some(if files.pane == Pane::Folders { content } else { folders })
}

pub(super) fn draw(model: &Model, area: Rect, buffer: &mut Buffer) -> Scrolled {
    let theme = model.theme;
    let columns = usize::from(area.width);
    let files = &model.files;
    if let Some(typing) = &files.typing {
        draw_typing(model, typing, area, buffer);
        return None;
    }
    paint(vec![volume_line(model, columns)], 0, area, buffer);
    let list = list_area(area);
    let below = Rect { y: list.y + list.height, height: foot(area), ..area };
    if files.find.is_some() {
        paint(find::head(model, columns), 0, Rect { y: area.y + 1, height: HEAD - 1, ..area }, buffer);
        paint(row::foot(model, columns), 0, below, buffer);
        return find::draw(model, list, buffer);
    }
    let folder = files.folder.display().to_string();
    let head = Rect { y: area.y + 1, height: 1, ..area };
    paint(vec![Line::styled(tail(&folder, columns), theme.strong())], 0, head, buffer);
    paint(row::foot(model, columns), 0, below, buffer);
    if model.size.0 < TWO_PANES {
        return match files.pane {
            Pane::Folders => draw_folders(model, list, buffer),
            Pane::Content => draw_content(model, list, buffer),
        };
    }
    let (folders, content) = panes(list);
    let rule = Rect { x: folders.right() + 1, y: list.y - 1, width: 1, height: list.height + 1 };
    paint(vec![Line::styled("│", theme.quiet()); usize::from(rule.height)], 0, rule, buffer);
    let scrolled_left = draw_folders(model, folders, buffer);
    let scrolled_right = draw_content(model, content, buffer);
    if files.pane == Pane::Folders { scrolled_left } else { scrolled_right }
}

/// What is looked into; and that it is being read.
fn volume_line(model: &Model, columns: usize) -> Line<'static> {
    let theme = model.theme;
    let files = &model.files;
    let subject = files.subject.as_ref().map(ToString::to_string).unwrap_or_default();
    if files.going.is_some() {
        let words = if files.volume.is_empty() { text::FILES_OPENING } else { text::LISTING };
        let words = format!("{} {words}", super::spinner(model));
        let room = columns.saturating_sub(width(&words) + 2);
        let subject = clip(&subject, room) + "  ";
        return Line::from(vec![Span::styled(subject, theme.quiet()), Span::styled(words, theme.accent())]);
    }
    Line::styled(clip(&format!("{subject}  {}", files.volume), columns), theme.quiet())
}

/// The end of a path matters more than its beginning.
fn tail(path: &str, columns: usize) -> String {
    let path = text::clean(path);
    if width(&path) <= columns {
        return path;
    }
    let mut rest = path.chars();
    while width(rest.as_str()) + 1 > columns && rest.next().is_some() {}
    format!("…{}", rest.as_str())
}

/// The text that is being typed, what it is for, and how it can go on.
fn draw_typing(model: &Model, typing: &Typing, area: Rect, buffer: &mut Buffer) {
    let theme = model.theme;
    let columns = usize::from(area.width);
    let (prompt, input, hint) = match typing {
        Typing::Name(input) => (text::FILTER_LABEL, input, text::FIND_HINT),
        Typing::Target(input) => (text::TARGET_PROMPT, input, text::TARGET_HINT),
    };
    let prompt = format!("{prompt}  ");
    let mut line = typed(theme, input, columns.saturating_sub(width(&prompt)), true);
    line.spans.insert(0, Span::styled(prompt, theme.accent()));
    let mut lines = vec![line, Line::default()];
    lines.extend(wrap(hint, columns).into_iter().map(|part| Line::styled(part, theme.quiet())));
    lines.push(Line::default());
    match typing {
        Typing::Name(_) => {
            let place = text::find_where(&model.files.folder.display().to_string());
            lines.extend(wrap(&place, columns).into_iter().map(Line::from));
        }
        Typing::Target(_) => {
            let paths = model.files.extract.iter().flat_map(|request| &request.paths).take(8);
            lines.extend(paths.map(|path| Line::from(clip(&path.display().to_string(), columns))));
            lines.extend(super::options::completion_lines(model, columns));
        }
    }
    paint(lines, 0, area, buffer);
}

/// The folders on the way, and beside it.
fn draw_folders(model: &Model, area: Rect, buffer: &mut Buffer) -> Scrolled {
    let theme = model.theme;
    let columns = usize::from(area.width);
    let tree = &model.files.tree;
    let page = usize::from(area.height);
    let is_active = model.files.pane == Pane::Folders;
    let first = first_visible(model.clicked_top.filter(|_| is_active), tree.cursor, tree.lines.len(), page);
    let shown = tree.lines.iter().enumerate().skip(first).take(page);
    let lines = shown.map(|(index, branch)| {
        let words = pad(&branch_words(model, branch, columns), columns);
        let style = match (index == tree.cursor, branch.path == model.files.folder) {
            (true, _) if is_active => theme.selected(),
            (_, true) => theme.strong(),
            _ => theme.text(),
        };
        Line::styled(words, style)
    });
    paint(lines.collect(), 0, area, buffer);
    (tree.lines.len() > page).then_some((first, page, tree.lines.len()))
}

fn branch_words(model: &Model, branch: &Branch, columns: usize) -> String {
    // However deep: the name stays in sight.
    let indent = " ".repeat((branch.depth * 2).min(columns.saturating_sub(12)));
    let sign = match (model.files.marks.contains_key(&branch.path), branch.path == model.files.folder) {
        (true, _) => "√",
        (false, true) => "►",
        (false, false) => " ",
    };
    let name = branch.path.file_name().map_or_else(|| "/".into(), |name| name.to_string_lossy().into_owned());
    let more = if branch.more > 0 { format!("  ({})", text::files_more(branch.more)) } else { String::new() };
    format!("{sign}{indent}{name}{more}")
}

/// What is in the folder.
fn draw_content(model: &Model, area: Rect, buffer: &mut Buffer) -> Scrolled {
    let theme = model.theme;
    let columns = usize::from(area.width);
    let files = &model.files;
    if let Some(trouble) = &files.problem {
        paint(overlay::trouble_lines(theme, trouble, columns), 0, area, buffer);
        return None;
    }
    if files.tree.lines.is_empty() {
        return None;
    }
    let head = Rect { y: area.y - 1, height: 1, ..area };
    paint(vec![Line::styled(row::columns_words(columns), theme.quiet())], 0, head, buffer);
    if files.rows.is_empty() {
        paint(vec![Line::styled(clip(text::FILES_EMPTY, columns), theme.quiet())], 0, area, buffer);
        return None;
    }
    let page = usize::from(area.height);
    let is_active = files.pane == Pane::Content;
    let first = first_visible(model.clicked_top.filter(|_| is_active), files.cursor, files.rows.len(), page);
    let shown = files.rows.iter().enumerate().skip(first).take(page);
    let lines = shown.map(|(index, row)| {
        let is_marked = files.marks.contains_key(&files.folder.join(&row.name));
        let style = match (index == files.cursor, is_active) {
            (true, true) => theme.selected(),
            (true, false) => theme.strong(),
            _ if is_marked => theme.accent(),
            _ => theme.text(),
        };
        Line::styled(row::words(row, index == files.cursor && is_active, is_marked, columns), style)
    });
    paint(lines.collect(), 0, area, buffer);
    (files.rows.len() > page).then_some((first, page, files.rows.len()))
}
