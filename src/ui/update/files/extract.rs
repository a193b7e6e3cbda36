//! Copying files out: where to, what that means, and the job.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use crate::job::ExtractRequest;
use crate::plan::Preview;

use super::super::super::input::Input;
use super::super::super::model::{Job, Model, Proposal, Proposed, Screen, Task, Trouble, Typing, Wait};
use super::super::super::msg::{Completion, Effect, FilesAnswer, FilesRequest, Key, Measured};
use super::super::super::text;

/// Asks where what is marked, or chosen, shall go to.
pub(in crate::ui::update) fn ask_target(model: &mut Model) -> Vec<Effect> {
    let paths = model.files.wanted();
    ask_target_of(model, paths)
}

/// The same, of these files.
pub(super) fn ask_target_of(model: &mut Model, paths: Vec<PathBuf>) -> Vec<Effect> {
    let Some(subject) = model.files.subject.clone().filter(|_| !paths.is_empty()) else { return Vec::new() };
    let offered = model.files.target.clone().unwrap_or_else(|| {
        let folder = model.images.folder.join(text::files_folder(&model.clock.date));
        folder.display().to_string()
    });
    model.files.extract = Some(ExtractRequest { subject, paths, to: PathBuf::new(), overwrite: false });
    model.files.typing = Some(Typing::Target(Input::with(offered)));
    model.completion = None;
    Vec::new()
}

/// From the preview back to the question.
pub(in crate::ui::update) fn ask_again(model: &mut Model) -> Vec<Effect> {
    model.proposal = Proposal::None;
    let paths = model.files.extract.take().map(|request| request.paths).unwrap_or_default();
    super::super::back(model);
    ask_target_of(model, paths)
}

pub(super) fn typing_key(model: &mut Model, pressed: Key) -> Vec<Effect> {
    let ticket = model.next_ticket();
    let Some(Typing::Target(input)) = &mut model.files.typing else { return Vec::new() };
    match pressed {
        Key::Esc => {
            model.files.typing = None;
            model.files.extract = None;
            model.completion = None;
        }
        Key::Enter if !input.text().trim().is_empty() => {
            let typed = input.text().trim().to_owned();
            let Some(request) = &mut model.files.extract else { return Vec::new() };
            request.to = PathBuf::from(&typed);
            let request = Box::new(request.clone());
            model.files.target = Some(typed);
            model.files.typing = None;
            model.completion = None;
            model.wait = Some(Wait::Measure(ticket));
            return vec![Effect::Files(ticket, FilesRequest::Measure(request))];
        }
        Key::Tab => {
            let typed = input.text().to_owned();
            model.completing = Some(ticket);
            return vec![Effect::Complete(ticket, typed)];
        }
        other => {
            if input.key(other) {
                model.completion = None;
            }
        }
    }
    Vec::new()
}

/// The target's path was completed.
pub(in crate::ui::update) fn completed(model: &mut Model, completion: &Completion) {
    if let Some(Typing::Target(input)) = &mut model.files.typing {
        *input = Input::with(completion.text.clone());
    }
}

/// How much there is to be copied: now it can be shown what will be done.
pub(super) fn measured(model: &mut Model, answer: Result<FilesAnswer, Trouble>) -> Vec<Effect> {
    model.wait = None;
    let measured = match answer {
        Ok(FilesAnswer::Measured(measured)) => measured,
        Ok(_) => return Vec::new(),
        Err(trouble) => {
            model.trouble = Some(trouble);
            return Vec::new();
        }
    };
    let Some(request) = &model.files.extract else { return Vec::new() };
    if let Some(free) = measured.free.filter(|free| *free < measured.amount.bytes) {
        let needed = measured.amount.bytes;
        let what = text::extract_no_room(needed, free, needed - free);
        model.trouble = Some(Trouble { refused: true, what, next: Some(text::SAVE_OTHER_NEXT.to_owned()) });
        return Vec::new();
    }
    let preview = preview(request, &model.files.volume, &measured);
    let ticket = model.next_ticket();
    model.proposal = Proposal::Ready(Box::new(Proposed {
        ticket,
        job: Job::Extract,
        preview,
        confirm: None,
        pictures: Arc::default(),
    }));
    model.task = Task::Extract;
    super::super::go(model, Screen::Preview);
    Vec::new()
}

fn preview(request: &ExtractRequest, volume: &str, measured: &Measured) -> Preview {
    let amount = measured.amount;
    let to = request.to.display().to_string();
    Preview {
        headline: text::extract_headline(&request.subject.to_string(), &to),
        facts: vec![
            (text::VOLUME.to_owned(), volume.to_owned()),
            (text::EXTRACT_WHAT.to_owned(), what(&request.paths)),
            (text::EXTRACT_MUCH.to_owned(), text::extract_amount(&amount)),
            (text::FOLDER.to_owned(), to),
        ],
        steps: ExtractRequest::steps(amount.bytes),
        changes: Vec::new(),
        warnings: warnings(request, measured),
        command: request.command(),
    }
}

/// The first few by name, and how many more.
fn what(paths: &[PathBuf]) -> String {
    const NAMED: usize = 5;
    let names: Vec<String> = paths.iter().take(NAMED).map(|path| path.display().to_string()).collect();
    text::extract_paths(&names, paths.len().saturating_sub(NAMED))
}

fn warnings(request: &ExtractRequest, measured: &Measured) -> Vec<String> {
    let amount = measured.amount;
    let mut warnings = vec![text::EXTRACT_NEVER_OVERWRITES.to_owned()];
    let mut names = BTreeSet::new();
    let twice = request.paths.iter().filter_map(|path| path.file_name()).filter(|name| !names.insert(*name)).count();
    warnings.extend((twice > 0).then(|| text::extract_same_names(twice as u64)));
    warnings.extend((amount.unreadable > 0).then(|| text::extract_unreadable(amount.unreadable)));
    warnings
}
