//! What is wrong, what it means, and what helps.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::Scrolled;
use crate::ui::diagnosis::{Finding, MAX_FINDINGS, findings};
use crate::ui::hit::List;
use crate::ui::model::Model;
use crate::ui::text;
use crate::ui::widget::{clip, first_visible, pad, paint, pairs, width, wrap};

/// Below this height what helps comes before what it means.
const LOW: u16 = 14;
/// Lines that the list leaves to the chosen finding, where there is room.
const BELOW: u16 = 10;
/// Columns of an offer's words.
const WORDS: usize = 22;

/// Above the list, the list, below it.
struct Parts {
    head: Rect,
    list: Rect,
    below: Rect,
}

fn parts(model: &Model, found: &[Finding], area: Rect) -> Parts {
    let head = u16::try_from(head(model, found, area).len()).unwrap_or(u16::MAX).min(area.height / 2);
    let left = area.height - head;
    let wanted = u16::try_from(list_len(found)).unwrap_or(u16::MAX);
    // What else can be tried needs no more words than its line.
    let on_offer = model.diagnosis.cursor >= found.len();
    let below = if on_offer { 0 } else { BELOW };
    let most = left.saturating_sub(below).max(left / 3).max(1);
    // A line that was clicked stays under the mouse, though the list has less room now.
    let clicked = model.clicked_top.map_or(0, |first| (model.diagnosis.cursor + 1).saturating_sub(first));
    let most = most.max(u16::try_from(clicked).unwrap_or(u16::MAX)).min(left);
    let list = Rect { y: area.y + head, height: wanted.min(most), ..area };
    let below = Rect { y: list.bottom(), height: area.bottom().saturating_sub(list.bottom()), ..area };
    Parts { head: Rect { height: head, ..area }, list, below }
}

/// The findings, a heading with a blank line above it, and the offers.
fn list_len(found: &[Finding]) -> usize {
    found.len() + 1 + usize::from(!found.is_empty()) + text::DIAGNOSIS_OFFERS.len()
}

/// How many lines of the list fit the screen.
pub(in crate::ui) fn page(model: &Model) -> usize {
    usize::from(parts(model, &findings(model), super::body(model.size)).list.height)
}

/// Where the list is, for the mouse.
pub(super) fn hits(model: &Model) -> List {
    let found = findings(model);
    let (ours, offers) = (found.len(), text::DIAGNOSIS_OFFERS.len());
    let gaps = list_len(&found) - ours - offers;
    let items: Vec<Option<usize>> =
        (0..ours).map(Some).chain(std::iter::repeat_n(None, gaps)).chain((ours..ours + offers).map(Some)).collect();
    let cursor = model.diagnosis.cursor.min((ours + offers).saturating_sub(1));
    List::with_gaps(model.clicked_top, parts(model, &found, super::body(model.size)).list, cursor, &items)
}

pub(super) fn draw(model: &Model, area: Rect, buffer: &mut Buffer) -> Scrolled {
    let columns = usize::from(area.width);
    let found = findings(model);
    let cursor = model.diagnosis.cursor.min((found.len() + text::DIAGNOSIS_OFFERS.len()).saturating_sub(1));
    let parts = parts(model, &found, area);
    paint(head(model, &found, area), 0, parts.head, buffer);
    let (lines, chosen) = list(model, &found, cursor, columns);
    let (all, page) = (lines.len(), usize::from(parts.list.height));
    let first = first_visible(model.clicked_top, chosen, all, page);
    paint(lines, first, parts.list, buffer);
    if let Some(finding) = found.get(cursor) {
        paint(details(model, finding, area), 0, parts.below, buffer);
    }
    (all > page).then_some((first, page, all))
}

/// How far the look is, and what it says on the whole.
fn head(model: &Model, found: &[Finding], area: Rect) -> Vec<Line<'static>> {
    let theme = model.theme;
    let columns = usize::from(area.width);
    let going_on = match (&model.disks.looking, &model.interrupted.seeking) {
        (Some(_), _) => Some(text::LOOKING),
        (None, Some(_)) => Some(text::DIAGNOSIS_SEEKING),
        (None, None) => None,
    };
    let mut lines = Vec::new();
    if let Some(words) = going_on {
        lines.push(Line::styled(clip(&format!("{} {words}", super::spinner(model)), columns), theme.accent()));
    } else if found.is_empty() {
        lines.push(Line::styled(clip(text::DIAGNOSIS_NOTHING, columns), theme.strong()));
        if area.height >= LOW {
            lines.extend(wrap(text::DIAGNOSIS_NOTHING_MEANS, columns).into_iter().map(Line::from));
        }
    } else {
        let words = if found.len() >= MAX_FINDINGS { text::HELD_CUT } else { text::DIAGNOSIS_FOUND };
        lines.push(Line::styled(clip(words, columns), theme.strong()));
    }
    if area.height >= LOW {
        lines.push(Line::default());
    }
    lines
}

/// The findings and the offers as lines, and which of them is the chosen one's.
fn list(model: &Model, found: &[Finding], cursor: usize, columns: usize) -> (Vec<Line<'static>>, usize) {
    let theme = model.theme;
    let mut lines: Vec<Line<'static>> = found
        .iter()
        .enumerate()
        .map(|(index, finding)| finding_line(model, finding, index == cursor, columns))
        .collect();
    if !found.is_empty() {
        lines.push(Line::default());
    }
    lines.push(Line::styled(clip(text::DIAGNOSIS_MORE, columns), theme.quiet()));
    let first_offer = lines.len();
    let offers = text::DIAGNOSIS_OFFERS.iter().enumerate();
    lines.extend(offers.map(|(index, (letter, words, more))| {
        let chosen = found.len() + index == cursor;
        let style = if chosen { theme.selected() } else { theme.text() };
        let sign = if chosen { text::ACTIVE_SIGN } else { " " };
        let room = columns.saturating_sub(5).min(WORDS);
        let mut spans = vec![
            Span::raw(format!("{sign} ")),
            Span::styled(format!(" {letter} "), theme.accent().patch(style)),
            Span::styled(pad(&format!(" {words}"), room), style),
        ];
        if 6 + room + width(more) <= columns {
            spans.push(Span::styled(format!(" {more}"), theme.quiet()));
        }
        Line::from(spans)
    }));
    let chosen = if cursor < found.len() { cursor } else { first_offer + cursor - found.len() };
    (lines, chosen)
}

fn finding_line(model: &Model, finding: &Finding, chosen: bool, columns: usize) -> Line<'static> {
    let theme = model.theme;
    let (sign, tone) = if finding.wrong.is_grave() {
        (text::WRONG_SIGN, theme.bad())
    } else {
        (text::WRONG_SIGN_MILD, theme.warning())
    };
    let at = if chosen { text::ACTIVE_SIGN } else { " " };
    let words = text::finding(finding);
    let room = columns.saturating_sub(4);
    let (words, style) =
        if chosen { (pad(&words, room), theme.selected()) } else { (clip(&words, room), theme.text()) };
    Line::from(vec![Span::raw(format!("{at} ")), Span::styled(format!("{sign} "), tone), Span::styled(words, style)])
}

/// What the chosen finding means, and what can be done about it.
fn details(model: &Model, finding: &Finding, area: Rect) -> Vec<Line<'static>> {
    let theme = model.theme;
    let columns = usize::from(area.width);
    let means = (text::FINDING_MEANS, text::finding_means(finding).to_owned());
    let helps = (text::FINDING_HELPS, text::finding_helps(finding));
    let enter = (text::FINDING_ENTER, text::remedy(finding));
    let mut facts = if area.height < LOW { vec![enter, helps, means] } else { vec![means, helps, enter] };
    facts.push((text::ADDRESS, finding.address.to_string()));
    facts.extend(finding.notes.iter().map(|note| (text::NOTE, note.clone())));
    let mut lines = pairs(&facts, columns, theme.quiet());
    if area.height >= LOW {
        lines.insert(0, Line::default());
    }
    lines
}
