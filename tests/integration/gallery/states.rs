//! What each screen declares.

mod confirm;
mod diagnosis;
mod disks;
mod facts;
mod files;
mod held;
mod images;
mod interrupted;
mod options;
mod peek;
mod preview;
mod report;
mod running;
mod start;

use lifeboat::ui::model::Screen;

use super::Declared;

/// A screen's states.
pub(super) fn of(screen: Screen) -> Declared {
    match screen {
        Screen::Start => start::DECLARED,
        Screen::Diagnosis => diagnosis::DECLARED,
        Screen::Disks => disks::DECLARED,
        Screen::Images => images::DECLARED,
        Screen::Facts => facts::DECLARED,
        Screen::Files => files::DECLARED,
        Screen::Peek => peek::DECLARED,
        Screen::Options => options::DECLARED,
        Screen::Preview => preview::DECLARED,
        Screen::Confirm => confirm::DECLARED,
        Screen::Running => running::DECLARED,
        Screen::Report => report::DECLARED,
        Screen::Interrupted => interrupted::DECLARED,
        Screen::Held => held::DECLARED,
    }
}
