//! Properties that hold for any input.

use proptest::collection::vec;
use proptest::prelude::{Strategy as _, any, prop_oneof};
use proptest::test_runner::{Config, TestRunner};

use crate::app::{failure, spawn_app};

#[test]
fn any_body_is_201_or_a_valid_4xx() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let app = runtime.block_on(spawn_app());
    let json_like = "[\\[\\]{}:,\"\\\\a0-9eE.+-]{0,30}".prop_map(String::into_bytes);
    let object_like = "\\{\"[a-z]\":[\\[\\]{}:,\"a0-9eE.+-]{0,20}\\}".prop_map(String::into_bytes);
    let body = prop_oneof![vec(any::<u8>(), 0..64), json_like, object_like];
    let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::default() });
    let outcome = runner.run(&body, |body| {
        runtime.block_on(async {
            let response = app.put_text(body).await;
            if response.status() != 201 {
                let (status, ..) = failure(response).await;
                assert!((400..500).contains(&status), "{status}");
            }
        });
        Ok(())
    });
    outcome.unwrap();
}

#[test]
fn any_path_has_a_valid_status() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let app = runtime.block_on(spawn_app());
    let path = "(/picus/(get|list|put)?)?[/a-z%0-9?=&.;:@!$'()*+,~-]{0,20}";
    let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::default() });
    let outcome = runner.run(&path, |path| {
        runtime.block_on(async {
            let response = app.get_path(&format!("/{path}")).await;
            if response.status() != 200 {
                let (status, ..) = failure(response).await;
                assert!((400..500).contains(&status), "{status} for {path}");
            }
        });
        Ok(())
    });
    outcome.unwrap();
}
