//! The image format (`.lbi`): the normative page.
