//! How a job ended, and saving that to a file.

use std::fmt::Write as _;
use std::path::PathBuf;

use super::super::input::Input;
use super::super::model::{Ended, Model, Saving, Trouble};
use super::super::msg::{Effect, Key, Ticket};
use super::super::text;

pub(super) fn key(model: &mut Model, pressed: Key) -> Vec<Effect> {
    if model.ended.as_ref().is_some_and(|ended| ended.saving.is_some()) {
        return saving_key(model, pressed);
    }
    match pressed {
        Key::Enter if model.onward().is_some() => {
            super::home(model);
            return super::diagnosis::enter_anew(model);
        }
        Key::Esc | Key::Enter => super::home(model),
        Key::Char('x') => ask(model),
        _ => super::scroll(model, pressed),
    }
    Vec::new()
}

/// Asks for the file. What is offered lies among the images: the log is often in memory only, and gone with a restart.
fn ask(model: &mut Model) {
    let path = model.images.folder.join(text::report_file(&model.clock));
    if let Some(ended) = &mut model.ended {
        ended.saved = None;
        ended.saving = Some(Saving { path: Input::with(path.display().to_string()), waiting: None, problem: None });
    }
}

fn saving_key(model: &mut Model, pressed: Key) -> Vec<Effect> {
    let ticket = model.next_ticket();
    model.completion = None;
    let content = (pressed == Key::Enter).then(|| model.ended.as_ref().map(|ended| written(model, ended))).flatten();
    let Some(ended) = &mut model.ended else { return Vec::new() };
    let Some(saving) = ended.saving.as_mut() else { return Vec::new() };
    match (pressed, content) {
        // An answer that comes later finds nobody; the file is whole or not there in any case.
        (Key::Esc, _) => ended.saving = None,
        _ if saving.waiting.is_some() => {}
        (Key::Enter, _) if saving.path.text().trim().is_empty() => {
            saving.problem = Some(Trouble { refused: true, what: text::SAVE_EMPTY.to_owned(), next: None });
        }
        (Key::Enter, Some(content)) => {
            saving.waiting = Some(ticket);
            saving.problem = None;
            return vec![Effect::Save(ticket, PathBuf::from(saving.path.text()), content)];
        }
        (Key::Tab, _) => {
            let typed = saving.path.text().to_owned();
            model.completing = Some(ticket);
            return vec![Effect::Complete(ticket, typed)];
        }
        (other, _) => {
            if saving.path.key(other) {
                saving.problem = None;
            }
        }
    }
    Vec::new()
}

/// The report was written to a file, or not.
pub(super) fn saved(model: &mut Model, ticket: Ticket, result: Result<PathBuf, Trouble>) -> Vec<Effect> {
    let Some(ended) = &mut model.ended else { return Vec::new() };
    let Some(saving) = ended.saving.as_mut().filter(|saving| saving.waiting == Some(ticket)) else {
        return Vec::new();
    };
    saving.waiting = None;
    match result {
        Ok(path) => {
            ended.saving = None;
            ended.saved = Some(path);
        }
        Err(trouble) => saving.problem = Some(trouble),
    }
    Vec::new()
}

/// The whole report as a text file: all that the screen shows, and the log of the job.
fn written(model: &Model, ended: &Ended) -> String {
    let report = &ended.report;
    let mut page = text::report_title(&model.clock);
    page.push('\n');
    let mut facts = Vec::new();
    if !ended.headline.is_empty() {
        facts.push((text::REPORT_TASK.to_owned(), ended.headline.clone()));
    }
    facts.extend(report.facts.iter().cloned());
    facts.push((text::REPORT_TOOK.to_owned(), text::took(ended.took)));
    facts.extend(model.options.log.iter().map(|path| (text::LOG.to_owned(), path.display().to_string())));
    section(&mut page, text::outcome(report.outcome), [&report.headline]);
    section(&mut page, text::FACTS, facts.iter().map(|(name, value)| format!("{name}: {value}")));
    section(&mut page, text::WARNINGS, &report.warnings);
    section(&mut page, text::NEXT_STEPS, &report.next);
    section(&mut page, text::REPORT_LOG, &ended.log);
    section(&mut page, text::COMMAND, &ended.command);
    page
}

/// A heading and its lines, when there are any.
fn section<S: AsRef<str>>(page: &mut String, heading: &str, lines: impl IntoIterator<Item = S>) {
    let mut lines = lines.into_iter().peekable();
    if lines.peek().is_none() {
        return;
    }
    let mut put = |line: &str| {
        // Writing to a string cannot fail.
        let _ = writeln!(page, "{line}");
    };
    put("");
    put(heading);
    for line in lines {
        put(&format!("  {}", text::clean(line.as_ref())));
    }
}
