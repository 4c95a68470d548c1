//! Limits the time for getting credentials.

use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{self, ProvideCredentials, SharedCredentialsProvider, future};
use tokio::time;

/// Gives up before the attempt that needs the credentials times out. The attempt could not say what it had waited
/// for.
#[derive(Debug)]
pub(crate) struct InTime {
    pub(crate) provider: SharedCredentialsProvider,
    pub(crate) timeout: Duration,
}

impl InTime {
    async fn provide(&self) -> provider::Result {
        time::timeout(self.timeout, self.provider.provide_credentials())
            .await
            .unwrap_or_else(|_| Err(CredentialsError::provider_timed_out(self.timeout)))
    }
}

impl ProvideCredentials for InTime {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.provide())
    }

    fn fallback_on_interrupt(&self) -> Option<Credentials> {
        self.provider.fallback_on_interrupt()
    }
}
