//! Carries out what the wizard asks for, on threads, so that the screen never waits. Answers come back as
//! messages; a job is watched through its monitor.

mod images;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::thread;

use crossbeam_channel::Sender;

use crate::error::{Error, Result};
use crate::inventory::{self, Inventory, LookRequest};
use crate::job::{self, Monitor, Progress, Report};
use crate::plan::{BackupRequest, Plan, RestoreRequest};

use super::model::{ImageInfo, Trouble};
use super::msg::{Effect, Msg, Ticket};
use super::text;

/// The calls that do the real work; tests bring their own.
#[derive(Clone, Copy)]
pub struct Library {
    /// Looks at the disks.
    pub look: fn(&LookRequest) -> Inventory,
    /// Opens an image.
    pub inspect: fn(&Path) -> Result<ImageInfo>,
    /// Plans a backup.
    pub plan_backup: fn(&BackupRequest, &Monitor) -> Result<Plan>,
    /// Plans a restore.
    pub plan_restore: fn(&RestoreRequest, &Monitor) -> Result<Plan>,
    /// Carries out a plan.
    pub run: fn(&Plan, &Arc<Monitor>) -> Report,
    /// Verifies an image.
    pub verify: fn(&Path, &Arc<Monitor>) -> Report,
}

impl Library {
    /// Lifeboat's own.
    #[must_use]
    pub fn real() -> Self {
        Self {
            look: inventory::look,
            inspect: images::inspect,
            plan_backup: job::plan_backup,
            plan_restore: job::plan_restore,
            run: job::run,
            verify: job::verify,
        }
    }
}

/// The threads behind the wizard.
pub struct Worker {
    library: Library,
    messages: Sender<Msg>,
    job: Option<Arc<Monitor>>,
    planning: Option<Arc<Monitor>>,
}

impl Worker {
    /// A worker that answers through `messages`.
    #[must_use]
    pub fn new(library: Library, messages: Sender<Msg>) -> Self {
        Self { library, messages, job: None, planning: None }
    }

    /// How far the job is, while there is one.
    #[must_use]
    pub fn sample(&mut self) -> Option<Progress> {
        // The job's thread holds the other reference; once it is gone, the job has ended.
        if self.job.as_ref().is_some_and(|monitor| Arc::strong_count(monitor) == 1) {
            self.job = None;
        }
        self.job.as_ref().map(|monitor| monitor.sample())
    }

    /// Begins to carry out an effect; its answer comes as a message. Screen effects are none of the worker's.
    pub fn carry_out(&mut self, effect: Effect) {
        let library = self.library;
        match effect {
            Effect::Look(ticket, request) => self.ask(
                move || Msg::Looked(ticket, (library.look)(&request)),
                move |_| Msg::Looked(ticket, Inventory::default()),
            ),
            Effect::List(ticket, folder) => self.ask(
                move || Msg::Listed(ticket, images::list(&folder, library.inspect)),
                move |trouble| Msg::Listed(ticket, Err(trouble)),
            ),
            Effect::Inspect(ticket, path) => self.ask(
                move || images::open(ticket, path, library.inspect),
                move |trouble| Msg::Inspected(ticket, Err(trouble)),
            ),
            Effect::Complete(ticket, typed) => self.ask(
                move || Msg::Completed(ticket, images::complete(&typed)),
                move |trouble| Msg::Inspected(ticket, Err(trouble)),
            ),
            Effect::PlanBackup(ticket, request) => {
                self.plan(ticket, move |monitor| (library.plan_backup)(&request, monitor));
            }
            Effect::PlanRestore(ticket, request) => {
                self.plan(ticket, move |monitor| (library.plan_restore)(&request, monitor));
            }
            Effect::Abandon => {
                if let Some(monitor) = self.planning.take() {
                    monitor.cancel();
                }
            }
            Effect::Run(plan) => self.start(move |monitor| (library.run)(&plan, monitor)),
            Effect::Verify(path) => self.start(move |monitor| (library.verify)(&path, monitor)),
            Effect::Pause(paused) => {
                if let Some(monitor) = &self.job {
                    monitor.pause(paused);
                }
            }
            Effect::Cancel => {
                if let Some(monitor) = &self.job {
                    monitor.cancel();
                }
            }
            Effect::Redraw | Effect::Quit(_) => {}
        }
    }

    fn plan(&mut self, ticket: Ticket, plan: impl FnOnce(&Monitor) -> Result<Plan> + Send + 'static) {
        let monitor = Arc::new(Monitor::new());
        self.planning = Some(Arc::clone(&monitor));
        self.ask(
            move || {
                let result = plan(&monitor);
                Msg::Planned(ticket, result.map(Arc::new).map_err(|error| Trouble::from(&error)))
            },
            move |trouble| Msg::Planned(ticket, Err(trouble)),
        );
    }

    fn start(&mut self, work: impl FnOnce(&Arc<Monitor>) -> Report + Send + 'static) {
        let monitor = Arc::new(Monitor::new());
        self.job = Some(Arc::clone(&monitor));
        self.ask(
            move || Msg::Finished(work(&monitor)),
            |_| Msg::Finished(Report::failed(&Error::damaged(text::WORKER_LOST).advise(text::WORKER_LOST_NEXT))),
        );
    }

    /// Runs `work` on a thread and sends its answer; should it panic or find no thread, `lost` has the answer.
    fn ask(
        &self,
        work: impl FnOnce() -> Msg + Send + 'static,
        lost: impl FnOnce(Trouble) -> Msg + Send + Clone + 'static,
    ) {
        let messages = self.messages.clone();
        let fallback = lost.clone();
        let trouble = || Trouble {
            refused: false,
            what: text::WORKER_LOST.to_owned(),
            next: Some(text::WORKER_LOST_NEXT.to_owned()),
        };
        let spawned = thread::Builder::new().name("lifeboat-worker".to_owned()).spawn(move || {
            let answer = catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| lost(trouble()));
            // Nobody listens any more when the wizard was left meanwhile.
            let _ = messages.send(answer);
        });
        if spawned.is_err() {
            let _ = self.messages.send(fallback(trouble()));
        }
    }
}
