//! Computes AWS's Signature Version 4 of a received request, to compare it with the request's own (IAM User
//! Guide, "Create a signed AWS API request").

use std::fmt::Write as _;

use hmac::{Hmac, KeyInit as _, Mac as _};
use hyper::HeaderMap;
use sha2::{Digest as _, Sha256};

/// The scope of a signature: access key, time, region and service.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Scope {
    pub(super) access_key: String,
    pub(super) region: String,
    pub(super) service: String,
}

/// Checks that the request was signed with `secret`. Returns the signature's scope.
///
/// # Errors
/// Why the signature is wrong.
pub(super) fn verify(
    path: &str,
    headers: &HeaderMap,
    body: &[u8],
    secret: &str,
) -> Result<Scope, String> {
    let header = |name: &str| {
        let value = headers.get(name).ok_or_else(|| format!("no {name}"))?;
        value.to_str().map_err(|error| error.to_string())
    };
    let authorization = header("authorization")?;
    let fields = authorization.strip_prefix("AWS4-HMAC-SHA256 ").ok_or("another algorithm")?;
    let field = |name: &str| {
        let mut fields = fields.split(", ");
        fields.find_map(|field| field.strip_prefix(name)).ok_or(format!("no {name}"))
    };
    let (credential, signed) = (field("Credential=")?, field("SignedHeaders=")?);
    let parts: Vec<_> = credential.split('/').collect();
    let [access_key, date, region, service, "aws4_request"] = parts[..] else {
        return Err(format!("the scope {credential}"));
    };

    let mut canonical = format!("POST\n{path}\n\n");
    for name in signed.split(';') {
        // Writing to a string can't fail.
        let _ = writeln!(canonical, "{name}:{}", header(name)?.trim());
    }
    let _ = write!(canonical, "\n{signed}\n{}", hex(&Sha256::digest(body)));
    let time = header("x-amz-date")?;
    let scope = format!("{date}/{region}/{service}/aws4_request");
    let hashed = hex(&Sha256::digest(canonical.as_bytes()));
    let text = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{hashed}");
    let key = [date, region, service, "aws4_request"]
        .into_iter()
        .fold(format!("AWS4{secret}").into_bytes(), |key, part| hmac(&key, part));
    if hex(&hmac(&key, &text)) != field("Signature=")? {
        return Err(format!("another signature than that of\n{canonical}"));
    }
    // If the request has one of these headers, the signature must cover it.
    let needed = ["host", "x-amz-date", "x-amz-security-token"];
    let mut needed = needed.iter().filter(|name| headers.contains_key(**name));
    if !needed.all(|name| signed.split(';').any(|other| other == *name)) {
        return Err(format!("only {signed} are signed"));
    }
    Ok(Scope { access_key: access_key.into(), region: region.into(), service: service.into() })
}

fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    let mut hmac = Hmac::<Sha256>::new_from_slice(key).expect("a key may have any length");
    hmac.update(text.as_bytes());
    hmac.finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    /// `post-vanilla` of AWS's Signature Version 4 test suite.
    #[test]
    fn a_signature_is_valid_for_one_request_and_one_secret() {
        const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("host", "example.amazonaws.com"),
            ("x-amz-date", "20150830T123600Z"),
            (
                "authorization",
                "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=host;x-amz-date, Signature=5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
            ),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        let service = |path: &str, body: &[u8], secret: &str| {
            verify(path, &headers, body, secret).map(|scope| scope.service)
        };
        assert_eq!(service("/", b"", SECRET), Ok("service".to_owned()));
        for (path, body, secret) in
            [("/v1/traces", &b""[..], SECRET), ("/", b"spans", SECRET), ("/", b"", "another")]
        {
            assert!(service(path, body, secret).is_err(), "{path}, {secret}");
        }
    }
}
