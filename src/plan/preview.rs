//! The one renderer of a plan: what the wizard's preview screen, `--dry-run` and the log show.

use serde::Serialize;

use super::{Plan, Step};

/// A plan in words, for people and for `--json`.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Preview {
    /// What will be done.
    pub headline: String,
    /// Name and value pairs, in order.
    pub facts: Vec<(String, String)>,
    /// The steps, in order.
    pub steps: Vec<Step>,
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
        warnings: plan.warnings.clone(),
        command: plan.command.clone(),
    }
}
