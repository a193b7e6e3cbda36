//! The jobs that are interrupted, each with the volume that it needs.

use lifeboat::error::Result;
use lifeboat::job::{self, Monitor};
use lifeboat::plan::{BackupRequest, ContainerAct, ImagesInside, Only, Plan, RestoreRequest, Work};

use super::scene::Scene;
use super::yard::{Family, Yard};

/// What is interrupted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Act {
    /// The first image; a file at the volume's end moves for it.
    First,
    /// An image of what differs from the first.
    Second,
    /// A user image makes way for one in which one file is as it is today.
    Update,
    /// A factory image where there are user images, which move down.
    FactoryLast,
    /// An image goes that another one lies below of.
    Drop,
    /// The last image goes, and the container with it.
    DropLast,
    /// A hole in the container is closed.
    Tidy,
    /// Restored in place: a file is damaged, another one is gone.
    Home,
    /// Restored in place: nothing of the file system is left.
    Destroyed,
    /// Restored in place: an image lies where the restored volume has a file.
    Collision,
    /// Restored in place: no partition table either.
    Table,
    /// Restored in place, and the images go.
    DropImages,
}

use Act::{Collision, Destroyed, Drop, DropImages, DropLast, FactoryLast, First, Home, Second, Table, Tidy, Update};

pub(super) const ACTS: [Act; 12] =
    [First, Second, Update, FactoryLast, Drop, DropLast, Tidy, Home, Destroyed, Collision, Table, DropImages];

impl Act {
    pub(super) fn is_restore(self) -> bool {
        matches!(self, Home | Destroyed | Collision | Table | DropImages)
    }

    /// Images that must be whole in every state.
    fn keeps(self) -> &'static [&'static str] {
        match self {
            First | DropLast | DropImages => &[],
            Second | Update | Home | Destroyed | Table => &["factory"],
            FactoryLast => &["one", "two"],
            Drop | Tidy => &["two", "factory"],
            Collision => &["factory", "user"],
        }
    }

    /// Brings the volume to where the job begins.
    fn prepare(self, yard: &mut Yard) {
        match self {
            First => yard.lift("tail", yard.len),
            Second => {
                yard.create("factory", false);
                yard.scribble("text", 7);
            }
            Update => {
                yard.create("factory", false);
                yard.create("user", false);
                yard.scribble("text", 7);
                yard.scribble("big", 8);
            }
            FactoryLast => {
                yard.create("one", true);
                yard.create("two", false);
            }
            Drop | Tidy => {
                yard.create("factory", false);
                yard.create("one", true);
                yard.scribble("text", 7);
                yard.create("two", true);
                if self == Tidy {
                    yard.change(ContainerAct::Drop("one".into()));
                }
            }
            DropLast => yard.create("factory", false),
            Home | DropImages => {
                yard.create("factory", false);
                yard.scribble("big", 8);
                yard.release("text");
            }
            Destroyed => {
                yard.create("factory", false);
                yard.write_at(0, &vec![0; 96 << 10]);
            }
            Collision => {
                yard.lift("big", yard.begin_of_container());
                yard.create("factory", false);
                yard.release("big");
                yard.create("user", true);
                yard.scribble("text", 9);
            }
            Table => {
                yard.create("factory", false);
                yard.scribble("big", 8);
                yard.lose_table();
            }
        }
    }

    /// Plans the job on the volume as it is.
    pub(super) fn plan(self, yard: &Yard) -> Result<Plan> {
        let monitor = Monitor::new();
        let change = |act: ContainerAct| {
            job::plan_container(&yard.container(act), &monitor).map(|plan| plan.expect("something to do"))
        };
        match self {
            First | FactoryLast => job::plan_backup(&yard.request("factory", false), &monitor),
            Second => job::plan_backup(&yard.request("user", false), &monitor),
            Update => {
                let only = Only { paths: vec!["/text".into()], remember: false };
                let request = BackupRequest { only: Some(only), ..yard.request("user", false) };
                job::plan_backup(&request, &monitor)
            }
            Drop => change(ContainerAct::Drop("one".into())),
            DropLast => change(ContainerAct::Drop("factory".into())),
            Tidy => change(ContainerAct::Tidy),
            Home | Destroyed | Collision | Table => job::plan_restore(&yard.home("factory"), &monitor),
            DropImages => {
                let request = RestoreRequest { images: ImagesInside::Drop, ..yard.home("factory") };
                job::plan_restore(&request, &monitor)
            }
        }
    }

    /// The scene of this act on a volume of this family.
    pub(super) fn on(self, family: Family) -> Scene {
        let mut yard = Yard::new(family, self == Table);
        let original = yard.walk().unwrap();
        self.prepare(&mut yard);
        let plan = self.plan(&yard).unwrap_or_else(|error| panic!("{} {self:?}: {error}", family.name));
        self.is_what_it_should_be(&plan);
        let walk_after = if self.is_restore() { Some(original) } else { None };
        Scene::new(format!("{} {self:?}", family.name), self, yard, plan, self.keeps(), walk_after)
    }

    fn is_what_it_should_be(self, plan: &Plan) {
        match &plan.work {
            Work::Inside(work) => {
                let phases = work.survey.phases.len();
                assert!(self != First || phases == 1, "a file must move");
                assert!(!matches!(self, FactoryLast | Tidy) || phases > 0, "{self:?} moves files");
                let based = work.survey.image.as_ref().is_some_and(|image| image.base.is_some());
                assert_eq!(based, matches!(self, Second | Update), "based on another image");
            }
            Work::RestoreInPlace(work) => {
                assert_eq!(self == Collision, !work.survey.moved.is_empty(), "images are in the way");
                assert_eq!(self == Table, work.survey.table.is_some(), "the table is repaired");
            }
            _ => panic!("{self:?}: {}", plan.headline),
        }
    }
}
