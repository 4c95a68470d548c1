//! Remembers where DynamoDB is. The SDK works it out anew for each call, by rules over many parameters, which is a
//! twentieth of what a call costs.

use aws_sdk_dynamodb::config::endpoint::{
    DefaultResolver, Endpoint, EndpointFuture, Params, ResolveEndpoint,
};
use parking_lot::Mutex;

/// Calls differ in whether they name one table or several; credentials may come to belong to another account.
const MOST: usize = 4;

/// The SDK's own answers, each for the parameters that it was made from.
#[derive(Debug, Default)]
pub(crate) struct Remembered {
    rules: DefaultResolver,
    answers: Mutex<Vec<(Params, Endpoint)>>,
}

impl ResolveEndpoint for Remembered {
    fn resolve_endpoint<'a>(&'a self, params: &'a Params) -> EndpointFuture<'a> {
        if let Some((_, endpoint)) = self.answers.lock().iter().find(|(of, _)| of == params) {
            return EndpointFuture::ready(Ok(endpoint.clone()));
        }
        EndpointFuture::new(async move {
            let endpoint = self.rules.resolve_endpoint(params).await?;
            let mut answers = self.answers.lock();
            answers.truncate(MOST - 1);
            answers.insert(0, (params.clone(), endpoint.clone()));
            Ok(endpoint)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn each_call_gets_the_endpoint_of_its_own_parameters() {
        let remembered = Remembered::default();
        for _ in 0..3 {
            for number in 0..2 * MOST {
                let region = format!("region-{number}");
                let params = Params::builder().region(region.clone()).build().unwrap();
                let endpoint = remembered.resolve_endpoint(&params).await.unwrap();
                assert_eq!(endpoint.url(), format!("https://dynamodb.{region}.amazonaws.com"));
                let again = remembered.resolve_endpoint(&params).await.unwrap();
                assert_eq!(again, endpoint);
            }
        }
        assert_eq!(remembered.answers.lock().len(), MOST);
    }
}
