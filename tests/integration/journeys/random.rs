//! Whatever is pressed, answered, plugged in or pulled out, in whatever order: nothing panics, nothing destructive
//! is asked for without its typed word, and Esc leads back to the start.

use std::time::Duration;

use lifeboat::inventory::{Inventory, Reading};
use lifeboat::job::Outcome;
use lifeboat::plan::Safety;
use lifeboat::ui::model::{Model, Proposal, Proposed, Screen, Trouble};
use lifeboat::ui::msg::{Effect, Key, LookNews, Mouse, MouseAct, Msg, Signal};
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::super::gallery;
use super::stage::{
    GIB, Stage, backup_plan, inventory, progress, report, reset_plan, restore_plan, resume_plan, with_images, wrecked,
};

/// What may happen next.
#[derive(Clone, Debug)]
enum Act {
    Key(Key),
    /// The word that the plan asks for is typed, as far as these many letters.
    Word(usize),
    Resize(u16, u16),
    /// At a hundredth of the screen's width and height.
    Mouse(MouseAct, u16, u16),
    Time(u64),
    /// The worker answers one of the questions that are open: as the script says, or that it failed.
    Answer(Index, bool),
    /// The worker answers a question once more that was answered before.
    Again(Index),
    Progress(Index, u64),
    /// The job ends.
    Ends(Outcome),
    /// Disks come and go.
    Machine(Index),
    /// The look that is under way tells what it reads.
    News(Index),
    /// From now on the planner answers so.
    Plan(Index),
    Signal(Signal),
}

fn any_key() -> impl Strategy<Value = Key> {
    let letters = "abcdefghijklmnopqrstuvwxyz /?";
    prop_oneof![
        8 => Just(Key::Enter),
        5 => Just(Key::Down),
        2 => Just(Key::Up),
        2 => Just(Key::Esc),
        10 => select(letters.chars().collect::<Vec<_>>()).prop_map(Key::Char),
        1 => any::<char>().prop_map(Key::Char),
        3 => select(vec![
            Key::Left, Key::Right, Key::PageUp, Key::PageDown, Key::Home, Key::End, Key::Backspace, Key::Delete,
            Key::Tab, Key::BackTab, Key::Help, Key::Interrupt, Key::Redraw, Key::Clear,
        ]),
    ]
}

fn any_act() -> impl Strategy<Value = Act> {
    let outcomes =
        vec![Outcome::Done, Outcome::DoneWithWarnings, Outcome::Failed, Outcome::Cancelled, Outcome::Refused];
    prop_oneof![
        40 => any_key().prop_map(Act::Key),
        4 => (0usize..12).prop_map(Act::Word),
        2 => (1u16..250, 1u16..90).prop_map(|(columns, rows)| Act::Resize(columns, rows)),
        3 => (0u64..5000).prop_map(Act::Time),
        6 => (select(vec![MouseAct::Click, MouseAct::Click, MouseAct::WheelUp, MouseAct::WheelDown]), 0u16..100, 0u16..=100)
            .prop_map(|(act, x, y)| Act::Mouse(act, x, y)),
        8 => (any::<Index>(), any::<bool>()).prop_map(|(which, fails)| Act::Answer(which, fails)),
        1 => any::<Index>().prop_map(Act::Again),
        2 => (any::<Index>(), 0u64..30).prop_map(|(step, done)| Act::Progress(step, done * GIB)),
        2 => select(outcomes).prop_map(Act::Ends),
        2 => any::<Index>().prop_map(Act::Machine),
        2 => any::<Index>().prop_map(Act::Plan),
        2 => any::<Index>().prop_map(Act::News),
    ]
}

/// A wizard whose worker answers when it pleases.
struct World {
    stage: Stage,
    /// Questions that are open.
    open: Vec<Effect>,
    /// Questions that were answered.
    answered: Vec<Effect>,
    /// The worker answers everything at once.
    eager: bool,
    /// What was typed since the confirmation was opened; `None` when it was edited in other ways than at its end.
    typed: Option<String>,
    /// The wizard was left.
    left: bool,
}

impl World {
    fn new(mut stage: Stage, eager: bool) -> Self {
        stage.script.silent = true;
        stage.script.others = gallery::shelf::answer;
        stage.asked.clear();
        Self { stage, open: Vec::new(), answered: Vec::new(), eager, typed: Some(String::new()), left: false }
    }

    fn happen(&mut self, act: Act) -> Result<(), String> {
        match act {
            Act::Key(key) => self.send(Msg::Key(key)),
            Act::Word(letters) => {
                let word = ready(&self.stage.model).and_then(|plan| plan.confirm.clone()).unwrap_or_default();
                word.chars().take(letters).try_for_each(|letter| self.send(Msg::Key(Key::Char(letter))))
            }
            Act::Resize(columns, rows) => {
                self.stage.buffer(columns, rows);
                Ok(())
            }
            Act::Mouse(act, x, y) => {
                let (columns, rows) = self.stage.model.size;
                // The keys stand on the last line.
                let row = (rows * y / 100).min(rows.saturating_sub(1));
                self.send(Msg::Mouse(Mouse { act, column: columns * x / 100, row }))
            }
            Act::Time(milliseconds) => {
                let now = self.stage.model.clock.elapsed + Duration::from_millis(milliseconds);
                self.stage.at(now);
                self.collect(&self.stage.model.clone(), &Msg::Begin)
            }
            Act::Answer(_, _) if self.open.is_empty() => Ok(()),
            Act::Answer(which, fails) => self.answer(which.index(self.open.len()), fails),
            Act::Again(which) if !self.answered.is_empty() => {
                let effect = self.answered[which.index(self.answered.len())].clone();
                self.stage.answer(effect).map_or(Ok(()), |answer| self.send(answer))
            }
            Act::Again(_) => Ok(()),
            Act::Progress(step, done) => {
                let plan = restore_plan();
                self.send(Msg::Progress(progress(&plan, step.index(plan.preview.steps.len()), done)))
            }
            Act::Ends(outcome) => self.send(Msg::Finished(report(outcome))),
            Act::Machine(which) => {
                let machines = [inventory(), with_images(), wrecked(&[1 << 20, 50 << 20]), Inventory::default()];
                self.stage.script.inventory = machines[which.index(machines.len())].clone();
                self.send(Msg::DisksChanged)
            }
            Act::News(which) => {
                let ticket = self.stage.model.disks.looking.unwrap_or_default();
                let disks = self.stage.script.inventory.disks.clone();
                let mut news = vec![
                    LookNews::Began(disks.clone()),
                    LookNews::Reading("/dev/sda".into(), Reading::Partition(2)),
                    LookNews::Reading("/dev/sdb".into(), Reading::Table),
                ];
                news.extend(disks.into_iter().map(|disk| LookNews::Disk(Box::new(disk))));
                self.send(Msg::LookNews(ticket, news[which.index(news.len())].clone()))
            }
            Act::Plan(which) => {
                let refused = Trouble { refused: true, what: "too small".into(), next: Some("--raw".into()) };
                let plans = [Ok(backup_plan()), Ok(restore_plan()), Ok(reset_plan()), Ok(resume_plan()), Err(refused)];
                self.stage.script.plan = plans[which.index(plans.len())].clone();
                Ok(())
            }
            Act::Signal(signal) => self.send(Msg::Signal(signal)),
        }
    }

    fn answer(&mut self, which: usize, fails: bool) -> Result<(), String> {
        let effect = self.open.remove(which);
        self.answered.push(effect.clone());
        let answer = if fails { failed(&effect) } else { None }.or_else(|| self.stage.answer(effect));
        answer.map_or(Ok(()), |answer| self.send(answer))
    }

    fn send(&mut self, msg: Msg) -> Result<(), String> {
        let before = self.stage.model.clone();
        self.stage.send(msg.clone());
        self.collect(&before, &msg)?;
        self.follow(&before, &msg);
        if self.eager && !self.open.is_empty() && self.answered.len() < 2000 {
            return self.answer(0, false);
        }
        Ok(())
    }

    /// Judges what was asked for, and remembers the questions.
    fn collect(&mut self, before: &Model, msg: &Msg) -> Result<(), String> {
        for effect in std::mem::take(&mut self.stage.asked) {
            judge(before, msg, &effect, self.typed.as_deref())
                .map_err(|why| format!("{effect:?} {why}: {msg:?} on {:?}", before.screen()))?;
            self.left |= matches!(effect, Effect::Quit(_));
            if self.stage.answer(effect.clone()).is_some() {
                self.open.push(effect);
            }
        }
        Ok(())
    }

    /// Keeps an account of its own of what was typed as a confirmation.
    fn follow(&mut self, before: &Model, msg: &Msg) {
        if before.screen() != Screen::Confirm || self.stage.screen() != Screen::Confirm {
            self.typed = Some(String::new());
            return;
        }
        if is_covered(before) {
            return;
        }
        match (msg, &mut self.typed) {
            (Msg::Key(Key::Char('?')), _) => {}
            (Msg::Key(Key::Char(letter)), Some(typed)) if !letter.is_control() => typed.push(*letter),
            (Msg::Key(Key::Backspace), Some(typed)) => drop(typed.pop()),
            (Msg::Key(Key::Clear), typed) => *typed = Some(String::new()),
            (Msg::Key(Key::Left | Key::Right | Key::Home | Key::End | Key::Delete | Key::Up | Key::Down), typed) => {
                *typed = None;
            }
            _ => {}
        }
    }
}

fn ready(model: &Model) -> Option<&Proposed> {
    if let Proposal::Ready(plan) = &model.proposal { Some(plan) } else { None }
}

/// Something lies over the screen and takes the keys.
fn is_covered(model: &Model) -> bool {
    model.help.is_some() || model.trouble.is_some() || model.wait.is_some()
}

/// The answer that it did not work; `None` where there is no such answer.
fn failed(effect: &Effect) -> Option<Msg> {
    let trouble = || Trouble { refused: false, what: "input/output error".into(), next: None };
    Some(match effect {
        Effect::Look(ticket, _) => Msg::Looked(*ticket, Inventory::default()),
        Effect::Seek(ticket, _) => Msg::Sought(*ticket, Vec::new()),
        Effect::Compare(ticket, _) => Msg::Compared(*ticket, Vec::new()),
        Effect::List(ticket, _) => Msg::Listed(*ticket, Err(trouble())),
        Effect::Inspect(ticket, _) => Msg::Inspected(*ticket, Err(trouble())),
        Effect::PlanBackup(ticket, _)
        | Effect::PlanRestore(ticket, _)
        | Effect::PlanResume(ticket, _)
        | Effect::PlanContainer(ticket, _)
        | Effect::PlanAid(ticket, _) => Msg::Planned(*ticket, Err(trouble())),
        Effect::Map(ticket, address) => Msg::Mapped(*ticket, address.clone(), Err(trouble())),
        Effect::Files(ticket, _) => Msg::Files(*ticket, Err(trouble())),
        Effect::Hold(ticket, _) => Msg::Holders(*ticket, Err(trouble())),
        Effect::Unmount(ticket, ..) => Msg::Unmounted(*ticket, Err(trouble())),
        Effect::Save(ticket, ..) => Msg::Saved(*ticket, Err(trouble())),
        _ => return None,
    })
}

/// What an effect may be asked for by. A new effect does not compile until it is judged here.
fn judge(before: &Model, msg: &Msg, effect: &Effect, typed: Option<&str>) -> Result<(), &'static str> {
    let typed_key = if let Msg::Key(key) = msg { Some(*key) } else { None };
    // A click on a key that is shown says what the key says; but it confirms nothing.
    let said = |key| typed_key == Some(key) || matches!(msg, Msg::Mouse(_));
    let idle = before.running.is_none();
    let demand = |holds: bool, why| if holds { Ok(()) } else { Err(why) };
    match effect {
        // These read, and change nothing.
        Effect::Look(..)
        | Effect::Seek(..)
        | Effect::Compare(..)
        | Effect::List(..)
        | Effect::Inspect(..)
        | Effect::Complete(..)
        | Effect::PlanBackup(..)
        | Effect::PlanRestore(..)
        | Effect::PlanResume(..)
        | Effect::PlanContainer(..)
        | Effect::PlanAid(..)
        | Effect::Map(..)
        | Effect::Files(..)
        | Effect::Hold(..)
        | Effect::Skip(_)
        | Effect::Abandon
        | Effect::Redraw => Ok(()),
        Effect::Verify(_) | Effect::Search(_) | Effect::Check(_) => demand(idle, "begins while another job runs"),
        Effect::Run(ticket) => {
            demand(idle, "begins while another job runs")?;
            let plan = ready(before).ok_or("begins without a plan")?;
            demand(plan.ticket == *ticket, "is not the plan that was shown")?;
            demand(!is_covered(before), "begins behind a window that lies over it")?;
            let overwrites = plan.preview.steps.iter().any(|step| step.safety == Safety::Overwrites);
            match &plan.confirm {
                None => {
                    demand(!overwrites && before.screen() == Screen::Preview && said(Key::Char('s')), "begins unasked")
                }
                Some(word) => {
                    let word_typed = typed.unwrap_or_else(|| before.typed.text());
                    demand(before.screen() == Screen::Confirm && typed_key == Some(Key::Enter), "begins unconfirmed")?;
                    demand(
                        !word.is_empty() && word_typed == word && before.typed.text() == word,
                        "begins without its word",
                    )
                }
            }
        }
        // These make a new file, and overwrite none.
        Effect::Export(_) | Effect::Extract(_) => {
            demand(before.screen() == Screen::Preview && said(Key::Char('s')) && idle, "begins unasked")
        }
        Effect::Save(..) => demand(said(Key::Enter) && idle, "is written unasked"),
        Effect::Unmount(_, _, mount) => {
            let asked = before.screen() == Screen::Held && before.held.asking.as_ref() == Some(mount);
            demand(asked && !is_covered(before) && typed_key == Some(Key::Char('y')), "begins unasked")
        }
        Effect::Pause(_) => demand(!idle && said(Key::Char('p')), "comes unasked"),
        Effect::Cancel => {
            let asked = before.running.as_ref().is_some_and(|running| running.asking);
            demand(asked && typed_key == Some(Key::Char('y')) || matches!(msg, Msg::Signal(_)), "comes unasked")
        }
        Effect::Quit(_) => {
            let wished = before.screen() == Screen::Start && ['q', 'Q'].into_iter().any(|q| said(Key::Char(q)))
                || before.screen() == Screen::Start && said(Key::Enter)
                || typed_key == Some(Key::Interrupt)
                || matches!(msg, Msg::Signal(_))
                || before.leaving;
            demand(wished, "comes unasked")
        }
    }
}

/// More than the deepest way into the wizard.
const MAX_ESCAPES: usize = 40;

/// From wherever it is, with no job running, Esc leads to the start.
fn escapes(mut world: World) -> Result<(), String> {
    if world.stage.model.running.is_some() {
        world.send(Msg::Finished(report(Outcome::Done)))?;
    }
    if world.left {
        // It was told to end before, and waited for the job.
        return Ok(());
    }
    world.eager = false;
    for _ in 0..MAX_ESCAPES {
        let model = &world.stage.model;
        if model.trail == [Screen::Start]
            && !is_covered(model)
            && model.filter.is_none()
            && model.factory_cursor.is_none()
        {
            return Ok(());
        }
        world.send(Msg::Key(Key::Esc))?;
        if world.left {
            return Err("Esc left the wizard".to_owned());
        }
    }
    let model = &world.stage.model;
    Err(format!("Esc does not lead back: {:?}, trouble {:?}, waiting {:?}", model.trail, model.trouble, model.wait))
}

fn play(start: Stage, eager: bool, acts: Vec<Act>) -> Result<(), String> {
    let mut world = World::new(start, eager);
    for (index, act) in acts.into_iter().enumerate() {
        world.happen(act)?;
        if world.left {
            return Ok(());
        }
        if index % 8 == 0 {
            let (columns, rows) = world.stage.model.size;
            world.stage.buffer(columns, rows);
        }
    }
    escapes(world)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_nothing_is_overwritten_unconfirmed_and_esc_leads_back(
        start in any::<Index>(),
        eager in proptest::bool::weighted(0.7),
        acts in proptest::collection::vec(any_act(), 1..80),
        signal in proptest::option::weighted(0.05, select(vec![Signal::Interrupt, Signal::Terminate, Signal::Hangup])),
    ) {
        let states: Vec<_> = gallery::everything().collect();
        let state = states[start.index(states.len())].1;
        let acts = acts.into_iter().chain(signal.map(Act::Signal)).collect();
        if let Err(why) = play((state.stage)(), eager, acts) {
            prop_assert!(false, "from “{}”: {why}", state.name);
        }
    }
}

#[test]
fn a_restore_without_its_word_would_be_noticed() {
    let mut stage = Stage::restoring();
    stage.keys("e<enter><down><enter><enter>sda2");
    let confirm = stage.model.clone();
    let run = Effect::Run(ready(&confirm).expect("a plan").ticket);
    let enter = Msg::Key(Key::Enter);
    assert_eq!(judge(&confirm, &enter, &run, Some("sda2")), Ok(()));
    assert_eq!(judge(&confirm, &enter, &run, Some("sda")), Err("begins without its word"));
    assert_eq!(judge(&confirm, &Msg::Key(Key::Char('s')), &run, Some("sda2")), Err("begins unconfirmed"));
    assert_eq!(judge(&confirm, &enter, &Effect::Run(99), Some("sda2")), Err("is not the plan that was shown"));
    assert_eq!(judge(&confirm, &Msg::Begin, &Effect::Cancel, None), Err("comes unasked"));
    stage.keys("<esc>");
    assert_eq!(judge(&stage.model, &enter, &run, Some("sda2")), Err("begins unconfirmed"));
}
