//! Path and options.

use super::super::form::{FieldId, Value};
use super::super::input::Input;
use super::super::model::{Model, Proposal, Screen, Task, Trouble};
use super::super::msg::{Completion, Effect, Key};
use super::super::text;

pub(super) fn key(model: &mut Model, pressed: Key) -> Vec<Effect> {
    let ticket = model.next_ticket();
    let form = &mut model.form;
    form.problem = None;
    match pressed {
        Key::Esc => {
            // A restore's options are reached from its preview, which shows the plan made with the old ones.
            if let Some(kept) = model.kept_form.take() {
                model.form = kept;
            }
            return super::back(model);
        }
        Key::Enter => return accept(model),
        Key::Up | Key::BackTab => form.cursor = form.cursor.saturating_sub(1),
        Key::Tab if form.is_path() => {
            let typed = form.path().to_owned();
            model.completing = Some(ticket);
            return vec![Effect::Complete(ticket, typed)];
        }
        Key::Down | Key::Tab => form.cursor = super::moved(form.cursor, form.fields.len(), 1, Key::Down),
        other => change(model, other),
    }
    model.completion = None;
    Vec::new()
}

fn change(model: &mut Model, pressed: Key) {
    let form = &mut model.form;
    match form.current().map(|field| &mut field.value) {
        Some(Value::Text(input)) => {
            input.key(pressed);
        }
        Some(Value::Level(_)) => match pressed {
            Key::Left | Key::Char('-') => form.step(-1),
            Key::Right | Key::Char('+') => form.step(1),
            _ => {}
        },
        Some(Value::Switch(_)) if matches!(pressed, Key::Char(' ') | Key::Left | Key::Right) => form.toggle(),
        _ => {}
    }
}

fn accept(model: &mut Model) -> Vec<Effect> {
    let to_file = matches!(model.task, Task::Backup | Task::Export) && !model.form.switch(FieldId::Inside);
    if to_file && model.form.path().trim().is_empty() {
        model.form.cursor = 0;
        model.form.problem = Some(text::PATH_EMPTY);
        return Vec::new();
    }
    // Coming from a preview: back to it, it shows the new plan.
    if model.kept_form.take().is_some() {
        super::back(model);
    }
    super::plan(model)
}

/// From the preview to the options it was made with.
pub(super) fn reopen(model: &mut Model) -> Vec<Effect> {
    if matches!(model.task, Task::Backup | Task::Export) {
        model.proposal = Proposal::None;
        return super::back(model);
    }
    if model.task == Task::Extract {
        return super::files::ask_again(model);
    }
    // The end of an interrupted job has no options, and neither has what puts images in order.
    if matches!(model.task, Task::Resume | Task::Keep | Task::Renew) {
        return Vec::new();
    }
    model.kept_form = Some(model.form.clone());
    super::go(model, Screen::Options);
    Vec::new()
}

/// A path was completed.
pub(super) fn completed(model: &mut Model, completion: Completion) {
    let completed = Input::with(completion.text.clone());
    match model.screen() {
        Screen::Images => {
            if let Some(path) = &mut model.images.path {
                *path = completed;
            }
        }
        Screen::Report => match model.ended.as_mut().and_then(|ended| ended.saving.as_mut()) {
            Some(saving) => saving.path = completed,
            None => return,
        },
        Screen::Options => {
            if let Some(Value::Text(input)) = model.form.current().map(|field| &mut field.value) {
                *input = completed;
            }
        }
        Screen::Files => super::files::completed(model, &completion),
        _ => return,
    }
    model.completion = Some(completion);
}

/// A refusal that an option would lift makes that option appear among the options.
///
/// The planner's advice names the command line's flags, since its words serve both faces.
pub(super) fn offer_way_out(model: &mut Model, mut trouble: Trouble) -> Trouble {
    if trouble.is_in_use() && (model.place.is_some() || model.image.is_some()) {
        trouble.next = Some(text::HELD_HINT.to_owned());
    }
    let Some(next) = &trouble.next else { return trouble };
    let option = match model.task {
        Task::Backup if next.contains("--even-if-dirty") => FieldId::EvenIfDirty,
        Task::Backup if next.contains("--split") => FieldId::Split,
        Task::Backup if next.contains("--raw") => FieldId::Raw,
        Task::Restore | Task::Reset if next.contains("--keep-going") => FieldId::KeepGoing,
        _ => return trouble,
    };
    model.form.offer(option);
    model.form.choose(option);
    trouble.next = Some(format!("{next}. {}", text::option_hint(text::field(option, model.task))));
    trouble
}
