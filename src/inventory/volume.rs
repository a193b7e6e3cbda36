//! What is in a partition, as plain data. A bug in a parser costs one volume's details, never the look.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::Volume;
use crate::device::SharedDevice;
use crate::fs::{self, Kind, Probe};

impl Volume {
    /// A place of which nothing is known.
    pub(super) fn unknown() -> Self {
        Self::bare(Kind::Unknown)
    }

    /// A volume of which only the kind is known.
    fn bare(kind: Kind) -> Self {
        Self {
            kind,
            label: None,
            id: None,
            cluster_bytes: None,
            clusters: None,
            used_clusters: None,
            state: None,
            notes: Vec::new(),
            images: Vec::new(),
        }
    }
}

/// Looks at the volume on `device`; [`Kind::Unknown`] with a note when it cannot be told.
#[must_use]
pub fn examine(device: &SharedDevice) -> Volume {
    catch_unwind(AssertUnwindSafe(|| probe(device))).unwrap_or_else(|_| Volume {
        notes: vec!["looking at it failed inside Lifeboat: this is a bug, please report it".into()],
        ..Volume::bare(Kind::Unknown)
    })
}

fn probe(device: &SharedDevice) -> Volume {
    match fs::probe(device) {
        Ok(Probe::None) => Volume::bare(Kind::Unknown),
        Ok(Probe::One(kind)) if kind.has_driver() => open(device, kind),
        Ok(Probe::One(kind)) => foreign(device, kind),
        Ok(Probe::Ambiguous(kinds)) => {
            let names: Vec<&str> = kinds.into_iter().map(Kind::name).collect();
            let note = format!("it bears the signs of {}: which one it is cannot be told", names.join(" and "));
            Volume { notes: vec![note], ..Volume::bare(Kind::Ambiguous) }
        }
        Err(error) => Volume { notes: vec![error.to_string()], ..Volume::bare(Kind::Unknown) },
    }
}

fn open(device: &SharedDevice, kind: Kind) -> Volume {
    let system = match fs::open(device.clone(), kind) {
        Ok(system) => system,
        Err(error) => return Volume { notes: vec![error.to_string()], ..Volume::bare(kind) },
    };
    let summary = system.summary().clone();
    let mut notes = summary.notes;
    if summary.len > device.len() {
        notes.push(format!(
            "the volume is {} bytes long, {} more than its partition",
            summary.len.0,
            summary.len.0 - device.len().0
        ));
    }
    // Counting reads the allocation tables, which may be damaged where the boot record is not.
    let used = catch_unwind(AssertUnwindSafe(|| system.count_used()));
    let used_clusters = match used {
        Ok(Ok(used)) => Some(used),
        Ok(Err(error)) => {
            notes.push(format!("the used clusters cannot be counted: {error}"));
            None
        }
        Err(_) => {
            notes.push("counting the used clusters failed inside Lifeboat: this is a bug, please report it".into());
            None
        }
    };
    Volume {
        kind: summary.kind,
        label: summary.label,
        id: summary.id,
        cluster_bytes: Some(summary.cluster_bytes),
        clusters: Some(summary.clusters),
        used_clusters,
        state: Some(summary.state),
        notes,
        images: Vec::new(),
    }
}

/// A kind that is imaged as raw sectors: what its own header tells.
fn foreign(device: &SharedDevice, kind: Kind) -> Volume {
    let fs::foreign::Facts { label, id } = fs::foreign::describe(device, kind);
    Volume { label, id, ..Volume::bare(kind) }
}
