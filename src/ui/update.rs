//! What a message makes of the model, and what it asks the worker for. Does no I/O and knows no clock but the
//! one in the messages.
//!
//! The same key means the same everywhere: Esc goes back (during a job it leads to the cancel question), Enter
//! goes on but never starts a job by itself, `?` helps. [`job::start`] is the only place that asks for a job
//! that writes.

mod diagnosis;
mod disks;
mod factory;
mod files;
mod held;
mod images;
mod inside;
mod interrupted;
mod job;
mod maps;
mod mouse;
mod options;
mod report;
mod start;

use super::form::Form;
use super::model::{Model, Proposal, Screen, Task, Trouble, Wait};
use super::msg::{Effect, Key, Msg, Signal, Ticket};
use super::{screen, text};
use crate::plan::BackupRequest;

/// The exit code of a wizard that was told to end.
const SIGNALLED: u8 = 130;

/// Takes a message.
pub fn update(model: &mut Model, msg: Msg) -> Vec<Effect> {
    let effects = take(model, msg);
    disks::rest(model);
    effects
}

fn take(model: &mut Model, msg: Msg) -> Vec<Effect> {
    match msg {
        Msg::Tick(clock) => {
            model.clock = clock;
            disks::tick(model)
        }
        Msg::Resize(columns, rows) => {
            model.size = (columns, rows);
            model.scroll = model.scroll.min(screen::scroll_limit(model));
            Vec::new()
        }
        Msg::Begin => interrupted::seek(model),
        Msg::Key(pressed) => key(model, pressed),
        Msg::Mouse(mouse) => mouse::act(model, mouse),
        Msg::Signal(signal) => job::signal(model, signal),
        Msg::Progress(progress) => job::progress(model, progress),
        Msg::Finished(report) => {
            model.maps.forget();
            job::finished(model, report)
        }
        Msg::Searched(disk, found) => disks::searched(model, disk, found),
        Msg::DisksChanged => disks::changed(model),
        answer => answered(model, answer),
    }
}

/// An answer to something that was asked for; those nobody waits for any more are dropped.
fn answered(model: &mut Model, answer: Msg) -> Vec<Effect> {
    match answer {
        Msg::LookNews(ticket, news) if model.disks.looking == Some(ticket) => disks::news(model, news),
        Msg::Looked(ticket, inventory) if model.disks.looking == Some(ticket) => {
            let mut effects = disks::looked(model, inventory);
            effects.extend(interrupted::look(model));
            effects
        }
        Msg::Sought(ticket, jobs) if model.interrupted.seeking == Some(ticket) => {
            interrupted::sought(model, jobs);
            Vec::new()
        }
        Msg::Compared(ticket, stale) if model.comparing == Some(ticket) => {
            model.comparing = None;
            model.stale = stale;
            Vec::new()
        }
        Msg::Listed(ticket, list) if model.images.listing == Some(ticket) => {
            images::listed(model, list);
            Vec::new()
        }
        Msg::Inspected(ticket, result) if model.wait == Some(Wait::Inspect(ticket)) => {
            model.wait = None;
            match result {
                Ok(info) => return images::choose(model, info),
                Err(trouble) => model.trouble = Some(trouble.advised(text::INSPECT_NEXT)),
            }
            Vec::new()
        }
        Msg::IsFolder(ticket, folder) if model.wait == Some(Wait::Inspect(ticket)) => {
            model.wait = None;
            images::visit(model, folder)
        }
        Msg::Mapped(ticket, address, map) => maps::mapped(model, ticket, address, map),
        Msg::Files(ticket, answer) => files::answered(model, ticket, answer),
        Msg::Holders(ticket, answer) if model.held.waiting == Some(ticket) => held::answered(model, answer),
        Msg::Unmounted(ticket, result) => held::unmounted(model, ticket, result),
        Msg::Saved(ticket, result) => report::saved(model, ticket, result),
        Msg::Completed(ticket, completion) if model.completing == Some(ticket) => {
            model.completing = None;
            match completion {
                Ok(completion) => options::completed(model, completion),
                Err(trouble) => model.trouble = Some(trouble),
            }
            Vec::new()
        }
        Msg::Planned(ticket, result) if model.wait == Some(Wait::Plan(ticket)) => {
            model.wait = None;
            model.proposal = match result {
                Ok(proposed) => Proposal::Ready(proposed),
                Err(trouble) => Proposal::Refused(options::offer_way_out(model, trouble)),
            };
            if model.screen() != Screen::Preview {
                go(model, Screen::Preview);
            }
            model.scroll = 0;
            Vec::new()
        }
        _ => Vec::new(),
    }
}

fn key(model: &mut Model, pressed: Key) -> Vec<Effect> {
    // Whatever Tab was asked for belongs to the text as it was before this key.
    model.completing = None;
    model.clicked_top = None;
    match pressed {
        Key::Redraw => return vec![Effect::Redraw],
        Key::Interrupt if model.running.is_some() => {
            model.help = None;
            return job::ask_cancel(model);
        }
        Key::Interrupt => return job::signal(model, Signal::Interrupt),
        _ => {}
    }
    if model.help.is_some() {
        help_key(model, pressed);
        return Vec::new();
    }
    let typed = job::wants_question_mark(model) || files::wants_question_mark(model);
    if pressed == Key::Help || (pressed == Key::Char('?') && !typed) {
        model.help = Some(0);
        return Vec::new();
    }
    if model.trouble.is_some() {
        trouble_key(model, pressed);
        return Vec::new();
    }
    if model.wait.is_some() {
        return if pressed == Key::Esc { stop_waiting(model) } else { Vec::new() };
    }
    if let Some(filter) = &mut model.filter
        && filter.is_typing
        && pressed != Key::Esc
        && filter.key(pressed)
    {
        return Vec::new();
    }
    if pressed == Key::Esc && model.filter.take().is_some() {
        return Vec::new();
    }
    match model.screen() {
        Screen::Start => start::key(model, pressed),
        Screen::Disks => disks::key(model, pressed),
        Screen::Images => images::key(model, pressed),
        Screen::Facts => images::facts_key(model, pressed),
        Screen::Options => options::key(model, pressed),
        Screen::Preview => job::preview_key(model, pressed),
        Screen::Confirm => job::confirm_key(model, pressed),
        Screen::Running => job::running_key(model, pressed),
        Screen::Report => report::key(model, pressed),
        Screen::Interrupted => interrupted::key(model, pressed),
        Screen::Diagnosis => diagnosis::key(model, pressed),
        Screen::Files => files::key(model, pressed),
        Screen::Peek => files::peek_key(model, pressed),
        Screen::Held => held::key(model, pressed),
    }
}

/// What went wrong is read to its end, however long it is.
fn trouble_key(model: &mut Model, pressed: Key) {
    if matches!(pressed, Key::Enter | Key::Esc) {
        model.trouble = None;
        model.trouble_scroll = 0;
        return;
    }
    let limit = screen::trouble_limit(model);
    let page = usize::from(screen::body(model.size).height);
    model.trouble_scroll = moved(model.trouble_scroll, limit + 1, page, pressed);
}

fn help_key(model: &mut Model, pressed: Key) {
    let limit = screen::help_limit(model);
    let Some(scroll) = &mut model.help else { return };
    match pressed {
        Key::Up | Key::PageUp => *scroll = scroll.saturating_sub(1),
        Key::Down | Key::PageDown => *scroll = (*scroll + 1).min(limit),
        Key::Esc | Key::Enter | Key::Help | Key::Char('?' | 'q') => model.help = None,
        _ => {}
    }
}

/// Opens a screen.
fn go(model: &mut Model, screen: Screen) {
    model.trail.push(screen);
    model.filter = None;
    model.scroll = 0;
    model.completion = None;
}

/// Goes back by one screen; from the start screen there is nowhere to go.
fn back(model: &mut Model) -> Vec<Effect> {
    if model.trail.len() > 1 {
        model.trail.pop();
    }
    model.filter = None;
    model.scroll = 0;
    model.completion = None;
    settle_task(model);
    Vec::new()
}

/// What was begun from an image's facts or from the disks is over when the user is back there.
fn settle_task(model: &mut Model) {
    let is_inside = model.image.as_ref().is_some_and(|image| image.is_inside());
    match model.screen() {
        Screen::Facts => {
            model.task = if is_inside { Task::Browse } else { Task::Check };
            model.place = None;
        }
        Screen::Diagnosis => {
            model.task = Task::Diagnose;
            model.image = None;
            model.place = None;
        }
        Screen::Images if model.task == Task::Browse => model.task = Task::Check,
        Screen::Files => model.task = model.files.task,
        // The first list of disks on the way is what it was opened for; for a restore, the image was chosen before.
        Screen::Disks
            if model.trail.iter().position(|screen| *screen == Screen::Disks) == model.trail.len().checked_sub(1) =>
        {
            model.task = model.disks.purpose;
            if model.task == Task::Restore {
                return;
            }
            model.image = None;
        }
        _ => {}
    }
}

/// Back to the start screen, with nothing chosen.
fn home(model: &mut Model) {
    model.trail = vec![Screen::Start];
    model.filter = None;
    model.scroll = 0;
    model.factory_cursor = None;
    model.export = None;
    model.proposal = Proposal::None;
    model.form = Form::default();
}

/// Drops what is being waited for; its answer will find no one.
fn stop_waiting(model: &mut Model) -> Vec<Effect> {
    let planning = matches!(model.wait.take(), Some(Wait::Plan(_)));
    if !planning {
        return vec![Effect::Abandon];
    }
    // A preview whose plan is being made anew has no plan to show.
    if model.screen() == Screen::Preview {
        model.proposal = Proposal::None;
        back(model);
    }
    settle_task(model);
    vec![Effect::Abandon]
}

/// Asks for a plan of what has been chosen.
fn plan(model: &mut Model) -> Vec<Effect> {
    let place = model.place.as_ref().map(|row| row.address.clone());
    model.proposal = Proposal::None;
    match (model.task, &model.image, place) {
        (Task::Backup, _, Some(source)) => {
            let usual_level = model.options.settings.level;
            let request = BackupRequest { usual_level, ..model.form.backup_request(source) };
            vec![Effect::PlanBackup(wait_for_plan(model), Box::new(request))]
        }
        (Task::Restore | Task::Reset, Some(image), target) => {
            let request = Box::new(model.form.restore_request(&image.place, target));
            vec![Effect::PlanRestore(wait_for_plan(model), request)]
        }
        (Task::Export, Some(_), _) => inside::show_export(model),
        _ => Vec::new(),
    }
}

/// A ticket for a plan, whose answer is waited for.
fn wait_for_plan(model: &mut Model) -> Ticket {
    let ticket = model.next_ticket();
    model.wait = Some(Wait::Plan(ticket));
    ticket
}

/// Where a key moves the cursor in a list of `len`, of which `page` fit the screen.
fn moved(cursor: usize, len: usize, page: usize, pressed: Key) -> usize {
    let last = len.saturating_sub(1);
    match pressed {
        Key::Up => cursor.saturating_sub(1),
        Key::Down => cursor.saturating_add(1).min(last),
        Key::PageUp => cursor.saturating_sub(page.max(1)),
        Key::PageDown => cursor.saturating_add(page.max(1)).min(last),
        Key::Home => 0,
        Key::End => last,
        _ => cursor.min(last),
    }
}

/// Scrolls the screen's text.
fn scroll(model: &mut Model, pressed: Key) {
    let limit = screen::scroll_limit(model);
    let page = usize::from(screen::body(model.size).height);
    model.scroll = moved(model.scroll, limit + 1, page, pressed);
}

/// A refusal that needs no worker.
fn refuse(model: &mut Model, what: String) -> Vec<Effect> {
    model.trouble = Some(Trouble { refused: true, what, next: None });
    Vec::new()
}
