//! Tests of `DELETE /picus/{key}`, with the event that each sender would send.

use futures_util::future;
use picus_api::precondition::etag;
use serde_json::json;

use crate::forms::{Form, remove_header, set_header};
use crate::given::{an_empty_table, context};

/// The header that carries the trace id in the sample events.
const TRACE_HEADER: &str = "x-amzn-trace-id";

#[tokio::test]
async fn an_item_is_deleted_once() {
    let given = an_empty_table().await;
    for form in Form::ALL {
        let key = given.some_item().await;
        let told = given.tell(form, form.delete(&key)).await;
        assert_eq!(told.status, 200, "{form:?}");
        let message = format!("Item with key \"{key}\" deleted successfully");
        assert_eq!(told.body, json!({ "message": message }), "{form:?}");
        assert!(!given.has(&key).await, "{form:?}");

        let told = given.tell(form, form.delete(&key)).await;
        let message = format!("Item with key \"{key}\" not found");
        assert_eq!(told.failure(), (404, "item_not_found", message.as_str()), "{form:?}");
    }
}

#[tokio::test]
async fn a_delete_leaves_other_items_in_place() {
    let given = an_empty_table().await;
    for (named, other) in [("a+b", "a b"), ("%41", "A"), ("A", "a"), ("some-key ", "some-key")] {
        for form in Form::ALL {
            given.an_item(named).await;
            given.an_item(other).await;
            let encoded = named.replace('%', "%25").replace(' ', "%20");
            let segment = if form.decodes_paths() { named } else { &encoded };
            assert_eq!(given.tell(form, form.delete(segment)).await.status, 200, "{form:?}");
            assert!(!given.has(named).await && given.has(other).await, "{form:?}: {named}");
        }
    }
}

#[tokio::test]
async fn a_key_is_decoded_unless_the_sender_decoded_it() {
    let given = an_empty_table().await;
    for (encoded, key) in [("a%2Fb", "a/b"), ("%C3%A9%20%22%F0%9F%90%A6", "é \"🐦")] {
        let message = format!("Item with key \"{key}\" deleted successfully");
        for form in Form::ALL {
            given.an_item(key).await;
            let segment = if form.decodes_paths() { key } else { encoded };
            let told = given.tell(form, form.delete(segment)).await;
            if form.decodes_paths() && key.contains('/') {
                assert_eq!(
                    told.failure().1,
                    "unknown_path",
                    "{form:?}: the slash may separate segments"
                );
            } else {
                assert_eq!((told.status, told.field("message")), (200, message.as_str()));
            }
        }
    }
}

#[tokio::test]
async fn an_empty_a_long_and_a_badly_encoded_key_are_400() {
    let given = an_empty_table().await;
    let long = "x".repeat(2049);
    for form in Form::ALL {
        let told = given.tell(form, form.delete("")).await;
        assert_eq!(told.failure(), (400, "missing_key", "Missing key path parameter"), "{form:?}");
        let told = given.tell(form, form.delete(&long)).await;
        assert_eq!((told.status, told.field("code")), (400, "invalid_key"), "{form:?}");
        for bad in ["%", "%4", "%zz", "%ff", "%C3"] {
            let told = given.tell(form, form.delete(bad)).await;
            // If the sender has decoded the path, a `%` is an ordinary character of the key.
            let expected =
                if form.decodes_paths() { (404, "item_not_found") } else { (400, "invalid_key") };
            assert_eq!((told.status, told.field("code")), expected, "{form:?}: {bad}");
        }
    }
}

#[tokio::test]
async fn other_requests_are_404_and_405() {
    let given = an_empty_table().await;
    for form in Form::ALL {
        for path in ["/", "/picus", "/picus/a/b", "/health", ""] {
            let told = given.tell(form, form.request("DELETE", path)).await;
            assert_eq!((told.status, told.field("code")), (404, "unknown_path"), "{form:?} {path}");
        }
        for (method, path, allow) in [
            ("GET", "/picus/a", "DELETE, OPTIONS"),
            ("PURGE", "/picus/a", "DELETE, OPTIONS"),
            ("DELETE", "/picus/get/a", "GET, HEAD, OPTIONS"),
        ] {
            let told = given.tell(form, form.request(method, path)).await;
            assert_eq!((told.status, told.field("code")), (405, "method_not_allowed"), "{form:?}");
            assert_eq!(told.headers["allow"], allow, "{form:?} {method} {path}");
        }
    }
}

#[tokio::test]
async fn the_ids_of_the_caller_are_kept() {
    let given = an_empty_table().await;
    let root = "Root=1-67891233-abcdef012345678912345678";
    for form in Form::ALL {
        for trace in [root.to_owned(), format!("Self=1-67891234-12456789abcdef012345678a;{root}")] {
            let mut event = form.delete("none");
            remove_header(&mut event, TRACE_HEADER);
            set_header(&mut event, "X-Amzn-Trace-Id", &trace);
            set_header(&mut event, "X-Request-Id", "order-17");
            let told = given.tell(form, event).await;
            assert_eq!(told.headers[TRACE_HEADER], root, "{form:?}");
            assert_eq!(told.headers["x-request-id"], "order-17", "{form:?}");
        }
    }
}

#[tokio::test]
async fn without_ids_from_the_caller_those_of_the_invocation_are_used() {
    let given = an_empty_table().await;
    let root = "Root=1-5759e988-bd862e3fe1be46a994272793";
    for form in Form::ALL {
        let mut event = form.delete("none");
        remove_header(&mut event, TRACE_HEADER);
        let mut context = context(std::time::Duration::from_secs(10));
        context.xray_trace_id = Some(format!("{root};Parent=53995c3f42cd8ad8;Sampled=1"));
        let request_id = context.request_id.clone();
        let told = given.tell_within(form, event, context).await;
        assert_eq!(told.headers[TRACE_HEADER], root, "{form:?}");
        assert_eq!(told.headers["x-request-id"], request_id, "{form:?}");
    }
}

#[tokio::test]
async fn an_invalid_request_id_is_replaced() {
    let given = an_empty_table().await;
    for form in Form::ALL {
        for odd in ["a b", "é", "a\r\nSet-Cookie: b", &"x".repeat(129)] {
            let mut event = form.delete("none");
            set_header(&mut event, "x-request-id", odd);
            let told = given.tell(form, event).await;
            assert_eq!(told.headers["x-request-id"].len(), 36, "{form:?}: a new one");
        }
    }
}

#[tokio::test]
async fn an_id_that_is_sent_twice_is_replaced() {
    let given = an_empty_table().await;
    let (root, other) =
        ("Root=1-67891233-abcdef012345678912345678", "Root=1-67891234-abcdef012345678912345678");
    // A load balancer with multi-value headers sends both values in a list; an HTTP API joins them with a
    // comma.
    let mut several = Form::LoadBalancerMultiValue.delete("none");
    remove_header(&mut several, TRACE_HEADER);
    several["multiValueHeaders"][TRACE_HEADER] = json!([root, other]);
    several["multiValueHeaders"]["x-request-id"] = json!(["order-17", "order-18"]);
    let mut joined = Form::HttpApi.delete("none");
    remove_header(&mut joined, TRACE_HEADER);
    set_header(&mut joined, TRACE_HEADER, &format!("{root};Sampled=1,{other}"));
    set_header(&mut joined, "x-request-id", "order-17, order-18");
    for (form, event) in [(Form::LoadBalancerMultiValue, several), (Form::HttpApi, joined)] {
        let told = given.tell(form, event).await;
        assert!(![root, other].contains(&&*told.headers[TRACE_HEADER]), "{form:?}: {told:?}");
        assert_eq!(told.headers["x-request-id"].len(), 36, "{form:?}: a new one");
    }
}

#[tokio::test]
async fn of_concurrent_deletes_exactly_one_succeeds() {
    let given = an_empty_table().await;
    let key = given.some_item().await;
    let deletes = (0..24).map(|at| {
        let form = Form::ALL[at % Form::ALL.len()];
        given.tell(form, form.delete(&key))
    });
    let told = future::join_all(deletes).await;
    let with = |status| told.iter().filter(|told| told.status == status).count();
    assert_eq!((with(200), with(404)), (1, 23));
}

#[tokio::test]
async fn a_body_and_a_query_change_nothing() {
    let given = an_empty_table().await;
    for form in Form::ALL {
        let key = given.some_item().await;
        let mut event = form.delete(&key);
        event["body"] = json!("/w==");
        event["isBase64Encoded"] = json!(true);
        event["queryStringParameters"] = json!({"key": "other"});
        assert_eq!(given.tell(form, event).await.status, 200, "{form:?}");
    }
}

#[tokio::test]
async fn options_lists_the_methods() {
    let given = an_empty_table().await;
    for form in Form::ALL {
        let told = given.tell(form, form.request("OPTIONS", "/picus/a")).await;
        assert_eq!((told.status, told.headers["allow"].as_str()), (204, "DELETE, OPTIONS"));
    }
}

#[tokio::test]
async fn a_conditional_delete_happens_only_if_its_condition_holds() {
    let given = an_empty_table().await;
    let conditional = |form: Form, key: &str, name: &str, value: &str| {
        let mut event = form.delete(key);
        set_header(&mut event, name, value);
        given.tell(form, event)
    };
    for form in Form::ALL {
        let key = given.some_item().await;
        let tag = etag(format!(r#"{{"object_id":"{key}"}}"#).as_bytes());
        for (name, value) in [
            ("If-Match", "\"another\"".to_owned()),
            ("if-match", format!("W/{tag}")),
            ("if-match", String::new()),
            ("If-None-Match", "*".to_owned()),
            ("if-none-match", format!("\"x\", W/{tag}")),
        ] {
            let told = conditional(form, &key, name, &value).await;
            let (status, code, _) = told.failure();
            assert_eq!((status, code), (412, "precondition_failed"), "{form:?} {name}: {value}");
            assert!(given.has(&key).await, "{form:?} {name}: {value}");
        }
        let list = format!("\"another\", {tag}");
        assert_eq!(conditional(form, &key, "If-Match", &list).await.status, 200, "{form:?}");
        assert_eq!(conditional(form, &key, "If-Match", "*").await.status, 404, "{form:?}");
    }
}

#[tokio::test]
async fn every_value_of_a_condition_counts() {
    let given = an_empty_table().await;
    for form in [Form::LoadBalancerMultiValue, Form::RestApi] {
        let key = given.some_item().await;
        let tag = etag(format!(r#"{{"object_id":"{key}"}}"#).as_bytes());
        let mut event = form.delete(&key);
        event["multiValueHeaders"]["If-Match"] = json!(["\"another\"", tag]);
        assert_eq!(given.tell(form, event).await.status, 200, "{form:?}");
    }
}

#[tokio::test]
async fn field_names_that_serde_json_reserves_change_nothing() {
    let given = an_empty_table().await;
    for name in ["$serde_json::private::RawValue", "$serde_json::private::Number"] {
        for form in Form::ALL {
            let key = given.some_item().await;
            let mut event = form.delete(&key);
            event["queryStringParameters"] = json!({ name: "x" });
            event["multiValueQueryStringParameters"] = json!({ name: ["x"] });
            event["requestContext"]["authorizer"] = json!({ name: {} });
            event[name] = json!("x");
            event["body"] = json!(json!({ name: "x" }).to_string());
            event["isBase64Encoded"] = json!(false);
            set_header(&mut event, name, "x");
            assert_eq!(given.tell(form, event).await.status, 200, "{form:?} {name}");
        }
    }
}

#[tokio::test]
async fn a_stage_in_the_path_is_ignored() {
    let given = an_empty_table().await;
    for form in [Form::RestApi, Form::HttpApiVersion1, Form::HttpApi] {
        let key = given.some_item().await;
        let mut event = form.request("DELETE", &format!("/prod/picus/{key}"));
        event["requestContext"]["stage"] = json!("prod");
        assert_eq!(given.tell(form, event).await.status, 200, "{form:?}");
    }
}
