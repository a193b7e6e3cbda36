//! What the start screen offers now.

use super::super::text;
use super::Model;

/// A line of the start screen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Choice {
    /// Its key.
    pub letter: char,
    /// What it says, and more of it where there is room.
    pub words: (&'static str, &'static str),
    /// For those who know what they want, as opposed to those who know what happened.
    pub is_expert: bool,
    /// Of several recovery partitions that are out of date: which.
    pub stale: usize,
}

impl Model {
    /// The choices: what happened first, then the ways for experts, of which some are there only when there is
    /// something to do.
    #[must_use]
    pub fn start_choices(&self) -> Vec<Choice> {
        let choice = |is_expert| {
            move |(letter, words, more): (char, &'static str, &'static str)| Choice {
                letter,
                words: (words, more),
                is_expert,
                stale: 0,
            }
        };
        let mut choices: Vec<Choice> = text::GUIDE_CHOICES.map(choice(false)).to_vec();
        for expert in text::EXPERT_CHOICES.map(choice(true)) {
            match expert.letter {
                'i' if self.interrupted.jobs.is_empty() => {}
                'k' => choices.extend((0..self.stale.len()).map(|stale| Choice { stale, ..expert })),
                _ => choices.push(expert),
            }
        }
        choices
    }
}
