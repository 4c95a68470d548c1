//! What calls to DynamoDB call themselves.
//!
//! The SDK says what it is, where it runs and what it does in two headers that it makes anew for each
//! call: a twentieth of what a request costs. One that stays the same takes their place.

use aws_runtime::user_agent::UserAgentInterceptor;
use aws_sdk_dynamodb::config::interceptors::{
    BeforeSerializationInterceptorContextRef, BeforeTransmitInterceptorContextMut,
};
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;
use aws_smithy_runtime_api::client::interceptors::{disable_interceptor, dyn_dispatch_hint};

/// The value of `User-Agent`, by which AWS's own logs know Picus.
const USER_AGENT: &str = concat!("picus/", env!("CARGO_PKG_VERSION"));

/// Sends [`USER_AGENT`] in place of the SDK's own headers.
#[derive(Debug)]
pub(crate) struct UserAgent;

#[dyn_dispatch_hint]
impl Intercept for UserAgent {
    fn name(&self) -> &'static str {
        "UserAgent"
    }

    fn read_before_execution(
        &self,
        _: &BeforeSerializationInterceptorContextRef<'_>,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let instead = disable_interceptor::<UserAgentInterceptor>("a constant takes its place");
        config.interceptor_state().store_put(instead);
        Ok(())
    }

    fn modify_before_signing(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        context.request_mut().headers_mut().insert("user-agent", USER_AGENT);
        Ok(())
    }
}
