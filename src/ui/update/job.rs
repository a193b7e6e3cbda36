//! Preview, confirmation, and the job itself.

use std::path::Path;
use std::sync::Arc;

use crate::inventory::Address;
use crate::job::{Outcome, Progress, Report};

use super::super::model::{Ended, Job, Model, Proposal, Proposed, Running, Screen};
use super::super::msg::{Effect, Key, Signal};
use super::super::rate::Samples;
use super::super::{screen, text};
use super::{SIGNALLED, back, held, home, options, scroll};

pub(super) fn preview_key(model: &mut Model, pressed: Key) -> Vec<Effect> {
    let plan = ready(model);
    match (pressed, plan) {
        (Key::Esc, _) => {
            model.proposal = Proposal::None;
            back(model)
        }
        (Key::Char('o'), _) => options::reopen(model),
        (Key::Char('m'), _) => held::of_refusal(model),
        (Key::Char('s') | Key::Enter, Some(plan)) if plan.confirm.is_some() => {
            model.typed = super::super::input::Input::default();
            model.wrong = false;
            super::go(model, Screen::Confirm);
            Vec::new()
        }
        // Enter alone starts nothing.
        (Key::Char('s'), Some(plan)) => start(model, &plan),
        _ => {
            scroll(model, pressed);
            Vec::new()
        }
    }
}

pub(super) fn confirm_key(model: &mut Model, pressed: Key) -> Vec<Effect> {
    match pressed {
        Key::Esc => back(model),
        Key::Enter => {
            let Some(plan) = ready(model) else { return back(model) };
            let effects = start(model, &plan);
            model.wrong = effects.is_empty();
            effects
        }
        other => {
            model.wrong = false;
            model.typed.key(other);
            Vec::new()
        }
    }
}

fn ready(model: &Model) -> Option<Proposed> {
    if let Proposal::Ready(plan) = &model.proposal { Some((**plan).clone()) } else { None }
}

/// On the confirm screen a `?` that is part of the word has to be typed.
pub(super) fn wants_question_mark(model: &Model) -> bool {
    let Proposal::Ready(plan) = &model.proposal else { return false };
    model.screen() == Screen::Confirm && plan.confirm.as_ref().is_some_and(|word| word.contains('?'))
}

/// Starts a plan's job: the one place that does. A plan that asks for a word gets it or does not start; an
/// empty word confirms nothing.
pub(super) fn start(model: &mut Model, plan: &Proposed) -> Vec<Effect> {
    if let Some(word) = &plan.confirm
        && (model.screen() != Screen::Confirm || word.is_empty() || model.typed.text() != word)
    {
        return Vec::new();
    }
    let (export, extract) = (model.export.take(), model.files.extract.take());
    let is_file = matches!(plan.job, Job::Backup | Job::Export);
    let folder = is_file.then(|| Path::new(model.form.path()).parent().map(Path::to_owned)).flatten();
    begin(model, plan.job, plan.preview.headline.clone());
    if let Some(running) = &mut model.running {
        running.folder = folder;
        running.command = Some(plan.preview.command.clone());
        running.pictures = Arc::clone(&plan.pictures);
    }
    match (plan.job, export) {
        (Job::Export, Some(request)) => vec![Effect::Export(Box::new(request))],
        (Job::Export, None) => Vec::new(),
        (Job::Extract, _) => extract.map(|request| Effect::Extract(Box::new(request))).into_iter().collect(),
        _ => vec![Effect::Run(plan.ticket)],
    }
}

/// Starts to verify an image. Only reads.
pub(super) fn start_verify(model: &mut Model, headline: String, image: Address) -> Vec<Effect> {
    begin(model, Job::Verify, headline);
    vec![Effect::Verify(image)]
}

/// Starts to check a volume. Only reads.
pub(super) fn start_check(model: &mut Model, headline: String, address: Address) -> Vec<Effect> {
    begin(model, Job::Check, headline);
    vec![Effect::Check(address)]
}

/// Shows that a job is under way.
pub(super) fn begin(model: &mut Model, job: Job, headline: String) {
    let from_diagnosis = model.trail.contains(&Screen::Diagnosis);
    home(model);
    model.ended = None;
    model.running = Some(Running {
        job,
        headline,
        command: None,
        pictures: Arc::default(),
        folder: None,
        from_diagnosis,
        progress: Progress::default(),
        samples: Samples::default(),
        began: model.clock.elapsed,
        asking: false,
        log_top: None,
    });
    model.trail.push(Screen::Running);
}

pub(super) fn running_key(model: &mut Model, pressed: Key) -> Vec<Effect> {
    let Some(running) = &mut model.running else { return Vec::new() };
    match pressed {
        Key::Char('y') if running.asking => {
            running.asking = false;
            running.progress.cancelling = true;
            vec![Effect::Cancel]
        }
        Key::Char('n') | Key::Esc if running.asking => {
            running.asking = false;
            Vec::new()
        }
        _ if running.asking => Vec::new(),
        Key::Esc => ask_cancel(model),
        Key::Char('p') if !running.progress.cancelling => {
            running.progress.paused = !running.progress.paused;
            vec![Effect::Pause(running.progress.paused)]
        }
        _ => {
            scroll_log(model, pressed);
            Vec::new()
        }
    }
}

/// Moves in the log, whose newest entry is followed until then, and again from its end on.
fn scroll_log(model: &mut Model, pressed: Key) {
    let (limit, page) = screen::log_page(model);
    let Some(running) = &mut model.running else { return };
    let top = super::moved(running.log_top.unwrap_or(limit), limit + 1, page, pressed);
    running.log_top = (top < limit).then_some(top);
}

/// Asks whether to cancel, unless that is already being done.
pub(super) fn ask_cancel(model: &mut Model) -> Vec<Effect> {
    if let Some(running) = &mut model.running {
        running.asking = !running.progress.cancelling;
    }
    Vec::new()
}

/// The worker was sampled.
pub(super) fn progress(model: &mut Model, progress: Progress) -> Vec<Effect> {
    let now = model.clock.elapsed;
    if let Some(running) = &mut model.running {
        running.samples.push(now, &progress);
        // The wish to cancel is shown at once, even when this sample is older than it.
        let cancelling = running.progress.cancelling || progress.cancelling;
        running.progress = Progress { cancelling, ..progress };
    }
    Vec::new()
}

/// The job ended.
pub(super) fn finished(model: &mut Model, mut report: Report) -> Vec<Effect> {
    let Some(running) = model.running.take() else { return Vec::new() };
    // The worker gives advice when it leaves something unfinished behind. Where it has none, nothing was.
    let bare = report.headline.eq_ignore_ascii_case(text::outcome(report.outcome)) && report.next.is_empty();
    if report.outcome == Outcome::Cancelled && bare {
        text::cancelled(running.job).clone_into(&mut report.headline);
    }
    // What was brought to an end is offered no more; what is left is looked for again.
    // A restore that did not come to its end waits to be finished, too.
    let again = matches!(running.job, Job::Resume | Job::Restore | Job::Inside | Job::Keep | Job::Renew);
    let is_done = matches!(report.outcome, Outcome::Done | Outcome::DoneWithWarnings);
    if running.job == Job::Keep {
        model.disks.searched.clear();
    }
    if running.job == Job::Resume && is_done {
        super::interrupted::ended(model);
    }
    if let Some(folder) = running.folder.filter(|_| is_done) {
        super::images::made_in(model, folder);
    }
    model.exit_code = report.outcome.exit_code();
    model.ended = Some(Ended {
        report,
        headline: running.headline,
        command: running.command,
        from_diagnosis: running.from_diagnosis,
        mended: matches!(running.job, Job::Resume | Job::Restore),
        log: running.progress.log,
        took: model.clock.elapsed.saturating_sub(running.began),
        saving: None,
        saved: None,
    });
    model.help = None;
    model.trail = vec![Screen::Start, Screen::Report];
    model.scroll = 0;
    match (model.leaving, again) {
        (true, _) => vec![Effect::Quit(SIGNALLED)],
        (false, true) => super::interrupted::seek(model),
        (false, false) => Vec::new(),
    }
}

/// Told to end: at once when nothing runs, else after the job was cancelled. A second signal does not wait, but
/// a terminal that goes away says so twice (by SIGHUP and by its keys' end), and that is no impatience.
pub(super) fn signal(model: &mut Model, signal: Signal) -> Vec<Effect> {
    let Some(running) = &mut model.running else { return vec![Effect::Quit(SIGNALLED)] };
    if model.leaving {
        return if signal == Signal::Hangup { Vec::new() } else { vec![Effect::Quit(SIGNALLED)] };
    }
    model.leaving = true;
    running.asking = false;
    running.progress.cancelling = true;
    vec![Effect::Cancel]
}
