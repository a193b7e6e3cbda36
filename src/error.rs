//! What can go wrong, in the classes a user acts on differently.
//!
//! Every message says what happened, why it matters and what to do next. A parse error names the byte
//! at which it was found, what was expected there and what was there.

use std::fmt;

use crate::unit::{ByteLen, ByteOffset};

/// The result of everything that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Classes of failure, each asking for a different reaction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A device or file could not be read or written.
    Io,
    /// What is on the disk or in the image contradicts itself.
    Corrupt,
    /// Valid, but Lifeboat cannot handle it.
    Unsupported,
    /// Lifeboat could, but must not: the plan is refused, and nothing was written.
    Refused,
    /// The user cancelled.
    Cancelled,
}

/// A failure: its class, what happened, why it matters, what to do next.
#[derive(thiserror::Error)]
pub struct Error {
    kind: Kind,
    message: Box<str>,
    advice: Option<Box<str>>,
    place: Option<ByteOffset>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into().into(), advice: None, place: None, source: None }
    }

    /// A device or file failed; `message` says what was being done to which.
    pub fn io(message: impl Into<String>, source: impl Into<std::io::Error>) -> Self {
        Self { source: Some(Box::new(source.into())), ..Self::new(Kind::Io, message) }
    }

    /// Something read from `place` contradicts itself.
    pub fn corrupt(place: ByteOffset, expected: impl fmt::Display, found: impl fmt::Display) -> Self {
        Self {
            place: Some(place),
            ..Self::new(Kind::Corrupt, format!("at byte {place}: expected {expected}, found {found}"))
        }
    }

    /// Something contradicts itself, and no single byte is to blame.
    pub fn damaged(message: impl Into<String>) -> Self {
        Self::new(Kind::Corrupt, message)
    }

    /// Valid, but beyond what Lifeboat handles.
    pub fn unsupported(message: impl Into<String>) -> Self {
        Self::new(Kind::Unsupported, message)
    }

    /// Must not be done; the message has the numbers.
    pub fn refused(message: impl Into<String>) -> Self {
        Self::new(Kind::Refused, message)
    }

    /// The user cancelled.
    #[must_use]
    pub fn cancelled() -> Self {
        Self::new(Kind::Cancelled, "cancelled")
    }

    /// A read or write that would go past the device's end.
    #[must_use]
    pub fn past_end(offset: ByteOffset, wanted: ByteLen, device: ByteLen) -> Self {
        let message = format!("{} bytes at {offset} end past the device's last byte ({} bytes)", wanted.0, device.0);
        Self { place: Some(offset), ..Self::new(Kind::Io, message) }
    }

    /// Adds what to do next.
    #[must_use]
    pub fn advise(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into().into());
        self
    }

    /// Says first what was being done when it happened: `context: message`.
    #[must_use]
    pub fn context(mut self, context: impl fmt::Display) -> Self {
        self.message = format!("{context}: {}", self.message).into();
        self
    }

    /// The class.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The byte it was found at, when one is to blame.
    #[must_use]
    pub fn place(&self) -> Option<ByteOffset> {
        self.place
    }

    /// What to do next, where that is known.
    #[must_use]
    pub fn advice(&self) -> Option<&str> {
        self.advice.as_deref()
    }

    /// True for an I/O failure of the medium, as opposed to a missing file or right.
    #[must_use]
    pub fn is_io(&self) -> bool {
        self.kind == Kind::Io
    }

    /// The operating system's error, where one stands behind this.
    #[must_use]
    pub fn os_error(&self) -> Option<&std::io::Error> {
        self.source.as_ref()?.downcast_ref()
    }
}

impl Error {
    /// What happened and why, without what to do next: for faces that show the advice apart.
    #[must_use]
    pub fn without_advice(&self) -> String {
        match &self.source {
            Some(source) => format!("{}: {source}", self.message),
            None => self.message.to_string(),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.without_advice())?;
        if let Some(advice) = &self.advice {
            write!(f, ". {advice}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {self}", self.kind)
    }
}
