//! The releases of the service: revisions of its task definition. The one that runs and the one before are kept, so
//! that a bad release can be rolled back.

/// Variables that a release changes.
type Settings = &'static [(&'static str, &'static str)];

/// A release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Release {
    /// The revision of the task definition, from 1.
    pub revision: u32,
    settings: Settings,
}

impl Release {
    /// The variables of its tasks that are not those of the first release. Logs, traces and metrics of the program
    /// have its version.
    pub(crate) fn environment(self) -> Vec<(&'static str, String)> {
        let version = (self.revision > 1).then(|| self.version());
        let version = version.map(|version| ("OTEL_RESOURCE_ATTRIBUTES", version));
        let own = self.settings.iter().map(|(name, value)| (*name, (*value).to_owned()));
        own.chain(version).collect()
    }

    fn version(self) -> String {
        format!("service.version=revision-{}", self.revision)
    }
}

/// The release that runs, and the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Releases {
    /// What runs.
    pub current: Release,
    /// What ran before, if it can be deployed again.
    pub before: Option<Release>,
    newest: u32,
}

impl Releases {
    pub(crate) fn new() -> Self {
        Self { current: Release { revision: 1, settings: &[] }, before: None, newest: 1 }
    }

    /// A new release, which changes these variables.
    pub(crate) fn deploy(&mut self, settings: Settings) {
        self.newest += 1;
        self.before = Some(self.current);
        self.current = Release { revision: self.newest, settings };
    }

    /// The release before is what runs again.
    pub(crate) fn roll_back(&mut self) {
        self.current = self.before.take().unwrap_or(self.current);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_rolled_back_is_the_release_before_and_its_revision_is_not_used_again() {
        let mut releases = Releases::new();
        assert_eq!(releases.current.environment(), []);
        releases.deploy(&[("A", "b")]);
        let version = |revision: u32| {
            ("OTEL_RESOURCE_ATTRIBUTES", format!("service.version=revision-{revision}"))
        };
        assert_eq!(releases.current.environment(), [("A", "b".to_owned()), version(2)]);
        releases.roll_back();
        assert_eq!((releases.current.environment(), releases.before), (Vec::new(), None));
        releases.roll_back();
        assert_eq!(releases.current.revision, 1, "there is none before the first");
        releases.deploy(&[]);
        assert_eq!(releases.current.environment(), [version(3)]);
        assert_eq!(releases.before.unwrap().revision, 1);
    }
}
