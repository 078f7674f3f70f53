//! Which fields of a message are to change.

use prost_types::FieldMask;

use super::Violations;

/// The fields to change; none means those that are set.
pub(super) struct Mask(Vec<String>);

impl Mask {
    /// A mask as it was sent, whose names must be known.
    pub(super) fn read(
        sent: Option<FieldMask>,
        is_known: impl Fn(&str) -> bool,
        violations: &mut Violations,
    ) -> Self {
        let paths = sent.unwrap_or_default().paths;
        for path in paths.iter().filter(|path| !is_known(path)) {
            violations.check::<(), _>("update_mask", Err(format!("names no field: {path:?}")));
        }
        Self(paths)
    }

    fn names(&self, field: &str) -> bool {
        self.0.iter().any(|path| path == field)
    }

    /// Whether a field may change.
    pub(super) fn takes(&self, field: &str) -> bool {
        self.0.is_empty() || self.names(field)
    }

    /// What a field becomes: what was sent, or its default when it is only named.
    pub(super) fn pick<T>(&self, field: &str, sent: Option<T>, default: T) -> Option<T> {
        let sent = sent.filter(|_| self.takes(field));
        sent.or_else(|| self.names(field).then_some(default))
    }
}
