//! Who uses a disk, and what to do about it.

use std::path::Path;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::Scrolled;
use crate::device::HolderKind;
use crate::ui::hit::List;
use crate::ui::model::Model;
use crate::ui::msg::HolderView;
use crate::ui::text;
use crate::ui::widget::{asked, clip, first_visible, pad, paint, pairs, popup, popup_rows, wrap};

/// Lines above the list: of what, and what is going on.
const HEAD: u16 = 3;
/// Lines that the list leaves to what it tells of the chosen one, where there is room.
const BELOW: u16 = 8;

fn list(model: &Model, area: Rect) -> Rect {
    let left = area.height.saturating_sub(HEAD);
    let wanted = u16::try_from(model.held.list().len()).unwrap_or(u16::MAX);
    let most = left.saturating_sub(BELOW).max(left / 2).max(1);
    Rect { y: area.y + HEAD.min(area.height), height: wanted.min(most).min(left), ..area }
}

/// How many lines of the list fit the screen.
pub(in crate::ui) fn page(model: &Model) -> usize {
    usize::from(list(model, super::body(model.size)).height)
}

/// Where the list is, for the mouse.
pub(super) fn hits(model: &Model) -> List {
    List::new(model.clicked_top, list(model, super::body(model.size)), model.held.cursor, model.held.list().len())
}

pub(super) fn draw(model: &Model, area: Rect, buffer: &mut Buffer) -> Scrolled {
    let columns = usize::from(area.width);
    let held = &model.held;
    paint(head(model, columns), 0, Rect { height: HEAD.min(area.height), ..area }, buffer);
    let list = list(model, area);
    let page = usize::from(list.height);
    let all = held.list().len();
    let first = first_visible(model.clicked_top, held.cursor, all, page);
    let lines = held.list().iter().enumerate().skip(first).take(page);
    let lines = lines.map(|(index, view)| row_line(model, view, index == held.cursor, columns));
    paint(lines.collect(), 0, list, buffer);
    let below = Rect { y: list.bottom(), height: area.bottom().saturating_sub(list.bottom()), ..area };
    paint(details(model, columns), 0, below, buffer);
    if let Some(mount) = &held.asking {
        popup(model.theme, text::UNMOUNT_TITLE, model.theme.warning(), question(model, mount, buffer.area), 0, buffer);
    }
    (all > page).then_some((first, page, all))
}

fn head(model: &Model, columns: usize) -> Vec<Line<'static>> {
    let theme = model.theme;
    let held = &model.held;
    let title = held.place.as_ref().map(|place| text::held_title(&place.address)).unwrap_or_default();
    let going_on = if held.unmounting.is_some() {
        Line::styled(clip(&format!("{} {}", super::spinner(model), text::UNMOUNTING), columns), theme.accent())
    } else if held.waiting.is_some() {
        Line::styled(clip(&format!("{} {}", super::spinner(model), text::HELD_LOOKING), columns), theme.accent())
    } else if let Some(freed) = &held.freed {
        Line::styled(clip(&format!("√ {}", text::unmounted(freed)), columns), theme.good())
    } else {
        Line::default()
    };
    vec![Line::styled(clip(&title, columns), theme.strong()), going_on]
}

/// A mount stands at the left, what keeps it below it.
fn row_line(model: &Model, view: &HolderView, chosen: bool, columns: usize) -> Line<'static> {
    let theme = model.theme;
    let depth = if matches!(view.holder.kind, HolderKind::Process { .. }) { "└ " } else { "" };
    let sign = if chosen { text::ACTIVE_SIGN } else { " " };
    let words = format!("{sign} {depth}{}", text::holder(&view.holder, view.user.as_deref()));
    if chosen { Line::styled(pad(&words, columns), theme.selected()) } else { Line::from(clip(&words, columns)) }
}

/// What the chosen one has open, and what to do about it.
fn details(model: &Model, columns: usize) -> Vec<Line<'static>> {
    let theme = model.theme;
    let Some(found) = &model.held.found else { return Vec::new() };
    let mut lines = vec![Line::default()];
    if let Some(view) = found.list.get(model.held.cursor) {
        let (name, paths) = match &view.holder.kind {
            HolderKind::Process { files, .. } => (text::HELD_FILES, files.as_slice()),
            HolderKind::Mount { inside, .. } => (text::HELD_BELOW, inside.as_slice()),
            _ => (text::HELD_FILES, [].as_slice()),
        };
        // What helps comes first: where room is short it matters more.
        let mut facts = vec![(text::HELD_DO, text::holder_advice(&view.holder))];
        facts.extend(paths.iter().map(|path| (name, path.display().to_string())));
        lines.extend(pairs(&facts, columns, theme.quiet()));
    } else {
        lines.extend(wrap(text::HELD_NOBODY, columns).into_iter().map(|part| Line::styled(part, theme.good())));
        lines.extend(wrap(text::HELD_NOBODY_NEXT, columns).into_iter().map(Line::from));
    }
    let hidden = (found.hidden > 0).then(|| text::held_hidden(found.hidden));
    for note in hidden.into_iter().chain(found.is_cut.then(|| text::HELD_CUT.to_owned())) {
        lines.extend(wrap(&note, columns).into_iter().map(|part| Line::styled(part, theme.warning())));
    }
    lines
}

/// What unmounting means, before it is done.
fn question(model: &Model, mount: &Path, screen: Rect) -> Vec<Line<'static>> {
    let theme = model.theme;
    let (columns, _) = popup_rows(screen);
    let plain = |words: &str| wrap(words, columns).into_iter().map(Line::from).collect::<Vec<_>>();
    let mut lines: Vec<Line<'static>> = wrap(&text::unmount_question(mount), columns)
        .into_iter()
        .map(|part| Line::styled(part, theme.strong()))
        .collect();
    let users: Vec<String> = model.held.list().iter().filter_map(|view| user_of(view, mount)).take(5).collect();
    if users.is_empty() {
        lines.extend(plain(text::UNMOUNT_MEANS));
        lines.extend(plain(text::UNMOUNT_LATER));
    } else {
        let words = wrap(&text::unmount_users(&users), columns);
        lines.extend(words.into_iter().map(|part| Line::styled(part, theme.warning())));
    }
    lines.extend(plain(text::UNMOUNT_NEVER_FORCED));
    asked(lines, Line::styled(text::UNMOUNT_KEYS, theme.accent()), screen)
}

fn user_of(view: &HolderView, mount: &Path) -> Option<String> {
    match &view.holder.kind {
        HolderKind::Process { pid, name, place: Some(place), .. } if place == mount => Some(format!("{name} ({pid})")),
        _ => None,
    }
}
