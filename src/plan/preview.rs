//! The one renderer of a plan: what the wizard's preview screen, `--dry-run` and the log show.

use serde::Serialize;

use super::{ChangeView, Plan, Step, Work};

/// A plan in words, for people and for `--json`.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Preview {
    /// What will be done.
    pub headline: String,
    /// Name and value pairs, in order.
    pub facts: Vec<(String, String)>,
    /// The steps, in order.
    pub steps: Vec<Step>,
    /// The metadata that will change, where that is known to the byte.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<ChangeView>,
    /// What the user should know first.
    pub warnings: Vec<String>,
    /// The equivalent command line.
    pub command: String,
}

/// Renders a plan.
#[must_use]
pub fn preview(plan: &Plan) -> Preview {
    Preview {
        headline: plan.headline.clone(),
        facts: plan.facts.clone(),
        steps: plan.steps.clone(),
        changes: changes(plan),
        warnings: plan.warnings.clone(),
        command: plan.command.clone(),
    }
}

/// The changes that a plan's work writes: of a resumed job, those that are left to do or to take back.
fn changes(plan: &Plan) -> Vec<ChangeView> {
    match &plan.work {
        Work::Backup(_) | Work::Restore(_) | Work::RestoreInPlace(_) | Work::Aid(_) => Vec::new(),
        Work::Inside(work) => {
            let last = work.survey.image.as_ref().map(|image| &image.last);
            let phases = work.survey.phases.iter().chain(last);
            phases.flat_map(|phase| &phase.survey.changes).map(ChangeView::from).collect()
        }
        Work::Change(work) => work.survey.changes.iter().map(ChangeView::from).collect(),
        Work::Resume(work) => {
            let job = &work.survey.interrupted;
            let left = job.remaining(work.request.direction);
            left.into_iter().filter_map(|index| job.steps.get(index).cloned()).collect()
        }
    }
}
