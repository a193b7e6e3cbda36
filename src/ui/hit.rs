//! What lies under the mouse. Pure, and from the same layout that the view draws.

use ratatui::layout::{Position, Rect};

use super::model::{Model, Screen};
use super::msg::Key;
use super::widget::first_visible;
use super::{footer, screen, view};

/// What was hit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Hit {
    /// A key of the footer.
    Key(Key),
    /// An item of the screen's list, whose first line in sight is `top`; the chosen one is `chosen`.
    Item { item: usize, chosen: usize, top: usize },
    /// The pane that Tab leads to.
    Pane,
}

/// The list of a screen: where it is, and which item stands on each of its lines.
pub(super) struct List {
    area: Rect,
    items: Vec<Option<usize>>,
    chosen: usize,
    top: usize,
}

impl List {
    /// A list with an item a line, that keeps the chosen one in sight.
    pub(super) fn new(held: Option<usize>, area: Rect, chosen: usize, len: usize) -> Self {
        let page = usize::from(area.height);
        let top = first_visible(held, chosen, len, page);
        Self { area, items: (top..len).take(page).map(Some).collect(), chosen, top }
    }

    /// A list that has lines without an item; `items` tells which stands on each line.
    pub(super) fn with_gaps(held: Option<usize>, area: Rect, chosen: usize, items: &[Option<usize>]) -> Self {
        let page = usize::from(area.height);
        let top = first_visible(held, line_of(items, chosen), items.len(), page);
        Self::from_line(top, area, chosen, items)
    }

    /// A list of which all from the line `top` on is in sight.
    pub(super) fn from_line(top: usize, area: Rect, chosen: usize, items: &[Option<usize>]) -> Self {
        let page = usize::from(area.height);
        Self { area, items: items.iter().skip(top).take(page).copied().collect(), chosen, top }
    }

    fn item(&self, place: Position) -> Option<usize> {
        if !self.area.contains(place) {
            return None;
        }
        self.items.get(usize::from(place.y - self.area.y)).copied().flatten()
    }
}

/// On which line an item stands.
pub(super) fn line_of(items: &[Option<usize>], item: usize) -> usize {
    items.iter().position(|one| *one == Some(item)).unwrap_or(0)
}

/// What is at a column and row of the screen.
///
/// While something lies over the screen only the footer's keys can be hit. Where a word is typed to confirm, Enter
/// cannot: what overwrites is confirmed with the keyboard alone; and so is every "yes".
pub(super) fn at(model: &Model, column: u16, row: u16) -> Option<Hit> {
    let screen = Rect::new(0, 0, model.size.0, model.size.1);
    if view::is_too_small(screen) {
        return None;
    }
    let place = Position::new(column, row);
    if let Some(placed) = footer::place(model, screen).into_iter().find(|placed| placed.area.contains(place)) {
        let key = footer::key_of(placed.word.0)?;
        let confirms = key == Key::Char('y') || (key == Key::Enter && model.screen() == Screen::Confirm);
        let allowed = !confirms || is_covered_by_text(model);
        return allowed.then_some(Hit::Key(key));
    }
    if is_covered(model) {
        return None;
    }
    if screen::other_pane(model).is_some_and(|pane| pane.contains(place)) {
        return Some(Hit::Pane);
    }
    let list = screen::list(model)?;
    list.item(place).map(|item| Hit::Item { item, chosen: list.chosen, top: list.top })
}

/// Help and trouble are only read: Enter closes them.
fn is_covered_by_text(model: &Model) -> bool {
    model.help.is_some() || model.trouble.is_some()
}

fn is_covered(model: &Model) -> bool {
    let asking = model.screen() == Screen::Held && model.held.asking.is_some();
    is_covered_by_text(model)
        || asking
        || model.wait.is_some()
        || model.running.as_ref().is_some_and(|running| running.asking)
}
