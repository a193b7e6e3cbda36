//! What happened? The guide, and the ways for those who know where they want to go.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::Scrolled;
use crate::ui::diagnosis;
use crate::ui::hit::{List, line_of};
use crate::ui::model::{Choice, Model};
use crate::ui::rows::{self, Row};
use crate::ui::text;
use crate::ui::widget::{clip, first_visible, pad, paint, width, wrap};

/// From this height on there is a blank line between the answers.
const AIRY: u16 = 26;
/// Below this height the list counts more than what stands around it.
const LOW: u16 = 12;
/// Columns of a choice's words.
const WORDS: usize = 31;

/// Above the list, the list, below it.
struct Parts {
    head: Rect,
    list: Rect,
    foot: Rect,
}

fn parts(area: Rect, foot: usize) -> Parts {
    let head = Rect { height: if area.height < LOW { 1 } else { 3 }, ..area };
    let foot = u16::try_from(foot).unwrap_or(u16::MAX).min(area.height / 3);
    let list = Rect { y: head.bottom(), height: area.height.saturating_sub(head.height + foot), ..area };
    Parts { head, list, foot: Rect { y: list.bottom(), height: foot, ..area } }
}

/// How many choices fit the screen.
pub(in crate::ui) fn page(model: &Model) -> usize {
    let area = super::body(model.size);
    usize::from(parts(area, foot(model, area).len()).list.height)
}

pub(super) fn draw(model: &Model, area: Rect, buffer: &mut Buffer) -> Scrolled {
    let theme = model.theme;
    let columns = usize::from(area.width);
    let factory = rows::factory_images(&model.disks.rows);
    let foot = foot(model, area);
    let parts = parts(area, foot.len());
    let question = if model.factory_cursor.is_some() { text::FACTORY_WHICH } else { text::GUIDE_QUESTION };
    let mut head = vec![Line::styled(clip(question, columns), theme.strong())];
    if area.height >= LOW {
        head.insert(0, Line::default());
    }
    paint(head, 0, parts.head, buffer);
    paint(foot, 0, parts.foot, buffer);
    let page = usize::from(parts.list.height).max(1);
    if let Some(cursor) = model.factory_cursor {
        let first = first_visible(model.clicked_top, cursor, factory.len(), page);
        let shown = factory.iter().enumerate().skip(first).take(page);
        let lines = shown.map(|(index, row)| factory_line(model, row, index == cursor, columns)).collect();
        paint(lines, 0, parts.list, buffer);
        return (factory.len() > page).then_some((first, page, factory.len()));
    }
    let (lines, items) = list(model, &factory, columns, area.height);
    let all = lines.len();
    let first = first_visible(model.clicked_top, line_of(&items, cursor(model)), all, page);
    paint(lines, first, parts.list, buffer);
    (all > page).then_some((first, page, all))
}

/// Where the list is, for the mouse.
pub(super) fn hits(model: &Model) -> List {
    let area = super::body(model.size);
    let factory = rows::factory_images(&model.disks.rows);
    let list_area = parts(area, foot(model, area).len()).list;
    if let Some(cursor) = model.factory_cursor {
        return List::new(model.clicked_top, list_area, cursor, factory.len());
    }
    let (_, items) = list(model, &factory, usize::from(area.width), area.height);
    List::with_gaps(model.clicked_top, list_area, cursor(model), &items)
}

fn cursor(model: &Model) -> usize {
    model.start_cursor.min(model.start_choices().len().saturating_sub(1))
}

/// The choices as lines, and which choice stands on each.
fn list(model: &Model, factory: &[&Row], columns: usize, height: u16) -> (Vec<Line<'static>>, Vec<Option<usize>>) {
    let (mut lines, mut items) = (Vec::new(), Vec::new());
    let choices = model.start_choices();
    let cursor = cursor(model);
    let mut before_experts = true;
    for (index, choice) in choices.iter().enumerate() {
        if std::mem::replace(&mut before_experts, !choice.is_expert) && choice.is_expert {
            if (LOW..AIRY).contains(&height) {
                lines.push(Line::default());
            }
            lines.push(Line::styled(clip(text::GUIDE_EXPERTS, columns), model.theme.quiet()));
        }
        items.resize(lines.len(), None);
        items.push(Some(index));
        lines.push(choice_line(model, choice, factory, index == cursor, columns));
        if !choice.is_expert && height >= AIRY {
            lines.push(Line::default());
        }
    }
    items.resize(lines.len(), None);
    (lines, items)
}

fn choice_line(model: &Model, choice: &Choice, factory: &[&Row], chosen: bool, columns: usize) -> Line<'static> {
    let theme = model.theme;
    let is_off = choice.letter == 'f' && factory.is_empty();
    let style = match (chosen, is_off || choice.is_expert) {
        (true, _) => theme.selected(),
        (false, true) => theme.text(),
        (false, false) => theme.strong(),
    };
    let stale = model.stale.get(choice.stale).filter(|_| choice.letter == 'k');
    let words = stale.map_or_else(|| choice.words.0.to_owned(), |stale| text::renew(&stale.partition));
    let more = if choice.letter == 'f' { factory_words(model, factory) } else { choice.words.1.to_owned() };
    let room = columns.saturating_sub(6).min(WORDS.max(width(&words) + 2));
    let sign = if chosen { text::ACTIVE_SIGN } else { " " };
    let mut spans = vec![
        Span::raw(format!("{sign} ")),
        Span::styled(format!(" {} ", choice.letter), theme.accent().patch(style)),
        Span::styled(pad(&format!(" {words}"), room), style),
    ];
    if 5 + room + 1 + width(&more) <= columns {
        spans.push(Span::styled(format!(" {more}"), theme.quiet()));
    }
    Line::from(spans)
}

/// Whether there is a factory image to go back to.
fn factory_words(model: &Model, factory: &[&Row]) -> String {
    match factory {
        [] if model.disks.looking.is_some() || model.disks.inventory.is_none() => text::FACTORY_WAIT.to_owned(),
        [] => text::GUIDE_NO_FACTORY.to_owned(),
        _ => text::factory_found(factory.len()),
    }
}

/// The most urgent thing that is known, and the promise where there is room for it.
fn foot(model: &Model, area: Rect) -> Vec<Line<'static>> {
    let theme = model.theme;
    let columns = usize::from(area.width);
    let mut lines = Vec::new();
    let notices = notices(model).into_iter().take(if area.height < LOW { 1 } else { 2 });
    for notice in notices {
        let words = if area.height < LOW { vec![clip(&notice, columns)] } else { wrap(&notice, columns) };
        lines.extend(words.into_iter().map(|part| Line::styled(part, theme.warning())));
    }
    if area.height >= LOW {
        lines.extend(wrap(text::START_PROMISE, columns).into_iter().map(|part| Line::styled(part, theme.quiet())));
        lines.insert(0, Line::default());
    }
    lines
}

/// What is said at once, since it matters whatever the user came for.
fn notices(model: &Model) -> Vec<String> {
    if !model.interrupted.jobs.is_empty() {
        return vec![text::INTERRUPTED_NOTICE.to_owned()];
    }
    let urgent = diagnosis::findings(model).into_iter().find(|finding| finding.wrong.is_grave());
    let stale = model.stale.first().map(|stale| text::stale_notice(&stale.partition));
    urgent.map(|finding| text::start_wrong(&finding)).into_iter().chain(stale).collect()
}

fn factory_line(model: &Model, row: &Row, chosen: bool, columns: usize) -> Line<'static> {
    let theme = model.theme;
    let sign = if chosen { text::ACTIVE_SIGN } else { " " };
    let words = row.image_info().map(|image| text::factory_image(row.volume_address(), &image)).unwrap_or_default();
    let words = format!("{sign} {words}");
    if chosen { Line::styled(pad(&words, columns), theme.selected()) } else { Line::from(clip(&words, columns)) }
}
