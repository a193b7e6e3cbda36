//! What can be done with an image: restored, exported, dropped; and the images of a volume put in order.

use std::sync::Arc;

use crate::inventory::Address;
use crate::plan::{ContainerAct, ContainerRequest, Preview, Safety, Step, StepKind, quoted};

use super::super::form::Form;
use super::super::model::{Job, Model, Proposal, Proposed, Screen, Task};
use super::super::msg::Effect;
use super::super::text;

/// Back to the volume that holds it; an image file needs a target first.
pub(super) fn restore(model: &mut Model) -> Vec<Effect> {
    if !is_inside(model) {
        return restore_elsewhere(model);
    }
    model.task = Task::Restore;
    model.place = None;
    model.form = Form::home();
    super::plan(model)
}

/// Onto a partition that is to be chosen.
pub(super) fn restore_elsewhere(model: &mut Model) -> Vec<Effect> {
    model.task = Task::Restore;
    // The images below it are no targets: begin with the partition that holds this one.
    if let Some((volume, _)) = model.image.as_ref().and_then(|image| image.place.image()) {
        let own = model.disks.rows.iter().position(|row| row.address == *volume);
        model.disks.cursor = own.unwrap_or(model.disks.cursor);
    } else {
        super::disks::begin_at_likely(model);
    }
    super::disks::enter(model)
}

fn is_inside(model: &Model) -> bool {
    model.image.as_ref().is_some_and(|image| image.is_inside())
}

/// To a file, which is to be named.
pub(super) fn export(model: &mut Model) -> Vec<Effect> {
    let Some(image) = model.image.as_ref().filter(|image| image.is_inside()) else { return Vec::new() };
    let own = image.place.image().map_or(image.name.as_str(), |(_, name)| name);
    let name = text::export_name(image.label.as_deref(), own, &model.clock.date);
    let path = model.images.folder.join(name);
    model.task = Task::Export;
    model.form = Form::export(&path);
    super::go(model, Screen::Options);
    Vec::new()
}

/// What an export does, before it is done. It writes nothing but its new file.
pub(super) fn show_export(model: &mut Model) -> Vec<Effect> {
    let Some(image) = &model.image else { return Vec::new() };
    let request = model.form.export_request(&image.place);
    let target = request.target.display().to_string();
    let step = |kind, title: &str, safety| Step { kind, title: title.to_owned(), bytes: image.bytes, safety };
    let mut command = format!("lifeboat export {} --to {}", quoted(&image.place.to_string()), quoted(&target));
    command.push_str(&request.split.map(|bytes| format!(" --split {bytes}")).unwrap_or_default());
    let preview = Preview {
        headline: text::export_headline(&image.place.to_string(), &target),
        facts: vec![
            (text::FACT_IMAGE.to_owned(), text::made_of(&image.name, &image.kind, &image.created)),
            (text::FACT_FILE.to_owned(), target),
        ],
        steps: vec![
            step(StepKind::VerifyImage, text::STEP_EXPORT_VERIFY, Safety::Reads),
            step(StepKind::WriteImage, text::STEP_EXPORT_WRITE, Safety::Creates),
        ],
        changes: Vec::new(),
        warnings: Vec::new(),
        command,
    };
    model.export = Some(request);
    let ticket = model.next_ticket();
    model.proposal = Proposal::Ready(Box::new(Proposed {
        ticket,
        job: Job::Export,
        preview,
        confirm: None,
        pictures: Arc::default(),
    }));
    super::go(model, Screen::Preview);
    Vec::new()
}

/// Away with it.
pub(super) fn drop_image(model: &mut Model) -> Vec<Effect> {
    let place = model.image.as_ref().map(|image| image.place.clone());
    let Some(Address::Inside(volume, name)) = place else { return Vec::new() };
    change(model, *volume, ContainerAct::Drop(name))
}

/// The images of the chosen line's volume in order, at the volume's end.
pub(super) fn tidy(model: &mut Model) -> Vec<Effect> {
    let Some(row) = model.disks.rows.get(model.disks.cursor) else { return Vec::new() };
    if row.image.is_none() && row.images().is_empty() {
        return super::refuse(model, text::REFUSED_NO_IMAGES.to_owned());
    }
    let volume = row.volume_address().clone();
    change(model, volume, ContainerAct::Tidy)
}

/// A recovery partition that is out of date, made true again.
pub(super) fn renew(model: &mut Model, index: usize) -> Vec<Effect> {
    let Some(stale) = model.stale.get(index) else { return Vec::new() };
    let request = Box::new(stale.renewal.clone());
    model.task = Task::Renew;
    model.image = None;
    model.proposal = Proposal::None;
    vec![Effect::PlanAid(super::wait_for_plan(model), request)]
}

fn change(model: &mut Model, volume: Address, act: ContainerAct) -> Vec<Effect> {
    model.task = Task::Keep;
    model.proposal = Proposal::None;
    let request = ContainerRequest { volume, act };
    vec![Effect::PlanContainer(super::wait_for_plan(model), Box::new(request))]
}
