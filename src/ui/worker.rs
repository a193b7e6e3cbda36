//! Carries out what the wizard asks for, on threads, so that the screen never waits. Answers come back as
//! messages; a job is watched through its monitor.

mod files;
mod held;
mod images;
mod inside;
mod interrupted;
mod look;
mod maps;
mod save;
mod watch;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use crossbeam_channel::Sender;

use crate::error::{Error, Result};
use crate::fs::FileSystem;
use crate::inventory::{self, Address, Disk, Inventory, LookRequest, Observer, Partition, VolumeMap};
use crate::job::{self, ExportRequest, ExtractRequest, Monitor, Pictures, Progress, Report};
use crate::plan::{self, AidRequest, BackupRequest, ContainerRequest, Plan, RestoreRequest, ResumeRequest, Work};

use super::model::{ImageInfo, Job, Proposed, Stale, Trouble, Waiting};
use super::msg::{Effect, FilesRequest, HeldPlace, HoldersView, Msg, Ticket};
use super::text;
use files::Browser;

/// The calls that do the real work; tests bring their own.
#[derive(Clone, Copy)]
pub struct Library {
    /// Looks at the disks.
    pub look: fn(&LookRequest, &Arc<dyn Observer>) -> Inventory,
    /// What there is to look at, in words that differ when disks came or went. Cheap, and reads no disk.
    pub census: fn(&LookRequest) -> Vec<String>,
    /// Opens an image.
    pub inspect: fn(&Address, &Monitor) -> Result<ImageInfo>,
    /// Plans a backup.
    pub plan_backup: fn(&BackupRequest, &Monitor) -> Result<Plan>,
    /// Plans a restore.
    pub plan_restore: fn(&RestoreRequest, &Monitor) -> Result<Plan>,
    /// Looks for the jobs that were interrupted.
    pub seek: fn(&[Address], &Monitor) -> Vec<Waiting>,
    /// Plans the end of one.
    pub plan_resume: fn(&ResumeRequest, &Monitor) -> Result<Plan>,
    /// Looks for recovery partitions that are out of date.
    pub compare: fn(&[PathBuf], &Monitor) -> Vec<Stale>,
    /// Plans to renew one.
    pub plan_aid: fn(&AidRequest, &Monitor) -> Result<Plan>,
    /// Plans a change of what a volume holds of images.
    pub plan_container: fn(&ContainerRequest, &Monitor) -> Result<Plan>,
    /// Makes the pictures of a plan, with what is known of the disks.
    pub pictures: fn(&Plan, &[Disk], &Monitor) -> Pictures,
    /// Carries out a plan.
    pub run: fn(&Plan, &Arc<Monitor>) -> Report,
    /// Verifies an image.
    pub verify: fn(&Address, &Arc<Monitor>) -> Report,
    /// Writes an image to a file.
    pub export: fn(&ExportRequest, &Arc<Monitor>) -> Report,
    /// Opens a volume or image to look at its files.
    pub open_volume: fn(&Address, &Monitor) -> Result<Box<dyn FileSystem>>,
    /// Copies files out.
    pub extract: fn(&ExtractRequest, &Arc<Monitor>) -> Report,
    /// Searches a disk for images.
    pub search: fn(&Path, &Monitor) -> Result<Vec<Partition>>,
    /// Checks a volume.
    pub check: fn(&Address, &Arc<Monitor>) -> Report,
    /// Looks who uses a place.
    pub hold: fn(&HeldPlace) -> HoldersView,
    /// Unmounts it.
    pub unmount: fn(&HeldPlace, &Path) -> Result<()>,
    /// Reads a volume's map.
    pub map: fn(&Address, &Monitor) -> Result<VolumeMap>,
}

impl Library {
    /// Lifeboat's own.
    #[must_use]
    pub fn real() -> Self {
        Self {
            look: inventory::look_observed,
            census: watch::census,
            inspect: images::inspect,
            plan_backup: job::plan_backup,
            plan_restore: job::plan_restore,
            seek: interrupted::seek,
            plan_resume: interrupted::plan,
            compare: inside::compare,
            plan_aid: job::plan_aid,
            plan_container: inside::plan,
            pictures: job::pictures,
            run: job::run,
            verify: job::verify_address,
            export: job::export,
            open_volume: |address, monitor| inventory::open_volume(address, monitor),
            extract: job::extract_files,
            search: inside::search,
            check: job::check_address,
            hold: held::hold,
            unmount: held::unmount,
            map: maps::read,
        }
    }
}

/// The threads behind the wizard.
pub struct Worker {
    library: Library,
    messages: Sender<Msg>,
    job: Option<Arc<Monitor>>,
    planning: Option<Arc<Monitor>>,
    looks: look::Looks,
    /// The map that is being read.
    mapping: Option<Arc<Monitor>>,
    /// The last plan, and the ticket it was shown under.
    planned: Arc<Mutex<Option<(Ticket, Plan)>>>,
    /// The volume whose files are looked at.
    browser: Browser,
}

impl Worker {
    /// A worker that answers through `messages`.
    #[must_use]
    pub fn new(library: Library, messages: Sender<Msg>) -> Self {
        Self {
            library,
            messages,
            job: None,
            planning: None,
            looks: look::Looks::default(),
            mapping: None,
            planned: Arc::default(),
            browser: Browser::default(),
        }
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
            Effect::Look(ticket, request) => {
                let observer = self.looks.begin(ticket, &request, library.census, &self.messages);
                self.ask(
                    move || Msg::Looked(ticket, (library.look)(&request, &observer)),
                    move |_| Msg::Looked(ticket, Inventory::default()),
                );
            }
            Effect::Skip(disks) => self.looks.skip(disks),
            Effect::List(ticket, folder) => self.ask(
                move || Msg::Listed(ticket, images::list(&folder, library.inspect)),
                move |trouble| Msg::Listed(ticket, Err(trouble)),
            ),
            Effect::Inspect(ticket, place) => {
                let monitor = Arc::new(Monitor::new());
                self.planning = Some(Arc::clone(&monitor));
                self.ask(
                    move || images::open(ticket, place, library.inspect, &monitor),
                    move |trouble| Msg::Inspected(ticket, Err(trouble)),
                );
            }
            Effect::Complete(ticket, typed) => self.ask(
                move || Msg::Completed(ticket, images::complete(&typed)),
                move |trouble| Msg::Inspected(ticket, Err(trouble)),
            ),
            Effect::Seek(ticket, volumes) => self.ask(
                move || Msg::Sought(ticket, (library.seek)(&volumes, &Monitor::new())),
                move |_| Msg::Sought(ticket, Vec::new()),
            ),
            Effect::Compare(ticket, disks) => self.ask(
                move || Msg::Compared(ticket, (library.compare)(&disks, &Monitor::new())),
                move |_| Msg::Compared(ticket, Vec::new()),
            ),
            Effect::PlanBackup(..)
            | Effect::PlanRestore(..)
            | Effect::PlanResume(..)
            | Effect::PlanAid(..)
            | Effect::PlanContainer(..)
            | Effect::Abandon => self.propose(effect),
            Effect::Run(..)
            | Effect::Verify(..)
            | Effect::Export(..)
            | Effect::Extract(..)
            | Effect::Search(..)
            | Effect::Check(..)
            | Effect::Pause(..)
            | Effect::Cancel => self.work(effect),
            Effect::Hold(ticket, place) => self.ask(
                move || Msg::Holders(ticket, Ok((library.hold)(&place))),
                move |trouble| Msg::Holders(ticket, Err(trouble)),
            ),
            Effect::Unmount(ticket, place, mount) => self.unmount(ticket, place, mount),
            Effect::Save(ticket, path, content) => self.ask(
                move || Msg::Saved(ticket, save::save(&path, &content)),
                move |trouble| Msg::Saved(ticket, Err(trouble)),
            ),
            Effect::Map(ticket, address) => self.map(ticket, address),
            Effect::Files(ticket, request) => self.files(ticket, request),
            // What is the screen's, and what is carried out above.
            _ => {}
        }
    }

    /// Makes a plan, or gives up the one that is being made.
    fn propose(&mut self, effect: Effect) {
        let library = self.library;
        match effect {
            Effect::PlanBackup(ticket, request) => {
                self.plan(ticket, move |monitor| (library.plan_backup)(&request, monitor));
            }
            Effect::PlanRestore(ticket, request) => {
                self.plan(ticket, move |monitor| (library.plan_restore)(&request, monitor));
            }
            Effect::PlanResume(ticket, request) => {
                self.plan(ticket, move |monitor| (library.plan_resume)(&request, monitor));
            }
            Effect::PlanAid(ticket, request) => {
                self.plan(ticket, move |monitor| (library.plan_aid)(&request, monitor));
            }
            Effect::PlanContainer(ticket, request) => {
                self.plan(ticket, move |monitor| (library.plan_container)(&request, monitor));
            }
            Effect::Abandon => {
                if let Some(monitor) = self.planning.take() {
                    monitor.cancel();
                }
            }
            _ => {}
        }
    }

    /// Begins a job, or tells the one under way what is wished.
    fn work(&mut self, effect: Effect) {
        let library = self.library;
        match effect {
            Effect::Run(ticket) => self.run(ticket),
            Effect::Verify(image) => self.start(move |monitor| (library.verify)(&image, monitor)),
            Effect::Export(request) => self.start(move |monitor| (library.export)(&request, monitor)),
            Effect::Extract(request) => self.start(move |monitor| (library.extract)(&request, monitor)),
            Effect::Search(disk) => self.search(disk),
            Effect::Check(address) => self.start(move |monitor| (library.check)(&address, monitor)),
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
            _ => {}
        }
    }

    fn plan(&mut self, ticket: Ticket, plan: impl FnOnce(&Monitor) -> Result<Plan> + Send + 'static) {
        let monitor = Arc::new(Monitor::new());
        self.planning = Some(Arc::clone(&monitor));
        let planned = Arc::clone(&self.planned);
        let (pictures, known) = (self.library.pictures, self.looks.known());
        *lock(&planned) = None;
        self.ask(
            move || {
                let result = plan(&monitor).map(|plan| {
                    let proposed = propose(ticket, &plan, pictures(&plan, &known, &monitor));
                    let mut planned = lock(&planned);
                    // A plan that nobody waits for any more does not push a newer one out.
                    if planned.as_ref().is_none_or(|(newest, _)| *newest < ticket) {
                        *planned = Some((ticket, plan));
                    }
                    Box::new(proposed)
                });
                Msg::Planned(ticket, result.map_err(|error| Trouble::from(&error)))
            },
            move |trouble| Msg::Planned(ticket, Err(trouble)),
        );
    }

    /// Carries out the plan that was shown under `ticket`, and no other.
    fn run(&mut self, ticket: Ticket) {
        let library = self.library;
        let planned = lock(&self.planned).take();
        match planned {
            Some((shown, plan)) if shown == ticket => {
                self.looks.forget();
                self.start(move |monitor| (library.run)(&plan, monitor));
            }
            _ => {
                let error = Error::refused(text::PLAN_GONE).advise(text::PLAN_GONE_NEXT);
                let _ = self.messages.send(Msg::Finished(Report::failed(&error)));
            }
        }
    }

    /// Looks at files. A volume stays open from one question to the next.
    fn files(&mut self, ticket: Ticket, request: FilesRequest) {
        let is_measured = matches!(request, FilesRequest::Measure(_));
        let Some(work) = self.browser.take(self.library.open_volume, request) else { return };
        if is_measured {
            self.planning = Some(work.monitor());
        }
        let messages = self.messages.clone();
        self.ask(
            move || Msg::Files(ticket, work.carry_out(&|answer| drop(messages.send(Msg::Files(ticket, Ok(answer)))))),
            move |trouble| Msg::Files(ticket, Err(trouble)),
        );
    }

    fn start(&mut self, work: impl FnOnce(&Arc<Monitor>) -> Report + Send + 'static) {
        // What a job writes to is not looked at meanwhile: it would be seen as it was.
        self.browser.close();
        let monitor = Arc::new(Monitor::new());
        self.job = Some(Arc::clone(&monitor));
        self.ask(
            move || Msg::Finished(work(&monitor)),
            |_| Msg::Finished(Report::failed(&Error::damaged(text::WORKER_LOST).advise(text::WORKER_LOST_NEXT))),
        );
    }

    fn unmount(&self, ticket: Ticket, place: HeldPlace, mount: PathBuf) {
        let unmount = self.library.unmount;
        self.ask(
            move || {
                let result = unmount(&place, &mount);
                Msg::Unmounted(ticket, result.map(|()| mount).map_err(|error| Trouble::from(&error)))
            },
            move |trouble| Msg::Unmounted(ticket, Err(trouble)),
        );
    }

    fn search(&mut self, disk: PathBuf) {
        let search = self.library.search;
        let monitor = Arc::new(Monitor::new());
        self.job = Some(Arc::clone(&monitor));
        let lost = disk.clone();
        self.ask(
            move || {
                let found = search(&disk, &monitor).map_err(|error| Trouble::from(&error));
                Msg::Searched(disk, found)
            },
            move |trouble| Msg::Searched(lost, Err(trouble)),
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

fn propose(ticket: Ticket, plan: &Plan, pictures: Pictures) -> Proposed {
    let job = match &plan.work {
        Work::Backup(_) => Job::Backup,
        Work::Inside(work) if work.survey.image.is_some() => Job::Inside,
        Work::Inside(_) => Job::Keep,
        Work::Aid(_) => Job::Renew,
        Work::Restore(_) | Work::RestoreInPlace(_) => Job::Restore,
        Work::Change(_) | Work::Resume(_) => Job::Resume,
    };
    Proposed { ticket, job, preview: plan::preview(plan), confirm: plan.confirm.clone(), pictures: Arc::new(pictures) }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::Outcome;
    use std::time::Duration;

    fn scripted() -> Library {
        Library {
            look: |_, _| Inventory::default(),
            census: |_| Vec::new(),
            inspect: |_, _| Err(Error::damaged("no image")),
            plan_backup: |_, _| Err(Error::refused("too small").advise("Choose another place")),
            plan_restore: |_, monitor| loop {
                monitor.check()?;
                thread::sleep(Duration::from_millis(1));
            },
            seek: |_, _| Vec::new(),
            plan_resume: |_, _| Err(Error::refused("nothing to resume")),
            compare: |_, _| Vec::new(),
            plan_aid: |_, _| Err(Error::refused("nothing to renew")),
            plan_container: |_, _| Err(Error::refused("nothing to change")),
            export: |_, _| Report::failed(&Error::damaged("nothing is exported")),
            open_volume: |_, _| Err(Error::damaged("no volume")),
            extract: |_, _| Report::failed(&Error::damaged("nothing is copied")),
            search: |_, _| panic!("a bug"),
            pictures: |_, _, _| Pictures::default(),
            run: |_, _| Report::failed(&Error::damaged("no plan reaches this")),
            check: |_, _| Report::failed(&Error::damaged("nothing checks this")),
            hold: |_| HoldersView::default(),
            unmount: |_, _| Err(Error::refused("it is used")),
            map: |_, monitor| loop {
                monitor.check()?;
                thread::sleep(Duration::from_millis(1));
            },
            verify: |image, monitor| {
                if image.path().ends_with("panic") {
                    panic!("a bug");
                }
                let mut report = Report::failed(&Error::cancelled());
                while monitor.check().is_ok() {
                    thread::sleep(Duration::from_millis(1));
                }
                report.headline = "stopped".to_owned();
                report
            },
        }
    }

    fn worker() -> (Worker, crossbeam_channel::Receiver<Msg>) {
        let (sender, receiver) = crossbeam_channel::unbounded();
        (Worker::new(scripted(), sender), receiver)
    }

    fn backup() -> Box<BackupRequest> {
        let source = inventory::Address::Whole("disk.img".into());
        Box::new(BackupRequest::new(source, plan::ImageTarget::File("x.lbi".into())))
    }

    #[test]
    fn a_refusal_arrives_with_its_advice_apart() {
        let (mut worker, messages) = worker();
        worker.carry_out(Effect::PlanBackup(7, backup()));
        let Ok(Msg::Planned(7, Err(trouble))) = messages.recv() else { panic!("a refusal was expected") };
        assert!(trouble.refused);
        assert_eq!((trouble.what.as_str(), trouble.next.as_deref()), ("too small", Some("Choose another place")));
    }

    #[test]
    fn a_plan_that_was_not_shown_is_not_carried_out() {
        let (mut worker, messages) = worker();
        worker.carry_out(Effect::Run(3));
        let Ok(Msg::Finished(report)) = messages.recv() else { panic!("a report was expected") };
        assert_eq!(report.outcome, Outcome::Refused);
        assert!(worker.sample().is_none());
    }

    #[test]
    fn a_job_is_cancelled_even_while_it_pauses() {
        let (mut worker, messages) = worker();
        worker.carry_out(Effect::Verify(Address::Whole("x.lbi".into())));
        worker.carry_out(Effect::Pause(true));
        assert!(worker.sample().is_some_and(|progress| progress.paused));
        worker.carry_out(Effect::Cancel);
        let Ok(Msg::Finished(report)) = messages.recv() else { panic!("a report was expected") };
        assert_eq!(report.outcome, Outcome::Cancelled);
    }

    #[test]
    fn a_planner_that_nobody_waits_for_is_stopped() {
        let (mut worker, messages) = worker();
        let source = plan::ImageSource::File("x.lbi".into());
        let request = RestoreRequest::new(source, inventory::Address::Whole("disk.img".into()));
        worker.carry_out(Effect::PlanRestore(1, Box::new(request)));
        worker.carry_out(Effect::Abandon);
        assert!(matches!(messages.recv(), Ok(Msg::Planned(1, Err(_)))));
    }

    #[test]
    fn a_map_that_is_not_wanted_any_more_is_not_read_on() {
        let (mut worker, messages) = worker();
        worker.carry_out(Effect::Map(1, Address::Whole("a".into())));
        worker.carry_out(Effect::Map(2, Address::Whole("b".into())));
        let Ok(Msg::Mapped(1, address, Err(_))) = messages.recv() else { panic!("the first was to end") };
        assert_eq!(address, Address::Whole("a".into()));
    }

    #[test]
    fn a_panic_of_the_worker_is_a_failed_report() {
        let (mut worker, messages) = worker();
        worker.carry_out(Effect::Verify(Address::Whole("panic".into())));
        let Ok(Msg::Finished(report)) = messages.recv() else { panic!("a report was expected") };
        assert_eq!(report.outcome, Outcome::Failed);
    }

    #[test]
    fn a_panic_while_searching_ends_the_search() {
        let (mut worker, messages) = worker();
        worker.carry_out(Effect::Search("disk.img".into()));
        assert!(matches!(messages.recv(), Ok(Msg::Searched(_, Err(_)))));
    }
}
