//! Checks the variables that Lambda sets for its function. Without them, `lambda_runtime` panics (AWS Lambda
//! Developer Guide, "Defined runtime environment variables").

use std::env::VarError;

use http::Uri;

/// Why this process can't be a Lambda function.
#[derive(Debug, thiserror::Error)]
#[error("{name} {fault}: this program runs within AWS Lambda, or what stands in for it")]
pub(crate) struct NotLambda {
    name: &'static str,
    fault: &'static str,
}

/// Checks that all needed variables are there. `lookup` returns a variable by its name.
pub(crate) fn check(lookup: impl Fn(&str) -> Result<String, VarError>) -> Result<(), NotLambda> {
    // An emulator of Lambda may give a whole URL. Only its path may be missing.
    let is_address =
        |value: &str| value.parse::<Uri>().is_ok_and(|address| address.authority().is_some());
    let is_number = |value: &str| value.parse::<i32>().is_ok();
    require(&lookup, "AWS_LAMBDA_RUNTIME_API", is_address, "is no `host:port`")?;
    require(&lookup, "AWS_LAMBDA_FUNCTION_NAME", |_| true, "")?;
    require(&lookup, "AWS_LAMBDA_FUNCTION_VERSION", |_| true, "")?;
    require(&lookup, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", is_number, "is no number of MB")
}

fn require(
    lookup: impl Fn(&str) -> Result<String, VarError>,
    name: &'static str,
    is_sound: impl Fn(&str) -> bool,
    unsound: &'static str,
) -> Result<(), NotLambda> {
    match lookup(name) {
        Err(VarError::NotPresent) => Err(NotLambda { name, fault: "is not set" }),
        Err(VarError::NotUnicode(_)) => Err(NotLambda { name, fault: "is not UTF-8" }),
        Ok(value) if is_sound(&value) => Ok(()),
        Ok(_) => Err(NotLambda { name, fault: unsound }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAMBDA: [(&str, &str); 4] = [
        ("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9001"),
        ("AWS_LAMBDA_FUNCTION_NAME", "picus-delete"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
    ];

    /// The message if one of Lambda's variables is changed.
    fn fault(changed: &str, value: Option<&str>) -> Option<String> {
        let lookup = |name: &str| {
            let (_, set) = LAMBDA.iter().find(|(known, _)| *known == name).unwrap();
            let value = if name == changed { value } else { Some(*set) };
            value.map(str::to_owned).ok_or(VarError::NotPresent)
        };
        check(lookup).err().map(|error| error.to_string())
    }

    #[test]
    fn lambda_is_recognized_by_all_its_variables() {
        assert_eq!(fault("", None), None);
        for (name, _) in LAMBDA {
            let fault = fault(name, None).unwrap();
            assert!(fault.starts_with(&format!("{name} is not set: ")), "{fault}");
        }
    }

    #[test]
    fn values_that_lambda_never_sets_are_refused() {
        for (name, value) in [
            ("AWS_LAMBDA_RUNTIME_API", ""),
            ("AWS_LAMBDA_RUNTIME_API", "not an address"),
            ("AWS_LAMBDA_RUNTIME_API", "/path"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "much"),
        ] {
            assert!(fault(name, Some(value)).unwrap().starts_with(name), "{name}={value}");
        }
    }
}
