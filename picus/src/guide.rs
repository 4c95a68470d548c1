//! What `picus` prints when it runs.

use std::net::SocketAddr;

use clap::ValueEnum as _;
use picus_drills::NamedFault;
use picus_local::System;
use picus_local::dynamodb::{ADMINISTRATOR, Storage};

/// What runs where, and what to try. It goes to stderr, because stdout is for the programs' lines.
pub(crate) async fn text(
    system: &System,
    console: SocketAddr,
    storage: &Storage,
    logs: &str,
    traces: &str,
    fault: Option<NamedFault>,
) -> String {
    let mut text = String::new();
    let mut say = |line: std::fmt::Arguments<'_>| {
        text.push_str(&line.to_string());
        text.push('\n');
    };
    let url = format!("http://{}", system.address());
    let items = match storage {
        Storage::Folder(folder) => format!("in {}", folder.display()),
        Storage::Memory => "in memory".to_owned(),
        Storage::Elsewhere(_) => "elsewhere".to_owned(),
    };
    say(format_args!("\nPicus runs:\n"));
    say(format_args!("  console         http://{console}"));
    say(format_args!("  load balancer   {url}"));
    for task in system.tasks() {
        if let Some(task) = task.running().await {
            say(format_args!(
                "  service         http://{}  metrics http://{}/metrics",
                task.address, task.metrics_address
            ));
        }
    }
    say(format_args!("  delete handler  started when the first delete comes"));
    say(format_args!("  DynamoDB        {}  items {items}", system.dynamodb_endpoint()));
    if !matches!(storage, Storage::Elsewhere(_)) {
        say(format_args!(
            "                  AWS_ACCESS_KEY_ID={ADMINISTRATOR} may do everything there"
        ));
    }
    say(format_args!("  logs            {logs}"));
    say(format_args!("  traces          {traces}"));
    say(format_args!("  the API's page  http://{console}/docs"));
    if let Some(name) = fault.and_then(|fault| fault.to_possible_value()) {
        say(format_args!("  wrong           {}, as asked for", name.get_name()));
    }
    say(format_args!("\nTry, in another terminal:\n"));
    for line in walk_through(&url) {
        say(format_args!("  {line}"));
    }
    say(format_args!("\nCtrl-C stops all of it.\n"));
    text
}

/// Five commands that work one after another when pasted.
fn walk_through(url: &str) -> [String; 5] {
    [
        format!(
            "ID=$(curl -s {url}/picus/put -H 'Content-Type: application/json' -d '{{\"name\":\"picus\",\"price\":0.10}}' | cut -d'\"' -f4); echo $ID"
        ),
        format!("curl -s {url}/picus/get/$ID; echo"),
        format!("curl -s {url}/picus/list; echo"),
        format!("curl -si '{url}/picus/list?limit=1'; echo"),
        format!("curl -s -X DELETE {url}/picus/$ID; echo"),
    ]
}
